"""Shared weights of a convolution, learned by a learning core: it is shown the patch of each
winner, and told with LEARN which feature won."""

import numpy as np

from hubel.hdl.learning_events import LearningKind
from hubel.hdl.stdp_params import LearningRates
from hubel.sim.conv_stdp import NEVER, ConvParams, ConvStdp
from hubel.sim.learning import Layer

from .learning_bench import Chip, with_chip


def test_a_core_learns_the_features_of_golden() -> None:
    params = ConvParams(channels=2, size=3, features=6, threshold=1500, winners=3, radius=1)
    draw = np.random.default_rng(7)
    rates = LearningRates(a_plus=9000, a_minus=7000)
    first = draw.integers(120, 220, (params.places, params.features))
    conv = ConvStdp(params, rates, first.copy())
    sizes = params.learning
    weights = np.zeros((sizes.inputs, sizes.neurons), dtype=np.int64)
    weights[: params.places, : params.features] = first
    seen = 0

    async def bench(chip: Chip) -> None:
        nonlocal seen
        # Nobody fires by himself: the threshold is out of reach.
        await chip.load(Layer(sizes, rates, weights))
        for _ in range(12):
            times = draw.integers(0, 6, (2, 7, 7))
            times[draw.random(times.shape) < 0.3] = NEVER
            for winner in conv.learn(times, 6):
                await chip.send(LearningKind.START)
                assert await chip.step(np.flatnonzero(winner.fired).tolist()) == []
                await chip.send(LearningKind.LEARN, winner.feature)
                seen += 1
            await chip.settle()
            found = chip.weights[: params.places, : params.features]
            np.testing.assert_array_equal(found, conv.weights)

    with_chip(sizes, bench)
    assert seen > 20
    assert (conv.weights != first).mean() > 0.5
