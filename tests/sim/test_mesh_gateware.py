"""Meshes in Verilator, on one chip and on two: golden, bit for bit, whatever links do."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim import mesh_gateware
from hubel.sim.mesh_pair import MeshPair
from hubel.sw.mapping import map_program

from ..hdl.graphs import everything
from ..hdl.mesh_bench import assert_equal
from ..programs import random_spikes


@pytest.mark.parametrize("cut", [None, pytest.param(1, marks=pytest.mark.long)])
def test_everything(cache_dir: Path, cut: int | None) -> None:
    """Every kind of projection and neuron, two inputs, two outputs, loops: on four cores, and on
    two chips of two."""
    rng = np.random.default_rng(7)
    program = everything(rng, weight_width=4, state_width=16)
    spikes = random_spikes(rng, program, samples=3, steps=4, activity=0.3)
    fabric = map_program(program, rows=2, columns=2, lanes=4, gateway_node=2, seed=1)
    assert all(node is not None for node in fabric.nodes)
    how = {}
    if cut is None:
        how["delay"] = 15
    else:
        router = mesh_gateware.smallest_router(fabric)
        how["mesh"] = MeshPair(fabric, router, cut=cut, lanes=4, wires=4, noise=13)
    got = mesh_gateware.run(
        fabric, spikes, lanes=4, gap=0.3, stall=0.3, seed=5, cache_dir=cache_dir, **how
    )
    assert_equal(fabric, spikes, got, lanes=4)
    assert all(s.any() and not s.all() for s in got.whole.spikes)
