"""Golden of a mesh: every core does its part, or the first divergence is named."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import grouped, host, layers, random_fabric, with_program
from programs import random_program, random_spikes

from hubel.hdl.fabric_parts import origin, part_name
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.program import Conv2d, Program
from hubel.sim import golden
from hubel.sim.fabric import MeshDiverges, run
from hubel.sw.mapping import CoreLimits, map_program

SEEDS = st.integers(0, 2**32 - 1)
fixed = settings(derandomize=True, deadline=None, max_examples=60)


@fixed
@given(seed=SEEDS)
def test_random_programs(seed: int) -> None:
    """Every kind of projection, loops, delays, several inputs and outputs, any mesh."""
    rng = np.random.default_rng(seed)
    lanes = int(rng.choice([2, 4, 8]))
    program = random_program(rng, lanes=lanes)
    found = run(random_fabric(rng, program, lanes), random_spikes(rng, program), lanes=lanes)
    totals, whole = found.totals(), found.whole.counters.total()
    for name in ("synaptic_operations", "updates", "spikes", "saturations", "dropped"):
        assert totals[name] == whole[name], name


@fixed
@given(seed=SEEDS)
def test_cores_that_are_too_small(seed: int) -> None:
    """State words are cut where a core has no room for them."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=4, populations=3)
    limits = CoreLimits(
        weight_words=int(rng.choice([400, 4000])),
        neurons=int(rng.choice([64, 200])),
        populations=int(rng.integers(1, 3)),
    )
    try:
        fabric = map_program(
            program, rows=6, columns=6, lanes=4, limits=limits, placing="random", seed=seed
        )
    except ValueError as error:
        assert re.search(r"a core has \d", str(error)), error
        return
    found = run(fabric, random_spikes(rng, program), lanes=4)
    totals, whole = found.totals(), found.whole.counters.total()
    assert totals["updates"] >= whole["updates"]
    assert totals["synaptic_operations"] >= whole["synaptic_operations"]
    if not is_filled(fabric):
        assert totals["synaptic_operations"] == whole["synaptic_operations"]


def is_filled(fabric: FabricProgram) -> bool:
    """Some convolution got weights of 0 from other groups."""
    names = {p.name for p in fabric.whole.projections}
    groups = {p.name: p.groups for p in fabric.whole.projections if isinstance(p, Conv2d)}
    cut = [p for node in fabric.nodes if node for p in node.program.projections]
    return any(
        p.name not in names and groups[p.name.rpartition("[")[0]] > 1
        for p in cut
        if isinstance(p, Conv2d)
    )


def test_what_random_programs_reach() -> None:
    """Otherwise the tests above would say little."""
    seen = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        program = random_program(rng, lanes=4)
        fabric = random_fabric(rng, program, 4)
        for node in fabric.nodes:
            for p in node.program.projections if node else ():
                assert node is not None
                own = {q.name for q in node.program.populations}
                inputs = {q.name for q in node.program.inputs}
                if p.target not in {q.name for q in program.populations}:
                    seen.add(f"cut {type(p).__name__}")
                if p.delay and p.source in inputs:
                    seen.add("delay over the mesh")
                if any(n.startswith(f"{p.source}[") for n in own):
                    seen.add("loop back")
        seen |= {f"{sum(n is not None for n in fabric.nodes)} cores"}
        seen |= {"unread"} if any(s.readers == 0 for s in fabric.gateway.senders) else set()
    assert seen >= {
        *("cut Dense", "cut Conv2d", "cut Sparse", "delay over the mesh", "loop back", "unread"),
        *("1 cores", "2 cores", "3 cores", "4 cores"),
    }


def test_groups() -> None:
    """Cut into lists of synapses the operations are the same; filled up with zeros they are more,
    in few words."""
    program = grouped()
    spikes = random_spikes(np.random.default_rng(0), program, activity=0.3)
    lists = run(map_program(program, rows=1, columns=2), spikes)
    assert lists.totals()["synaptic_operations"] == lists.whole.counters.total()[
        "synaptic_operations"]  # fmt: skip
    small = CoreLimits(weight_words=400)
    filled = map_program(program, rows=1, columns=2, limits=small)
    assert is_filled(filled)
    found = run(filled, spikes)
    assert found.totals()["synaptic_operations"] > found.whole.counters.total()[
        "synaptic_operations"]  # fmt: skip


