"""The layer that learns: competition, homeostasis, rewards, and the order of things in a step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer, run

PARAMS = LearningParams(inputs=8, neurons=8)


def layer(weights=None, **rates) -> Layer:
    if weights is None:
        weights = np.full((8, 8), 100)
    return Layer(PARAMS, LearningRates(nearest=True, **rates), weights)


def test_those_furthest_above_their_thresholds_win_and_the_others_are_inhibited() -> None:
    weights = np.zeros((8, 8), dtype=int)
    weights[0] = [50, 60, 70, 70, 80, 40, 90, 55]
    some = layer(weights, threshold=50, winners=3, inhibition=30)
    assert some.step([0]) == [6, 4, 2]
    assert some.v.tolist() == [50, 60, 0, 70, 0, 40, 0, 55]
    assert some.step([]) == []
    assert some.v.tolist() == [20, 30, 0, 40, 0, 10, 0, 25]
    assert some.step([]) == []
    assert some.v.tolist() == [20, 30, 0, 40, 0, 10, 0, 25]


def test_thresholds_rise_with_each_spike_and_fall_again() -> None:
    some = layer(threshold=90, a_step=20, a_decay=2048, winners=2)
    assert some.step([0]) == [0, 1]
    assert some.a.tolist() == [20, 20, 0, 0, 0, 0, 0, 0]
    some.start()
    # 100 is not above 90 + 10.
    assert some.step([3]) == [2, 3]
    assert some.a.tolist() == [10, 10, 20, 20, 0, 0, 0, 0]


def test_only_winners_learn_and_equal_times_are_potentiation() -> None:
    some = layer(threshold=150, a_plus=6554, a_minus=6554)
    assert some.step([1]) == []
    assert some.step([2]) == [0]
    assert some.weights[:, 0].tolist() == [94, 106, 106, 94, 94, 94, 94, 94]
    assert (some.weights[:, 1:] == 100).all()
    # What spikes after the neuron did not count; a new sample forgets who spiked.
    some.start()
    assert not some.x.any()


def test_rewards_turn_what_is_learned_and_count_once() -> None:
    for sign, expected in ((1, [106, 94]), (-1, [94, 106]), (0, [100, 100])):
        some = layer(threshold=90, a_plus=6554, a_minus=6554, wait=True)
        assert some.step([0]) == [0]
        assert (some.weights == 100).all()
        some.reward(sign)
        some.reward(1)
        assert some.weights[:2, 0].tolist() == expected
        assert (some.weights[:, 1:] == 100).all()


def test_pairs_before_and_after() -> None:
    """An input a step before the neuron goes up, a step after it down, by what is left of the
    traces."""
    rates = {"rule": Rule.PAIR, "a_plus": 6554, "a_minus": 3277, "x_decay": 2048, "y_decay": 2048}
    some = layer(threshold=150, **rates)
    some.step([0])
    assert some.step([1]) == [0]
    up = [113, 126]
    assert some.weights[:, 0].tolist() == [*up, *[100] * 6]
    assert (some.weights[:, 1:] == 100).all()
    some.rates = replace(some.rates, threshold=60000)
    some.step([0, 7])
    assert some.weights[:, 0].tolist() == [113 - 6, 126, *[100] * 5, 94]


def test_no_order_of_events_changes_a_result() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(0, 256, (8, 8))
    rates = LearningRates(rule=Rule.PAIR, a_plus=900, a_minus=700, threshold=500, y_decay=3500)
    one, other = Layer(PARAMS, rates, weights), Layer(PARAMS, rates, weights)
    for _ in range(50):
        events = np.flatnonzero(rng.random(8) < 0.5)
        again = [*rng.permutation(events), *events[:2]]
        assert one.step(events) == other.step(again)
    np.testing.assert_array_equal(one.weights, other.weights)
    assert (one.weights != weights).any()


RATES = st.builds(
    LearningRates,
    rule=st.sampled_from(Rule),
    wait=st.booleans(),
    nearest=st.booleans(),
    a_plus=st.integers(0, 65535),
    a_minus=st.integers(0, 65535),
    x_decay=st.integers(0, 4096),
    x_step=st.integers(0, 65535),
    y_decay=st.integers(0, 4096),
    y_step=st.integers(0, 65535),
    v_decay=st.integers(0, 4096),
    threshold=st.integers(0, 2000),
    a_decay=st.integers(0, 4096),
    a_step=st.integers(0, 65535),
    inhibition=st.integers(0, 65535),
    winners=st.integers(1, 9),
)


@given(
    rates=RATES,
    width=st.sampled_from([8, 16]),
    seed=st.integers(0, 2**32 - 1),
    events=st.lists(
        st.one_of(
            st.lists(st.integers(0, 7), max_size=8),
            st.sampled_from(["start", "reward", "punish", "learn"]),
        ),
        max_size=12,
    ),
)
def test_everything_stays_in_range(rates, width, seed, events) -> None:
    params = LearningParams(inputs=8, neurons=8, weight_width=width)
    weights = np.random.default_rng(seed).integers(0, params.weight_max + 1, (8, 8))
    some = Layer(params, rates, weights)
    for event in events:
        if event == "start":
            some.start()
        elif event == "learn":
            some.learn(3)
        elif isinstance(event, str):
            some.reward(1 if event == "reward" else -1)
        else:
            assert len(some.step(event)) <= rates.winners
        for values, most in (
            (some.weights, params.weight_max), (some.v, 65535), (some.a, 65535), (some.x, 65535),
            (some.y, 65535),
        ):  # fmt: skip
            assert 0 <= values.min() and values.max() <= most


def test_a_test_changes_nothing_that_was_learned() -> None:
    rng = np.random.default_rng(5)
    some = layer(rng.integers(0, 256, (8, 8)), threshold=200, a_step=50, a_plus=3000, a_minus=3000)
    shown = rng.random((4, 6, 8)) < 0.5
    assert run(some, shown).any()
    weights, a = some.weights.copy(), some.a.copy()
    assert run(some, shown, learn=False).any()
    np.testing.assert_array_equal(some.weights, weights)
    np.testing.assert_array_equal(some.a, a)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^weights must be in 0..255, not 0..256$"):
        Layer(PARAMS, LearningRates(), np.full((8, 8), 256) * np.eye(8, dtype=int))
    with pytest.raises(ValueError, match=r"^weights must have shape \(8, 8\), not \(8, 4\)$"):
        Layer(PARAMS, LearningRates(), np.zeros((8, 4), dtype=int))
    with pytest.raises(ValueError, match=r"^inputs must be in 0..7, not 2..8$"):
        layer().step([8, 2])
