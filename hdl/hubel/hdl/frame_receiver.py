"""Receives frames from the host: only what is whole is shown."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cobs import CobsDecoder
from .uart import ByteSignature

__all__ = ["HEAD", "FrameReceiver"]


#: Bytes before the payload of a frame. They are stored below it: the payload begins at place 0.
HEAD = 2

# A length and a check sum follow the payload.
_TAIL = 3


class FrameReceiver(wiring.Component):
    """Decodes frames into a memory of 256 bytes and checks their length and their check sum.

    A frame is two bytes of head, the payload, the length of the payload, and a CRC-16 over all of
    that. The head lies in the last two places of the memory, the payload from place 0 on. A byte
    is written in the cycle after it came, and whether a frame is good is said two cycles after its
    end. Bytes come every second cycle at most.

    After a frame was given the receiver must be told to ``clear`` before it takes another one.
    What comes while it is not enabled is lost; a frame that lost a byte is lost as a whole.

    Members
    -------
    i_bytes : :py:`In(ByteSignature())`
        Bytes of the line.
    bad_byte : :py:`In(1)`
        A byte without a stop bit: spoils the frame.
    enable : :py:`In(1)`
        Take bytes.
    clear : :py:`In(1)`
        Prepare for a frame.
    write : :py:`Out(ByteSignature())`
        A byte for the memory.
    written, byte, place : :py:`In(1)`, :py:`In(8)`, :py:`In(8)`
        That of the cycle before, and where it is written; where the next one will be.
    start : :py:`Out(1)`
        The next byte is the first of a frame.
    crc_start, crc_match : :py:`Out(1)`, :py:`In(1)`
        To and from the :class:`amaranth.lib.crc.Processor` that takes the written bytes.
    frame : :py:`Out(1)`
        A good frame is complete in this cycle.
    length : :py:`Out(8)`
        Bytes of its payload, from the next cycle on.
    bad, lost : :py:`Out(1)`
        In this cycle a frame ended that was wrong, or that came while the receiver was not enabled.
    """
    i_bytes: Any
    write: Any

    def __init__(self):
        super().__init__({
            "i_bytes":   In(ByteSignature()),
            "bad_byte":  In(1),
            "enable":    In(1),
            "clear":     In(1),
            "write":     Out(ByteSignature()),
            "written":   In(1),
            "byte":      In(8),
            "place":     In(8),
            "start":     Out(1),
            "crc_start": Out(1),
            "crc_match": In(1),
            "frame":     Out(1),
            "length":    Out(8),
            "bad":       Out(1),
            "lost":      Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        wiring.connect(m, wiring.flipped(self.i_bytes), decoder.i)
        # Whether the last bytes of a payload or after it were their own place, the newest first.
        lengths = Signal(_TAIL)
        broken, missed = Signal(), Signal()
        m.d.comb += [
            self.write.payload.eq(decoder.o.payload),
            self.write.valid.eq(decoder.o.valid & self.enable & ~missed & ~broken),
        ]
        with m.If(self.enable):
            # What there is of a payload, if the frame ends.
            m.d.sync += self.length.eq(self.place - _TAIL)

        # What the decoder says of the end, and a cycle later, what to think of it: in registers,
        # because it comes from all bits of the check sum and goes far.
        end, started, complete = Signal(), Signal(), Signal()
        over, late, good = Signal(), Signal(), Signal()
        m.d.sync += [
            end.eq(decoder.end),
            started.eq(decoder.started),
            complete.eq(decoder.complete),
            over.eq(end & (started | broken | missed)),
            late.eq(missed | ~self.enable),
            good.eq(complete & lengths[-1] & self.crc_match & ~broken),
        ]
        m.d.comb += [
            self.lost.eq(over & (late | ~self.enable)),
            self.frame.eq(over & ~late & self.enable & good),
            self.bad.eq(over & ~late & self.enable & ~good),
            self.crc_start.eq((end & self.enable) | self.clear),
            self.start.eq((over & self.enable & ~self.frame) | self.clear),
        ]
        with m.If(end):
            m.d.sync += [missed.eq(0), broken.eq(0)]
        with m.If(self.written):
            # A byte of the head is no length: a frame that is too short has none.
            own = (self.byte == self.place) & ~self.place[1:].all()
            m.d.sync += lengths.eq(Cat(own, lengths))
            with m.If(self.place == 256 - HEAD - 1):
                m.d.sync += broken.eq(1)
        with m.If(self.start):
            m.d.sync += lengths.eq(0)
        with m.If(self.i_bytes.valid & ~decoder.end & ~self.enable):
            m.d.sync += missed.eq(1)
        with m.If(self.bad_byte):
            m.d.sync += broken.eq(1)
        return m
