"""Turns updated words into packets: one for each neuron that fired."""

from functools import cached_property

from amaranth import *
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .params import CoreParams

__all__ = ["FiredLayout", "SpikeEmitter"]


class FiredLayout(data.StructLayout):
    """Which neurons of a state word fired: ``fired`` (a bit a lane), their ``population``, whether
    a sample starts (``start``) or a step ends (``end``) with the word.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "fired":      params.lanes,
            "population": max(1, (len(params.populations) - 1).bit_length()),
            "start":      1,
            "end":        1,
        })


class SpikeEmitter(wiring.Component):
    """Queues words and sends a START where a sample begins, then a SPIKE for each neuron that
    fired, in the order of their codes, then an END after the last word. The words of a population
    come in their order, all of a step without another population's between them.

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
        Packets, with the population that they come from and the neuron's code in it.
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
        # Where the word is in its population, by counting: codes need no subtraction.
        place = {axis: Signal(max(1, (max(sizes) - 1).bit_length()), name=f"place_{axis}")
                 for axis, sizes in self._sizes.items()}
        # The parts of the packet are signals of their own: simulators do better with a struct that
        # is driven as a whole.
        kind, code = Signal(EventKind), Signal.like(packet.code)
        m.d.comb += [
            packet.kind.eq(kind),
            packet.source.eq(word.population + len(self.params.inputs)),
            packet.code.eq(code),
            packet_valid.eq(busy & (word.start | word.fired.any() | word.end)),
            packet_ready.eq(~self.spikes.valid | self.spikes.ready),
        ]
        with m.If(packet_ready):
            m.d.sync += [self.spikes.payload.eq(packet), self.spikes.valid.eq(packet_valid)]
        lane = Signal(range(lanes))
        for number in reversed(range(lanes)):
            with m.If(word.fired[number]):
                m.d.comb += lane.eq(number)
        with m.Switch(word.population):
            for p, shape in enumerate(self.params.populations):
                channel_width, x_width, y_width = shape.field_widths
                with m.Case(p):
                    m.d.comb += code.eq(Cat(
                        Cat(lane, place["channel"])[:channel_width],
                        place["x"][:x_width], place["y"][:y_width]))

        # To step on where nothing is to be sent does no harm, and keeps ``valid`` off this path.
        with m.If(word.start):
            m.d.comb += kind.eq(EventKind.START)
            with m.If(packet_ready):
                m.d.sync += word.start.eq(0)
        with m.Elif(word.fired.any()):
            m.d.comb += [
                kind.eq(EventKind.SPIKE),
                self.spike_sent.eq(busy & packet_ready),
            ]
            with m.If(packet_ready):
                m.d.sync += word.fired.eq(word.fired & (word.fired - 1))
        with m.Else():
            m.d.comb += [
                kind.eq(EventKind.END),
                word_done.eq(packet_ready),
            ]

        m.d.sync += self.done.eq(queue.r_en & queue.r_rdy)
        with m.If(~busy | word_done):
            m.d.comb += queue.r_en.eq(1)
            m.d.sync += [busy.eq(queue.r_rdy), word.eq(queue.r_data)]
        with m.If(busy & word_done):
            self._elaborate_next_place(m, word, place)
        return m

    @cached_property
    def _sizes(self) -> dict[str, list[int]]:
        """Words at a place, and columns and rows, of each population."""
        shapes = self.params.populations
        return {"channel": [-(-shape.channels // self.params.lanes) for shape in shapes],
                "x": [shape.width for shape in shapes], "y": [shape.height for shape in shapes]}

    def _elaborate_next_place(self, m, word, place):
        """From a word that was sent to the next one: channels first, then columns, then rows."""
        last = {axis: Signal(name=f"last_{axis}") for axis in ("channel", "x")}
        with m.Switch(word.population):
            for p in range(len(self.params.populations)):
                with m.Case(p):
                    m.d.comb += [last[axis].eq(place[axis] == self._sizes[axis][p] - 1)
                                 for axis in last]
        with m.If(word.end):
            m.d.sync += [counter.eq(0) for counter in place.values()]
        with m.Elif(~last["channel"]):
            m.d.sync += place["channel"].eq(place["channel"] + 1)
        with m.Else():
            m.d.sync += place["channel"].eq(0)
            with m.If(~last["x"]):
                m.d.sync += place["x"].eq(place["x"] + 1)
            with m.Else():
                m.d.sync += [place["x"].eq(0), place["y"].eq(place["y"] + 1)]
