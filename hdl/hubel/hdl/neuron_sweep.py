"""The neurons of a learning core: membranes, adaptations and traces, one after the other."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .params import DECAY_SHIFT
from .rates import RatesLayout
from .stdp_params import VALUE_MAX, VALUE_WIDTH, LearningParams

__all__ = ["NeuronSweep", "NeuronValues"]

_BYTES = VALUE_WIDTH // 8


class NeuronValues(data.StructLayout):
    """What a neuron remembers: membrane, adaptation of the threshold, trace."""
    def __init__(self):
        super().__init__({"v": VALUE_WIDTH, "a": VALUE_WIDTH, "y": VALUE_WIDTH})


class NeuronSweep(wiring.Component):
    """Word by word of neurons: lets their traces decay, has the weights of the step added up, and
    then updates one neuron in two cycles: decay, add, saturate, compare.

    A word takes ``3 * lanes + 5`` cycles, and those from ``gather`` to ``gathered``.

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
        The traces of ``word``, from four cycles after ``gather`` on.
    candidate, code, above : :py:`Out`
        A neuron whose membrane is by ``above + 1`` above its threshold.
    win, winner, won
        ``winner`` fires: resets its membrane, raises its adaptation and its trace. Done in the
        cycle of ``won``. Only while not ``busy``; ``win`` is held until then.
    access, access_enable, access_data, row
        While idle: read the row of neuron ``access``, one cycle later in ``row``, or write the
        bytes of it for which ``access_enable`` has a bit.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        super().__init__({
            "start": In(1), "busy": Out(1), "fresh": In(1), "inhibited": In(1),
            "rates": In(RatesLayout()),
            "value": Out(VALUE_WIDTH), "factor": Out(DECAY_SHIFT + 1), "decay": Out(1),
            "decayed": In(VALUE_WIDTH),
            "word": Out(range(params.neuron_words)), "gather": Out(1), "gathered": In(1),
            "add": In(1), "weights": In(data.ArrayLayout(8, params.lanes)),
            "y": Out(data.ArrayLayout(VALUE_WIDTH, params.lanes)),
            "candidate": Out(1), "code": Out(range(params.neurons)), "above": Out(VALUE_WIDTH),
            "win": In(1), "winner": In(range(params.neurons)), "won": Out(1),
            "access": In(range(params.neurons)), "access_enable": In(3 * _BYTES),
            "access_data": In(8), "row": Out(NeuronValues()),
        })

    def elaborate(self, platform):
        m = Module()
        params, lanes, rates = self.params, self.params.lanes, self.rates
        m.submodules.memory = rows = memory.Memory(
            shape=NeuronValues().size, depth=params.neurons, init=[], attrs={"ram_style": "block"})
        write, read = rows.write_port(granularity=8), rows.read_port()
        m.d.comb += self.row.eq(NeuronValues()(read.data))
        tracing, updating, winning = Signal(), Signal(), Signal()
        # Cycles of a phase, and which lane is read.
        beat = Signal(range(2 * lanes + 7))
        lane = Signal(range(lanes))
        m.d.sync += beat.eq(Mux(tracing | updating, beat + 1, 0))
        m.d.comb += [
            lane.eq(Mux(tracing, beat, beat >> 1)),
            read.addr.eq(Mux(winning, self.winner, self.access)),
            read.en.eq(1),
        ]
        with m.If(tracing | updating):
            m.d.comb += read.addr.eq(Cat(lane, self.word))
        with m.If(updating):
            # The second cycle of a neuron needs the row of the first.
            m.d.comb += read.en.eq(~beat[0])

        # A neuron, by cycle after its row is read: in the first two its values are presented.
        reads = Signal()
        m.d.comb += reads.eq(updating & ~beat[0] & (beat < 2 * lanes))
        at = [reads] + [Signal(name=f"update_{n}") for n in range(1, 7)]
        m.d.sync += [later.eq(before) for before, later in pairwise(at)]
        traced = Signal()
        m.d.comb += traced.eq(tracing & (beat >= 3))

        # Decay.
        with m.If(at[1]):
            m.d.comb += [self.value.eq(self.row.v), self.factor.eq(rates.v_decay)]
        with m.Elif(at[2]):
            m.d.comb += [self.value.eq(self.row.a), self.factor.eq(rates.a_decay)]
        with m.Else():
            m.d.comb += [self.value.eq(self.row.y), self.factor.eq(rates.y_decay)]
        m.d.comb += self.decay.eq(at[1] | at[2] | tracing)
        y = Signal(VALUE_WIDTH)
        m.d.comb += y.eq(Mux(self.fresh, 0, self.decayed))
        with m.If(traced):
            m.d.sync += self.y.as_value().eq(Cat(self.y.as_value()[VALUE_WIDTH:], y))

        # Add: the sums of the lanes, which leave one after the other.
        sum_width = params.sum_width - 1
        sums = [Signal(sum_width, name=f"sum_{n}") for n in range(lanes)]
        for n in range(lanes):
            after = sums[n + 1] if n + 1 < lanes else 0
            with m.If(at[4] | self.add):
                m.d.sync += sums[n].eq(Mux(at[4], after, sums[n] + self.weights[n]))
        less = Signal(signed(VALUE_WIDTH + 1))
        inhibition, leaked = Signal(VALUE_WIDTH), Signal(VALUE_WIDTH)
        total = Signal(params.sum_width)
        m.d.sync += inhibition.eq(Mux(self.inhibited, rates.inhibition, 0))
        m.d.comb += [less.eq(self.decayed - inhibition), total.eq(leaked + sums[0])]
        m.d.sync += leaked.eq(less)
        with m.If(self.fresh | less[-1]):
            m.d.sync += leaked.eq(0)

        # Saturate, compare.
        v, a, threshold = Signal(VALUE_WIDTH), Signal(VALUE_WIDTH), Signal(VALUE_WIDTH + 1)
        beyond, lane_written = Signal(signed(VALUE_WIDTH + 2)), Signal(range(lanes))
        m.d.sync += [
            v.eq(total),
            a.eq(self.decayed),
            threshold.eq(rates.threshold + self.decayed),
        ]
        with m.If(total[VALUE_WIDTH:].any()):
            m.d.sync += v.eq(VALUE_MAX)
        # v - threshold - 1: not negative where the neuron wants to fire.
        m.d.comb += beyond.eq(v + (~threshold).as_signed())
        m.d.sync += [
            self.above.eq(beyond),
            self.candidate.eq(at[5] & ~beyond[-1]),
            self.code.eq(Cat(lane_written, self.word)),
        ]
        with m.If(traced | at[5]):
            m.d.sync += lane_written.eq(lane_written + 1)

        # A winner.
        raised_a, raised_y = (Signal(VALUE_WIDTH, name=f"raised_{n}") for n in "ay")
        for new, old, step in ((raised_a, self.row.a, rates.a_step),
                               (raised_y, self.row.y, rates.y_step)):
            more = Signal(VALUE_WIDTH + 1, name=f"{new.name}_more")
            m.d.comb += more.eq(old + step)
            m.d.sync += new.eq(more)
            with m.If(more[-1]):
                m.d.sync += new.eq(VALUE_MAX)

        # What is written.
        byte = self.access_data.replicate(_BYTES)
        m.d.comb += [
            write.addr.eq(self.access),
            write.data.eq(Cat(byte, byte, byte)),
            write.en.eq(Mux(self.busy, 0, self.access_enable)),
        ]
        with m.If(tracing | updating):
            m.d.comb += [
                write.addr.eq(Cat(lane_written, self.word)),
                write.data.eq(Cat(v, a, y)),
                write.en.eq(Cat(at[5].replicate(2 * _BYTES), traced.replicate(_BYTES))),
            ]
        with m.Elif(winning):
            m.d.comb += [
                write.addr.eq(self.winner),
                write.data.eq(Cat(C(0, VALUE_WIDTH), raised_a, raised_y)),
                write.en.eq(self.won.replicate(3 * _BYTES)),
            ]

        last = Signal()
        m.d.comb += last.eq(self.word == params.neuron_words - 1)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Idle"):
                with m.If(self.start):
                    m.next = "Trace"
                with m.Elif(self.win):
                    m.next = "Winner"
            with m.State("Trace"):
                m.d.comb += [tracing.eq(1), self.gather.eq(beat == lanes - 1)]
                with m.If(beat == lanes + 2):
                    m.d.sync += beat.eq(0)
                    m.next = "Gather"
            with m.State("Gather"):
                with m.If(self.gathered):
                    m.next = "Update"
            with m.State("Update"):
                m.d.comb += updating.eq(1)
                with m.If(beat == 2 * lanes + 4):
                    m.d.sync += [self.word.eq(Mux(last, 0, self.word + 1)), beat.eq(0)]
                    m.next = "Trace"
                    with m.If(last):
                        m.next = "Idle"
            with m.State("Winner"):
                m.d.comb += winning.eq(1)
                m.next = "Raise"
            with m.State("Raise"):
                m.d.comb += winning.eq(1)
                m.next = "Write"
            with m.State("Write"):
                m.d.comb += [winning.eq(1), self.won.eq(1)]
                m.next = "Idle"
        return m
