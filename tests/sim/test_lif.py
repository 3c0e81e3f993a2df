"""The arithmetic contract: decay, add, bias, saturate, compare, reset, emit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Population, Reset
from hubel.sim.lif import decay, lif_step

ALL_16_BIT = np.arange(-32768, 32768, dtype=np.int64)

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)

factors = st.integers(0, 4096)
membranes_24_bit = st.integers(-(1 << 23), (1 << 23) - 1)


def population(
    *,
    threshold: int = 100,
    v_reset: int = 100,
    bias: int = 0,
    decay: int = 4096,
    reset: Reset = Reset.SOFT,
) -> Population:
    """One neuron; its weights and its first membrane do not matter to a step."""
    return Population(
        name="one",
        weights=np.zeros((2, 1), dtype=np.int64),
        bias=np.array([bias]),
        v_init=np.zeros(1, dtype=np.int64),
        threshold=threshold,
        decay=decay,
        reset=reset,
        v_reset=v_reset,
    )


def step(v: int, current: int, p: Population, state_width: int = 16) -> tuple[int, bool, bool]:
    """One step of one neuron."""
    v_next, fired, saturated = lif_step(np.array([v]), np.array([current]), p, state_width)
    return int(v_next[0]), bool(fired[0]), bool(saturated[0])


def shifted_decay(v: int, factor: int) -> int:
    """The decay as a floor shift and a correction, which is how hardware may do it."""
    product = v * factor
    return (product >> 12) + (v < 0 and product % 4096 != 0)


@pytest.mark.parametrize("factor", [0, 1, 2047, 2048, 3000, 4095, 4096])
def test_decay_equals_the_shifted_form_for_all_16_bit_membranes(factor: int) -> None:
    product = ALL_16_BIT * factor
    expected = (product >> 12) + ((ALL_16_BIT < 0) & (product % 4096 != 0))
    np.testing.assert_array_equal(decay(ALL_16_BIT, factor), expected)


@fixed
@given(v=membranes_24_bit, factor=factors)
def test_decay_equals_the_shifted_form(v: int, factor: int) -> None:
    assert int(decay(np.array(v), factor)) == shifted_decay(v, factor)


@fixed
@given(v=membranes_24_bit, factor=factors)
def test_decay_is_odd(v: int, factor: int) -> None:
    assert decay(np.array(-v), factor) == -decay(np.array(v), factor)


@pytest.mark.parametrize("factor", [0, 1, 2048, 4000, 4095])
def test_decay_shrinks_and_dies_out_at_0(factor: int) -> None:
    v = ALL_16_BIT
    while v.any():
        smaller = decay(v, factor)
        assert (np.abs(smaller) < np.abs(v))[v != 0].all()
        assert not smaller[v == 0].any()
        assert (np.sign(smaller) * np.sign(v) >= 0).all()
        # All membranes of a sign die in order, so the extremes stand for the rest.
        v = smaller[[0, -1]]


def test_a_factor_of_4096_is_no_leak() -> None:
    np.testing.assert_array_equal(decay(ALL_16_BIT, 4096), ALL_16_BIT)


@pytest.mark.parametrize(
    "v, factor, expected",
    [(1, 4095, 0), (-1, 4095, 0), (2, 2048, 1), (-3, 2048, -1), (-32768, 4095, -32760)],
)
def test_decay_rounds_towards_0(v: int, factor: int, expected: int) -> None:
    assert decay(np.array(v), factor) == expected


def test_order_is_decay_then_input_and_bias() -> None:
    p = population(decay=2048, bias=5)
    assert step(50, 30, p) == (60, False, False)


@pytest.mark.parametrize("v, fired", [(99, False), (100, False), (101, True)])
def test_fires_strictly_above_the_threshold(v: int, fired: bool) -> None:
    assert step(v, 0, population())[1] is fired


def test_input_and_bias_count_before_the_comparison() -> None:
    assert step(90, 11, population(), 16) == (1, True, False)
    assert step(90, 0, population(bias=11), 16) == (1, True, False)


@pytest.mark.parametrize(
    "reset, v_reset, expected", [(Reset.SOFT, 100, 50), (Reset.SOFT, 30, 120), (Reset.HARD, -7, -7)]
)
def test_reset(reset: Reset, v_reset: int, expected: int) -> None:
    assert step(150, 0, population(reset=reset, v_reset=v_reset)) == (expected, True, False)


def test_a_silent_neuron_is_not_reset() -> None:
    assert step(100, 0, population(reset=Reset.HARD, v_reset=-7)) == (100, False, False)


@pytest.mark.parametrize("state_width", [16, 24])
def test_saturation(state_width: int) -> None:
    high = (1 << (state_width - 1)) - 1
    p = population(threshold=high, v_reset=0)
    assert step(high, 0, p, state_width) == (high, False, False)
    # Saturated first and compared then: the maximum is not above a threshold of the maximum.
    assert step(high, 1, p, state_width) == (high, False, True)
    assert step(-high - 1, 0, p, state_width) == (-high - 1, False, False)
    assert step(-high - 1, -1, p, state_width) == (-high - 1, False, True)


def test_soft_reset_starts_from_the_saturated_membrane() -> None:
    assert step(32767, 1000, population()) == (32667, True, True)


def test_a_bias_may_bring_the_sum_back_before_it_saturates() -> None:
    assert step(32767, 1000, population(bias=-1000, threshold=32767)) == (32767, False, False)


@fixed
@given(
    v=st.integers(-32768, 32767),
    current=st.integers(-(1 << 23), 1 << 23),
    bias=st.integers(-32768, 32767),
    threshold=st.integers(0, 32767),
    factor=factors,
    soft=st.booleans(),
    v_reset=st.integers(0, 32767),
)
def test_step_equals_plain_python(
    v: int, current: int, bias: int, threshold: int, factor: int, soft: bool, v_reset: int
) -> None:
    p = population(
        threshold=threshold,
        v_reset=v_reset,
        bias=bias,
        decay=factor,
        reset=Reset.SOFT if soft else Reset.HARD,
    )
    total = shifted_decay(v, factor) + current + bias
    clipped = min(max(total, -32768), 32767)
    fired = clipped > threshold
    after = (clipped - v_reset if soft else v_reset) if fired else clipped
    assert step(v, current, p) == (after, fired, clipped != total)
