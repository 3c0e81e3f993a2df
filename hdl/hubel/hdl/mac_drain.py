"""From the sums of the lanes, one by one, to activations or logits."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .mac_jobs import WordLayout
from .mac_params import MacParams
from .requantise import REQUANTISE_LATENCY, Requantise

__all__ = ["LogitLayout", "MacDrain"]


class LogitLayout(data.StructLayout):
    """A logit: its ``value``, the number of the ``best`` one so far (the first of equal ones), and
    whether it is the ``last`` of a sample, so that ``best`` is the class.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        super().__init__({"value": signed(params.total_width),
                          "best":  range(max(2, params.classes)),
                          "last":  1})


class MacDrain(wiring.Component):
    """Takes a sum a clock: bias, ReLU, pooling, requantisation; or, in the final layer, bias, the
    largest so far, and out.

    ::

        chain -> + bias -> ReLU, + ring -> requantise -> activations
                        -> logits

    The sums over a window wait in a ring of a register a lane. Logits wait for their receiver;
    activations for nobody.

    Parameters
    ----------
    params : :class:`MacParams`
    biases : list of int
        Contents of the memory of biases.

    Members
    -------
    layer : :py:`In(range(layers))`
        The layer that is worked on.
    word : :py:`In(WordLayout(params))`
        The word whose sums come next.
    taken : :py:`In(1)`
        They move into the chain at the end of this clock. Not before ``lanes`` clocks after the
        last time; in the final layer not before ``idle``.
    sum : :py:`In(signed(sum_width))`
        Lane 0 of the chain.
    shift : :py:`Out(1)`
        Go on to the next lane.
    activation, valid : :py:`Out(activation_width)`, :py:`Out(1)`
        An activation to write, in the order of the memory.
    logits : :py:`Out(stream.Signature(LogitLayout(params)))`
        What the final layer gives.
    total : :py:`Out(1)`
        A lane that has a channel left the chain in this clock.
    done : :py:`Out(1)`
        All activations of a word are written with this clock, or all its logits were given or wait
        in ``logits``.
    idle : :py:`Out(1)`
        No logit waits.
    """
    logits: stream.Interface

    def __init__(self, params: MacParams, biases: list[int]):
        self.params = params
        self._biases = biases
        super().__init__({
            "layer":      In(range(max(2, len(params.layers)))),
            "word":       In(WordLayout(params)),
            "taken":      In(1),
            "sum":        In(signed(params.sum_width)),
            "shift":      Out(1),
            "activation": Out(params.activation_width),
            "valid":      Out(1),
            "logits":     Out(stream.Signature(LogitLayout(params))),
            "total":      Out(1),
            "done":       Out(1),
            "idle":       Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.biases = biases = memory.Memory(
            shape=signed(params.total_width), depth=max(2, len(self._biases)),
            init=[_signed(row, params.total_width) for row in self._biases])
        bias = biases.read_port()

        # The lane that is at the head of the chain.
        word, active, lane = Signal.like(self.word), Signal(), Signal(range(params.lanes))
        channel, left = Signal.like(word.channel), Signal.like(word.lanes)
        there, ends, advance = Signal(), Signal(), Signal()
        m.d.comb += [
            there.eq(active & (left != 0)),
            ends.eq(active & (lane == params.lanes - 1)),
            bias.addr.eq(Mux(self.taken, self.word.channel, channel)),
            bias.en.eq(self.taken | advance),
            self.shift.eq(advance),
            self.total.eq(there & advance),
        ]
        with m.If(advance):
            m.d.sync += [channel.eq(channel + 1), lane.eq(lane + 1)]
            with m.If(left != 0):
                m.d.sync += left.eq(left - 1)
            with m.If(ends):
                m.d.sync += active.eq(0)
        with m.If(self.taken):
            m.d.sync += [word.eq(self.word), active.eq(1), lane.eq(0), left.eq(self.word.lanes),
                         channel.eq(self.word.channel + 1)]

        # The bias comes from a memory, and is added a clock later.
        early = Signal(data.StructLayout({
            "sum": signed(params.sum_width), "bias": signed(params.total_width), "there": 1,
            "active": 1, "ends": 1, "word": word.shape()}))
        total, total_there, total_active = Signal(signed(params.total_width)), Signal(), Signal()
        total_ends, total_word = Signal(), Signal.like(word)
        with m.If(advance):
            m.d.sync += [
                early.eq(Cat(self.sum, bias.data, there, active, ends, word)),
                total.eq(early.sum + early.bias),
                total_there.eq(early.there),
                total_active.eq(early.active),
                total_ends.eq(early.ends),
                total_word.eq(early.word),
            ]
        rectified = Signal(params.total_width - 1)
        with m.If(~total[-1]):
            m.d.comb += rectified.eq(total)

        self._elaborate_logits(m, total, total_there & total_word.final, advance)

        # Over the window.
        pooled, ring_out = Signal(params.total_width - 1), Signal(params.total_width - 1)
        pooled_there, pooled_ends = Signal(), Signal()
        if any(sizes.pool != (1, 1) for sizes in params.layers):
            ring = [Signal.like(pooled, name=f"ring_{i}") for i in range(params.lanes)]
            m.d.comb += ring_out.eq(Mux(total_word.open, 0, ring[0]))
            with m.If(total_active & advance):
                m.d.sync += [before.eq(after) for before, after in pairwise(ring)]
                m.d.sync += ring[-1].eq(ring_out + rectified)
        m.d.sync += [
            pooled.eq(ring_out + rectified),
            pooled_there.eq(total_there & total_word.close & ~total_word.final),
            pooled_ends.eq(total_ends & advance & ~total_word.final),
        ]
        m.submodules.requantise = requantise = Requantise(params)
        late = Signal(2 * REQUANTISE_LATENCY)
        m.d.sync += late.eq(Cat(pooled_there, pooled_ends, late))
        m.d.comb += [
            requantise.layer.eq(self.layer),
            requantise.sum.eq(pooled),
            self.activation.eq(requantise.activation),
            self.valid.eq(late[-2]),
            self.done.eq(late[-1] | (total_ends & advance & total_word.final)),
        ]
        return m

    def _elaborate_logits(self, m, total, valid, advance):
        """Keep the number of the largest total, and give each of them."""
        params = self.params
        full, value = Signal(), Signal(signed(params.total_width))
        number, best, last = (Signal(range(max(2, params.classes)), name=name)
                              for name in ("number", "best", "last_number"))
        largest, is_last = Signal(signed(params.total_width)), Signal()
        shown = Signal.like(total)
        m.d.comb += shown.eq(total)
        if params.layers[-1].relu:
            with m.If(total[-1]):
                m.d.comb += shown.eq(0)
        m.d.comb += [
            advance.eq(~full | self.logits.ready),
            self.idle.eq(~full),
            self.logits.valid.eq(full),
            self.logits.payload.eq(Cat(value, best, is_last)),
            last.eq(params.classes - 1),
        ]
        with m.If(advance):
            m.d.sync += full.eq(valid)
            with m.If(valid):
                m.d.sync += [value.eq(shown), is_last.eq(number == last), number.eq(number + 1)]
                with m.If(number == last):
                    m.d.sync += number.eq(0)
                with m.If((number == 0) | (shown > largest)):
                    m.d.sync += [largest.eq(shown), best.eq(number)]


def _signed(row: int, width: int) -> int:
    return row - (row >> (width - 1) << width)
