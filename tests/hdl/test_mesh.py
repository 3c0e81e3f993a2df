"""Meshes against the golden model: every spike, state and counter, wherever populations are and
whatever links do."""

from collections import Counter

import numpy as np
import pytest

from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.program import Conv2d

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
