"""Adds up weight words in registers: the synaptic operations."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .params import CoreParams

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Sums the weights of one state word over the events of a step, one weight word a cycle.

    The sums live in registers, so that an event costs one memory access (its weight word) and
    there is no read-modify-write hazard. Words of different sums follow each other without a gap.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    weights : :py:`In(data.ArrayLayout(signed(weight_width), lanes))`
        A weight word straight from the memory.
    valid : :py:`In(1)`
        ``weights`` is an event's; otherwise it counts as zero.
    scattered, take : :py:`In(data.ArrayLayout(signed(accumulator_width), lanes))`, :py:`In(1)`
        Sums from the memory of currents, and whether they count in place of ``weights``; only in a
        core that has that memory.
    last : :py:`In(1)`
        The sum is complete with this word. Comes with ``weights``, ``valid`` or not.
    current : :py:`Out(data.ArrayLayout(signed(accumulator_width), lanes // folds))`
        The sum, two cycles after ``last``; held until two cycles after the next ``last``. Where it
        is updated in two halves: that of the first lanes in that cycle, of the others afterwards.
    operands : :py:`Out(data.ArrayLayout(signed(weight_width), lanes))`
        ``weights`` if ``valid``, a cycle later; only in a core without that memory.
    """
    def __init__(self, params: CoreParams):
        self.params = params
        total = signed(params.accumulator_width)
        sums = data.ArrayLayout(total, params.lanes)
        members = {
            "weights": In(data.ArrayLayout(signed(params.weight_width), params.lanes)),
            "valid":   In(1),
            "last":    In(1),
            "current": Out(data.ArrayLayout(total, params.lanes // params.folds)),
        }
        if params.current_words:
            members |= {"scattered": In(sums), "take": In(1)}
        else:
            members["operands"] = Out(members["weights"].shape)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        scatters = bool(self.params.current_words)
        operand_width = (self.params.accumulator_width if scatters else self.params.weight_width)
        last, operands, totals = Signal(), [], []
        m.d.sync += last.eq(self.last)
        for lane in range(self.params.lanes):
            operand = Signal(signed(operand_width), name=f"operand_{lane}")
            partial = Signal(signed(self.params.accumulator_width), name=f"partial_{lane}")
            total = Signal.like(partial, name=f"total_{lane}")
            # Written so that the clearing is the flip-flops' synchronous reset, not a LUT a bit.
            if scatters:
                m.d.sync += operand.eq(Mux(self.take, self.scattered[lane], self.weights[lane]))
                with m.If(~(self.valid | self.take)):
                    m.d.sync += operand.eq(0)
            else:
                m.d.sync += operand.eq(self.weights[lane])
                with m.If(~self.valid):
                    m.d.sync += operand.eq(0)
            operands.append(operand)
            m.d.comb += total.eq(partial + operand)
            totals.append(total)
            m.d.sync += partial.eq(total)
            with m.If(last):
                m.d.sync += partial.eq(0)
        now, later = Cat(totals[:len(self.current)]), Cat(totals[len(self.current):])
        if self.params.folds > 1:
            second = Signal.like(later)
            m.d.sync += self.current.eq(second)
            with m.If(last):
                m.d.sync += second.eq(later)
        with m.If(last):
            m.d.sync += self.current.eq(now)
        if not scatters:
            m.d.comb += self.operands.eq(Cat(operands))
        return m
