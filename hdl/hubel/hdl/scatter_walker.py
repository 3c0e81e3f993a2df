"""Walks a projection of which a spike meets only some of the neurons."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In, Out

from .address_tables import JobLayout
from .params import CoreParams
from .tables import Tables

__all__ = ["ScatterSlotLayout", "ScatterWalker"]

# Cycles from the position of a spike to its job.
_LOOK_UP = 5
# Spikes that may be on their way: more than it takes to look one up, so that the loop never waits.
_DEPTH = 8


class ScatterSlotLayout(data.StructLayout):
    """A weight word (``valid``) at ``address`` that is added to the state word ``row`` of the
    target, counted from its first; ``operations`` is the number of synapses that are complete with
    it.

    Parameters
    ----------
    job : :class:`~hubel.hdl.address_tables.JobLayout`
    """
    def __init__(self, job: JobLayout):
        super().__init__({"valid": 1, "address": job["address"].shape, "row": job["row"].shape,
                          "operations": job["operations"].shape})


class ScatterWalker(wiring.Component):
    """Looks up what each spike of a list has to do, and does it, one weight word a cycle: words of
    a place, places of a line, lines.

    The first slot comes eight cycles after ``start``; from then on there is one in each cycle. A
    spike that meets nothing takes a cycle.

    Parameters
    ----------
    params : :class:`CoreParams`
    tables : tuple of :class:`~hubel.hdl.tables.Tables`

    Members
    -------
    projection : :py:`In(range(projections))`
        Whose steps are meant; stays from ``start`` until ``done``.
    start : :py:`In(1)`
        Walk ``count`` spikes, one or more.
    count : :py:`In(code_width + 1)`
        Number of spikes.
    position : :py:`Out(code_width)`
        Of the spike to look up.
    job : :py:`In(JobLayout(params, tables))`
        What it has to do, five cycles later.
    slot : :py:`Out(ScatterSlotLayout(job))`
        The slot of this cycle.
    busy : :py:`Out(1)`
        There is a slot in this cycle, with or without a weight word.
    done : :py:`Out(1)`
        The last slot was given.
    """
    def __init__(self, params: CoreParams, tables: tuple[Tables, ...]):
        self._tables = tables
        self._job = job = JobLayout(params, tables)
        code_width = max(1, *(shape.code_width for shape in params.sources))
        super().__init__({
            "projection": In(max(1, (len(params.projections) - 1).bit_length())),
            "start":      In(1),
            "count":      In(code_width + 1),
            "position":   Out(code_width),
            "job":        In(job),
            "slot":       Out(ScatterSlotLayout(job)),
            "busy":       Out(1),
            "done":       Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        # Look up: one spike a cycle, as long as the queue will have room for it.
        layout = data.StructLayout({**self._job.members, "empty": 1})
        m.submodules.queue = queue = fifo.SyncFIFO(width=layout.size, depth=_DEPTH)
        left = Signal.like(self.count)
        room = Signal(range(_DEPTH + 1), init=_DEPTH)
        issued = [Signal(name=f"issued_{i}") for i in range(_LOOK_UP + 1)]
        taken = Signal()
        m.d.comb += issued[0].eq((left != 0) & (room != 0))
        m.d.sync += room.eq(room - issued[0] + taken)
        for before, after in pairwise(issued):
            m.d.sync += after.eq(before)
        with m.If(self.start):
            m.d.sync += [left.eq(self.count), self.position.eq(0)]
        with m.Elif(issued[0]):
            m.d.sync += [left.eq(left - 1), self.position.eq(self.position + 1)]

        # Counts become what is left after the first.
        empty = Signal()
        wanted, job = Signal(layout), data.View(layout, queue.r_data)
        m.d.comb += [
            empty.eq((self.job.c == 0) | (self.job.x == 0) | (self.job.y == 0)),
            wanted.address.eq(self.job.address),
            wanted.row.eq(self.job.row),
            wanted.operations.eq(self.job.operations),
            wanted.c.eq(self.job.c - 1),
            wanted.x.eq(self.job.x - 1),
            wanted.y.eq(self.job.y - 1),
            wanted.empty.eq(empty),
            queue.w_data.eq(wanted),
            queue.w_en.eq(issued[-1]),
        ]

        # The loops. Where a word, the first word of its place and the first place of its line are.
        address, row = {}, {}
        for what in ("word", "place", "line"):
            address[what] = Signal.like(job.address, name=f"{what}_address")
            row[what] = Signal.like(job.row, name=f"{what}_row")
        lefts = {axis: Signal.like(getattr(job, axis), name=f"left_{axis}") for axis in "cxy"}
        active, valid = Signal(), Signal()
        last = {axis: Signal(name=f"last_{axis}") for axis in "cxy"}
        m.d.comb += [last[axis].eq((lefts[axis] == 0) | ~valid) for axis in "cxy"]
        reload = {axis: Signal.like(lefts[axis], name=f"reload_{axis}") for axis in "cx"}
        operations = Signal.like(job.operations)
        m.d.comb += [
            taken.eq(queue.r_rdy & (~active | (last["c"] & last["x"] & last["y"]))),
            queue.r_en.eq(taken),
            self.busy.eq(active),
            self.slot.valid.eq(active & valid),
            self.slot.address.eq(address["word"]),
            self.slot.row.eq(row["word"]),
            self.slot.operations.eq(Mux(last["c"] & valid, operations, 0)),
            self.done.eq((left == 0) & (room == _DEPTH) & ~active),
        ]

        steps = {name: Signal.like(address["word"] if "address" in name else row["word"], name=name)
                 for name in ("x_address", "x_row", "y_address", "y_row")}
        with m.Switch(self.projection):
            for j, tables in enumerate(self._tables):
                with m.Case(j):
                    # A step back is a step ahead, modulo the range.
                    m.d.comb += [signal.eq(getattr(tables.steps, name) % (1 << len(signal)))
                                 for name, signal in steps.items()]

        def go(what, to_address, to_row):
            return [address[what].eq(to_address), row[what].eq(to_row)]

        with m.If(taken):
            m.d.sync += [active.eq(1), valid.eq(~job.empty), operations.eq(job.operations)]
            for what in ("word", "place", "line"):
                m.d.sync += go(what, job.address, job.row)
            m.d.sync += [lefts[axis].eq(getattr(job, axis)) for axis in "cxy"]
            m.d.sync += [reload[axis].eq(getattr(job, axis)) for axis in "cx"]
        with m.Elif(~last["c"]):
            m.d.sync += [lefts["c"].eq(lefts["c"] - 1),
                         *go("word", address["word"] + 1, row["word"] + 1)]
        with m.Elif(~last["x"]):
            m.d.sync += [lefts["c"].eq(reload["c"]), lefts["x"].eq(lefts["x"] - 1)]
            for what in ("word", "place"):
                m.d.sync += go(what, address["place"] + steps["x_address"],
                               row["place"] + steps["x_row"])
        with m.Elif(~last["y"]):
            m.d.sync += [lefts["c"].eq(reload["c"]), lefts["x"].eq(reload["x"]),
                         lefts["y"].eq(lefts["y"] - 1)]
            for what in ("word", "place", "line"):
                m.d.sync += go(what, address["line"] + steps["y_address"],
                               row["line"] + steps["y_row"])
        with m.Else():
            m.d.sync += active.eq(0)
        return m
