"""Which inputs spiked in this step, and their traces."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .stdp_params import VALUE_MAX, VALUE_WIDTH, LearningParams

__all__ = ["InputTraces"]


class InputTraces(wiring.Component):
    """Collects the spikes of a step as a bit for each input. At its end, word by word, lets the
    traces decay, adds the spikes to them and lists the inputs that spiked, in order.

    That takes five cycles a word of inputs, or ``spikes + 2`` where more than three of them spiked.
    After a reset it forgets the spikes of the step, a word of inputs a cycle.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    spike, code : :py:`In(1)`, :py:`In(range(inputs))`
        An input spiked.
    start, busy : :py:`In(1)`, :py:`Out(1)`
        The step is complete; begin. At work from the next cycle on.
    fresh : :py:`In(1)`
        All traces count as 0.
    x_step : :py:`In(16)`
        What a spike adds.
    decay, decayed
        The ``traces`` of the cycle before are to decay; the answer two cycles later.
    position, event : :py:`In(range(inputs))`, :py:`Out(range(inputs))`
        An entry of the list, one cycle later.
    count : :py:`Out(range(inputs + 1))`
        Entries.
    listed : :py:`Out(1)`
        An entry is made in this cycle.
    word, traces
        Traces of a word of inputs, one cycle later.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        values = data.ArrayLayout(VALUE_WIDTH, params.lanes)
        super().__init__({
            "spike": In(1), "code": In(range(params.inputs)),
            "start": In(1), "busy": Out(1), "fresh": In(1), "x_step": In(VALUE_WIDTH),
            "decay": Out(1), "decayed": In(values),
            "position": In(range(params.inputs)), "event": Out(range(params.inputs)),
            "count": Out(range(params.inputs + 1)), "listed": Out(1),
            "word": In(range(params.input_words)), "traces": Out(values),
        })

    def elaborate(self, platform):
        m = Module()
        params, lanes = self.params, self.params.lanes
        shift, depth = lanes.bit_length() - 1, max(2, params.input_words)
        block = {"ram_style": "block"}
        m.submodules.flags = flags = memory.Memory(shape=lanes, depth=depth, init=[], attrs=block)
        m.submodules.memory = rows = memory.Memory(
            shape=lanes * VALUE_WIDTH, depth=depth, init=[], attrs=block)
        m.submodules.list = events = memory.Memory(
            shape=len(self.event), depth=params.inputs, init=[], attrs=block)
        flag_write, flag_read = flags.write_port(granularity=1), flags.read_port()
        write, read = rows.write_port(), rows.read_port()
        list_write, list_read = events.write_port(), events.read_port()

        row = Signal(range(params.input_words))
        spiked, left = Signal(lanes), Signal(lanes)
        m.d.comb += [
            flag_read.addr.eq(row),
            read.addr.eq(Mux(self.busy, row, self.word)),
            list_read.addr.eq(self.position),
            self.event.eq(list_read.data),
            self.traces.eq(Mux(self.fresh, 0, read.data)),
            write.addr.eq(row),
        ]
        # A spike sets its bit; what was listed is cleared.
        m.d.comb += [
            flag_write.addr.eq(Mux(self.busy, row, self.code[shift:])),
            flag_write.data.eq(Mux(self.busy, 0, ~C(0, lanes))),
        ]
        with m.If(self.spike):
            m.d.comb += flag_write.en.eq(1 << self.code[:shift])

        # The lowest input that is not listed yet.
        first = Signal(range(lanes))
        for lane in reversed(range(lanes)):
            with m.If(left[lane]):
                m.d.comb += first.eq(lane)
        m.d.comb += [
            list_write.addr.eq(self.count),
            list_write.data.eq(Cat(first, row)),
            list_write.en.eq(left.any()),
            self.listed.eq(left.any()),
        ]
        with m.If(left.any()):
            m.d.sync += [self.count.eq(self.count + 1), left.eq(left & (left - 1))]

        stored = []
        for lane in range(lanes):
            total = Signal(VALUE_WIDTH + 1, name=f"total_{lane}")
            m.d.comb += total.eq(self.decayed[lane] + self.x_step)
            stored.append(Mux(spiked[lane], Mux(total[-1], VALUE_MAX, total[:VALUE_WIDTH]),
                              self.decayed[lane]))
        m.d.comb += write.data.eq(Cat(stored))

        last = Signal()
        m.d.comb += last.eq(row == params.input_words - 1)

        def advance():
            m.d.sync += row.eq(Mux(last, 0, row + 1))
            m.next = "Fetch"
            with m.If(last):
                m.next = "Idle"

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Clear"):
                m.d.comb += flag_write.en.eq(~C(0, lanes))
                m.d.sync += row.eq(Mux(last, 0, row + 1))
                with m.If(last):
                    m.next = "Idle"
            with m.State("Idle"):
                with m.If(self.start):
                    m.d.sync += self.count.eq(0)
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Present"
            with m.State("Present"):
                m.d.comb += flag_write.en.eq(~C(0, lanes))
                m.d.sync += [spiked.eq(flag_read.data), left.eq(flag_read.data)]
                m.next = "Decay"
            with m.State("Decay"):
                m.d.comb += self.decay.eq(1)
                m.next = "Multiply"
            with m.State("Multiply"):
                m.next = "Store"
            with m.State("Store"):
                m.d.comb += write.en.eq(1)
                m.next = "List"
                with m.If(~(left & (left - 1)).any()):
                    advance()
            with m.State("List"):
                with m.If(~(left & (left - 1)).any()):
                    advance()
        return m
