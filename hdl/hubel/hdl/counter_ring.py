"""Counts what a core does, with one adder for all counters."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .counters import COUNTER_WIDTH, Counters
from .params import CoreParams

__all__ = ["CounterRing", "CounterSignature", "IncrementLayout"]


class CounterSignature(wiring.Signature):
    """The counters of a core, one a cycle, in the order of :class:`Counters`: ``value`` is the
    total of counter ``number``, up to eight cycles old. Both are driven by the core."""
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


class CounterRing(wiring.Component):
    """The counters lie in a ring that turns by one counter a cycle, past the only wide adder; what
    happens between two visits waits in a few bits. An eighth of the adders of eight counters, and
    reading them needs no multiplexer.

    Parameters
    ----------
    params : :class:`CoreParams`
    most : int
        The most synaptic operations that are counted in a cycle.

    Members
    -------
    increment : :py:`In(IncrementLayout(params, most))`
        What to add in this cycle.
    counters : :py:`Out(CounterSignature())`
        One counter a cycle.
    """
    def __init__(self, params: CoreParams, *, most: int):
        self._layout = IncrementLayout(params, most)
        super().__init__({
            "increment": In(self._layout),
            "counters":  Out(CounterSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        names = [name for name, _ in self._layout]
        number = Signal(range(len(names)))
        ring = [Signal(COUNTER_WIDTH, name=f"ring_{i}") for i in range(len(names))]
        widest = max(Shape.cast(field.shape).width for _, field in self._layout)
        waiting = Signal(range(len(names) * (2**widest - 1) + 1))
        m.d.sync += number.eq(Mux(number == len(names) - 1, 0, number + 1))
        m.d.sync += [before.eq(after) for before, after in pairwise(ring)]
        m.d.sync += ring[-1].eq(ring[0] + waiting)
        m.d.comb += [self.counters.number.eq(number), self.counters.value.eq(ring[0])]
        with m.Switch(number):
            for i, name in enumerate(names):
                increment = self.increment[name]
                pending = Signal(range(len(names) * (2**len(increment) - 1) + 1),
                                 name=f"{name}_pending")
                m.d.sync += pending.eq(pending + increment)
                with m.Case(i):
                    m.d.comb += waiting.eq(pending)
                    m.d.sync += pending.eq(increment)
        return m
