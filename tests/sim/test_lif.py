"""The arithmetic contract: decay, add, bias, saturate, compare, reset, emit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Population, Reset, Shape
from hubel.sim.lif import State, decay, initial_state, lif_step

from ..programs import FEATURES, STYLES, random_population
from .reference import Neuron

ALL_16_BIT = np.arange(-32768, 32768, dtype=np.int64)

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)

factors = st.integers(0, 4096)
membranes_24_bit = st.integers(-(1 << 23), (1 << 23) - 1)


def population(**changes: Any) -> Population:
    """One neuron; its first membrane does not matter to a step."""
    fields: dict[str, Any] = {"name": "one", "shape": Shape(1), "threshold": 100, "v_reset": 100}
    return Population(**{**fields, **changes})


def advance(
    p: Population, state: State, current: int, state_width: int = 16
) -> tuple[State, bool, bool]:
    """One step of one neuron, state and all."""
    p.check(state_width)
    after, fired, saturated = lif_step(state, np.array([current]), p, state_width)
    return after, bool(fired[0]), bool(saturated[0])


def one(v: int, u: int | None = None, a: int | None = None, r: int | None = None) -> State:
    """State of one neuron."""
    return State(*(None if x is None else np.array([x]) for x in (v, u, a, r)))  # pyright: ignore


def numbers(state: State) -> tuple[int | None, ...]:
    """v, u, a, r of one neuron."""
    return tuple(None if x is None else int(x[0]) for x in state)


def step(v: int, current: int, p: Population, state_width: int = 16) -> tuple[int, bool, bool]:
    """One step of one neuron that has a membrane only."""
    state, fired, saturated = advance(p, one(v), current, state_width)
    assert state[1:] == (None, None, None)
    return int(state.v[0]), fired, saturated


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


def test_a_late_reset_waits_for_the_next_step() -> None:
    p = population(reset=Reset.SOFT_LATE)
    assert step(100, 1, p) == (101, True, False)
    assert step(101, 0, p) == (1, False, False)
    assert step(1, 0, p) == (1, False, False)


def test_a_late_reset_sees_the_membrane_before_it_decays() -> None:
    p = population(reset=Reset.SOFT_LATE, v_reset=100, decay=2048)
    # 101 is above the threshold, though 50 is not; and then 50 - 100.
    assert step(101, 0, p) == (-50, False, False)
    assert step(100, 0, p) == (50, False, False)


def test_what_a_late_reset_subtracts_counts_before_saturation() -> None:
    p = population(reset=Reset.SOFT_LATE, v_reset=100)
    assert step(32767, 100, p) == (32767, True, False)
    assert step(32767, 101, p) == (32767, True, True)
    # It may fire in step after step.
    assert step(201, 0, p) == (101, True, False)


def test_the_floor_is_no_saturation() -> None:
    p = population(v_min=-10)
    assert step(-5, -5, p) == (-10, False, False)
    assert step(-5, -6, p) == (-10, False, False)
    assert step(-5, -32764, p) == (-10, False, True)
    assert step(-5, -32763, p) == (-10, False, False)


@pytest.mark.parametrize(
    "reset, v_reset, after",
    [(Reset.SOFT, 300, -199), (Reset.HARD, -50, -50)],
)
def test_a_reset_goes_below_the_floor_until_the_next_step(
    reset: Reset, v_reset: int, after: int
) -> None:
    p = population(v_min=-10, v_reset=v_reset, reset=reset)
    assert step(101, 0, p) == (after, True, False)
    assert step(after, 0, p) == (-10, False, False)


def test_what_a_late_reset_subtracts_stops_at_the_floor() -> None:
    p = population(v_min=-10, v_reset=300, reset=Reset.SOFT_LATE)
    assert step(101, 0, p) == (-10, False, False)


def test_a_refractory_neuron_keeps_its_membrane_and_is_silent() -> None:
    p = population(refractory=2, decay=2048, bias=5, v_reset=0)
    state, fired, _ = advance(p, one(300, r=0), 0)
    assert (numbers(state), fired) == ((155, None, None, 2), True)
    for left in (1, 0):
        # Above the threshold, with a current that would saturate: nothing happens.
        state, fired, saturated = advance(p, state, 40_000)
        assert (numbers(state), fired, saturated) == ((155, None, None, left), False, False)
    state, fired, _ = advance(p, state, 100)
    assert (numbers(state), fired) == ((182, None, None, 2), True)


def test_a_refractory_neuron_below_its_floor_stays_there() -> None:
    p = population(refractory=1, v_min=-10, v_reset=-50, reset=Reset.HARD)
    state, fired, _ = advance(p, one(101, r=0), 0)
    assert (numbers(state), fired) == ((-50, None, None, 1), True)
    state, _, _ = advance(p, state, 7)
    assert numbers(state) == (-50, None, None, 0)
    state, _, _ = advance(p, state, 0)
    assert numbers(state) == (-10, None, None, 0)


def test_current_and_adaptation_go_on_in_the_refractory_period() -> None:
    p = population(refractory=3, u_decay=2048, a_decay=2048, a_step=10, v_reset=0)
    state, fired, _ = advance(p, one(90, u=40, a=0, r=0), 1)
    assert (numbers(state), fired) == ((111, 21, 10, 3), True)
    state, fired, _ = advance(p, state, 6)
    assert (numbers(state), fired) == ((111, 16, 5, 2), False)


def test_a_synaptic_current_drives_in_the_same_step() -> None:
    p = population(u_decay=2048, shift=1, bias=3)
    # 101 / 2 = 50, and 4 * 2.
    state, fired, _ = advance(p, one(20, u=101), 4)
    assert (numbers(state), fired) == ((81, 58, None, None), False)


def test_a_synaptic_current_saturates_or_wraps_and_is_not_counted() -> None:
    high = 32767
    p = population(u_decay=4096, threshold=high)
    state, _, saturated = advance(p, one(0, u=high), 1)
    assert (numbers(state), saturated) == ((high, high, None, None), False)
    state, _, saturated = advance(p, one(-1, u=-high), -2)
    assert (numbers(state), saturated) == ((-high - 1, -high - 1, None, None), True)
    p = population(u_decay=4096, u_wraps=True, threshold=high)
    state, _, saturated = advance(p, one(0, u=high), 1)
    assert (numbers(state), saturated) == ((-high - 1, -high - 1, None, None), False)
    state, _, saturated = advance(p, one(0, u=-high - 1), -1 - 3 * 65_536)
    assert (numbers(state), saturated) == ((high, high, None, None), False)


def test_the_shift_counts_before_saturation() -> None:
    p = population(shift=14, threshold=32767)
    assert step(0, 1, p) == (16384, False, False)
    assert step(0, 2, p) == (32767, False, True)
    assert step(-1, 2, p) == (32767, False, False)
    assert step(0, -3, p) == (-32768, False, True)


@pytest.mark.parametrize("v, fired", [(110, False), (111, True)])
def test_the_threshold_is_raised_by_what_is_left_of_the_adaptation(v: int, fired: bool) -> None:
    p = population(a_decay=2048, a_step=7)
    state, spike, _ = advance(p, one(v, a=21), 0)
    assert spike is fired
    assert numbers(state) == (v - 100 * fired, None, 10 + 7 * fired, None)


def test_the_adaptation_saturates() -> None:
    p = population(a_decay=4096, a_step=32767, threshold=0, v_reset=0)
    state, fired, saturated = advance(p, one(3, a=2), 0)
    assert (numbers(state), fired, saturated) == ((3, None, 32767, None), True, False)
    # A threshold above all membranes: never again without a leak.
    p = population(a_decay=4096, a_step=1, threshold=1, v_reset=0)
    state, fired, _ = advance(p, one(32767, a=32767), 0)
    assert (numbers(state), fired) == ((32767, None, 32767, None), False)


def test_a_negative_threshold_fires_at_rest() -> None:
    assert step(0, 0, population(threshold=-1, v_reset=-5, reset=Reset.HARD)) == (-5, True, False)
    assert step(-1, 0, population(threshold=-1, v_reset=-5, reset=Reset.HARD)) == (-1, False, False)


@pytest.mark.parametrize("state_width", [16, 24])
def test_initial_state(state_width: int) -> None:
    dtype = np.int32 if state_width == 16 else np.int64
    p = population(
        shape=Shape(2), v_init=np.array([3, -4]), u_decay=9, u_init=5, a_decay=1, refractory=2
    )
    state = initial_state(p, (3, 2), dtype)
    assert [x.tolist() for x in state if x is not None] == [
        [[3, -4]] * 3,
        [[5, 5]] * 3,
        [[0, 0]] * 3,
        [[0, 0]] * 3,
    ]
    assert all(x is not None and x.dtype == dtype for x in state)
    assert initial_state(population(), (3, 1), dtype)[1:] == (None, None, None)


@settings(fixed, max_examples=1000)
@given(seed=st.integers(0, 2**32 - 1), style=st.sampled_from(STYLES))
def test_steps_equal_plain_python(seed: int, style: str) -> None:
    """Five steps of a population with any features from any state, each neuron on its own."""
    rng = np.random.default_rng(seed)
    width = int(rng.choice([16, 24]))
    p = random_population(
        rng, "p", Shape(6), style=style, features=FEATURES, weight_width=8, state_width=width
    )
    high = (1 << (width - 1)) - 1
    v, u = rng.choice([-high - 1, -1, 0, 1, high, *rng.integers(-high, high, 3)], (2, 6))
    state = initial_state(p, (6,), np.int64)._replace(v=v)
    if state.u is not None:
        state = state._replace(u=u)
    neurons = [Neuron(p, n, width) for n in range(6)]
    for n, neuron in enumerate(neurons):
        neuron.v = int(v[n])
        if state.u is not None:
            neuron.u = int(u[n])
    for _ in range(5):
        current = rng.integers(-1000, 1001, 6) * int(rng.choice([0, 1, 1000]))
        state, fired, saturated = lif_step(state, current, p, width)
        expected = [neuron.step(int(x)) for neuron, x in zip(neurons, current, strict=True)]
        assert list(zip(fired.tolist(), saturated.tolist(), strict=True)) == expected
        assert state.v.tolist() == [neuron.v for neuron in neurons]
        if state.u is not None:
            assert state.u.tolist() == [neuron.u for neuron in neurons]
        if state.a is not None:
            assert state.a.tolist() == [neuron.a for neuron in neurons]
        if state.r is not None:
            assert state.r.tolist() == [neuron.silent for neuron in neurons]


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


def test_a_factor_for_each_neuron() -> None:
    factors_of = np.array([0, 1, 2048, 4095, 4096])
    v = np.array([-32768, -5000, 77, 32767, -3])
    expected = [shifted_decay(int(x), int(d)) for x, d in zip(v, factors_of, strict=True)]
    assert decay(v, factors_of).tolist() == expected
