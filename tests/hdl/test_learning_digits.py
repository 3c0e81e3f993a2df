"""Digits learned by the gateware: every weight, spike and state after every image, and the
counters, as the golden layer has them."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim.learning import Layer
from hubel.sim.learning_gateware import learn_in_gateware
from hubel.sim.simulator import Simulator
from hubel.sim.toolchain import Name
from hubel.sw.digits import load_digits
from hubel.sw.learn.digits import DigitsSettings, to_spikes

IMAGES = 24


def test_a_small_layer(cache_dir: Path) -> None:
    learn_and_compare("verilator", cache_dir, neurons=16, gap=0.2, stall=0.0)


@pytest.mark.long
def test_learning_digits(simulator: Simulator, cache_dir: Path) -> None:
    learn_and_compare(simulator.name, cache_dir, neurons=128, gap=0.1, stall=0.3)


def learn_and_compare(
    backend: Name, cache_dir: Path, *, neurons: int, gap: float, stall: float
) -> None:
    settings = DigitsSettings(neurons=neurons)
    draw = np.random.default_rng(2)
    params = settings.params
    layer = Layer(
        params,
        settings.rates(settings.epochs[0]),
        draw.integers(settings.low, settings.high, (params.inputs, params.neurons)),
    )
    images = load_digits(seed=0).train_images
    spikes = to_spikes(images[draw.permutation(len(images))[:IMAGES]], settings.steps)
    # Each epoch has a quarter of the images.
    rates = [settings.rates(settings.epochs[4 * n // IMAGES]) for n in range(IMAGES)]
    found = learn_in_gateware(
        layer, spikes, rates=rates, backend=backend, gap=gap, stall=stall, seed=3,
        cache_dir=cache_dir,
    )  # fmt: skip
    first = layer.weights.copy()
    for number, sample in enumerate(spikes):
        layer.start()
        layer.rates = rates[number]
        fired = [layer.step(np.flatnonzero(step)) for step in sample]
        assert found.fired[number] == fired, f"image {number}"
        np.testing.assert_array_equal(found.weights[number], layer.weights, f"image {number}")
        states = np.stack([layer.v, layer.a, layer.y], axis=1)
        np.testing.assert_array_equal(found.neurons[number], states, f"image {number}")
    np.testing.assert_array_equal(found.read_weights, layer.weights)
    assert found.lfsr == layer.lfsr
    assert found.counters == layer.counters
    # Some four neurons an image learn, of 16 or of 128.
    assert (layer.weights != first).mean() > 0.1
    assert layer.counters["spikes"] >= IMAGES
