"""One LIF neuron and the trace that Norse made of it (neuromorphs/NIR, paper/01_lif, BSD-3)."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim.golden import run
from hubel.sw.network import Network
from hubel.sw.nir import load_nir
from hubel.sw.quantise import quantise
from hubel.sw.simulate import simulate

SPIKES = [460, 510, 710, 760]


@pytest.fixture
def network(data: Path) -> Network:
    return load_nir(data / "nir_lif" / "lif_norse.nir", profile="norse", dt=1e-4)


@pytest.fixture
def trace(data: Path) -> np.ndarray:
    """Columns input, membrane, spike."""
    return np.loadtxt(data / "nir_lif" / "lif_norse.csv", delimiter=",")


def test_float(network: Network, trace: np.ndarray) -> None:
    mine = simulate(network, trace[None, :, :1] != 0)
    np.testing.assert_allclose(mine.membrane[0][0, :, 0], trace[:, 1], rtol=0, atol=1e-6)
    assert np.flatnonzero(mine.spikes[0][0, :, 0]).tolist() == SPIKES
    assert np.flatnonzero(trace[:, 2]).tolist() == SPIKES


def test_integers(network: Network, trace: np.ndarray) -> None:
    """With 24 bits of state, v is within 1 LSB of the weights of the float trace."""
    program = quantise(network, state_width=24)
    mine = run(program, trace[None, :, :1] != 0)
    assert np.flatnonzero(mine.spikes[0][0, :, 0]).tolist() == SPIKES
    assert mine.membrane is not None
    weight = network.projections[0].weights.item()
    # LSB of the state, and of the weights, which have `shift` bits more.
    state_lsb = weight / (program.projections[0].weights.item() << program.populations[0].shift)
    weight_lsb = state_lsb * (1 << program.populations[0].shift)
    np.testing.assert_allclose(
        mine.membrane[0][0, :, 0] * state_lsb, trace[:, 1], rtol=0, atol=weight_lsb
    )
