"""The memory of a link: bytes are put into it one after the other, and read one after the other."""

import random
from typing import Any

from amaranth import *
from amaranth.lib import enum, memory, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from .frame_receiver import HEAD
from .identity import TAG_PLACE
from .uart import ByteSignature

__all__ = ["LinkMemory", "Part", "link_memory"]


class Part(enum.Enum, shape=2):
    """What a part of the memory holds."""
    #: The request, 256 bytes: its payload from place 0 on, its head in the last places.
    REQUEST = 0
    #: The answer, 128 bytes, as it goes over the line: without a zero, and zeros at both ends.
    ANSWER = 2
    #: What the device says of itself, 128 bytes.
    IDENTITY = 3


# Place of the first zero of an answer, before its first block and the head. An answer of the
# largest size has its last zero there too.
_OPEN = 128 - HEAD - 2

_START = {Part.REQUEST: 256 - HEAD, Part.ANSWER: _OPEN, Part.IDENTITY: 0}


def link_memory(identity: bytes) -> list[int]:
    """Contents of the memory of a link at first. What is written before it is read is noise, by
    which the memory can be found in a routed design."""
    contents = list(random.Random("link").randbytes(512))
    contents[0x100 + _OPEN] = 0
    contents[0x180:0x180 + len(identity)] = identity
    return contents


class LinkMemory(wiring.Component):
    """One block RAM of 512 bytes, with a register on either side, and the check sum of what is put
    into it.

    A byte that is put is written a cycle later. An answer is put with Consistent Overhead Byte
    Stuffing: in place of a zero the length of the block after it is written when that is known, so
    that it takes no time of its own, and the answer can be read as it is to be sent.

    Parameters
    ----------
    identity : bytes
        At most 116.

    Members
    -------
    put : :py:`In(ByteSignature())`
        A byte to be put at ``place``.
    answers : :py:`In(1)`
        Bytes are put into the answer, otherwise into the request.
    start : :py:`In(1)`
        The next byte is the first of its frame.
    close : :py:`In(1)`
        What was put in the cycle before was a zero after the last byte of an answer: end it.
    tag : :py:`In(1)`
        ``put.payload`` of the cycle before becomes byte ``get[:3]`` of the identity's tag.
    written : :py:`Out(1)`, byte : :py:`Out(8)`
        What was put in the cycle before.
    place : :py:`Out(8)`
        Where it belongs; otherwise, where the next byte does. Modulo 128 in an answer.
    seek : :py:`In(1)`, part : :py:`In(Part)`
        Read from the start of ``part`` on.
    take : :py:`In(1)`
        Read the next byte.
    get : :py:`Out(8)`
        Place of the byte that is read, modulo 128 unless it is in the request.
    there, data : :py:`Out(1)`, :py:`Out(8)`
        That byte is there; two cycles after ``seek`` or ``take`` at the latest.
    crc_start, crc_rests : :py:`In(1)`
        Begin a check sum; what is put in this cycle does not count.
    crc, crc_match : :py:`Out(16)`, :py:`Out(1)`
        The check sum of what was put two cycles before or earlier; it is that of a good frame.
    """
    put: Any
    answers: Signal
    start: Signal
    close: Signal
    tag: Signal
    written: Signal
    byte: Signal
    place: Signal
    seek: Signal
    part: Any
    take: Signal
    get: Signal
    there: Signal
    data: Signal
    crc_start: Signal
    crc_rests: Signal
    crc: Signal
    crc_match: Signal

    def __init__(self, identity: bytes):
        self._identity = identity
        super().__init__({
            "put":       In(ByteSignature()),
            "answers":   In(1),
            "start":     In(1),
            "close":     In(1),
            "tag":       In(1),
            "written":   Out(1),
            "byte":      Out(8),
            "place":     Out(8),
            "seek":      In(1),
            "part":      In(Part),
            "take":      In(1),
            "get":       Out(8),
            "there":     Out(1),
            "data":      Out(8),
            "crc_start": In(1),
            "crc_rests": In(1),
            "crc":       Out(16),
            "crc_match": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = frames = memory.Memory(
            shape=8, depth=512, init=link_memory(self._identity))
        self._elaborate_read(m, frames.read_port())
        self._elaborate_write(m, frames.write_port())
        crc: Any = catalog.CRC16_IBM_3740(8).create()
        m.submodules.crc = crc
        m.d.sync += [
            crc.valid.eq(self.put.valid & ~self.crc_rests),
            crc.start.eq(self.crc_start),
        ]
        m.d.comb += [
            crc.data.eq(self.byte),
            self.crc.eq(crc.crc),
            self.crc_match.eq(crc.match_detected),
        ]
        return m

    def _elaborate_read(self, m, read):
        part = Signal(Part)
        # Cycles since the address has changed: the memory's clock-to-output is long, and a
        # register is behind it.
        age = Signal(2)
        m.d.sync += [age.eq(Cat(C(1, 1), age)), self.data.eq(read.data)]
        local = Value.cast(part)[1]
        m.d.comb += [
            read.addr.eq(Cat(self.get[:7], Mux(local, Value.cast(part)[0], self.get[7]), local)),
            self.there.eq(age[1]),
        ]
        with m.If(self.take):
            m.d.sync += [age.eq(0), self.get.eq(self.get + 1)]
        with m.If(self.seek):
            m.d.sync += [age.eq(0), part.eq(self.part)]
            with m.Switch(self.part):
                for name, start in _START.items():
                    with m.Case(name):
                        m.d.sync += self.get.eq(start)

    def _elaborate_write(self, m, write):
        # Where the length of the block goes, and the length, if a zero comes now.
        block, length = Signal(7), Signal(7)
        zero = Signal()
        m.d.comb += zero.eq(self.answers & (self.byte == 0))
        m.d.sync += [self.byte.eq(self.put.payload), self.written.eq(self.put.valid)]
        with m.If(self.written):
            m.d.sync += [self.place.eq(self.place + 1), length.eq(length + 1)]
            with m.If(zero):
                m.d.sync += [block.eq(self.place), length.eq(1)]
        with m.If(self.start):
            m.d.sync += [self.place.eq(256 - HEAD), block.eq(_OPEN + 1), length.eq(1)]
        m.d.comb += [
            write.en.eq(self.written | self.tag),
            write.addr.eq(Mux(self.answers, Cat(self.place[:7], C(0b10, 2)), self.place)),
            write.data.eq(self.byte),
        ]
        with m.If(zero):
            m.d.comb += write.addr[:7].eq(block)
            with m.If(~self.close):
                m.d.comb += write.data.eq(length)
        with m.If(self.tag):
            m.d.comb += [
                write.addr.eq(Cat(self.get[:3], C(TAG_PLACE >> 3, 4),
                                  C(Part.IDENTITY.value, 2))),
                write.data.eq(self.byte),
            ]
