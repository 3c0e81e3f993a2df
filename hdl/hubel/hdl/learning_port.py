"""Bytes to packets and memories of a learning core, and back: the host's way into it."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .learning_access import LearningMemory
from .learning_events import LearningKind, LearningPacket
from .memory_access import MemoryAccessSignature
from .stdp_params import LearningParams
from .uart import ByteSignature

__all__ = ["ADDRESS", "INDEX_WIDTH", "READ", "WRITE", "LearningPort"]

#: Packet kinds beside those of :class:`LearningKind`.
ADDRESS, WRITE, READ = 5, 6, 7

#: Bits of a packet's index.
INDEX_WIDTH = 11


class LearningPort(wiring.Component):
    """Takes packets from bytes and sends packets as bytes.

    A packet is two bytes, and only the first has its highest bit set::

        1 k k k h h h h    kind, index bits 10..7
        0 l l l l l l l    index bits 6..0

    To the device: those of :class:`LearningKind` with the code as index; ADDRESS, whose index is
    the memory (bits 10..8) and a byte that goes into the address from below: three of them make an
    address; WRITE with a byte; READ, which is answered with a READ with a byte. To the host: SPIKE
    and END. The index of an END is 1 if something was lost since the last one.

    ``i_bytes`` cannot wait: there is room for one packet. After an END, a REWARD or a LEARN the
    host waits: for the END, or for :func:`learning_clocks` a neuron.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    i_bytes, bad_byte : :py:`In(ByteSignature())`, :py:`In(1)`
        Bytes from the host; one was lost in this cycle.
    o_bytes : :py:`Out(stream.Signature(8))`
        Bytes to the host.
    events, spikes, port
        To a :class:`~hubel.hdl.learning_core.LearningCore`.
    """
    i_bytes: Any
    bad_byte: Signal
    o_bytes: stream.Interface
    events: stream.Interface
    spikes: stream.Interface
    port: Any

    def __init__(self, params: LearningParams):
        packet = LearningPacket(params)
        super().__init__({
            "i_bytes":  In(ByteSignature()),
            "bad_byte": In(1),
            "o_bytes":  Out(stream.Signature(8)),
            "events":   Out(stream.Signature(packet)),
            "spikes":   In(stream.Signature(packet)),
            "port":     Out(MemoryAccessSignature(LearningMemory)),
        })

    def elaborate(self, platform):
        m = Module()
        lost, asked = Signal(), Signal()
        self._elaborate_sender(m, lost, asked)
        self._elaborate_receiver(m, lost, asked)
        return m

    def _elaborate_sender(self, m, lost, asked):
        kind, index = Signal(3), Signal(INDEX_WIDTH)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [
                    self.spikes.ready.eq(1),
                    self.port.read.ready.eq(asked & ~self.spikes.valid),
                ]
                with m.If(self.spikes.valid):
                    m.d.sync += [kind.eq(self.spikes.payload.kind),
                                 index.eq(self.spikes.payload.code)]
                    with m.If(self.spikes.payload.kind == LearningKind.END):
                        m.d.sync += [index.eq(lost), lost.eq(0)]
                    m.next = "First"
                with m.Elif(asked & self.port.read.valid):
                    m.d.sync += [kind.eq(READ), index.eq(self.port.read.payload), asked.eq(0)]
                    m.next = "First"
            with m.State("First"):
                m.d.comb += [self.o_bytes.payload.eq(Cat(index[7:], kind, 1)),
                             self.o_bytes.valid.eq(1)]
                with m.If(self.o_bytes.ready):
                    m.next = "Second"
            with m.State("Second"):
                m.d.comb += [self.o_bytes.payload.eq(index[:7]), self.o_bytes.valid.eq(1)]
                with m.If(self.o_bytes.ready):
                    m.next = "Idle"

    def _elaborate_receiver(self, m, lost, asked):
        byte, first, half = self.i_bytes.payload, Signal(7), Signal()
        waiting, released = Signal(), Signal()
        kind, index = Signal(3), Signal(INDEX_WIDTH)
        address, complete = Signal(16), Signal()
        # What is not for the core takes a cycle.
        m.d.comb += [
            self.events.valid.eq(waiting & (kind < ADDRESS)),
            self.events.payload.kind.eq(LearningKind(kind)),
            self.events.payload.code.eq(index),
            self.port.begin.eq(waiting & (kind == ADDRESS)),
            self.port.memory.eq(LearningMemory(index[8:])),
            self.port.address.eq(Cat(index[:8], address)),
            self.port.write.valid.eq(waiting & (kind == WRITE)),
            self.port.write.payload.eq(index),
            released.eq(waiting & ((kind >= ADDRESS) | self.events.ready)),
            complete.eq(self.i_bytes.valid & half & ~byte[7]),
        ]
        with m.If(self.port.begin):
            m.d.sync += address.eq(Cat(index[:8], address))
        with m.If(waiting & (kind == READ)):
            m.d.sync += asked.eq(1)
        with m.If(released):
            m.d.sync += waiting.eq(0)
        with m.If(self.i_bytes.valid):
            m.d.sync += half.eq(byte[7])
            with m.If(byte[7]):
                m.d.sync += first.eq(byte)
            with m.If(byte[7] == half):
                m.d.sync += lost.eq(1)
        with m.If(complete):
            with m.If(waiting & ~released):
                m.d.sync += lost.eq(1)
            with m.Else():
                m.d.sync += [waiting.eq(1), kind.eq(first[4:]), index.eq(Cat(byte[:7], first[:4]))]
        with m.If(self.bad_byte):
            m.d.sync += [half.eq(0), lost.eq(1)]
