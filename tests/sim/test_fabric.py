"""Golden of a mesh, on random Programs on random meshes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import random_program, random_spikes

from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.program import Conv2d, Program
from hubel.sim.fabric import run
from hubel.sw.mapping import CoreLimits, map_program

SEEDS = st.integers(0, 2**32 - 1)


def random_fabric(rng: np.random.Generator, program: Program, lanes: int) -> FabricProgram:
    """On a mesh of up to 3 x 3."""
    rows, columns = (int(n) for n in rng.integers(1, 4, 2))
    return map_program(
        program,
        rows=rows,
        columns=columns,
        lanes=lanes,
        parts=str(rng.choice(["spread", "fewest"])),  # pyright: ignore[reportArgumentType]
        placing="random",
        seed=int(rng.integers(100)),
        gateway_node=int(rng.integers(rows * columns)),
    )


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_random(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lanes = int(rng.choice([2, 4, 8]))
    program = random_program(rng, lanes=lanes)
    fabric = random_fabric(rng, program, lanes)
    found = run(fabric, random_spikes(rng, program), lanes=lanes)
    totals, whole = found.totals(), found.whole.counters.total()
    assert totals["updates"] == whole["updates"]
    assert totals["synaptic_operations"] == whole["synaptic_operations"]
    assert totals["dropped"] == 0


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_small_cores(seed: int) -> None:
    """Cores with room for a state word or two; where convolutions with groups are filled up with
    zeros, these count."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=4, populations=3)
    limits = CoreLimits(
        weight_words=int(rng.choice([60, 400, 4000])),
        neurons=int(rng.choice([16, 64, 200])),
        populations=int(rng.integers(1, 3)),
    )
    try:
        fabric = map_program(program, rows=5, columns=5, lanes=4, limits=limits, seed=seed)
    except ValueError as error:
        # What ran out is named, with numbers.
        assert any(char.isdigit() for char in str(error))
        return
    found = run(fabric, random_spikes(rng, program), lanes=4)
    filled = any(
        isinstance(p, Conv2d) and p.groups == 1 and p.name not in by_name(program)
        for node in fabric.nodes
        if node is not None
        for p in node.program.projections
    )
    totals, whole = found.totals(), found.whole.counters.total()
    assert totals["updates"] >= whole["updates"]
    if not filled:
        assert totals["synaptic_operations"] == whole["synaptic_operations"]


def by_name(program: Program) -> set[str]:
    return {p.name for p in program.projections}
