# amaranth: UnusedElaboratable=no
"""Meshes against the golden model: every spike, state and counter, wherever populations are and
whatever links do."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.fabric_port import FabricPort
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.mesh import Mesh
from hubel.hdl.program import Conv2d
from hubel.hdl.router_mesh import MeshTableRowLayout
from hubel.sim import mesh_gateware
from hubel.sim.mesh_pair import MeshPair
from hubel.sim.streams import Packing

from ..fabric_cut import cut, random_hosts
from ..programs import random_chain, random_program, random_spikes
from . import mesh_bench
from .graphs import GRAPHS, graph
from .mesh_bench import assert_equal

SEEDS = range(8)


def random_fabric(seed: int) -> tuple[FabricProgram, np.ndarray, dict]:
    """A random Program on a random mesh, its spikes, and how to run it."""
    rng = np.random.default_rng(seed)
    lanes = (2, 4)[seed % 2]
    program = random_program(rng, lanes=lanes)
    rows, columns = (int(rng.integers(1, 4)) for _ in range(2))
    hosts = random_hosts(rng, program, rows * columns)
    fabric = cut(
        program,
        hosts,
        rows=rows,
        columns=columns,
        gateway_node=int(rng.integers(rows * columns)),
        seed=seed,
    )
    spikes = random_spikes(rng, program, samples=2, steps=4)
    pace = {"gap": float(rng.choice([0.0, 0.7])), "stall": float(rng.choice([0.0, 0.7]))}
    delay = (None, 1, 31)[int(rng.integers(3))]
    return fabric, spikes, {"lanes": lanes, "seed": seed, "delay": delay, **pace}


@pytest.mark.parametrize(
    "seed", [*SEEDS, *(pytest.param(8 + i, marks=pytest.mark.long) for i in range(240))]
)
def test_random_programs(seed: int) -> None:
    fabric, spikes, how = random_fabric(seed)
    got = mesh_bench.run(fabric, spikes, **how)
    assert_equal(fabric, spikes, got, lanes=how["lanes"])


def test_the_random_meshes_reach_the_corners() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        fabric, _, _ = random_fabric(seed)
        seen["several nodes"] += sum(node is not None for node in fabric.nodes) > 1
        seen["empty node"] += None in fabric.nodes
        seen["gateway alone"] += fabric.nodes[fabric.gateway_node] is None
        seen["gateway shares"] += fabric.nodes[fabric.gateway_node] is not None
        seen["loop back"] += any(mask & 16 and mask != 16 for t in fabric.tables for mask in
                                 t.values())  # fmt: skip
        seen["split output"] += any(r.parts > 1 for r in fabric.gateway.receivers)
        for node in fabric.nodes:
            if node is None:
                continue
            seen["parts"] += any(r.parts > 1 for r in node.endpoint.receivers)
            seen["readers"] += any(s.readers > 1 for s in node.endpoint.senders)
            seen["nobody reads"] += any(s.readers == 0 for s in node.endpoint.senders)
            seen["first channel"] += any(s.first_channel for s in node.endpoint.senders)
            for p in node.program.projections:
                split = "[" in p.target
                seen[f"split {type(p).__name__}"] += split
                seen["delayed on the mesh"] += p.delay and p.source not in [
                    q.name for q in node.program.populations
                ]
    assert min(seen.values()) >= 3, seen
    assert {"split Conv2d", "split Sparse", "split Dense"} <= seen.keys()


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_in_parts(name: str) -> None:
    """Loops and delays, where every population is on a node of its own or cut over two of them; the
    host does not listen for long."""
    rng = np.random.default_rng(len(name))
    program = graph(rng, name)
    hosts = {
        p.name: [(i % 4, 1), ((i + 1) % 4, p.shape.channels - 1)]
        if i % 2
        else [(i % 4, p.shape.channels)]
        for i, p in enumerate(program.populations)
    }
    for population in program.populations:
        if any(isinstance(p, Conv2d) and p.groups > 1 for p in program.into(population.name)):
            hosts[population.name] = [(hosts[population.name][0][0], population.shape.channels)]
    fabric = cut(program, hosts, rows=2, columns=2, gateway_node=3)
    spikes = random_spikes(rng, program, samples=2, steps=6, activity=0.4)
    got = mesh_bench.run(fabric, spikes, lanes=4, delay=7, stall=0.5, deaf=1500)
    expected = assert_equal(fabric, spikes, got, lanes=4)
    assert all(fired.any() and not fired.all() for fired in expected.whole.spikes)


@pytest.mark.parametrize("delay", [None, 31])
def test_a_dense_network_cut_in_two(delay: int | None) -> None:
    rng = np.random.default_rng(0)
    program = random_chain(rng, 12, 32, 10)
    fabric = cut(program, {"p0": [(0, 16), (1, 16)], "p1": [(1, 10)]}, rows=1, columns=2)
    spikes = random_spikes(rng, program, samples=2, steps=5, activity=0.4)
    got = mesh_bench.run(fabric, spikes, lanes=8, delay=delay)
    assert_equal(fabric, spikes, got, lanes=8)


@pytest.mark.parametrize("noise", [None, 9])
def test_two_chips(noise: int | None) -> None:
    """Two chips, joined by serial lines of several wires: clean ones, and such that spoil a bit of
    most frames or so, which are sent again until they come through."""
    rng = np.random.default_rng(2)
    program = random_chain(rng, 6, 8, 5)
    fabric = cut(program, {"p0": [(0, 4), (1, 4)], "p1": [(1, 5)]}, rows=1, columns=2, key_bits=5)
    spikes = random_spikes(rng, program, samples=1, steps=3, activity=0.4)
    router = mesh_gateware.smallest_router(fabric)
    dut = MeshPair(fabric, router, cut=1, lanes=4, wires=8, noise=noise)
    got = mesh_bench.run(fabric, spikes, lanes=4, dut=dut)
    assert_equal(fabric, spikes, got, lanes=4)


def test_tables_of_the_host() -> None:
    """Routers whose tables are empty, until the host has written them."""
    rng = np.random.default_rng(4)
    program = random_chain(rng, 6, 8, 5)
    hosts = {"p0": [(0, 4), (3, 4)], "p1": [(1, 5)]}
    fabric = cut(program, hosts, rows=2, columns=2, gateway_node=2, key_bits=5)
    router = mesh_gateware.smallest_router(fabric)
    dut = Mesh(replace(fabric, tables=({},) * 4), router, lanes=4)
    packing = Packing(MeshTableRowLayout(4, router.key_bits))
    rows = [
        packing.pack(node=node, key=key, mask=mask)
        for node, table in enumerate(fabric.tables)
        for key, mask in table.items()
    ]
    spikes = random_spikes(rng, program, samples=2, steps=3, activity=0.4)
    got = mesh_bench.run(fabric, spikes, lanes=4, dut=dut, rows=rows)
    assert_equal(fabric, spikes, got, lanes=4)


def test_what_does_not_fit_is_refused() -> None:
    program = random_chain(np.random.default_rng(4), 6, 40, 5)
    fabric = cut(program, {"p0": [(0, 40)], "p1": [(1, 5)]}, rows=1, columns=2, key_bits=5)
    with pytest.raises(ValueError, match="keys of 5 bits do not fit a router of 4"):
        Mesh(fabric, RouterParams(key_bits=4))
    with pytest.raises(ValueError, match=r"range\(1, 3\) are not columns of a mesh of 2"):
        Mesh(fabric, RouterParams(key_bits=5), columns=range(1, 3))
    with pytest.raises(ValueError, match="codes of 6 bits do not fit a payload of 7, of which 2"):
        Mesh(fabric, RouterParams(key_bits=5, payload_bits=7))
    params, ends = program.params(), {"sends": (0,), "reads": (2,)}
    with pytest.raises(ValueError, match="codes of 6 have 3 bits, a payload of 4 bits has 2"):
        FabricPort(fabric.gateway, params, RouterParams(key_bits=5, payload_bits=4), **ends)
    with pytest.raises(ValueError, match=r"key \d+ does not fit 2 bits"):
        FabricPort(fabric.gateway, params, RouterParams(key_bits=2), **ends)
    with pytest.raises(ValueError, match="1 senders and 1 receivers do not go with 0 and 1"):
        FabricPort(fabric.gateway, params, RouterParams(), sends=(), reads=(2,))
    gateway = fabric.gateway
    wrong = replace(gateway, senders=(replace(gateway.senders[0], first_channel=1),))
    with pytest.raises(ValueError, match=r"6 is not channels 1\.\.6 of 6"):
        FabricPort(wrong, params, RouterParams(), **ends)
