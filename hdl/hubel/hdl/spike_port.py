"""Bytes to events and back: the host's way into a core. The protocol is in docs/spike_port.md."""

from typing import Any

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .counter_ring import CounterSignature
from .counters import Counters
from .events import EventKind, EventLayout
from .params import CoreParams
from .uart import ByteSignature

__all__ = ["COUNTERS", "INDEX_WIDTH", "VALUE_BYTES", "WORDS", "PortStatus", "SpikePort"]


#: Packet kind beside those of :class:`EventKind`: asks for the counters, and carries one.
COUNTERS = 3

#: Bits of a packet's index.
INDEX_WIDTH = 12

#: Bytes of a counter's value, seven bits each.
VALUE_BYTES = 5

#: Words of an answer: the counters and the :class:`PortStatus`.
WORDS = len(Counters.names()) + 1


class PortStatus(data.StructLayout):
    """What went wrong since the last answer; the last word of an answer.

    ``overflow``: a packet came before the one before it could be passed on. ``bad_packet``: half a
    packet, or a SPIKE of an axon that there is not. ``bad_byte``: a byte without a stop bit. What
    was wrong is lost.
    """
    def __init__(self):
        super().__init__({"overflow": 1, "bad_packet": 1, "bad_byte": 1})


class SpikePort(wiring.Component):
    """Takes packets from bytes and sends packets as bytes.

    A packet is two bytes, and only the first has its highest bit set, so that a receiver that
    lost a byte is in step again with the next packet::

        1 k k h h h h h    kind, index bits 11..7
        0 l l l l l l l    index bits 6..0

    To the device: SPIKE (index: axon), END, START (:class:`EventKind`) and COUNTERS. To the host:
    the packets of ``spikes`` (SPIKE with the neuron as index), and the answer to COUNTERS. That
    is a packet for each of the counters and one more for the :class:`PortStatus`, numbered by
    their index, each followed by a value of five bytes ``0 vvvvvvv``, lowest bits first.

    The answer waits until every step that was ended has left the core, and holds back all that
    follows it, so that it is a snapshot. It clears the status.

    ``i_bytes`` cannot wait. Besides the packet that waits for ``events`` (or is answered) there is
    room for one byte; a packet that is complete too early is dropped and sets ``overflow``.
    A packet reaches ``events`` one cycle after its second byte, and ``o_bytes`` one cycle after
    it was taken from ``spikes``.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    i_bytes : :py:`In(ByteSignature())`
        Bytes from the host.
    bad_byte : :py:`In(1)`
        A byte was lost in this cycle.
    o_bytes : :py:`Out(stream.Signature(8))`
        Bytes to the host.
    events : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets of the input.
    spikes : :py:`In(stream.Signature(EventLayout(params)))`
        Packets for the host.
    counters : :py:`In(CounterSignature())`
        Counters that stand still while no step is worked on.

    Raises
    ------
    ValueError
        If a code of the core needs more than 12 bits, or there is not one input and one output.
    """
    i_bytes: Any
    bad_byte: Signal
    o_bytes: stream.Interface
    events: stream.Interface
    spikes: stream.Interface
    counters: Any

    def __init__(self, params: CoreParams):
        layout = EventLayout(params)
        if layout["code"].width > INDEX_WIDTH:
            shape = max(params.sources, key=lambda shape: shape.code_width)
            raise ValueError(f"the spike port has indices of {INDEX_WIDTH} bits, and a core with "
                             f"{shape} axons or neurons in a population needs {shape.code_width}")
        if len(params.inputs) != 1 or len(params.outputs) != 1:
            raise ValueError(f"the spike port has one input and one output, and the core "
                             f"{len(params.inputs)} and {len(params.outputs)}")
        self.params = params
        super().__init__({
            "i_bytes":  In(ByteSignature()),
            "bad_byte": In(1),
            "o_bytes":  Out(stream.Signature(8)),
            "events":   Out(stream.Signature(layout)),
            "spikes":   In(stream.Signature(layout)),
            "counters": In(CounterSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        status = Signal(PortStatus())
        asked = Signal()
        answered = Signal()
        # In this order: what goes wrong in the very cycle in which the status is cleared, stays.
        self._elaborate_sender(m, status, asked, answered)
        self._elaborate_receiver(m, status, asked, answered)
        return m

    def _elaborate_sender(self, m, status, asked, answered):
        def taken_end(packets):
            return packets.valid & packets.ready & (packets.payload.kind == EventKind.END)

        steps = Signal(8)  # more than a core can hold
        m.d.sync += steps.eq(steps + taken_end(self.events) - taken_end(self.spikes))

        answering = Signal()
        reported = Signal(PortStatus())
        word = Signal(range(WORDS))
        part = Signal(range(VALUE_BYTES))
        byte = Signal(7)
        kind = Signal(2)
        index = Signal(INDEX_WIDTH)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.spikes.ready.eq(~answering)
                with m.If(answering):
                    m.d.sync += [kind.eq(COUNTERS), index.eq(word)]
                    m.next = "First"
                with m.Elif(self.spikes.valid):
                    m.d.sync += [kind.eq(self.spikes.payload.kind),
                                 index.eq(self.spikes.payload.code)]
                    m.next = "First"
                with m.Elif(asked & (steps == 0)):
                    m.next = "Settle"
            with m.State("First"):
                m.d.comb += [
                    self.o_bytes.payload.eq(Cat(index[7:], kind, 1)),
                    self.o_bytes.valid.eq(1),
                ]
                with m.If(self.o_bytes.ready):
                    m.next = "Second"
            with m.State("Second"):
                m.d.comb += [
                    self.o_bytes.payload.eq(index[:7]),
                    self.o_bytes.valid.eq(1),
                ]
                with m.If(self.o_bytes.ready):
                    m.next = "Idle"
                    with m.If(answering):
                        m.next = "Fetch"
            with m.State("Settle"):
                # Two turns of the counters: the last packets are counted then.
                with m.If(self.counters.number == 0):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == 2):
                        m.d.sync += [part.eq(0), answering.eq(1),
                                     reported.eq(status), status.eq(0)]
                        m.next = "Idle"
            with m.State("Fetch"):
                with m.If(word == WORDS - 1):
                    m.d.sync += byte.eq(Mux(part == 0, reported.as_value(), 0))
                    m.next = "Value"
                with m.Elif(self.counters.number == word):
                    m.d.sync += byte.eq(self.counters.value.word_select(part, 7))
                    m.next = "Value"
            with m.State("Value"):
                m.d.comb += [
                    self.o_bytes.payload.eq(byte),
                    self.o_bytes.valid.eq(1),
                ]
                with m.If(self.o_bytes.ready):
                    m.d.sync += part.eq(part + 1)
                    m.next = "Fetch"
                    with m.If(part == VALUE_BYTES - 1):
                        m.d.sync += [part.eq(0), word.eq(word + 1)]
                        m.next = "Idle"
                        with m.If(word == WORDS - 1):
                            m.d.comb += answered.eq(1)
                            m.d.sync += [word.eq(0), answering.eq(0)]

    def _elaborate_receiver(self, m, status, asked, answered):
        byte = self.i_bytes.payload
        first = Signal(7)
        half = Signal()
        waiting = Signal()
        released = Signal()
        kind = Signal(2)
        index = Signal(INDEX_WIDTH)
        next_kind, next_index = first[5:], Cat(byte[:7], first[:5])
        known, at = C(1), 0
        shape = self.params.inputs[0]
        for width, size in zip(shape.field_widths, (shape.channels, shape.width, shape.height),
                               strict=True):
            known, at = known & (next_index[at:at + width] < size), at + width
        known = known & (next_index[at:] == 0)
        m.d.comb += [
            asked.eq(waiting & (kind == COUNTERS)),
            self.events.valid.eq(waiting & ~asked),
            self.events.payload.kind.eq(EventKind(kind)),
            self.events.payload.code.eq(index),
            released.eq(answered | (self.events.valid & self.events.ready)),
        ]
        with m.If(released):
            m.d.sync += waiting.eq(0)
        with m.If(self.i_bytes.valid):
            m.d.sync += half.eq(byte[7])
            with m.If(byte[7]):
                m.d.sync += first.eq(byte)
            with m.If(byte[7] == half):
                m.d.sync += status.bad_packet.eq(1)
            with m.If(~byte[7] & half):
                with m.If(waiting & ~released):
                    m.d.sync += status.overflow.eq(1)
                with m.Elif((next_kind == EventKind.SPIKE) & ~known):
                    m.d.sync += status.bad_packet.eq(1)
                with m.Else():
                    m.d.sync += [waiting.eq(1), kind.eq(next_kind), index.eq(next_index)]
        with m.If(self.bad_byte):
            # Half of one packet must not meet the other half of the next.
            m.d.sync += [half.eq(0), status.bad_byte.eq(1)]
