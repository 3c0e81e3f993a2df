"""Meshes in Verilator, on one chip and on two: golden, bit for bit, whatever links do."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim import mesh_gateware
from hubel.sim.mesh_pair import MeshPair

from ..fabric_cut import cut
from ..hdl.graphs import everything
from ..hdl.mesh_bench import assert_equal
from ..programs import random_spikes


@pytest.mark.parametrize("column", [None, pytest.param(1, marks=pytest.mark.long)])
def test_everything(cache_dir: Path, column: int | None) -> None:
    """Every kind of projection and neuron, two inputs, two outputs, loops: on a mesh of 2 x 2, and
    on two chips."""
    rng = np.random.default_rng(7)
    program = everything(rng, weight_width=4, state_width=16)
    spikes = random_spikes(rng, program, samples=3, steps=4, activity=0.3)
    hosts = {"a": [(0, 3), (1, 3)], "b": [(3, 5)], "c": [(2, 8), (1, 13)], "d": [(0, 10)]}
    fabric = cut(program, hosts, rows=2, columns=2, gateway_node=2)
    how = {}
    if column is None:
        how["delay"] = 15
    else:
        router = mesh_gateware.smallest_router(fabric)
        how["mesh"] = MeshPair(fabric, router, cut=column, lanes=4, wires=4, noise=13)
    got = mesh_gateware.run(
        fabric, spikes, lanes=4, gap=0.3, stall=0.3, seed=5, cache_dir=cache_dir, **how
    )
    assert_equal(fabric, spikes, got, lanes=4)
    assert all(s.any() and not s.all() for s in got.whole.spikes)
