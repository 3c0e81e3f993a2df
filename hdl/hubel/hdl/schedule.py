"""Which population may start its next step: time as data flow."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .params import CoreParams

__all__ = ["Schedule"]


class Schedule(wiring.Component):
    """Counts, for each pair of a source and a population that reads it, the steps that have
    arrived and the lists that are free.

    A source has two lists: the reader uses one step while another is collected. A population may
    start step t when all its sources have completed what it reads (step t, or t - 1 with a delay of
    one) and no reader needs the list that its own spikes of step t will take. The step that is
    least in time, and in it the first population, can therefore always start: nothing can block
    for ever, whatever the delays.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    ended : :py:`In(sources)`
        A bit for each source: the END of a step was taken into its list.
    finished : :py:`In(populations)`
        A bit for each population: it has read all that it needs for its step.
    may_start : :py:`Out(populations)`
        A bit for each population: its next step may start.
    may_fill : :py:`Out(inputs)`
        A bit for each input: there is a list for the step that it sends.
    """
    def __init__(self, params: CoreParams):
        self.params = params
        super().__init__({
            "ended":     In(len(params.sources)),
            "finished":  In(len(params.populations)),
            "may_start": Out(len(params.populations)),
            "may_fill":  Out(len(params.inputs)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        ready = [[] for _ in params.sources]
        for s in range(len(params.sources)):
            p = s - len(params.inputs)
            taken = self.ended[s] if p < 0 else self.finished[p]
            for reader, delay in params.consumers(s):
                name = f"{s}_{reader}_{delay}"
                arrived = Signal(2, init=delay, name=f"arrived_{name}")
                free = Signal(2, init=2 - delay, name=f"free_{name}")
                m.d.sync += [
                    arrived.eq(arrived + self.ended[s] - self.finished[reader]),
                    free.eq(free + self.finished[reader] - taken),
                ]
                ready[params.source_of(reader)].append(arrived != 0)
                ready[s].append(free != 0)
        bits = [Cat(conditions).all() if conditions else C(1) for conditions in ready]
        m.d.comb += [
            self.may_fill.eq(Cat(bits[:len(params.inputs)])),
            self.may_start.eq(Cat(bits[len(params.inputs):])),
        ]
        return m
