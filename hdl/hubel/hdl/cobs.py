"""Consistent Overhead Byte Stuffing, as it is received: frames without a zero byte in them."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .uart import ByteSignature

__all__ = ["CobsDecoder"]


class CobsDecoder(wiring.Component):
    """Takes a byte in any cycle and gives what it stands for in the same cycle.

    A zero ends a frame, and another one begins. Other bytes are blocks of a length byte ``n`` and
    ``n - 1`` bytes of data, with a zero between two blocks unless the first one has ``n = 255``.

    Members
    -------
    i : :py:`In(ByteSignature())`
        Bytes of the line.
    o : :py:`Out(ByteSignature())`
        Bytes of the frame.
    end : :py:`Out(1)`
        The frame ends in this cycle.
    started, complete : :py:`Out(1)`
        The frame has bytes, before that of this cycle; its last block is complete.
    """
    i: Any
    o: Any

    def __init__(self):
        super().__init__({
            "i":        In(ByteSignature()),
            "o":        Out(ByteSignature()),
            "end":      Out(1),
            "started":  Out(1),
            "complete": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        left = Signal(8)     # bytes of the block that are still to come
        zero_due = Signal()  # a zero comes before the next block
        byte, fewer = self.i.payload, Signal(8)
        m.d.comb += [
            self.complete.eq(left == 0),
            fewer.eq(Mux(self.complete, byte, left) - 1),
            self.o.payload.eq(Mux(self.complete, 0, byte)),
        ]
        with m.If(self.i.valid):
            with m.If(byte == 0):
                m.d.comb += self.end.eq(1)
                m.d.sync += [left.eq(0), zero_due.eq(0), self.started.eq(0)]
            with m.Elif(self.complete):
                m.d.comb += self.o.valid.eq(zero_due)
                m.d.sync += [left.eq(fewer), zero_due.eq(byte != 255), self.started.eq(1)]
            with m.Else():
                m.d.comb += self.o.valid.eq(1)
                m.d.sync += left.eq(fewer)
        return m
