"""Layers of devices: the same network as the golden model of learning, and seeds that reproduce."""

import dataclasses

import numpy as np
import pytest

from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer, run
from hubel.sim.memristor.device_learning import FULL, DeviceLayers, PulseLearner, RuleLearner
from hubel.sim.memristor.nonlinearity import PRESETS, response
from hubel.sim.stdp import HALF, post_update

PARAMS = LearningParams(inputs=16, neurons=12)
RATES = LearningRates(
    a_plus=6000, a_minus=4000, threshold=1500, a_step=150, inhibition=700, v_decay=3900,
    a_decay=4090, nearest=True,
)  # fmt: skip


class IntegerRule:
    """The arithmetic of the learning core, as a learner of one layer."""

    def __init__(self, weights: np.ndarray):
        self.weights = weights.copy()

    @property
    def integers(self) -> np.ndarray:
        return self.weights[None].astype(np.float32)

    def learn(self, layers: np.ndarray, neurons: np.ndarray, fired: np.ndarray) -> None:
        assert layers.tolist() == [0]
        for j in neurons:
            self.weights[:, j] = post_update(
                self.weights[:, j], 65535 * fired, rule=Rule.FIRED, a_plus=RATES.a_plus,
                a_minus=RATES.a_minus, sign=1, width=8, bits=HALF,
            )  # fmt: skip


def stimulus(samples: int, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).random((samples, 9, PARAMS.inputs)) < 0.35


def test_equals_the_golden_model_of_learning() -> None:
    first = np.random.default_rng(1).integers(0, 256, (PARAMS.inputs, PARAMS.neurons))
    golden = Layer(PARAMS, RATES, first)
    learner = IntegerRule(first)
    ours = DeviceLayers(learner, RATES)
    spikes = stimulus(40)
    for sample in spikes:
        expected = run(golden, sample[None])[0].sum(axis=0)
        np.testing.assert_array_equal(ours.show(sample)[0], expected)
        np.testing.assert_array_equal(learner.weights, golden.weights)
    np.testing.assert_array_equal(ours.adaptation[0], golden.a)
    assert golden.counters["spikes"] > 40 and (golden.weights != first).any()
    asked = run(golden, spikes, learn=False).sum(axis=1)
    np.testing.assert_array_equal(ours.ask(spikes)[0], asked)


def pulses(seeds, **fields) -> PulseLearner:
    device = dataclasses.replace(PRESETS["alox_hfo2"], **fields)
    return PulseLearner(device, seeds, PARAMS.inputs, PARAMS.neurons)


def shown(learner: PulseLearner) -> np.ndarray:
    net = DeviceLayers(learner, RATES)
    for sample in stimulus(10):
        net.show(sample)
    return learner.integers.copy()


def test_a_seed_has_one_history_whatever_runs_beside_it() -> None:
    together = shown(pulses([3, 8, 9], d2d=0.2))
    np.testing.assert_array_equal(together, shown(pulses([3, 8, 9], d2d=0.2)))
    np.testing.assert_array_equal(together[1:2], shown(pulses([8], d2d=0.2)))
    assert (together[0] != together[1]).any()


def test_pulses_follow_the_device() -> None:
    learner = pulses([0, 1], c2c=0.0)
    fired = np.arange(PARAMS.inputs) < 6
    neurons = np.array([2, 5])
    for _ in range(60):  # more than the 40 pulses from end to end
        learner.learn(np.array([0, 1]), neurons, fired)
    for layer, j in enumerate(neurons):
        assert (learner.integers[layer, :6, j] == FULL).all()
        assert (learner.integers[layer, 6:, j] == 0).all()
    learner.learn(np.array([0]), np.array([2]), ~fired)
    up = np.rint(FULL * response(1 / 40, 1.94))
    assert (learner.integers[0, 6:, 2] == up).all()
    assert learner.pulses == (2 * 60 + 1) * PARAMS.inputs


@pytest.mark.parametrize("wanted, count", [(0.25, 1), (2.4, 2), (4.6, 5)])
def test_pulses_of_a_spike(wanted, count) -> None:
    device = dataclasses.replace(PRESETS["epiram"], nl_up=0, nl_down=0, c2c=0)
    learner = PulseLearner(device, range(50), PARAMS.inputs, PARAMS.neurons, low=0.5, high=0.5)
    learner.expect(wanted)
    every = np.arange(50)
    for j in range(PARAMS.neurons):
        learner.learn(every, np.full(50, j), np.ones(PARAMS.inputs, dtype=bool))
    spikes = 50 * PARAMS.inputs * PARAMS.neurons
    share = min(1, wanted / count)
    # 5 sigma of a binomial share.
    error = 5 * count * np.sqrt(share * (1 - share) / spikes)
    assert learner.pulses / spikes == pytest.approx(min(wanted, count), abs=error + 1e-12)
    moved = learner._states[learner._states > 0.5] - 0.5
    np.testing.assert_allclose(moved, count / 256, rtol=1e-9)
    assert len(moved) * count == learner.pulses


def test_noise_has_the_sigma_of_the_device() -> None:
    learner = PulseLearner(
        dataclasses.replace(PRESETS["epiram"], nl_up=0, nl_down=0), range(200), PARAMS.inputs,
        PARAMS.neurons, low=0.5, high=0.5,
    )  # fmt: skip
    for pulses_seen in (1, 2):  # each with noise of its own
        learner.learn(np.arange(200), np.zeros(200, int), np.ones(PARAMS.inputs, dtype=bool))
        states = learner._states[:, :, 0]
        sigma = 0.02 * np.sqrt(pulses_seen)
        expected = 0.5 + pulses_seen / 256
        assert states.mean() == pytest.approx(expected, abs=5 * sigma / np.sqrt(states.size))
        assert states.std() == pytest.approx(sigma, rel=0.06)  # 5 sigma of 3,200 samples


def test_rule() -> None:
    learner = RuleLearner(np.full((1, 4, 3), 0.5), a_plus=0.4, a_minus=0.2)
    learner.learn(np.array([0]), np.array([1]), np.array([True, True, False, False]))
    expected = np.rint(255 * np.array([0.6, 0.6, 0.45, 0.45]))
    assert learner.integers[0, :, 1].tolist() == expected.tolist()
    assert (learner.integers[0, :, [0, 2]] == 128).all()


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: DeviceLayers(pulses([1]), dataclasses.replace(RATES, winners=2)),
            "one winner a step, not 2",
        ),
        (lambda: pulses([1]).expect(0), "pulses must be above 0, not 0"),
        (lambda: PulseLearner(PRESETS["epiram"], [1], 4, 4, low=0.9, high=0.2), "low must be at"),
        (lambda: RuleLearner([[[0.5]]], a_plus=-1, a_minus=0), "a_plus must be in 0..1"),
    ],
)
def test_bad_input(call, text) -> None:
    with pytest.raises(ValueError, match=text):
        call()
