"""Collects the events of a step, in block RAM."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .params import CoreParams

__all__ = ["EventList"]


class EventList(wiring.Component):
    """Two lists of axons for each population: one step is collected while another is used.

    Accepts one packet a cycle, unless both lists of its population are complete. This is the
    input FIFO of the core and the step window of two in one: a memory row for each axon and list.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(params)))`
        Spikes and markers. A spike beyond the fan-in of its population in one step is dropped
        and reported; only a sender that repeats an axon within a step can cause that.
    complete : :py:`Out(populations)`
        A bit for each population: at least one step is complete.
    full : :py:`Out(populations)`
        A bit for each population: both lists are complete.
    population : :py:`In(range(populations))`
        Whose oldest complete step is used.
    count : :py:`Out(range(max(inputs) + 1))`
        Events in it.
    fresh : :py:`Out(1)`
        It is the first step of a sample.
    position : :py:`In(range(max(inputs)))`
        Position in the list.
    axon : :py:`Out(range(max(inputs)))`
        The axon there, one cycle later.
    release : :py:`In(1)`
        The step was used and its list is free again.
    accepted, dropped : :py:`Out(1)`
        A spike was taken into a list, or dropped, in this cycle.
    """
    events: stream.Interface

    def __init__(self, params: CoreParams):
        self.params = params
        self._position_width = (max(params.inputs) - 1).bit_length()
        layout = EventLayout(params)
        super().__init__({
            "events":     In(stream.Signature(layout)),
            "complete":   Out(params.populations),
            "full":       Out(params.populations),
            "population": In(layout["population"].shape),
            "count":      Out(range(max(params.inputs) + 1)),
            "fresh":      Out(1),
            "position":   In(self._position_width),
            "axon":       Out(self._position_width),
            "release":    In(1),
            "accepted":   Out(1),
            "dropped":    Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        # A row is {population, list, position}: the largest lists come first, so that each is
        # aligned to its size and no address needs an adder.
        widths = [(inputs - 1).bit_length() for inputs in params.inputs]
        base, depth = {}, 0
        for p in sorted(range(params.populations), key=lambda p: -widths[p]):
            base[p] = depth
            depth += 2 << widths[p]

        m.submodules.axons = axons = memory.Memory(
            shape=self._position_width, depth=depth, init=[])
        write = axons.write_port()
        read = axons.read_port()

        payload = self.events.payload
        filling = Array(Signal(name=f"filling_{p}") for p in range(params.populations))
        using = Array(Signal(name=f"using_{p}") for p in range(params.populations))
        steps = Array(Signal(range(3), name=f"steps_{p}") for p in range(params.populations))
        filled = Array(Signal.like(self.count, name=f"filled_{p}")
                       for p in range(params.populations))
        starts = Array(Signal(name=f"starts_{p}") for p in range(params.populations))
        counts = Array(Array(Signal.like(self.count, name=f"count_{p}_{i}") for i in range(2))
                       for p in range(params.populations))
        freshes = Array(Array(Signal(name=f"fresh_{p}_{i}") for i in range(2))
                        for p in range(params.populations))

        taken = Signal()
        full = Signal()
        m.d.comb += [
            self.events.ready.eq(steps[payload.population] != 2),
            taken.eq(self.events.valid & self.events.ready),
            self.complete.eq(Cat(s != 0 for s in steps)),
            self.full.eq(Cat(s == 2 for s in steps)),
            self.count.eq(counts[self.population][using[self.population]]),
            self.fresh.eq(freshes[self.population][using[self.population]]),
            self.axon.eq(read.data),
            write.data.eq(payload.index),
            write.en.eq(self.accepted),
        ]
        with m.Switch(payload.population):
            for p, (inputs, width) in enumerate(zip(params.inputs, widths, strict=True)):
                with m.Case(p):
                    m.d.comb += [
                        full.eq(filled[p] == inputs),
                        write.addr.eq(Cat(filled[p][:width], filling[p]) | base[p]),
                    ]
        with m.Switch(self.population):
            for p, width in enumerate(widths):
                with m.Case(p):
                    m.d.comb += read.addr.eq(Cat(self.position[:width], using[p]) | base[p])

        with m.If(taken):
            with m.Switch(payload.kind):
                with m.Case(EventKind.SPIKE):
                    m.d.comb += [self.accepted.eq(~full), self.dropped.eq(full)]
                    m.d.sync += filled[payload.population].eq(filled[payload.population] + ~full)
                with m.Case(EventKind.START):
                    m.d.sync += starts[payload.population].eq(1)

        for p in range(params.populations):
            ended = Signal(name=f"ended_{p}")
            released = Signal(name=f"released_{p}")
            m.d.comb += [
                ended.eq(taken & (payload.kind == EventKind.END) & (payload.population == p)),
                released.eq(self.release & (self.population == p)),
            ]
            m.d.sync += steps[p].eq(steps[p] + ended - released)
            with m.If(ended):
                m.d.sync += [
                    counts[p][filling[p]].eq(filled[p]),
                    freshes[p][filling[p]].eq(starts[p]),
                    filled[p].eq(0),
                    starts[p].eq(0),
                    filling[p].eq(~filling[p]),
                ]
            with m.If(released):
                m.d.sync += using[p].eq(~using[p])
        return m
