"""A whole network on one core: each population feeds the next."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .core import Core, UpdateSignature
from .counter_ring import CounterSignature
from .events import EventLayout
from .params import CoreParams
from .program import Program

__all__ = ["Chain"]


class Chain(wiring.Component):
    """A core whose populations form a chain: packets from outside go to population 0, those of
    population ``i`` to population ``i + 1``, and those of the last one leave.

    Packets inside the chain go before packets from outside.

    Parameters
    ----------
    params : :class:`CoreParams`
    program : :class:`Program`

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(params)))`
        Packets for population 0, whatever their ``population`` says.
    spikes : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets of the last population.
    counters, update
        As in :class:`Core`.
    """
    events: stream.Interface
    spikes: stream.Interface

    def __init__(self, params: CoreParams, program: Program):
        self.params = params
        self._program = program
        super().__init__({
            "events":   In(stream.Signature(EventLayout(params))),
            "spikes":   Out(stream.Signature(EventLayout(params))),
            "counters": Out(CounterSignature()),
            "update":   Out(UpdateSignature(params)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = Core(self.params, self._program)
        wiring.connect(m, core.update, wiring.flipped(self.update))
        wiring.connect(m, core.counters, wiring.flipped(self.counters))
        leaves = Signal()
        m.d.comb += [
            leaves.eq(core.spikes.payload.population == self.params.populations - 1),
            self.spikes.payload.eq(core.spikes.payload),
            self.spikes.valid.eq(core.spikes.valid & leaves),
        ]
        with m.If(core.spikes.valid & ~leaves):
            m.d.comb += [
                core.events.payload.eq(core.spikes.payload),
                core.events.payload.population.eq(core.spikes.payload.population + 1),
                core.events.valid.eq(1),
            ]
        with m.Else():
            m.d.comb += [
                core.events.payload.eq(self.events.payload),
                core.events.payload.population.eq(0),
                core.events.valid.eq(self.events.valid),
                self.events.ready.eq(core.events.ready),
            ]
        m.d.comb += core.spikes.ready.eq(Mux(leaves, self.spikes.ready, core.events.ready))
        return m
