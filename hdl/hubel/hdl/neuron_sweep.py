"""The neurons of a learning core: membranes, adaptations and traces, word by word."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .params import DECAY_SHIFT
from .rates import RatesLayout
from .stdp_params import VALUE_MAX, VALUE_WIDTH, LearningParams

__all__ = ["NeuronSweep", "NeuronValues"]


class NeuronValues(data.StructLayout):
    """What a neuron remembers: membrane, adaptation of the threshold, trace."""
    def __init__(self):
        super().__init__({"v": VALUE_WIDTH, "a": VALUE_WIDTH, "y": VALUE_WIDTH})


class NeuronSweep(wiring.Component):
    """Lets a word of neurons decay, has the weights of the step added to it, saturates, compares,
    and goes on to the next word.

    A word takes nine cycles, the cycles from ``gather`` to ``gathered`` beyond five, and one
    for each candidate beyond the first.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    start, busy
        A step. At work from the next cycle on.
    fresh, inhibited : :py:`In(1)`
        Membranes and traces count as 0. Some neuron fired in the step before.
    rates : :py:`In(RatesLayout())`
        Held during a step.
    decay, value, factor, decayed
        What decays, and the answer two cycles later.
    word, gather, gathered
        From the cycle after ``gather`` on, the weights from the inputs that spiked to the neurons
        of ``word`` are to be added; the first at least four cycles after ``gather``. All were added
        when ``gathered`` comes.
    add, weights : :py:`In(1)`, :py:`In(data.ArrayLayout(8, lanes))`
        Add these weights.
    y : :py:`Out(data.ArrayLayout(16, lanes))`
        The traces of ``word``, from five cycles after ``gather`` on.
    candidate, code, above : :py:`Out`
        A neuron whose membrane is by ``above`` above its threshold.
    win, winner, won
        ``winner`` fires: resets its membrane, raises its adaptation and its trace. Done in the
        cycle of ``won``. Only while not ``busy``; ``win`` is held until then.
    access, access_enable, access_data, row
        While idle: read the row of neuron ``access``, one cycle later in ``row``, or write the
        bytes of it for which ``access_enable`` has a bit.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        values = data.ArrayLayout(VALUE_WIDTH, params.lanes)
        super().__init__({
            "start": In(1), "busy": Out(1), "fresh": In(1), "inhibited": In(1),
            "rates": In(RatesLayout()),
            "value": Out(values), "factor": Out(DECAY_SHIFT + 1), "decay": Out(1),
            "decayed": In(values),
            "word": Out(range(params.neuron_words)), "gather": Out(1), "gathered": In(1),
            "add": In(1), "weights": In(data.ArrayLayout(8, params.lanes)), "y": Out(values),
            "candidate": Out(1), "code": Out(range(params.neurons)), "above": Out(VALUE_WIDTH),
            "win": In(1), "winner": In(range(params.neurons)), "won": Out(1),
            "access": In(range(params.neurons)), "access_enable": In(NeuronValues().size // 8),
            "access_data": In(8), "row": Out(NeuronValues()),
        })

    def elaborate(self, platform):
        m = Module()
        params, lanes = self.params, self.params.lanes
        shift = lanes.bit_length() - 1
        reading, read_row = Signal(), Signal(range(params.neuron_words))
        write_row, enable = Signal.like(read_row), Signal(lanes)
        names = ("v", "a", "y")
        kept = [{n: Signal(VALUE_WIDTH, name=f"{n}_{lane}") for n in names}
                for lane in range(lanes)]
        stored = [Signal(NeuronValues(), name=f"stored_{lane}") for lane in range(lanes)]
        raised = Signal(NeuronValues())
        winning = Signal()
        above = [Signal(VALUE_WIDTH, name=f"above_{lane}") for lane in range(lanes)]
        left = Signal(lanes)
        lane_of_winner, lane_of_access = Signal(range(lanes)), Signal(range(lanes))
        whole = ~C(0, NeuronValues().size // 8)

        m.d.comb += [
            read_row.eq(Mux(self.busy, self.word, self.access[shift:])),
            write_row.eq(Mux(winning, self.winner[shift:],
                             Mux(self.busy, self.word, self.access[shift:]))),
            lane_of_winner.eq(self.winner[:shift]),
        ]
        with m.If(winning):
            m.d.comb += read_row.eq(self.winner[shift:])
        m.d.sync += lane_of_access.eq(self.access[:shift])
        for lane in range(lanes):
            rows = memory.Memory(shape=NeuronValues().size, depth=max(2, params.neuron_words),
                                 init=[], attrs={"ram_style": "block"})
            m.submodules[f"memory_{lane}"] = rows
            write, read = rows.write_port(granularity=8), rows.read_port()
            sweep = Cat(kept[lane][n] for n in names)
            m.d.comb += [
                read.addr.eq(read_row),
                read.en.eq(reading),
                stored[lane].eq(read.data),
                write.addr.eq(write_row),
                write.data.eq(Mux(winning, raised.as_value(), sweep)),
                write.en.eq(Mux(enable[lane], whole, 0)),
            ]
            with m.If(~self.busy):
                m.d.comb += [
                    write.data.eq(self.access_data.replicate(len(whole))),
                    write.en.eq(Mux(self.access[:shift] == lane, self.access_enable, 0)),
                ]
        with m.Switch(Mux(winning, lane_of_winner, lane_of_access)):
            for lane in range(lanes):
                with m.Case(lane):
                    m.d.comb += self.row.eq(stored[lane])

        # A winner.
        total_a, total_y = Signal(VALUE_WIDTH + 1), Signal(VALUE_WIDTH + 1)
        m.d.comb += [total_a.eq(self.row.a + self.rates.a_step),
                     total_y.eq(self.row.y + self.rates.y_step)]
        m.d.sync += raised.eq(Cat(
            C(0, VALUE_WIDTH), *(Mux(total[-1], VALUE_MAX, total[:VALUE_WIDTH])
                                 for total in (total_a, total_y))))

        # Candidates, the first of the word first.
        first = Signal(range(lanes))
        for lane in reversed(range(lanes)):
            with m.If(left[lane]):
                m.d.comb += first.eq(lane)
        with m.Switch(first):
            for lane in range(lanes):
                with m.Case(lane):
                    m.d.comb += self.above.eq(above[lane])
        m.d.comb += [self.candidate.eq(left.any()), self.code.eq(Cat(first, self.word))]
        with m.If(left.any()):
            m.d.sync += left.eq(left & (left - 1))

        # What the states of the machine do to each lane.
        leak, keep_a, keep_y, saturate, level, compare = (
            Signal(name=name) for name in
            ("leak", "keep_a", "keep_y", "saturate", "level", "compare"))
        wants = [self._elaborate_lane(m, lane, kept[lane], above[lane],
                                      leak, keep_a, keep_y, saturate, level, compare)
                 for lane in range(lanes)]
        with m.If(compare):
            m.d.sync += left.eq(Cat(wants))

        def present(name, factor):
            m.d.comb += [
                self.value.as_value().eq(Cat(stored[lane][name] for lane in range(lanes))),
                self.factor.eq(factor),
                self.decay.eq(1),
            ]

        last = Signal()
        m.d.comb += [
            last.eq(self.word == params.neuron_words - 1),
            self.y.as_value().eq(Cat(kept[lane]["y"] for lane in range(lanes))),
        ]
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Idle"):
                m.d.comb += reading.eq(1)
                with m.If(self.start):
                    m.next = "Fetch"
                with m.Elif(self.win):
                    m.next = "Winner"
            with m.State("Fetch"):
                m.d.comb += reading.eq(1)
                m.next = "Membrane"
            with m.State("Membrane"):
                present("v", self.rates.v_decay)
                m.d.comb += self.gather.eq(1)
                m.next = "Adaptation"
            with m.State("Adaptation"):
                present("a", self.rates.a_decay)
                m.next = "Trace"
            with m.State("Trace"):
                present("y", self.rates.y_decay)
                m.d.comb += leak.eq(1)
                m.next = "Keep"
            with m.State("Keep"):
                m.d.comb += keep_a.eq(1)
                m.next = "Gather"
            with m.State("Gather"):
                # The trace comes in the first of these cycles, and stays where it was.
                traced = Signal()
                m.d.comb += keep_y.eq(~traced)
                m.d.sync += traced.eq(1)
                m.d.comb += level.eq(1)
                with m.If(self.gathered):
                    m.d.sync += traced.eq(0)
                    m.next = "Saturate"
            with m.State("Saturate"):
                m.d.comb += saturate.eq(1)
                m.next = "Compare"
            with m.State("Compare"):
                m.d.comb += compare.eq(1)
                m.next = "Store"
            with m.State("Store"):
                m.d.comb += enable.eq(~C(0, lanes))
                with m.If(~(left & (left - 1)).any()):
                    m.d.sync += self.word.eq(Mux(last, 0, self.word + 1))
                    m.next = "Fetch"
                    with m.If(last):
                        m.next = "Idle"
            with m.State("Winner"):
                m.d.comb += [winning.eq(1), reading.eq(1)]
                m.next = "Raise"
            with m.State("Raise"):
                m.d.comb += winning.eq(1)
                m.next = "Write"
            with m.State("Write"):
                m.d.comb += [winning.eq(1), self.won.eq(1), enable.eq(1 << lane_of_winner)]
                m.next = "Idle"
        return m

    def _elaborate_lane(self, m, lane, kept, above, leak, keep_a, keep_y, saturate, level,
                        compare):
        """Whether the neuron wants to fire."""
        rates, decayed = self.rates, self.decayed[lane]
        total = Signal(self.params.sum_width, name=f"sum_{lane}")
        less = Signal(signed(VALUE_WIDTH + 1), name=f"less_{lane}")
        threshold = Signal(VALUE_WIDTH + 1, name=f"threshold_{lane}")
        beyond = Signal(signed(VALUE_WIDTH + 2), name=f"beyond_{lane}")
        m.d.comb += [
            less.eq(decayed - Mux(self.inhibited, rates.inhibition, 0)),
            beyond.eq(kept["v"] - threshold),
        ]
        with m.If(leak):
            m.d.sync += total.eq(Mux(self.fresh | less[-1], 0, less[:VALUE_WIDTH]))
        with m.Elif(self.add):
            m.d.sync += total.eq(total + self.weights[lane])
        with m.If(keep_a):
            m.d.sync += kept["a"].eq(decayed)
        with m.If(keep_y):
            m.d.sync += kept["y"].eq(Mux(self.fresh, 0, decayed))
        with m.If(level):
            m.d.sync += threshold.eq(rates.threshold + kept["a"])
        with m.If(saturate):
            m.d.sync += kept["v"].eq(
                Mux(total[VALUE_WIDTH:].any(), VALUE_MAX, total[:VALUE_WIDTH]))
        with m.If(compare):
            m.d.sync += above.eq(beyond[:VALUE_WIDTH])
        return beyond > 0
