"""Collects the events of a step, in block RAM."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .params import CoreParams
from .pipeline import uses_tables

__all__ = ["EventList", "list_rows"]


# Rows of a memory of the lists have addresses of so many bits: block RAMs of an ECP5 then need no
# multiplexer behind them, for which there would be no time, at codes of up to 12 bits.
_BANK_WIDTH = 12


def list_rows(params: CoreParams) -> list[int]:
    """Rows of each memory of the lists: two lists for each source that has a reader."""
    rows = sum(2 << (shape.neurons - 1).bit_length() for s, shape in enumerate(params.sources)
               if params.consumers(s))
    most = 1 << _BANK_WIDTH
    return [min(most, rows - first) for first in range(0, rows, most)]


class EventList(wiring.Component):
    """Two lists of spikes for each source that has a reader: one step is collected while another
    is read.

    Takes one packet a cycle; :class:`Schedule` says when there is a list for it. This is the input
    FIFO of the core and the step window of two in one: a memory row for each neuron and list.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    packet : :py:`In(EventLayout(params))`
        A spike or marker. A spike beyond the number of neurons of its source in one step is
        dropped and reported; only a sender that repeats a spike within a step can cause that.
    take : :py:`In(1)`
        Take ``packet``.
    ended : :py:`Out(sources)`
        A bit for each source: its END is taken in this cycle.
    source, parity : :py:`In(range(sources))`, :py:`In(1)`
        The list that is read: that of even or of odd steps.
    count : :py:`Out(range(max(neurons) + 1))`
        Spikes in it.
    clock, clock_parity : :py:`In(range(sources))`, :py:`In(1)`
        The step that is asked about.
    fresh : :py:`Out(1)`
        That step is the first of a sample.
    position : :py:`In(range(max(neurons)))`
        Position in the list, in a core with tables in that of the cycle before.
    code : :py:`Out(code_width)`
        The code there, two cycles later; of a spike that was taken two cycles before or earlier.
    accepted, dropped : :py:`Out(1)`
        A spike was taken into a list, or dropped, in this cycle.
    """
    def __init__(self, params: CoreParams):
        self.params = params
        layout = EventLayout(params)
        code_width = layout["code"].width
        super().__init__({
            "packet":   In(layout),
            "take":     In(1),
            "ended":    Out(len(params.sources)),
            "source":   In(layout["source"].shape),
            "parity":   In(1),
            "count":    Out(code_width + 1),
            "clock":    In(layout["source"].shape),
            "clock_parity": In(1),
            "fresh":    Out(1),
            "position": In(code_width),
            "code":     Out(code_width),
            "accepted": Out(1),
            "dropped":  Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        params, packet = self.params, self.packet
        read = [s for s in range(len(params.sources)) if params.consumers(s)]
        # A row is {source, list, position}: the largest lists come first, so that each is
        # aligned to its size and no address needs an adder.
        widths = {s: (params.sources[s].neurons - 1).bit_length() for s in read}
        base, depth = {}, 0
        for s in sorted(read, key=lambda s: -widths[s]):
            base[s] = depth
            depth += 2 << widths[s]
        write_row, read_row = Signal(range(depth)), Signal(range(depth))
        self._elaborate_memory(m, write_row, read_row)
        source, parity = self.source, self.parity
        if uses_tables(params):
            # There is a cycle between the choice of a list and its first position.
            source, parity = Signal.like(source), Signal.like(parity)
            m.d.sync += [source.eq(self.source), parity.eq(self.parity)]

        # What nobody reads is nowhere kept.
        spike, full, known = Signal(), Signal(), Signal()
        m.d.comb += [
            known.eq(Cat(packet.source == s for s in read).any()),
            spike.eq(self.take & known & (packet.kind == EventKind.SPIKE)),
            self.accepted.eq(spike & ~full),
            self.dropped.eq(spike & full),
        ]
        ends = [Signal(name=f"end_{s}") if s in read else C(0, 1)
                for s in range(len(params.sources))]
        m.d.comb += self.ended.eq(Cat(ends))
        for s in read:
            width, neurons = widths[s], params.sources[s].neurons
            # The list that is filled, and the spikes in it; counts and flags of both lists.
            filling = Signal(name=f"filling_{s}")
            filled = Signal(range(neurons + 1), name=f"filled_{s}")
            starts = Signal(name=f"starts_{s}")
            steps = Signal(data.ArrayLayout(
                data.StructLayout({"count": range(neurons + 1), "fresh": 1}), 2), name=f"steps_{s}")
            with m.If(packet.source == s):
                m.d.comb += [
                    full.eq(filled == neurons),
                    write_row.eq(Cat(filled[:width], filling) | base[s]),
                    ends[s].eq(self.take & (packet.kind == EventKind.END)),
                ]
                with m.If(self.take & (packet.kind == EventKind.START)):
                    m.d.sync += starts.eq(1)
                with m.If(self.accepted):
                    m.d.sync += filled.eq(filled + 1)
                with m.If(ends[s]):
                    m.d.sync += [
                        steps[filling].count.eq(filled),
                        steps[filling].fresh.eq(starts),
                        filled.eq(0),
                        starts.eq(0),
                        filling.eq(~filling),
                    ]
            with m.If(source == s):
                m.d.comb += read_row.eq(Cat(self.position[:width], parity) | base[s])
            with m.If(self.source == s):
                m.d.comb += self.count.eq(steps[self.parity].count)
            with m.If(self.clock == s):
                m.d.comb += self.fresh.eq(steps[self.clock_parity].fresh)
        return m

    def _elaborate_memory(self, m, write_row, read_row):
        """The codes in rows of banks. A write has a register, because much comes before it; each
        bank has one for what it reads, because the memory's clock-to-output and a multiplexer are
        more than a cycle."""
        row, stored, store = Signal.like(write_row), Signal.like(self.code), Signal()
        m.d.sync += [
            row.eq(write_row),
            stored.eq(self.packet.code),
            store.eq(self.accepted),
        ]
        banks = []
        for number, rows in enumerate(list_rows(self.params)):
            m.submodules[f"codes_{number}"] = codes = memory.Memory(
                shape=len(self.code), depth=rows, init=[])
            write, read = codes.write_port(), codes.read_port()
            code = Signal.like(self.code, name=f"code_{number}")
            m.d.comb += [
                write.addr.eq(row),
                write.data.eq(stored),
                write.en.eq(store & (row[_BANK_WIDTH:] == number)),
                read.addr.eq(read_row),
            ]
            m.d.sync += code.eq(read.data)
            banks.append(code)
        bank = read_row[_BANK_WIDTH:]
        for i in range(2 if len(banks) > 1 else 0):
            later = Signal.like(bank, name=f"bank_{i + 1}")
            m.d.sync += later.eq(bank)
            bank = later
        m.d.comb += self.code.eq(Array(banks)[bank] if len(banks) > 1 else banks[0])
