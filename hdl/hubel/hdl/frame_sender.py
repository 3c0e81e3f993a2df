"""Sends frames to the host, from a memory."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FrameSender"]


class FrameSender(wiring.Component):
    """Sends what lies in a memory as a frame: a zero, the bytes by Consistent Overhead Byte
    Stuffing, a zero.

    Each block is looked at twice, once for its length, a byte a cycle, and once to be sent.

    Parameters
    ----------
    first : int
        Place of the first byte, in 0..127; after place 127 comes place 0.

    Members
    -------
    start : :py:`In(1)`
        Send a frame; only while none is being sent.
    end : :py:`In(7)`
        Place after its last byte. Stays until ``done``.
    place : :py:`Out(7)`
        Read the memory there in this cycle.
    data : :py:`In(8)`
        What was read in the cycle before.
    o_bytes : :py:`Out(stream.Signature(8))`
        Bytes for the line.
    done : :py:`Out(1)`
        The last byte is being taken.
    """
    o_bytes: stream.Interface

    def __init__(self, *, first: int):
        self._first = first
        super().__init__({
            "start":   In(1),
            "end":     In(7),
            "place":   Out(7),
            "data":    In(8),
            "o_bytes": Out(stream.Signature(8)),
            "done":    Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        sent = Signal(7)   # place of the next byte to be sent
        seen = Signal(7)   # what comes before it has no zero
        after_sent, after_seen, code, last_block = Signal(7), Signal(7), Signal(7), Signal()
        m.d.comb += [
            after_sent.eq(sent + 1),
            after_seen.eq(seen + 1),
            code.eq(after_seen - sent),
            last_block.eq(seen == self.end),
            self.place.eq(sent),
        ]
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [sent.eq(self._first), seen.eq(self._first)]
                with m.If(self.start):
                    m.next = "Open"
            with m.State("Open"):
                m.d.comb += self.o_bytes.valid.eq(1)
                with m.If(self.o_bytes.ready):
                    m.next = "Scan"
            with m.State("Scan"):
                with m.If(last_block | (self.data == 0)):
                    m.next = "Code"
                with m.Else():
                    m.d.comb += self.place.eq(after_seen)
                    m.d.sync += seen.eq(after_seen)
            with m.State("Code"):
                m.d.comb += [self.o_bytes.valid.eq(1), self.o_bytes.payload.eq(code)]
                with m.If(self.o_bytes.ready):
                    m.next = "Bytes"
                    with m.If(code == 1):
                        m.next = "Block"
            with m.State("Bytes"):
                m.d.comb += [self.o_bytes.valid.eq(1), self.o_bytes.payload.eq(self.data)]
                with m.If(self.o_bytes.ready):
                    m.d.comb += self.place.eq(after_sent)
                    m.d.sync += sent.eq(after_sent)
                    with m.If(code == 2):
                        m.next = "Block"
            with m.State("Block"):
                # Over the zero, to the next block.
                m.d.comb += self.place.eq(after_seen)
                m.d.sync += [sent.eq(after_seen), seen.eq(after_seen)]
                m.next = "Scan"
                with m.If(last_block):
                    m.next = "Close"
            with m.State("Close"):
                m.d.comb += [
                    self.o_bytes.valid.eq(1),
                    self.done.eq(self.o_bytes.ready),
                ]
                with m.If(self.o_bytes.ready):
                    m.next = "Idle"
        return m
