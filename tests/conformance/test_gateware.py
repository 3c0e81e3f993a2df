"""Published networks through the gateware, in Verilator: what golden and their authors say."""

from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.program import Program
from hubel.sim import gateware, golden
from hubel.sim.compare import first_divergence
from hubel.sim.golden import Trace
from hubel.sw import backends
from hubel.sw.event_spikes import load_recordings
from hubel.sw.loihi_file import load_loihi
from hubel.sw.nir import load_nir
from hubel.sw.quantise import quantise

from .test_loihi import rows


def simulated(program: Program, spikes: np.ndarray, cache_dir: Path) -> Trace:
    """What the gateware does: every spike, state and counter is golden's."""
    got = gateware.run(program, spikes, cache_dir=cache_dir)
    assert first_divergence(program, golden.run(program, spikes), got) is None
    return got


def test_tinynet(data: Path, cache_dir: Path) -> None:
    folder = data / "loihi_tinynet"
    program = quantise(load_loihi(folder / "tiny.net", hop_delay=0), state_width=24)
    got = simulated(program, rows(folder / "input.npy")[None] != 0, cache_dir)
    assert got.current is not None and got.current[0] is not None
    np.testing.assert_array_equal(got.current[0][0] >> 6, rows(folder / "current.npy"))
    np.testing.assert_array_equal(got.spikes[0][0], rows(folder / "layer1.npy"))
    np.testing.assert_array_equal(got.spikes[1][0], rows(folder / "output.npy"))


def test_mnist(data: Path, cache_dir: Path) -> None:
    network = load_loihi(data / "loihi_mnist" / "trained_mnist_network.net")
    program = quantise(network, state_width=24)
    spikes = np.random.default_rng(0).random((2, 20, program.input_neurons)) < 0.15
    got = simulated(program, spikes, cache_dir)
    assert all(fired.any() for fired in got.spikes)


@pytest.mark.long
def test_nmnist(data: Path, cache_dir: Path) -> None:
    """Three recordings of an event camera through the convolutional network."""
    network = load_nir(data / "nir_cnn" / "cnn_sinabs.nir", profile="nir", dt=1.0)
    program = quantise(network)
    spikes, labels = load_recordings(
        data / "nmnist_test100", bin_us=1000, shape=(2, 34, 34), images=3
    )
    assert labels is not None
    got = simulated(program, spikes, cache_dir)
    classes = got.spikes[-1].sum(axis=1).argmax(axis=1)
    np.testing.assert_array_equal(classes, labels)


@pytest.mark.long
def test_nmnist_on_the_virtual_board(data: Path, cache_dir: Path) -> None:
    """The same network through driver, serial line and SoC: all spikes and counters of a recording,
    and of its first steps all membranes too."""
    program = quantise(load_nir(data / "nir_cnn" / "cnn_sinabs.nir", profile="nir", dt=1.0))
    spikes, _ = load_recordings(data / "nmnist_test100", bin_us=1000, shape=(2, 34, 34), images=1)
    for part, states in ((spikes, False), (spikes[:, :20], True)):
        expected = golden.run(program, part)
        got, seconds = backends.run(
            program, part, backend="virtual", states=states, cache_dir=cache_dir
        )
        assert first_divergence(program, expected, got) is None
        assert all(fired.any() for fired in expected.spikes)
        assert (got.membrane is not None) == states
        print(f"{part.shape[1]} steps, states {states}: equal, {seconds:.1f} s with the build")
