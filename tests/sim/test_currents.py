"""What projections bring, against scipy's correlation and plain matrices."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from hubel.hdl.program import Conv2d, Dense, Shape, Sparse
from hubel.sim import currents as module
from hubel.sim.currents import exact_type, linear

from ..programs import random_geometry, random_shape

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)
ENDS: dict[str, Any] = {"name": "ab", "source": "a", "target": "b"}


def spikes_of(rng: np.random.Generator, shape: Shape, rows: int) -> np.ndarray:
    return rng.random((rows, shape.neurons)) < rng.random((rows, 1))


def planes_of(spikes: np.ndarray, source: Shape, pool: tuple[int, int]) -> np.ndarray:
    """Sums of windows without overlap, shape (rows, channels, height, width)."""
    planes = spikes.reshape(-1, *source.sizes).astype(np.int64)
    height, width = source.height // pool[0], source.width // pool[1]
    pooled = np.zeros((len(spikes), source.channels, height, width), dtype=np.int64)
    for i in range(pool[0]):
        for j in range(pool[1]):
            pooled += planes[:, :, i : height * pool[0] : pool[0], j : width * pool[1] : pool[1]]
    return pooled


def correlated(projection: Conv2d, planes: np.ndarray, target: Shape) -> np.ndarray:
    """The convolution by scipy: padded by hand, with a kernel that has zeros between its elements,
    every stride-th output kept."""
    p = projection
    rows, columns = p.weights.shape[2:]
    reach = [d * (k - 1) + 1 for d, k in zip(p.dilation, (rows, columns), strict=True)]
    size = [s * (n - 1) + r for s, n, r in zip(p.stride, target.sizes[1:], reach, strict=True)]
    result = np.zeros((len(planes), *target.sizes), dtype=np.int64)
    group_targets, group_sources = target.channels // p.groups, p.weights.shape[1]
    for row, channel in np.ndindex(result.shape[:2]):
        for i in range(group_sources):
            plane = planes[row, channel // group_targets * group_sources + i]
            whole = np.zeros(
                [max(n, h + pad) for n, h, pad in zip(size, plane.shape, p.padding, strict=True)],
                dtype=np.int64,
            )
            whole[
                p.padding[0] : p.padding[0] + plane.shape[0],
                p.padding[1] : p.padding[1] + plane.shape[1],
            ] = plane
            kernel = np.zeros(reach, dtype=np.int64)
            kernel[:: p.dilation[0], :: p.dilation[1]] = p.weights[channel, i]
            full = correlate2d(whole[: size[0], : size[1]], kernel, mode="valid")
            result[row, channel] += full[:: p.stride[0], :: p.stride[1]]
    return result.reshape(len(planes), -1)


@fixed
@given(seed=seeds, rows=st.integers(1, 7), dtype=st.sampled_from([np.float32, np.float64]))
def test_convolution_is_scipys_correlation(seed: int, rows: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    source, target = (random_shape(rng, lanes=4) for _ in range(2))
    geometry = random_geometry(rng, source, target)
    shape = (target.channels, source.channels // geometry["groups"], *geometry.pop("kernel"))
    projection = Conv2d(**ENDS, **geometry, weights=rng.integers(-128, 128, shape))
    projection.check(source, target)
    spikes = spikes_of(rng, source, rows)
    got = linear(projection, source, target, dtype)(spikes)
    assert got.dtype == dtype
    expected = correlated(projection, planes_of(spikes, source, projection.pool), target)
    np.testing.assert_array_equal(got, expected)


@fixed
@given(seed=seeds, rows=st.integers(1, 7))
def test_dense_is_a_matrix(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = (random_shape(rng, lanes=4) for _ in range(2))
    pool = int(rng.integers(1, source.height + 1)), int(rng.integers(1, source.width + 1))
    spikes = spikes_of(rng, source, rows)
    axons = planes_of(spikes, source, pool).reshape(rows, -1)
    weights = rng.integers(-128, 128, (axons.shape[1], target.neurons))
    projection = Dense(**ENDS, weights=weights, pool=pool)
    projection.check(source, target)
    got = linear(projection, source, target, np.float32)(spikes)
    np.testing.assert_array_equal(got, axons @ weights)


@pytest.mark.parametrize("matrix", [True, False])
def test_sparse_is_a_matrix(monkeypatch: pytest.MonkeyPatch, matrix: bool) -> None:
    if not matrix:
        monkeypatch.setattr(module, "_MATRIX_PAIRS", 0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        source, target = Shape(int(rng.integers(1, 20))), Shape(int(rng.integers(1, 20)))
        there = rng.random((source.neurons, target.neurons)) < rng.random((source.neurons, 1)) ** 2
        there[rng.random(source.neurons) < 0.2] = False
        there[rng.random(source.neurons) < 0.2] = True
        # A synapse may have a weight of 0.
        weights = rng.integers(-2, 3, int(there.sum()))
        dense = np.zeros(there.shape, dtype=np.int64)
        dense[there] = weights
        projection = Sparse(
            **ENDS,
            weights=weights,
            first=np.concatenate([[0], np.cumsum(there.sum(axis=1))]),
            targets=np.nonzero(there)[1],
        )
        projection.check(source, target)
        for rows in (1, 9):
            spikes = spikes_of(rng, source, rows)
            got = linear(projection, source, target, np.float64)(spikes)
            assert isinstance(got, np.ndarray) and got.dtype == np.float64
            np.testing.assert_array_equal(got, spikes.astype(np.int64) @ dense)


@pytest.mark.parametrize(
    "least, most, dtype",
    [
        (0, (1 << 24) - 1, np.float32),
        (0, 1 << 24, np.float64),
        (1 - (1 << 24), 5, np.float32),
        (-(1 << 24), 5, np.float64),
    ],
)
def test_exact_type(least: int, most: int, dtype: type) -> None:
    assert exact_type(least, most) is dtype
    assert int(dtype(least)) == least and int(dtype(most)) == most
