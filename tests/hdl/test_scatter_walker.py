"""The scatter walker, behind a list of spikes and the address tables: every slot of every spike, in
its order and in its clock."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hubel.hdl.address_tables import AddressTables, JobLayout
from hubel.hdl.params import WalkKind
from hubel.hdl.scatter_walker import ScatterSlotLayout, ScatterWalker
from hubel.sim.streams import Packing

from .graphs import everything
from .scatter import Slot, scatter_slots
from .test_address_tables import Case, case, random_cases
from .vectors import Clocks, Expected, compare

#: Clocks from ``start`` to the first slot.
FIRST = 8

#: A projection, and the neurons of its source that spiked.
Walk = tuple[int, list[int]]


class Lookup(wiring.Component):
    """A scatter walker with lists of ``codes`` in a row, read from ``base`` on."""

    def __init__(self, case: Case, codes: list[int]):
        self._case, self._codes = case, codes
        job = JobLayout(case.params, case.tables)
        walker = ScatterWalker(case.params, case.tables)
        self._walker: Any = walker
        super().__init__(
            {
                "base": In(max(1, len(codes).bit_length())),
                "projection": In(len(walker.projection)),
                "start": In(1),
                "count": In(len(walker.count)),
                "slot": Out(ScatterSlotLayout(job)),
                "busy": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker = walker = self._walker
        m.submodules.tables = tables = AddressTables(self._case.params, self._case.tables)
        m.submodules.codes = codes = memory.Memory(
            shape=len(tables.code), depth=max(2, len(self._codes)), init=self._codes
        )
        read, code = codes.read_port(), Signal.like(tables.code)
        m.d.sync += code.eq(read.data)
        projection = Signal.like(self.projection)
        m.d.sync += projection.eq(self.projection)
        m.d.comb += [
            read.addr.eq(self.base + walker.position),
            tables.code.eq(code),
            tables.projection.eq(projection),
            walker.job.eq(tables.job),
            walker.projection.eq(self.projection),
            walker.start.eq(self.start),
            walker.count.eq(self.count),
            self.slot.eq(walker.slot),
            self.busy.eq(walker.busy),
            self.done.eq(walker.done),
        ]
        return m


def random_walks(found: Case, count: int, rng: np.random.Generator) -> list[Walk]:
    """Lists of none to all neurons, and some of a neuron or two again and again."""
    scattered = [j for j, p in enumerate(found.params.projections) if p.kind is not WalkKind.GATHER]
    walks = []
    for _ in range(count):
        projection = int(rng.choice(scattered))
        neurons = found.params.sources[found.params.projections[projection].source].neurons
        any_size = int(rng.integers(neurons + 1))
        size = int(rng.choice([0, 1, 2, neurons, min(neurons, 12), any_size]))
        among = neurons if rng.random() < 0.7 else min(neurons, 2)
        walks.append((projection, rng.integers(among, size=size).tolist()))
    return walks


def vectors(
    found: Case, walks: list[Walk], rng: np.random.Generator
) -> tuple[Lookup, Clocks, Expected]:
    """A walker with the lists of ``walks``, its inputs and expected outputs: walks follow each
    other one to four clocks after the last one was done."""
    packing = Packing(ScatterSlotLayout(JobLayout(found.params, found.tables)))
    codes: list[int] = []
    inputs: Clocks = []
    expected: list[dict[str, int | tuple[int, int]]] = []

    def clock(slot: Slot = None, *, busy: int = 0, **values: int) -> None:
        """One more clock, in which ``done`` is as in ``values``, if it matters."""
        fields = slot or {"valid": 0}
        ones = {name: (1 << packing.fields[name][1]) - 1 for name in fields}
        expected.append({"slot": (packing.pack(**fields), packing.pack(**ones)), "busy": busy})
        expected[-1] |= values

    for projection, neurons in walks:
        shape = found.params.sources[found.params.projections[projection].source]
        held = {"base": len(codes), "projection": projection}
        codes += shape.codes()[neurons].tolist() if neurons else []
        begin = len(expected)
        clock()
        slots = [
            slot
            for neuron in neurons
            for slot in scatter_slots(found.params, found.tables, projection, neuron)
        ]
        for _ in range(FIRST - 1 if neurons else 0):
            clock(done=0)
        for slot in slots:
            clock(slot, busy=1, done=0)
        clock(done=1)
        for number in range(len(expected) - begin):
            inputs.append({**held, "start": int(number == 0), "count": 0})
        inputs[begin]["count"] = len(neurons)
        for _ in range(int(rng.integers(4))):
            clock()
            inputs.append({"start": 0})
    return Lookup(found, codes or [0]), inputs, expected


@pytest.mark.parametrize("kinds", [("conv",), ("sparse",), ("conv", "dense", "sparse")])
def test_random_lists(kinds: tuple[str, ...]) -> None:
    rng = np.random.default_rng(len(kinds[0]))
    tried = empty = long = 0
    for found in random_cases(16, len(kinds[0]), kinds=kinds):
        if found.params.current_words:
            walks = random_walks(found, 12, rng)
            dut, inputs, expected = vectors(found, walks, rng)
            compare(dut, inputs[:4000], expected[:4000])
            tried += 1
            sizes = [
                len(slots) if (slots := scatter_slots(found.params, found.tables, j, n))[0] else 0
                for j, neurons in walks
                for n in neurons
            ]
            empty += sizes.count(0)
            long += sum(size > 8 for size in sizes)
    assert tried >= 8 and empty > 50 and long > 30, (tried, empty, long)


def test_spikes_of_one_word_follow_each_other() -> None:
    """Looking up keeps pace with spikes that take a clock each, however many there are."""
    rng = np.random.default_rng(2)
    found = case(everything(rng, weight_width=8, state_width=16), 16)
    walks: list[Walk] = []
    for j, sizes in enumerate(found.params.projections):
        if sizes.kind is not WalkKind.GATHER:
            source = found.params.sources[sizes.source]
            short = [n for n in range(source.neurons)
                     if len(scatter_slots(found.params, found.tables, j, n)) == 1]  # fmt: skip
            if short:
                walks.append((j, rng.choice(short, min(60, source.neurons)).tolist()))
    assert max(len(neurons) for _, neurons in walks) == 60
    compare(*vectors(found, walks, rng))


def test_random_lists_in_simulators(play) -> None:
    rng = np.random.default_rng(1)
    found = case(everything(rng, weight_width=8, state_width=16), 4)
    walks = random_walks(found, 30, rng)
    assert len({projection for projection, _ in walks}) > 3
    compare(*vectors(found, walks, rng), play)
