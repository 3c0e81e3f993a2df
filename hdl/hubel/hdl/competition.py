"""The competition of a step: which of the neurons that want to fire may."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from .stdp_params import VALUE_WIDTH, LearningParams

__all__ = ["Competition"]


class Competition(wiring.Component):
    """Lists candidates, and gives them out again: the one furthest above its threshold first, of
    equals the one with the lower code.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    clear : :py:`In(1)`
        Forget all.
    candidate, code, above
        One more; in the order of codes.
    select : :py:`In(1)`
        Look for the next one, among all of them: it is answered two cycles later, and another one
        for each candidate.
    found : :py:`Out(1)`
        For one cycle: there is one.
    winner : :py:`Out(range(neurons))`
        From ``found`` to the next ``found``.
    count : :py:`Out(range(neurons + 1))`
        Candidates.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        super().__init__({
            "clear": In(1), "candidate": In(1), "code": In(range(params.neurons)),
            "above": In(VALUE_WIDTH), "select": In(1), "found": Out(1),
            "winner": Out(range(params.neurons)), "count": Out(range(params.neurons + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.list = rows = memory.Memory(
            shape=len(self.code) + VALUE_WIDTH, depth=self.params.neurons, init=[],
            attrs={"ram_style": "block"})
        write, read = rows.write_port(), rows.read_port()
        position = Signal.like(self.count)
        # What the winner before was above its threshold, after whom all others come.
        last_above, first = Signal(VALUE_WIDTH), Signal(init=1)
        best_above, best_code, some = Signal(VALUE_WIDTH), Signal.like(self.code), Signal()
        code, above, looked = Signal.like(self.code), Signal(VALUE_WIDTH), Signal()
        m.d.comb += [
            write.addr.eq(self.count),
            write.data.eq(Cat(self.code, self.above)),
            write.en.eq(self.candidate),
            read.addr.eq(position),
            Cat(code, above).eq(read.data),
        ]
        with m.If(self.candidate):
            m.d.sync += self.count.eq(self.count + 1)
        with m.If(self.clear):
            m.d.sync += [self.count.eq(0), first.eq(1)]
        # Those come after the winner before that are less far above, or as far and of higher code.
        after = Signal()
        m.d.comb += after.eq(first | (Cat(~code, above) < Cat(~self.winner, last_above)))
        with m.If(looked & after & (~some | (above > best_above))):
            m.d.sync += [best_above.eq(above), best_code.eq(code), some.eq(1)]
        with m.FSM():
            with m.State("Idle"):
                with m.If(self.select):
                    m.d.sync += [position.eq(0), some.eq(0)]
                    m.next = "Look"
            with m.State("Look"):
                m.d.sync += [position.eq(position + 1), looked.eq(position != self.count)]
                with m.If(position == self.count):
                    m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += self.found.eq(some)
                with m.If(some):
                    m.d.sync += [self.winner.eq(best_code), last_above.eq(best_above), first.eq(0)]
                m.next = "Idle"
        return m
