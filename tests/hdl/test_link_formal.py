# amaranth: UnusedElaboratable=no
"""Bounded proofs of the parts of the link: the rules of streams, whatever comes."""

import pytest
from amaranth.hdl import Assume, Elaboratable, Module, Signal, Value

from hubel.hdl.event_bytes import EventPacker, EventUnpacker
from hubel.hdl.frame_receiver import HEAD, FrameReceiver
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
    """A receiver that hears anything, and what it knows of the memory."""

    def __init__(self, broken: bool = False):
        self.receiver = FrameReceiver()
        self.broken = broken
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
        # As every line does: a byte every second cycle at most.
        came = Signal()
        m.d.sync += came.eq(receiver.i_bytes.valid)
        m.d.comb += Assume(~(came & receiver.i_bytes.valid))
        place = Signal(8, init=256 - HEAD)
        m.d.comb += receiver.place.eq(place)
        m.d.sync += [
            receiver.byte.eq(receiver.write.payload),
            receiver.written.eq(receiver.write.valid),
        ]
        with m.If(receiver.written):
            m.d.sync += place.eq(place + (2 if self.broken else 1))
        with m.If(receiver.start):
            m.d.sync += place.eq(256 - HEAD)
        asserted(m, "one_answer", receiver.frame + receiver.bad + receiver.lost <= 1)
        matched = Signal()
        m.d.sync += matched.eq(receiver.crc_match)
        asserted(m, "given_when_right", ~receiver.frame | matched)
        asserted(
            m, "only_while_enabled", ~(receiver.frame | receiver.write.valid) | receiver.enable
        )
        # All bytes of a frame are written: the last one before it is given.
        asserted(m, "all_are_written", ~receiver.frame | ~receiver.written)
        bytes_, was_given, length = Signal(8), Signal(), Signal(8)
        with m.If(receiver.write.valid):
            m.d.sync += bytes_.eq(bytes_ + 1)
        with m.If(receiver.start):
            m.d.sync += bytes_.eq(0)
        m.d.sync += [was_given.eq(receiver.frame), length.eq(bytes_ - HEAD - 3)]
        right = (receiver.length == length) & (length < 251)
        asserted(m, "length", ~was_given | right)
        return m


def test_receiver(tmp_path) -> None:
    """26 clocks: enough for the shortest frame and a part of one more."""
    harness = ReceiverHarness()
    assert prove(harness, harness.free, tmp_path, depth=26) == ""


def test_the_prover_finds_a_wrong_length(tmp_path) -> None:
    harness = ReceiverHarness(broken=True)
    assert "length" in prove(harness, harness.free, tmp_path, depth=26)
