"""The way into the memories of a core while it is idle: to load a Program, to read states."""

from contextlib import contextmanager
from typing import Any

from amaranth import *
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ADDRESS_WIDTH", "LoadSignature", "MemoryAccess", "MemoryAccessSignature", "MemoryKind",
           "row_bytes"]

#: Bits of an address: the number of a row.
ADDRESS_WIDTH = 24

# Bytes that are looked at side by side before one of them is chosen, so that a row takes no long
# multiplexer in one cycle.
_CHUNK = 4


class MemoryKind(enum.Enum, shape=3):
    """A memory of a core; :mod:`hubel.hdl.memory_image` makes their contents."""
    #: Weight words.
    WEIGHTS = 0
    #: Targets beside the weight words of sparse projections.
    TARGETS = 1
    #: States, first states and parameters that differ: rows {:class:`NeuronRow`, state word}.
    NEURONS = 2
    #: What the neurons of a population share, a row for each population. Cannot be read.
    SHARED = 3
    #: The first address table: lists of sparse projections. Cannot be read.
    TABLES = 4


def row_bytes(width: int) -> int:
    """Bytes that carry a row of ``width`` bits."""
    return -(-width // 8)


class MemoryAccessSignature(wiring.Signature):
    """Bytes to and from a memory, row after row, the low byte of each first.

    ``begin``: for one cycle, take ``memory`` and ``address``, the first row; what is left of a row
    or of an answer is dropped. ``write``: bytes for the rows from there on; one is written when it
    is taken, and after the last byte of a row the address goes up by one. ``read``: the bytes of
    the rows from there on; ``begin`` may take back one that is offered. Between two ``begin`` bytes
    are either written or read. A memory that the core does not have takes bytes and gives zeros.

    Only used while the core is idle: every END has left that was sent into it.

    Parameters
    ----------
    kinds : enumeration
        The memories.
    """
    def __init__(self, kinds: type[enum.Enum] = MemoryKind):
        super().__init__({
            "begin":   Out(1),
            "memory":  Out(kinds),
            "address": Out(ADDRESS_WIDTH),
            "write":   Out(stream.Signature(8)),
            "read":    In(stream.Signature(8)),
        })


class LoadSignature(wiring.Signature):
    """From :class:`MemoryAccess` to a memory: while ``select`` the memory obeys ``address``, and
    stores ``data`` in the bytes of the row that ``enable`` has a bit for; without any, it is read.

    Parameters
    ----------
    width : int
        Bits of a row.
    """
    def __init__(self, width: int):
        super().__init__({
            "select":  Out(1),
            "address": Out(ADDRESS_WIDTH),
            "enable":  Out(row_bytes(width)),
            "data":    Out(8),
        })


class MemoryAccess(wiring.Component):
    """Turns bytes into accesses to the memories, through the ports that they have anyway.

    A byte is written in the cycle after it is taken, one every cycle. Reading, a byte takes five
    cycles: its row is fetched for each.

    Parameters
    ----------
    widths : dict of MemoryKind to int
        Bits of a row of each memory that there is.
    readable : set of MemoryKind
        Those whose rows are given back.

    Members
    -------
    port : :py:`In(MemoryAccessSignature())`
        Bytes.
    load_weights, ... : :py:`Out(LoadSignature(width))`
        To each memory of ``widths``.
    store : :py:`Out(1)`
        The byte that the port gives in this cycle is stored in NEURONS in the next one.
    row_weights, ... : :py:`In(width)`
        The row of each readable one, two cycles after it was selected.
    """
    port: Any
    store: Signal

    def __init__(self, widths: dict[MemoryKind, int], readable: set[MemoryKind]):
        self._widths = widths
        self._readable = [kind for kind in widths if kind in readable]
        members = {"port": In(MemoryAccessSignature()), "store": Out(1)}
        for kind, width in widths.items():
            members[f"load_{kind.name.lower()}"] = Out(LoadSignature(width))
        for kind in self._readable:
            members[f"row_{kind.name.lower()}"] = In(widths[kind])
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        port, most = self.port, max(map(row_bytes, self._widths.values()))
        memory, address = Signal(MemoryKind), Signal(ADDRESS_WIDTH)
        position = Signal(range(max(2, most)))
        # The last position of a row of the memory.
        last = Signal.like(position)
        with m.Switch(memory):
            for kind, width in self._widths.items():
                with m.Case(kind):
                    m.d.comb += last.eq(row_bytes(width) - 1)
        step = Signal()
        with m.If(step):
            m.d.sync += position.eq(position + 1)
            with m.If(position == last):
                m.d.sync += [position.eq(0), address.eq(address + 1)]

        # Write: from a register, a cycle after the byte came; then the place moves on.
        data = Signal(8)
        writing, fetching = Signal(), Signal()
        m.d.comb += port.write.ready.eq(~port.begin)
        m.d.sync += writing.eq(port.write.valid & port.write.ready)
        with m.If(port.write.valid & port.write.ready):
            m.d.comb += self.store.eq(memory == MemoryKind.NEURONS)
            m.d.sync += data.eq(port.write.payload)
        with m.If(writing):
            m.d.comb += step.eq(1)
        for kind, width in self._widths.items():
            load, mine = getattr(self, f"load_{kind.name.lower()}"), Signal(name=f"is_{kind.name}")
            m.d.comb += mine.eq(memory == kind)
            m.d.comb += [
                load.select.eq(mine & (writing | fetching)),
                load.address.eq(address),
                load.data.eq(data),
            ]
            with m.If(mine & writing):
                m.d.comb += load.enable.eq((1 << position)[:row_bytes(width)])

        self._elaborate_read(m, memory, position, step, fetching)
        with m.If(port.begin):
            m.d.sync += [memory.eq(port.memory), address.eq(port.address), position.eq(0)]
        return m

    def _elaborate_read(self, m, memory, position, step, fetching):
        """A byte at a time, from the row behind the memory."""
        port = self.port
        rows = {kind: getattr(self, f"row_{kind.name.lower()}") for kind in self._readable}
        # A chunk of each, whose bytes come together a cycle later: a long multiplexer in steps.
        byte = Signal(8)
        with m.Switch(memory):
            for kind, row in rows.items():
                chunk = Signal(8 * _CHUNK, name=f"chunk_{kind.name.lower()}", reset_less=True)
                m.d.sync += chunk.eq(row.word_select(position >> 2, 8 * _CHUNK))
                with m.Case(kind):
                    m.d.comb += byte.eq(chunk.word_select(position[:2], 8))

        @contextmanager
        def state(name: str, then: str):
            """A state after which ``then`` comes, if no ``begin`` comes first."""
            with m.State(name):
                m.next = then
                yield
                with m.If(port.begin):
                    m.next = "Address"

        with m.FSM(init="Rest"):
            with state("Rest", "Rest"):
                # Nothing is fetched before the first ``begin``: the core may be at work.
                pass
            with state("Address", "Fetch"):
                # A byte before may still be on its way.
                pass
            with state("Fetch", "Row"):
                m.d.comb += fetching.eq(1)
            with state("Row", "Chunk"):
                pass
            with state("Chunk", "Byte"):
                pass
            with state("Byte", "Offer"):
                m.d.sync += port.read.payload.eq(byte)
            with state("Offer", "Offer"):
                m.d.comb += port.read.valid.eq(1)
                with m.If(port.read.ready):
                    m.d.comb += step.eq(1)
                    m.next = "Fetch"
