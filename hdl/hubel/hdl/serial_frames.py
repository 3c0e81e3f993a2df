"""Frames of the serial link: from what they say to bytes, and back."""

from typing import Any

from amaranth import *
from amaranth.lib import crc, data, stream, wiring
from amaranth.lib.wiring import In, Out

from .serial_params import (
    BYTE_WIDTH,
    CRC_BYTES,
    CRC_POLYNOMIAL,
    HEAD_BYTES,
    NUMBER_WIDTH,
    FrameKind,
    SerialLinkParams,
)
from .uart import ByteSignature

__all__ = ["HeadLayout", "SerialDeframer", "SerialFramer"]

#: The least significant bit is the first one on the line and the first one that is summed, so that
#: the sum finds what it finds in bits that follow each other.
_CRC = crc.Algorithm(
    crc_width=BYTE_WIDTH * CRC_BYTES,
    polynomial=CRC_POLYNOMIAL,
    initial_crc=0,
    reflect_input=True,
    reflect_output=True,
    xor_output=(1 << BYTE_WIDTH * CRC_BYTES) - 1,
)(BYTE_WIDTH)


class HeadLayout(data.StructLayout):
    """What every frame says: its kind, the number of its packet, and how many packets of the other
    direction were received, and were taken out of the link, modulo ``2 ** NUMBER_WIDTH``."""
    def __init__(self):
        super().__init__({
            "kind":     2,
            "number":   NUMBER_WIDTH,
            "received": NUMBER_WIDTH,
            "taken":    NUMBER_WIDTH,
        })


class SerialFramer(wiring.Component):
    """Sends frames as bytes.

    Parameters
    ----------
    params : :class:`~hubel.hdl.serial_params.SerialLinkParams`

    Members
    -------
    idle : :py:`Out(1)`
        A frame can be started.
    start : :py:`In(1)`
        Send a frame of what ``head`` and, if its kind is DATA, ``packet`` are in this cycle. Only
        while ``idle``.
    head : :py:`In(HeadLayout())`, packet : :py:`In(params.width)`
    bytes : :py:`Out(stream.Signature(8))`
        Bytes for the line.
    """
    head: Any
    bytes: stream.Interface

    def __init__(self, params: SerialLinkParams):
        self._params = params
        super().__init__({
            "idle":   Out(1),
            "start":  In(1),
            "head":   In(HeadLayout()),
            "packet": In(params.width),
            "bytes":  Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self._params
        m.submodules.crc = sums = _CRC.create()
        body = Signal(BYTE_WIDTH * (HEAD_BYTES + params.packet_bytes))
        # Bytes that are still to be sent, those of the check sum among them.
        left = Signal(range(params.frame_bytes() + 1))
        summed, first, byte = Signal(), Signal(), Signal(BYTE_WIDTH)
        rest = (~sums.crc)[:BYTE_WIDTH]
        m.d.comb += [
            self.idle.eq(left == 0),
            summed.eq(left <= CRC_BYTES),
            # A sum that is summed itself moves out, and leaves the 0 that the next one starts from.
            byte.eq(Mux(summed, rest, body)),
            self.bytes.valid.eq(~self.idle),
            self.bytes.payload.eq(Cat(byte ^ summed.replicate(BYTE_WIDTH), first)),
            sums.data.eq(byte),
            sums.valid.eq(self.bytes.valid & self.bytes.ready),
        ]
        with m.If(sums.valid):
            m.d.sync += [left.eq(left - 1), body.eq(body >> BYTE_WIDTH), first.eq(0)]
        with m.If(self.start):
            short = params.frame_bytes(FrameKind.ACK)
            m.d.sync += [
                first.eq(1),
                body.eq(Cat(self.head.as_value(), self.packet)),
                left.eq(Mux(self.head.kind == FrameKind.DATA, params.frame_bytes(), short)),
            ]
        return m


class SerialDeframer(wiring.Component):
    """Receives frames and gives those whose check sum is right.

    A byte stays for a cycle after ``bytes.valid``, and more than three pass before the next one.
    ``head`` and ``packet`` stay until then; ``good`` comes two cycles after the last byte.

    Parameters
    ----------
    params : :class:`~hubel.hdl.serial_params.SerialLinkParams`

    Members
    -------
    bytes : :py:`In(ByteSignature())`
        Bytes of the line.
    bad_byte : :py:`In(1)`
        A byte without a stop bit: spoils the frame.
    good, bad : :py:`Out(1)`
        In this cycle a frame is complete, or turns out to be wrong.
    head : :py:`Out(HeadLayout())`, packet : :py:`Out(params.width)`
        What a good frame says.
    """
    bytes: Any
    head: Any

    def __init__(self, params: SerialLinkParams):
        self._params = params
        super().__init__({
            "bytes":    In(ByteSignature()),
            "bad_byte": In(1),
            "good":     Out(1),
            "bad":      Out(1),
            "head":     Out(HeadLayout()),
            "packet":   Out(params.width),
        })

    def elaborate(self, platform):
        m = Module()
        params = self._params
        starts, sums = Signal(), _CRC.create()
        m.submodules.crc = ResetInserter(starts)(sums)
        head = Signal(BYTE_WIDTH * HEAD_BYTES)
        packet = Signal(BYTE_WIDTH * params.packet_bytes)
        # Bytes that are still to come, and how many of them come before the check sum.
        left = Signal(range(params.frame_bytes()))
        inside, first, complete = Signal(), self.bytes.payload[-1], Signal()
        byte = self.bytes.payload[:BYTE_WIDTH]
        in_head = Signal()
        m.d.comb += [
            inside.eq(left != 0),
            self.head.eq(head),
            self.packet.eq(packet),
            starts.eq(first & self.bytes.valid),
            sums.data.eq(byte),
            self.good.eq(complete & sums.match_detected),
            # One that ends before its time; and one that has a byte without a stop bit.
            self.bad.eq(
                (complete & ~sums.match_detected)
                | (inside & (self.bad_byte | (self.bytes.valid & first)))
            ),
        ]
        # A byte is summed in the cycle after it came, and stays for that.
        ended = Signal()
        m.d.sync += [sums.valid.eq(self.bytes.valid), ended.eq(0), complete.eq(ended)]
        with m.If(self.bytes.valid):
            m.d.sync += in_head.eq(0)
            with m.If(first):
                # The kind is in the first two bits.
                whole, short = params.frame_bytes() - 1, params.frame_bytes(FrameKind.ACK) - 1
                m.d.sync += [
                    left.eq(Mux(byte[:2] == FrameKind.DATA, whole, short)),
                    in_head.eq(1),
                ]
            with m.Elif(inside):
                m.d.sync += [left.eq(left - 1), ended.eq(left == 1)]
            with m.If(first | in_head):
                m.d.sync += head.eq(Cat(head[BYTE_WIDTH:], byte))
            with m.Elif(left > CRC_BYTES):
                m.d.sync += packet.eq(Cat(packet[BYTE_WIDTH:], byte))
        with m.If(self.bad_byte):
            m.d.sync += left.eq(0)
        return m