def test_counters_are_those_of_each_core() -> None:
    program = layers(20, 32, 10)
    fabric = map_program(program, rows=2, columns=2)
    spikes = random_spikes(np.random.default_rng(0), program, activity=0.4)
    found = run(fabric, spikes)
    for node, trace, heard in zip(fabric.nodes, found.nodes, found.inputs, strict=True):
        if node is not None:
            assert trace is not None and heard is not None
            assert heard.any()
            again = golden.run(node.program, heard)
            assert again.counters.total() == trace.counters.total()
    assert found.totals()["spikes"] > 0


def changed(program: Program) -> Program:
    """A weight of the first projection differs."""
    first, *others = program.projections
    weights = first.weights.copy()
    weights[0, 3] += 30
    return replace(program, projections=(first.with_weights(weights), *others))


def test_the_first_divergence_is_named() -> None:
    fabric = map_program(layers(20, 32, 10), rows=2, columns=2)
    number = host(fabric, "p0[16:32]")
    node = fabric.nodes[number]
    assert node is not None
    spikes = np.zeros((2, 3, 20), dtype=bool)
    spikes[1, 2, 0] = True
    broken = with_program(fabric, number, changed(node.program))
    run(broken, np.zeros((2, 3, 20), dtype=bool))
    expected = rf"^node {number}: sample 1, step 2, population p0\[16:32\], neuron 3: "
    with pytest.raises(MeshDiverges, match=expected):
        run(broken, spikes)


def test_the_first_in_time_is_named() -> None:
    """Whatever its node: both parts differ, the one on the later node first, and then the other
    way round."""
    fabric = map_program(layers(20, 32, 10), rows=2, columns=2)
    hosts = [host(fabric, name) for name in ("p0[0:16]", "p0[16:32]")]
    broken = fabric
    for axon, number in enumerate(hosts):
        node = fabric.nodes[number]
        assert node is not None
        first = node.program.projections[0]
        weights = first.weights.copy()
        weights[axon] += 30
        program = replace(node.program, projections=(first.with_weights(weights),))
        broken = with_program(broken, number, program)
    for order in ((0, 1), (1, 0)):
        spikes = np.zeros((1, 3, 20), dtype=bool)
        spikes[0, 0, order[0]] = spikes[0, 2, order[1]] = True
        with pytest.raises(MeshDiverges, match=f"^node {hosts[order[0]]}: sample 0, step 0, "):
            run(broken, spikes)


def test_neurons_on_no_node() -> None:
    fabric = map_program(layers(20, 32, 10), rows=2, columns=2)
    number = host(fabric, "p0[16:32]")
    nodes = list(fabric.nodes)
    nodes[number] = None
    with pytest.raises(MeshDiverges, match=r"^channel 16 of population p0 is on 0 nodes$"):
        run(replace(fabric, nodes=tuple(nodes)), np.ones((1, 2, 20)))


def test_names_of_parts() -> None:
    program = layers(4, 8, 8)
    assert origin(program, "p0") == ("p0", 0)
    assert origin(program, part_name("p1", 4, 8)) == ("p1", 4)
    assert part_name("p0", 0, 4, ["p0[0:4]"]) == "p0[0:4]'"
    assert origin(program, "p0[4:8]''") == ("p0", 4)
    with pytest.raises(ValueError, match=r"^population 'p2\[0:4\]' is no part of any population"):
        origin(program, "p2[0:4]")


def test_a_population_that_is_called_like_a_part() -> None:
    program = layers(8, 32, 32)
    first, second = program.populations
    names = {"p0": "a", "p1": "a[0:16]"}
    odd = replace(
        program,
        populations=(replace(first, name="a"), replace(second, name="a[0:16]")),
        projections=tuple(
            replace(p, source=names.get(p.source, p.source), target=names[p.target])
            for p in program.projections
        ),
        outputs=("a[0:16]",),
    )
    found = run(map_program(odd, rows=2, columns=2), np.ones((1, 3, 8)))
    assert found.totals()["spikes"] == found.whole.counters.total()["spikes"] > 0
