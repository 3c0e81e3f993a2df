"""The address tables in gateware against those in Python, one spike a clock."""

from dataclasses import dataclass

import numpy as np
import pytest

from hubel.hdl.address_tables import AddressTables, JobLayout
from hubel.hdl.params import CoreParams, WalkKind
from hubel.hdl.pipeline import direct, uses_tables
from hubel.hdl.program import Program
from hubel.hdl.tables import Tables, tables_of
from hubel.sim.streams import Packing

from ..programs import random_program
from .vectors import Clocks, Expected, compare

#: Clocks from a code to its job.
CLOCKS = 3


@dataclass(frozen=True)
class Case:
    """A Program, and its tables in a core of some size."""

    program: Program
    params: CoreParams
    tables: tuple[Tables, ...]


def case(program: Program, lanes: int) -> Case:
    params = program.params(lanes=lanes)
    return Case(program, params, tables_of(params, program))


def random_cases(count: int, seed: int, *, kinds: tuple[str, ...]) -> list[Case]:
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    while len(cases) < count:
        lanes = int(rng.choice([2, 4, 8, 16]))
        found = case(random_program(rng, lanes=lanes, kinds=kinds), lanes)
        if uses_tables(found.params):
            cases.append(found)
    return cases


def job(case: Case, projection: int, neuron: int) -> dict[str, int]:
    """The fields of the job of a spike that somebody may use."""
    sizes, tables = case.params.projections[projection], case.tables[projection]
    shape = case.params.sources[sizes.source]
    code = int(shape.codes()[neuron])
    if direct(case.params, projection):
        return {"address": code}
    channel, y, x = (int(i) for i in np.unravel_index(neuron, shape.sizes))
    if tables.by_code:
        channel, y, x = code, 0, 0
    parts = (tables.c, channel), (tables.y, y), (tables.x, x)
    address = sum(int(table.address[at]) for table, at in parts)
    if sizes.kind is WalkKind.GATHER:
        return {"address": address}
    fields = {"c": int(tables.c.count[channel]), "y": int(tables.y.count[y])}
    fields["x"] = int(tables.x.count[x])
    if min(fields.values()) == 0:
        return fields
    return fields | {
        "address": address + case.params.first_weight[projection],
        "row": sum(int(table.row[at]) for table, at in parts),
        "operations": int(tables.operations[channel]),
    }


def vectors(case: Case, count: int, seed: int) -> tuple[Clocks, Expected]:
    """Spikes of projections in any order, one a clock, all of them once at least."""
    rng = np.random.default_rng(seed)
    sources = [case.params.sources[p.source] for p in case.params.projections]
    spikes = [(j, n) for j, shape in enumerate(sources) for n in range(shape.neurons)]
    more = rng.integers(len(spikes), size=max(0, count - len(spikes)))
    spikes = [spikes[i] for i in rng.permutation([*range(len(spikes)), *more])]
    packing = Packing(JobLayout(case.params, case.tables))
    inputs: Clocks = []
    expected: list[dict[str, tuple[int, int]]] = [{} for _ in range(CLOCKS)]
    for projection, neuron in spikes:
        code = int(sources[projection].codes()[neuron])
        inputs.append({"projection": projection, "code": code})
        fields = job(case, projection, neuron)
        ones = {name: (1 << packing.fields[name][1]) - 1 for name in fields}
        expected.append({"job": (packing.pack(**fields), packing.pack(**ones))})
    return inputs, expected[: len(inputs)]


@pytest.mark.parametrize("kinds", [("conv",), ("sparse",), ("dense",), ("conv", "dense", "sparse")])
def test_random_spikes(kinds: tuple[str, ...]) -> None:
    for number, found in enumerate(random_cases(12, len(kinds[0]), kinds=kinds)):
        dut = AddressTables(found.params, found.tables)
        compare(dut, *vectors(found, 400, seed=number))


def test_random_spikes_in_simulators(play) -> None:
    def has_all(found: Case) -> bool:
        """Projections of all kinds, and gathered ones with a table and without."""
        sizes = found.params.projections
        gathered = [j for j, p in enumerate(sizes) if p.kind is WalkKind.GATHER]
        straight = {direct(found.params, j) for j in gathered}
        return {p.kind for p in sizes} == set(WalkKind) and len(straight) == 2

    found = next(filter(has_all, random_cases(100, 3, kinds=("conv", "dense", "sparse"))))
    dut = AddressTables(found.params, found.tables)
    compare(dut, *vectors(found, 2000, seed=3), play)
