"""Counts what a core does, with one adder for all counters."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .counters import COUNTER_WIDTH, Counters
from .params import CoreParams

__all__ = ["CounterRing", "CounterSignature", "IncrementLayout", "Ring"]


class CounterSignature(wiring.Signature):
    """The counters of a core, one a cycle, in the order of :class:`Counters`: ``value`` is the
    total of counter ``number``, up to nine cycles old. Both are driven by the core."""
    def __init__(self):
        super().__init__({
            "number": Out(range(len(Counters.names()))),
            "value":  Out(COUNTER_WIDTH),
        })


class IncrementLayout(data.StructLayout):
    """What each counter grows by in a cycle: ``lanes`` at most where lanes are counted, ``most``
    synaptic operations, else 1.

    Parameters
    ----------
    params : :class:`CoreParams`
    most : int
    """
    def __init__(self, params: CoreParams, most: int):
        ranges = {"synaptic_operations": range(most + 1), "saturations": range(params.lanes + 1)}
        super().__init__({name: ranges.get(name, 1) for name in Counters.names()})


class Ring(wiring.Component):
    """The counters lie in a ring that turns by one counter a cycle, past the only wide adder; what
    happens between two visits waits in a few bits. An eighth of the adders of eight counters, and
    reading them needs no multiplexer.

    Parameters
    ----------
    layout : :class:`~amaranth.lib.data.StructLayout`
        A field for each of the eight counters: what it can grow by in a cycle.
    in_memory : bool
        The ring is a memory: on an iCE40, two block RAMs in place of 180 cells. The same, but for
        the first nine cycles after reset, in which it is cleared.

    Members
    -------
    increment : :py:`In(layout)`
        What to add in this cycle.
    counters : :py:`Out(CounterSignature())`
        One counter a cycle.
    """
    def __init__(self, layout: data.StructLayout, *, in_memory: bool = False):
        self._layout = layout
        self._in_memory = in_memory
        super().__init__({
            "increment": In(self._layout),
            "counters":  Out(CounterSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        names = [str(name) for name, _ in self._layout]
        assert len(names) == 8
        number, following = Signal(range(len(names))), Signal(range(len(names)), init=1)
        first = Signal(COUNTER_WIDTH, name="ring_0")
        widest = max(Shape.cast(field.shape).width for _, field in self._layout)
        waiting = Signal(range(len(names) * (2**widest - 1) + 1))
        m.d.sync += [
            number.eq(following),
            # A power of two, so that it turns by itself.
            following.eq(following + 1),
        ]
        if self._in_memory:
            self._elaborate_memory(m, number, first, waiting)
        else:
            ring = [first, *(Signal(COUNTER_WIDTH, name=f"ring_{i}")
                             for i in range(1, len(names)))]
            m.d.sync += [before.eq(after) for before, after in pairwise(ring)]
            m.d.sync += ring[-1].eq(first + waiting)
        m.d.comb += [self.counters.number.eq(number), self.counters.value.eq(first)]
        # What waits is chosen a cycle before it is added: to do both is the critical path.
        with m.Switch(following):
            for i, name in enumerate(names):
                increment = self.increment[name]
                pending = Signal(range(len(names) * (2**len(increment) - 1) + 1),
                                 name=f"{name}_pending")
                m.d.sync += pending.eq(pending + increment)
                with m.Case(i):
                    m.d.sync += [waiting.eq(pending), pending.eq(increment)]
        return m

    def _elaborate_memory(self, m, number, first, waiting):
        """``first`` is the value of counter ``number`` and grows by ``waiting``. Its row is read
        two cycles before and written in the next one, five before it is read again."""
        count = 1 << len(number)
        total, row = Signal(COUNTER_WIDTH), Signal.like(number)
        m.submodules.cells = cells = memory.Memory(shape=COUNTER_WIDTH, depth=count, init=[])
        read, write = cells.read_port(), cells.write_port()
        # Cycles of what is left from before the reset.
        unclear = Signal(range(count + 1), init=count)
        with m.If(unclear != 0):
            m.d.sync += [first.eq(0), unclear.eq(unclear - 1)]
        with m.Else():
            m.d.sync += first.eq(read.data)
        m.d.sync += [row.eq(number), total.eq(first + waiting)]
        m.d.comb += [
            read.addr.eq(number + 2),
            write.addr.eq(row),
            write.data.eq(total),
            write.en.eq(1),
        ]


class CounterRing(Ring):
    """The :class:`Ring` of a core's :class:`~hubel.hdl.counters.Counters`.

    Parameters
    ----------
    params : :class:`CoreParams`
    most : int
        The most synaptic operations that are counted in a cycle.
    in_memory : bool
        As in :class:`Ring`.
    """
    def __init__(self, params: CoreParams, *, most: int, in_memory: bool = False):
        super().__init__(IncrementLayout(params, most), in_memory=in_memory)
