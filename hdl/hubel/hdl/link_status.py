"""Counts what went wrong on a link, and whether the core behind it has something to do."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LinkStatus"]


class LinkStatus(wiring.Component):
    """Frames that were bad, stale or lost since the last report, 255 at most each; and whether the
    core is idle.

    Members
    -------
    bad, stale, lost : :py:`In(1)`
        There was one in this cycle.
    report : :py:`In(1)`
        Begin anew.
    counts : :py:`Out(8)` three times
        How many, two cycles later.
    trouble : :py:`Out(1)`
        One of them is not zero.
    busy : :py:`In(1)`
        The core has something to do.
    idle : :py:`Out(1)`
        It had nothing for longer than anything is on its way through it or its counters.
    """
    bad: Signal
    stale: Signal
    lost: Signal
    report: Signal
    counts: list[Signal]
    trouble: Signal
    busy: Signal
    idle: Signal

    def __init__(self):
        super().__init__({
            "bad":     In(1),
            "stale":   In(1),
            "lost":    In(1),
            "report":  In(1),
            "counts":  Out(8).array(3),
            "trouble": Out(1),
            "busy":    In(1),
            "idle":    Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        for i, now in enumerate((self.bad, self.stale, self.lost)):
            count = self.counts[i]
            # Counted a cycle later: what decides it is late.
            one = Signal(name=f"one_{i}")
            m.d.sync += one.eq(now)
            with m.If(self.report):
                m.d.sync += count.eq(one)
            with m.Elif(one & ~count.all()):
                m.d.sync += count.eq(count + 1)
        m.d.comb += self.trouble.eq(Cat(count.any() for count in self.counts).any())
        quiet = Signal(7)
        m.d.sync += self.idle.eq(quiet.all())
        with m.If(self.busy):
            m.d.sync += [quiet.eq(0), self.idle.eq(0)]
        with m.Elif(~quiet.all()):
            m.d.sync += quiet.eq(quiet + 1)
        return m
