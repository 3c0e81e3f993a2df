"""The learning core against the golden layer: every spike, state, weight and counter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.learning_events import LearningKind
from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.hdl.synapse_walk import learning_clocks
from hubel.sim.learning import Layer
from hubel.sw.learn.layer_file import load_layer, save_layer

from .learning_bench import SIGNS, Chip, with_chip

SIZES = {
    "two lanes": LearningParams(inputs=8, neurons=4, lanes=2),
    "four lanes": LearningParams(inputs=16, neurons=12),
    "eight lanes": LearningParams(inputs=16, neurons=24, lanes=8, weight_width=16),
    "one port": LearningParams(inputs=20, neurons=16, single_port=True),
}


def random_rates(draw: np.random.Generator, params: LearningParams) -> LearningRates:
    """Rates with which something happens."""
    decays = [4096, 4095, 4095, 3000, 2048, 0]
    return LearningRates(
        rule=Rule(int(draw.integers(2))),
        learn=bool(draw.random() < 0.9),
        wait=bool(draw.random() < 0.4),
        nearest=bool(draw.random() < 0.2),
        a_plus=int(draw.choice([0, 1, 900, 9000, 40000])),
        a_minus=int(draw.choice([0, 1, 900, 9000, 40000])),
        x_decay=int(draw.choice(decays)),
        x_step=int(draw.choice([65535, 20000, 3])),
        y_decay=int(draw.choice(decays)),
        y_step=int(draw.choice([65535, 20000])),
        v_decay=int(draw.choice(decays)),
        threshold=int(draw.integers(20, 15 * params.inputs)),
        a_decay=int(draw.choice([4096, 3000])),
        a_step=int(draw.choice([0, 100, 3000])),
        inhibition=int(draw.choice([0, 300, 65535])),
        winners=int(draw.choice([1, 2, 3, params.neurons])),
    )


async def compare(chip: Chip, layer: Layer) -> None:
    """All that can be read."""
    await chip.settle()
    np.testing.assert_array_equal(chip.weights, layer.weights)
    neurons = await chip.read_neurons()
    np.testing.assert_array_equal(neurons, np.stack([layer.v, layer.a, layer.y], axis=1))
    assert await chip.read_random() == layer.lfsr
    assert await chip.read_traces() == layer.x.tolist()
    assert await chip.read_rates() == layer.rates


async def random_steps(chip: Chip, layer: Layer, draw: np.random.Generator, steps: int) -> None:
    """Packets as they come, and new rates now and then; the neurons that fire are compared at
    once."""
    params = layer.params
    for _ in range(steps):
        if draw.random() < 0.2:
            layer.start()
            await chip.send(LearningKind.START)
        if draw.random() < 0.2:
            layer.rates = random_rates(draw, params)
            await chip.settle()
            await chip.set_rates(layer.rates)
        if draw.random() < 0.4:
            sign = int(draw.choice([1, 0, -1], p=[0.5, 0.1, 0.4]))
            layer.reward(sign)
            await chip.send(LearningKind.REWARD, SIGNS[sign])
        if draw.random() < 0.1:
            neuron = int(draw.integers(params.neurons))
            layer.learn(neuron)
            await chip.send(LearningKind.LEARN, neuron)
        inputs = np.flatnonzero(draw.random(params.inputs) < draw.choice([0, 0.2, 0.5, 1]))
        sent = draw.permutation([*inputs, *inputs[:2]]).astype(int)
        assert await chip.step(sent.tolist()) == layer.step(inputs)


@pytest.mark.parametrize("gap, stall", [pytest.param(0.0, 0.0, marks=pytest.mark.long), (0.3, 0.4)])
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long if "eight" in n else ()) for n in SIZES]
)
def test_random_events(name: str, gap: float, stall: float) -> None:
    params = SIZES[name]
    draw = np.random.default_rng([len(name), int(10 * gap)])
    weights = draw.integers(0, params.weight_max + 1, (params.inputs, params.neurons))
    layer = Layer(params, random_rates(draw, params), weights)
    first = layer.weights.copy()

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        for _ in range(3):
            await random_steps(chip, layer, draw, 15)
            # A step, because a START alone clears nothing that can be read.
            assert await chip.step([]) == layer.step([])
            await compare(chip, layer)
        np.testing.assert_array_equal(await chip.read_weights(), layer.weights)
        assert await chip.counters() == layer.counters

    with_chip(params, bench, gap=gap, stall=stall, seed=1)
    assert layer.counters["spikes"] > 20 and layer.counters["updates"] > 40
    assert layer.counters["candidates"] > layer.counters["spikes"]
    assert (layer.weights != first).mean() > 0.1


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("inputs", [16, 32])
def test_what_a_spike_costs(inputs: int, single_port: bool) -> None:
    """The clocks from the packet that lets a neuron learn until the next one is taken."""
    params = LearningParams(inputs=inputs, neurons=8, single_port=single_port)
    words = inputs // 4
    assert learning_clocks(params) == (2 * words + 9 if single_port else words + 10)
    layer = Layer(params, LearningRates(a_plus=1000), np.full((inputs, 8), 100))

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        await chip.send(LearningKind.LEARN, 3)
        clocks = 0
        while not chip.ready:
            await chip.clock()
            clocks += 1
        assert clocks == learning_clocks(params)
        layer.learn(3)
        np.testing.assert_array_equal(await chip.read_weights(), layer.weights)

    with_chip(params, bench)


@pytest.mark.parametrize("single_port, pair", [(False, False), (False, True), (True, True)])
def test_what_a_step_costs(single_port: bool, pair: bool) -> None:
    """The clocks from END to END without a candidate, as docs/learning.md says."""
    params = LearningParams(inputs=16, neurons=8, single_port=single_port)
    rates = LearningRates(rule=Rule.PAIR if pair else Rule.FIRED, a_minus=100)
    layer = Layer(params, rates, np.full((16, 8), 100))
    events = [0, 5, 10, 12]

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        for code in events:
            await chip.send(LearningKind.SPIKE, code)
        await chip.send(LearningKind.END)
        clocks = 0
        while not chip.ready:
            await chip.clock()
            clocks += 1
        walk = len(events)
        if pair:
            walk = (2 * walk - 1 if single_port else walk) + 5
        assert clocks == 5 * params.input_words + params.neuron_words * (20 + walk) + 5

    with_chip(params, bench)


def test_of_equals_the_first_wins() -> None:
    """Neurons that are as far above their thresholds fire in the order of their numbers."""
    params = LearningParams(inputs=16, neurons=16)
    weights = np.full((16, 16), 100)
    weights[0, [3, 7, 8, 15]], weights[0, [2, 9]] = 180, 140
    layer = Layer(params, LearningRates(threshold=20, winners=8), weights)

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        expected = [3, 7, 8, 15, 2, 9, 0, 1]
        assert await chip.step([0]) == layer.step([0]) == expected
        assert await chip.step([0]) == layer.step([0])

    with_chip(params, bench)


def test_a_trace_of_one_counts() -> None:
    """With a decay of 4095 a small trace is a countdown: the window of the rule."""
    params = LearningParams(inputs=8, neurons=4, lanes=2)
    rates = LearningRates(x_decay=4095, x_step=2, a_plus=9000, a_minus=9000, nearest=True)
    layer = Layer(params, rates, np.full((8, 4), 100))

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        for inputs in ([1], [2], []):
            assert await chip.step(inputs) == layer.step(inputs)
        assert layer.x.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
        layer.learn(0)
        await chip.send(LearningKind.LEARN, 0)
        await compare(chip, layer)
        assert layer.weights[:, 0].tolist() == [92, 92, 108, *[92] * 5]

    with_chip(params, bench)


def test_packets_that_name_nobody_are_dropped() -> None:
    params = LearningParams(inputs=12, neurons=8)
    layer = Layer(params, LearningRates(threshold=90, a_plus=9000), np.full((12, 8), 100))

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        await chip.send(LearningKind.SPIKE, 12)
        await chip.send(LearningKind.LEARN, 8)
        assert await chip.step([11, 15]) == layer.step([11])
        await compare(chip, layer)
        assert await chip.counters() == layer.counters | {"dropped": 3}

    with_chip(params, bench)


def test_what_was_learned_is_read_back_saved_and_loaded_again(tmp_path: Path) -> None:
    """Weights and adaptations from one chip, into a file, and from there into a golden layer and
    into another chip: both fire the same."""
    params = LearningParams(inputs=16, neurons=8)
    draw = np.random.default_rng(4)
    rates = LearningRates(threshold=900, a_plus=6000, a_minus=6000, a_step=60, inhibition=65535)
    layer = Layer(params, rates, draw.integers(60, 200, (16, 8)))
    shown = draw.random((12, 5, 16)) < 0.4
    read = {}

    async def learn(chip: Chip) -> None:
        await chip.load(layer)
        for sample in shown:
            await chip.send(LearningKind.START)
            for step in sample:
                await chip.step(np.flatnonzero(step).tolist())
        await chip.settle()
        read["weights"] = await chip.read_weights()
        read["a"] = (await chip.read_neurons())[:, 1]

    with_chip(params, learn)
    assert (read["weights"] != layer.weights).any()
    held = replace(rates, learn=False, a_step=0)
    learned = Layer(params, held, read["weights"])
    learned.a = read["a"].copy()
    save_layer(tmp_path / "layer.npz", learned)
    again = load_layer(tmp_path / "layer.npz")
    fired: list[list[int]] = []

    async def ask(chip: Chip) -> None:
        await chip.load(again)
        for sample in shown:
            await chip.send(LearningKind.START)
            again.start()
            for step in sample:
                fired.append(await chip.step(np.flatnonzero(step).tolist()))
                assert fired[-1] == again.step(np.flatnonzero(step))

    with_chip(params, ask)
    assert sum(map(len, fired)) > 10
