# amaranth: UnusedElaboratable=no
"""Bounded proofs of the parts of the link: the rules of streams, whatever comes."""

import pytest
from amaranth.hdl import Assume, Elaboratable, Module, Signal, Value

from hubel.hdl.event_bytes import EventPacker, EventUnpacker
from hubel.hdl.frame_receiver import HEAD, FrameReceiver
from hubel.hdl.frame_sender import FrameSender
from hubel.hdl.params import CoreParams
from hubel.hdl.shape import Shape

from .prover import asserted, constant, prove, stays_until_taken

pytestmark = pytest.mark.long

PARAMS = CoreParams(
    inputs=(Shape(3, 3, 5), Shape(3)),
    populations=(Shape(300),),
    projections=(),
    outputs=(0,),
    clocks=(0,),
)


class SenderHarness(Elaboratable):
    """A sender and a memory with a zero at most at two places, any, and any other bytes."""

    def __init__(self, broken: bool = False):
        self.sender = FrameSender(first=126)
        self.zeros = [Signal(7, name=f"zero_{i}") for i in range(2)]
        self.key = Signal(7)
        self.broken = broken
        sender = self.sender
        self.free = [sender.start, sender.end, sender.o_bytes.ready, *self.zeros, self.key]

    def elaborate(self, platform):
        m = Module()
        m.submodules.sender = sender = self.sender
        constant(m, *self.zeros, self.key, sender.end)
        place = sender.place
        is_zero = (place == self.zeros[0]) | (place == self.zeros[1])
        byte = Signal(8)
        m.d.comb += byte.eq(((place ^ self.key) | 0x80) & Value.cast(~is_zero).replicate(8))
        m.d.sync += sender.data.eq(byte)
        if self.broken:
            m.d.sync += sender.data.eq(byte + sender.o_bytes.ready)
        # Started only while nothing is sent.
        busy = Signal()
        m.d.comb += Assume(~(sender.start & busy))
        m.d.sync += busy.eq((busy | sender.start) & ~sender.done)
        # One to four bytes.
        m.d.comb += Assume((sender.end <= 2) | (sender.end == 127))
        asserted(m, "bytes_stay", stays_until_taken(m, "o_bytes", sender.o_bytes))

        # Zeros are only at both ends, and the sender ends: three zeros never come.
        zeros = Signal(2)
        moved = sender.o_bytes.valid & sender.o_bytes.ready & (sender.o_bytes.payload == 0)
        m.d.sync += zeros.eq((zeros + moved) & ~sender.done.replicate(2))
        asserted(m, "zeros_are_ends", ~moved | (zeros == 0) | sender.done)
        asserted(m, "sends_when_started", ~sender.o_bytes.valid | busy)
        return m


def test_sender(tmp_path) -> None:
    """22 clocks, in which up to four bytes and their two passes fit."""
    harness = SenderHarness()
    assert prove(harness, harness.free, tmp_path, depth=22) == ""


def test_the_prover_finds_bytes_that_change(tmp_path) -> None:
    harness = SenderHarness(broken=True)
    assert "bytes_stay" in prove(harness, harness.free, tmp_path, depth=20)


class EventsHarness(Elaboratable):
    """Bytes to events and events to bytes, side by side."""

    def __init__(self):
        self.unpacker, self.packer = EventUnpacker(PARAMS), EventPacker(PARAMS)
        unpacker, packer = self.unpacker, self.packer
        self.free = [
            unpacker.i.payload,
            unpacker.i.valid,
            unpacker.o.ready,
            unpacker.flush,
            Value.cast(packer.i.payload),
            packer.i.valid,
            packer.o.ready,
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.unpacker = unpacker = self.unpacker
        m.submodules.packer = packer = self.packer
        constant(m)
        m.d.comb += Assume(stays_until_taken(m, "packer_i", packer.i))
        asserted(m, "events_stay", stays_until_taken(m, "unpacker_o", unpacker.o))
        asserted(m, "bytes_stay", stays_until_taken(m, "packer_o", packer.o))
        event = unpacker.o.payload
        there = (event.source < 2) & (Value.cast(event.kind) != 3)
        code = event.code
        spike = Value.cast(event.kind) == 0
        known = (code[:2] < 3) & (code[2:5] < 5) & (code[5:7] < 3) & (code[7:] == 0)
        axon = (event.source != 0) | known
        there = there & (~spike | (axon & ((event.source != 1) | (code < 3))))
        asserted(m, "events_are_known", ~unpacker.o.valid | there)
        asserted(m, "nothing_is_taken_early", ~unpacker.i.ready | ~unpacker.o.valid)
        return m


def test_events(tmp_path) -> None:
    """Events stay until they are taken, and are those of inputs and axons that there are."""
    harness = EventsHarness()
    assert prove(harness, harness.free, tmp_path, depth=16) == ""


class ReceiverHarness(Elaboratable):
    """A receiver that hears anything."""

    def __init__(self):
        self.receiver = FrameReceiver()
        receiver = self.receiver
        self.free = [
            receiver.i_bytes.payload,
            receiver.i_bytes.valid,
            receiver.bad_byte,
            receiver.enable,
            receiver.clear,
            receiver.crc_match,
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = self.receiver
        constant(m)
        # As the link does: cleared before it is enabled, disabled when a frame was given.
        given, before = Signal(init=1), Signal()
        m.d.sync += given.eq((given & ~receiver.clear) | receiver.frame)
        m.d.sync += before.eq(receiver.enable)
        m.d.comb += [Assume(~(receiver.enable & given)), Assume(~receiver.clear | given)]
        # A zero ends what is in the receiver; count the bytes since then.
        place = receiver.place
        asserted(m, "one_answer", receiver.frame + receiver.bad + receiver.lost <= 1)
        asserted(m, "given_when_right", ~receiver.frame | receiver.crc_match)
        asserted(
            m, "only_while_enabled", ~(receiver.frame | receiver.write.valid) | receiver.enable
        )
        # What is given was written from the first place on, without a gap.
        written = Signal(8, init=256 - HEAD)
        with m.If(receiver.write.valid):
            m.d.sync += written.eq(written + 1)
        with m.If(receiver.clear | ((receiver.bad | receiver.lost) & receiver.enable)):
            m.d.sync += written.eq(256 - HEAD)
        asserted(m, "no_gap", ~receiver.write.valid | (place == written))
        # The length is there from the next cycle on.
        length, was_frame = Signal(8), Signal()
        m.d.sync += [length.eq(written - 3), was_frame.eq(receiver.frame)]
        asserted(m, "length", ~was_frame | ((receiver.length == length) & (length < 251)))
        return m


def test_receiver(tmp_path) -> None:
    """16 clocks: enough for the shortest frame and one more."""
    harness = ReceiverHarness()
    assert prove(harness, harness.free, tmp_path, depth=16) == ""
