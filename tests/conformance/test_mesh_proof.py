"""The same Program on one core, on a mesh of 2 x 2, on one of 3 x 3, and on two chips of 2 x 2 that
are joined by serial lines with errors: the same spikes, states and counters, those of golden."""

from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.program import Program
from hubel.sim import fabric as sim_fabric
from hubel.sim import gateware, golden, mesh_gateware
from hubel.sim.compare import first_divergence
from hubel.sim.mesh_pair import MeshPair
from hubel.sw.convert import convert
from hubel.sw.digits import FULL_SCALE, load_digits
from hubel.sw.encode import encode
from hubel.sw.event_spikes import load_recordings
from hubel.sw.mapping import map_program
from hubel.sw.nir import load_nir
from hubel.sw.quantise import quantise
from hubel.sw.train import train_mlp

pytestmark = pytest.mark.long

#: Rows and columns of meshes, and the column before which they are cut into two chips; None is one
#: core.
MESHES = {"1": None, "2x2": (2, 2, None), "3x3": (3, 3, None), "2 of 2x2": (2, 4, 2)}

#: Of these the totals of all cores are those of one.
TOTALS = ("synaptic_operations", "updates", "spikes", "saturations")


def same_as_golden(program: Program, spikes: np.ndarray, mesh: str, cache_dir: Path) -> None:
    """Whatever can differ does not. Links delay packets by 0 to 31 clocks at random; those of two
    chips spoil a bit now and then, and send again."""
    sizes = MESHES[mesh]
    how = {"gap": 0.1, "stall": 0.1, "seed": 3, "cache_dir": cache_dir}
    expected = golden.run(program, spikes)
    assert all(fired.any() for fired in expected.spikes)
    if sizes is None:
        one = gateware.run(program, spikes, **how)
        assert first_divergence(program, expected, one) is None
        print(f"1 core: {one.cycles:,} clocks, {one.counters.total()}")
        return
    rows, columns, cut = sizes
    fabric = map_program(program, rows=rows, columns=columns, lanes=8, spikes=spikes)
    assert sum(node is not None for node in fabric.nodes) > 1
    if cut is None:
        how["delay"] = 31
    else:
        router = mesh_gateware.smallest_router(fabric)
        how["mesh"] = MeshPair(fabric, router, cut=cut, wires=4, noise=14)
    got = mesh_gateware.run(fabric, spikes, **how)
    assert mesh_gateware.first_divergence(fabric, sim_fabric.run(fabric, spikes), got) is None
    alone, together = expected.counters.total(), got.whole.counters.total()
    assert [alone[name] for name in TOTALS] == [together[name] for name in TOTALS]
    cores = sum(node is not None for node in fabric.nodes)
    print(f"{mesh}: {cores} cores, {got.whole.cycles:,} clocks, {together}")


@pytest.fixture(scope="module")
def digits() -> tuple[Program, np.ndarray]:
    """64-128-10, trained, and two images of 16 steps."""
    digits = load_digits()
    network = convert(train_mlp(digits, hidden=128, epochs=10), digits.train_images / FULL_SCALE)
    return quantise(network), encode(digits.test_images[:2], 16, FULL_SCALE)


@pytest.mark.parametrize("mesh", MESHES)
def test_digits(digits: tuple[Program, np.ndarray], cache_dir: Path, mesh: str) -> None:
    same_as_golden(*digits, mesh, cache_dir)


@pytest.mark.parametrize("mesh", MESHES)
def test_nmnist(data: Path, cache_dir: Path, mesh: str) -> None:
    """The first 40 steps of a recording, in which every layer spikes."""
    program = quantise(load_nir(data / "nir_cnn" / "cnn_sinabs.nir", profile="nir", dt=1.0))
    spikes, _ = load_recordings(data / "nmnist_test100", bin_us=1000, shape=(2, 34, 34), images=1)
    same_as_golden(program, spikes[:, :40], mesh, cache_dir)
