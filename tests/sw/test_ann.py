"""The ReLU network that conversion starts from, against loops and scipy."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from hubel.hdl.program import Shape
from hubel.sw.ann import Ann, ConvLayer, DenseLayer, classify, forward

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=60)


def dense(**changes: Any) -> DenseLayer:
    """3 inputs, 2 neurons."""
    layer = DenseLayer(
        name="d",
        weights=np.array([[1.0, -1.0], [2.0, 0.5], [0.0, 3.0]]),
        bias=np.array([0.5, -4.0]),
        activation="relu",
    )
    return replace(layer, **changes)


def conv(**changes: Any) -> ConvLayer:
    """2 channels of 5x6 to 4 channels of 4x5."""
    rng = np.random.default_rng(0)
    layer = ConvLayer(
        name="c",
        weights=rng.normal(size=(4, 2, 2, 2)),
        bias=rng.normal(size=4),
        activation="relu",
    )
    return replace(layer, **changes)


def test_dense_with_relu() -> None:
    ann = Ann(inputs=Shape(3), layers=(dense(),))
    (got,) = forward(ann, [[1.0, 0.0, 0.0], [0.5, 1.0, 2.0]])
    np.testing.assert_allclose(got, [[1.5, 0.0], [3.0, 2.0]])
    assert ann.shapes == (Shape(2),)


def test_the_last_layer_may_have_no_activation() -> None:
    last = dense(weights=np.array([[1.0, -1.0], [0.0, 1.0]]), bias=np.zeros(2), name="last")
    ann = Ann(inputs=Shape(3), layers=(dense(), replace(last, activation="identity")))
    first, second = forward(ann, [[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(first, [[1.5, 0.0]])
    np.testing.assert_allclose(second, [[1.5, -1.5]])
    assert classify(ann, [[1.0, 0.0, 0.0]]).tolist() == [0]


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    groups=st.integers(1, 3),
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pool=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_convolution_equals_scipy(
    seed: int,
    groups: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    pool: tuple[int, int],
) -> None:
    rng = np.random.default_rng(seed)
    channels, targets = 2 * groups, 3 * groups
    layer = conv(
        weights=rng.normal(size=(targets, 2, *kernel)),
        bias=rng.normal(size=targets),
        activation="identity",
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        pool=pool,
    )
    source = Shape(channels, *size)
    pooled = [n // p for n, p in zip(size, pool, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if any(n + 2 * p < r for n, p, r in zip(pooled, padding, reach, strict=True)):
        with pytest.raises(ValueError, match=r"^layer 'c': a kernel of "):
            Ann(inputs=source, layers=(layer,))
        return
    values = rng.random((2, source.neurons))
    (got,) = forward(Ann(inputs=source, layers=(layer,)), values)
    spread = np.zeros((targets, 2, *reach))
    spread[:, :, :: dilation[0], :: dilation[1]] = layer.weights
    for sample, planes in zip(got, values.reshape(2, *source.sizes), strict=True):
        inputs = np.array(
            [
                [
                    [
                        plane[y * pool[0] : (y + 1) * pool[0], x * pool[1] : (x + 1) * pool[1]]
                        .mean()
                        for x in range(pooled[1])
                    ]
                    for y in range(pooled[0])
                ]
                for plane in planes
            ]
        )  # fmt: skip
        rows, columns = padding
        inputs = np.pad(inputs, ((0, 0), (rows, rows), (columns, columns)))
        expected = []
        for target in range(targets):
            first = target // 3 * 2
            plane = np.sum(
                [correlate2d(inputs[first + i], spread[target, i], "valid") for i in range(2)],
                axis=0,
            )
            expected.append(plane[:: stride[0], :: stride[1]] + layer.bias[target])
        np.testing.assert_allclose(sample, np.ravel(expected), atol=1e-12)


def test_a_dense_layer_flattens_and_averages() -> None:
    layer = dense(weights=np.eye(4), bias=np.zeros(4), pool=(2, 2))
    ann = Ann(inputs=Shape(2, 3, 4), layers=(layer,))
    values = np.arange(24.0)
    (got,) = forward(ann, values[None])
    # The third row does not fill a window.
    np.testing.assert_allclose(got, [[2.5, 4.5, 14.5, 16.5]])


@pytest.mark.parametrize(
    "inputs, layers, message",
    [
        (Shape(3), (), "a network needs at least one layer"),
        (Shape(4), (dense(),), "layer 'd' takes 3 inputs, but what is before it has 4"),
        (
            Shape(3),
            (dense(bias=np.zeros(3)),),
            "layer 'd': weights of shape (3, 2) do not go with a bias of shape (3,)",
        ),
        (
            Shape(3),
            (dense(activation="tanh"),),
            "layer 'd' has activation 'tanh'; only 'relu' can be converted",
        ),
        (
            Shape(3),
            (dense(activation="identity"), dense(name="e", weights=np.ones((2, 2)))),
            "layer 'd' has no activation; between layers only 'relu' can be converted",
        ),
        (
            Shape(3),
            (dense(bias=np.array([0.0, np.inf])),),
            "layer 'd': bias must be finite, not NaN or infinite",
        ),
        (Shape(3), (dense(pool=(2, 1)),), "layer 'd': a pool of (2, 1) does not fit 3"),
        (
            Shape(2, 5, 6),
            (conv(stride=(0, 1)),),
            "layer 'c': stride, dilation and groups must be 1 or more, padding 0 or more",
        ),
        (
            Shape(2, 5, 6),
            (conv(bias=np.zeros(2)),),
            "layer 'c': weights of shape (4, 2, 2, 2) do not go with a bias of shape (2,)",
        ),
        (
            Shape(3, 5, 6),
            (conv(),),
            "layer 'c' makes 4 channels of 2 in 1 groups, but what is before it has 3",
        ),
        (
            Shape(2, 1, 6),
            (conv(),),
            "layer 'c': a kernel of 2x2 does not fit 2x1x6 with its padding",
        ),
    ],
)
def test_refused(inputs: Shape, layers: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Ann(inputs=inputs, layers=layers)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (1, 3, 1)])
def test_refused_values(shape: tuple[int, ...]) -> None:
    ann = Ann(inputs=Shape(3), layers=(dense(),))
    with pytest.raises(
        ValueError, match=f"^{re.escape(f'values must have shape (samples, 3), not {shape}')}$"
    ):
        list(forward(ann, np.zeros(shape)))
