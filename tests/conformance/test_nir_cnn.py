"""A spiking CNN that sinabs wrote as NIR, on 100 recordings of a real event camera
(neuromorphs/NIR, paper/02_cnn, BSD-3; N-MNIST, CC BY-SA 4.0, from slayerPytorch's tests)."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim.golden import run
from hubel.sw.event_spikes import load_recordings
from hubel.sw.network import Network
from hubel.sw.nir import load_nir
from hubel.sw.quantise import quantise
from hubel.sw.simulate import simulate

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def network(data: Path) -> Network:
    # Its IF neurons have no time constant; the file's unit of time is a step.
    return load_nir(data / "nir_cnn" / "cnn_sinabs.nir", profile="nir", dt=1)


@pytest.fixture(scope="module")
def recordings(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Spikes in steps of 1 ms, and classes."""
    spikes, labels = load_recordings(data / "nmnist_test100", bin_us=1000, shape=(2, 34, 34))
    assert labels is not None and len(labels) == 100
    return spikes, labels


def accuracy(spikes: np.ndarray, labels: np.ndarray) -> float:
    return float((spikes.sum(axis=1).argmax(axis=1) == labels).mean())


def test_float(network: Network, recordings: tuple[np.ndarray, np.ndarray]) -> None:
    spikes, labels = recordings
    found = accuracy(simulate(network, spikes).spikes[-1], labels)
    print(f"float: {found:.0%}")
    assert found == 1.0


def test_int8(network: Network, recordings: tuple[np.ndarray, np.ndarray]) -> None:
    spikes, labels = recordings
    trace = run(quantise(network), spikes, record_membrane=False)
    found = accuracy(trace.spikes[-1], labels)
    each = sum(int(s.sum()) for s in trace.spikes) / len(labels)
    print(f"int8: {found:.0%}, {each:.0f} spikes of neurons a sample")
    assert found >= 0.98
