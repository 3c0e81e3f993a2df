"""Sums in memory, for projections of which a spike meets only some of the neurons."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .params import CoreParams

__all__ = ["CurrentMemory"]


class CurrentMemory(wiring.Component):
    """Adds a word of weights to a row of sums, or takes a row and clears it, one word a cycle.

    Any rows may follow each other: a sum that is still on its way to the memory is passed on from
    the register where it is. With sparse projections each lane has a memory of its own, because
    its row is its own.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    rows : :py:`In(data.ArrayLayout(range(current_words), lanes))`
        Row in each lane; all the same if nothing is sparse.
    add, take : :py:`In(1)`
        Add to the rows; or take and clear them. At most one of them.
    weights : :py:`In(data.ArrayLayout(signed(weight_width), lanes))`
        What to add; a cycle after ``rows``.
    current : :py:`Out(data.ArrayLayout(signed(accumulator_width), lanes))`
        The sums that are taken, two cycles after ``rows``.
    """
    def __init__(self, params: CoreParams):
        self.params = params
        self._row_width = max(1, (params.current_words - 1).bit_length())
        self._sums = data.ArrayLayout(signed(params.accumulator_width), params.lanes)
        super().__init__({
            "rows":    In(data.ArrayLayout(self._row_width, params.lanes)),
            "add":     In(1),
            "take":    In(1),
            "weights": In(data.ArrayLayout(signed(params.weight_width), params.lanes)),
            "current": Out(self._sums),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self.params.lanes
        # Lanes that share a memory.
        groups = [[lane] for lane in range(lanes)] if self.params.sparse_words else [
            list(range(lanes))]
        # The cycles of an access: read at 0, answered at 1, added at 2, written at 3.
        used = [Signal(name=f"used_{i}") for i in range(5)]
        clear = [Signal(name=f"clear_{i}") for i in range(3)]
        m.d.comb += [used[0].eq(self.add | self.take), clear[0].eq(self.take)]
        m.d.sync += [b.eq(a) for a, b in pairwise(used)]
        m.d.sync += [b.eq(a) for a, b in pairwise(clear)]
        weights = Signal.like(self.weights)
        m.d.sync += weights.eq(self.weights)
        for number, group in enumerate(groups):
            self._elaborate_group(m, number, group, used, clear[2], weights)
        return m

    def _elaborate_group(self, m, number, group, used, clear, weights):
        sums = data.ArrayLayout(signed(self.params.accumulator_width), len(group))
        m.submodules[f"memory_{number}"] = cells = memory.Memory(
            shape=sums.size, depth=max(2, self.params.current_words), init=[])
        read, write = cells.read_port(), cells.write_port()
        rows = [Signal(self._row_width, name=f"row_{number}_{i}") for i in range(5)]
        m.d.comb += rows[0].eq(self.rows[group[0]])
        m.d.sync += [b.eq(a) for a, b in pairwise(rows)]

        # What was computed one, two and three cycles ago.
        past = [Signal(sums, name=f"past_{number}_{i}") for i in range(3)]
        stored = Signal(sums, name=f"stored_{number}")
        latest = Signal(sums, name=f"latest_{number}")
        m.d.sync += stored.eq(read.data)
        m.d.comb += latest.eq(stored)
        for i in reversed(range(3)):
            # Compared a cycle before, off the path of the sum.
            same = Signal(name=f"same_{number}_{i}")
            m.d.sync += same.eq(used[2 + i] & (rows[1] == rows[2 + i]))
            with m.If(same):
                m.d.comb += latest.eq(past[i])
        m.d.sync += [past[1].eq(past[0]), past[2].eq(past[1])]
        for i, lane in enumerate(group):
            m.d.comb += self.current[lane].eq(latest[i])
            m.d.sync += past[0][i].eq(latest[i] + weights[lane])
        with m.If(clear):
            m.d.sync += past[0].eq(0)
        m.d.comb += [
            read.addr.eq(rows[0]),
            write.addr.eq(rows[3]),
            write.data.eq(past[0]),
            write.en.eq(used[3]),
        ]
