"""The integrate-and-fire encoders."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sw.encode import encode

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def spike_times(value: int, steps: int, full_scale: int) -> list[int]:
    return np.flatnonzero(encode([[value]], steps, full_scale)[0, :, 0]).tolist()


@pytest.mark.parametrize(
    "value, times",
    [
        (0, []),
        (1, [8]),
        (4, [2, 6]),
        (8, [1, 3, 5, 7]),
        (12, [0, 2, 3, 4, 6, 7, 8]),
        (16, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_spike_times(value: int, times: list[int]) -> None:
    assert spike_times(value, 9, 16) == times


@fixed
@given(full_scale=st.integers(1, 300), steps=st.integers(1, 70), data=st.data())
def test_equals_plain_python_and_keeps_the_rate(
    full_scale: int, steps: int, data: st.DataObject
) -> None:
    value = data.draw(st.integers(0, full_scale))
    times, v = [], full_scale // 2
    for step in range(steps):
        v += value
        if v > full_scale:
            v -= full_scale
            times.append(step)
    assert spike_times(value, steps, full_scale) == times
    for upto in range(1, steps + 1):
        assert abs(sum(t < upto for t in times) - upto * value / full_scale) <= 1


def test_shape_and_independence() -> None:
    values = np.arange(12).reshape(3, 4)
    spikes = encode(values, 5, 16)
    assert spikes.shape == (3, 5, 4)
    assert spikes.dtype == np.bool_
    for sample in range(3):
        for i in range(4):
            alone = encode(values[sample : sample + 1, i : i + 1], 5, 16)
            np.testing.assert_array_equal(spikes[sample, :, i], alone[0, :, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float32])
def test_types_do_not_overflow(dtype: npt.DTypeLike) -> None:
    values = np.array([[100, 127]], dtype=dtype)
    np.testing.assert_array_equal(encode(values, 40, 127), encode([[100, 127]], 40, 127))


@pytest.mark.parametrize(
    "values, steps, full_scale, message",
    [
        ([[1]], 0, 16, "steps must be 1 or more, not 0"),
        ([[1]], 4, 0, "full_scale must be 1 or more, not 0"),
        ([1, 2], 4, 16, "values must have shape (samples, inputs), not (2,)"),
        ([["1"]], 4, 16, "values must be numbers, not <U1"),
        ([[1, np.nan, np.inf]], 4, 16, "2 values are NaN or infinite"),
        ([[-1, 3]], 4, 16, "values must be in 0..16, not -1..3"),
        ([[0, 17]], 4, 16, "values must be in 0..16, not 0..17"),
        (
            [[0.5, 1.0, 0.25]],
            4,
            16,
            "2 values are not whole; scale them to 0..16 and round",
        ),
    ],
)
def test_refused(values: list, steps: int, full_scale: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        encode(values, steps, full_scale)
