"""Turns updated words into packets: one for each neuron that fired."""

from amaranth import *
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .params import CoreParams

__all__ = ["FiredLayout", "SpikeEmitter"]


class FiredLayout(data.StructLayout):
    """Which neurons of a state word fired: ``fired`` (a bit a lane), ``row`` (state word),
    ``population``, whether a sample starts (``start``) or a step ends (``end``) with the word.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "fired":      params.lanes,
            "row":        max(1, (sum(params.words) - 1).bit_length()),
            "population": EventLayout(params)["population"].shape,
            "start":      1,
            "end":        1,
        })


class SpikeEmitter(wiring.Component):
    """Queues words and sends a START where a sample begins, then a SPIKE for each neuron that
    fired, in the order of their numbers, then an END after the last word.

    A word takes a cycle for each START and SPIKE, and one more, in which its END is sent where a
    step ends. Packets leave through a register.

    Parameters
    ----------
    params : :class:`CoreParams`
    depth : int
        Words that the queue holds; the sender keeps count by ``done``.

    Members
    -------
    word : :py:`In(FiredLayout(params))`
        An updated word.
    push : :py:`In(1)`
        Queue ``word``.
    done : :py:`Out(1)`
        A word left the queue in the cycle before: one more may be pushed.
    spike_sent : :py:`Out(1)`
        A SPIKE went into that register.
    spikes : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets, with the population that they come from and the neuron's number in it.
    """
    spikes: stream.Interface

    def __init__(self, params: CoreParams, *, depth: int):
        self.params = params
        self._depth = depth
        super().__init__({
            "word":       In(FiredLayout(params)),
            "push":       In(1),
            "done":       Out(1),
            "spike_sent": Out(1),
            "spikes":     Out(stream.Signature(EventLayout(params))),
        })

    def elaborate(self, platform):
        m = Module()
        layout = FiredLayout(self.params)
        lanes = self.params.lanes
        m.submodules.queue = queue = fifo.SyncFIFO(width=layout.size, depth=self._depth)
        m.d.comb += [queue.w_data.eq(self.word), queue.w_en.eq(self.push)]

        # The word that is being sent; a bit of ``fired`` is cleared as its packet is taken.
        busy = Signal()
        word = Signal(layout)
        packet, packet_valid, packet_ready = Signal(EventLayout(self.params)), Signal(), Signal()
        word_done = Signal()
        first_row = Array(self.params.first_word)
        m.d.comb += [
            packet.population.eq(word.population),
            packet_valid.eq(busy & (word.start | word.fired.any() | word.end)),
            packet_ready.eq(~self.spikes.valid | self.spikes.ready),
        ]
        with m.If(packet_ready):
            m.d.sync += [self.spikes.payload.eq(packet), self.spikes.valid.eq(packet_valid)]
        for lane in reversed(range(lanes)):
            with m.If(word.fired[lane]):
                m.d.comb += packet.index.eq(
                    Cat(C(lane, (lanes - 1).bit_length()), word.row - first_row[word.population]))

        # To step on where nothing is to be sent does no harm, and keeps ``valid`` off this path.
        with m.If(word.start):
            m.d.comb += packet.kind.eq(EventKind.START)
            with m.If(packet_ready):
                m.d.sync += word.start.eq(0)
        with m.Elif(word.fired.any()):
            m.d.comb += [
                packet.kind.eq(EventKind.SPIKE),
                self.spike_sent.eq(busy & packet_ready),
            ]
            with m.If(packet_ready):
                m.d.sync += word.fired.eq(word.fired & (word.fired - 1))
        with m.Else():
            m.d.comb += [
                packet.kind.eq(EventKind.END),
                word_done.eq(packet_ready),
            ]

        m.d.sync += self.done.eq(queue.r_en & queue.r_rdy)
        with m.If(~busy | word_done):
            m.d.comb += queue.r_en.eq(1)
            m.d.sync += [busy.eq(queue.r_rdy), word.eq(queue.r_data)]
        return m
