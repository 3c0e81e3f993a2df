"""The window of pair STDP, measured from the gateware."""

import numpy as np

from hubel.hdl.learning_events import LearningKind
from hubel.sim.learning import Layer, run
from hubel.sw.learn.window import Window, measure

from .learning_bench import Chip, with_chip


def gateware(layer: Layer, spikes: np.ndarray) -> np.ndarray:
    found = []

    async def bench(chip: Chip) -> None:
        await chip.load(layer)
        for sample in spikes:
            await chip.send(LearningKind.START)
            for step in sample:
                await chip.step(np.flatnonzero(step).tolist())
            found.append(chip.weights.copy())

    with_chip(layer.params, bench)
    return np.array(found)


def golden(layer: Layer, spikes: np.ndarray) -> np.ndarray:
    found = []
    for sample in spikes:
        run(layer, sample[None])
        found.append(layer.weights.copy())
    return np.array(found)


def test_the_gateware_has_the_window_of_the_formula() -> None:
    window = Window()
    times, change = measure(window, gateware, 8)
    np.testing.assert_allclose(change, window.formula(times), rtol=0, atol=window.tolerance)
    # The tolerance is far below what is measured: nothing is passed over.
    assert window.tolerance < 0.02 * np.abs(change).min()
    assert (change[times >= 0] > 0).all() and (change[times < 0] < 0).all()


def test_far_apart_spikes_in_golden() -> None:
    window = Window(a_plus=0.02, a_minus=0.01, tau_plus=20, tau_minus=40)
    times, change = measure(window, golden, 100)
    np.testing.assert_allclose(change, window.formula(times), rtol=0, atol=window.tolerance)
