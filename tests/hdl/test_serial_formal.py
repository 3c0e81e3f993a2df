# amaranth: UnusedElaboratable=no
"""Bounded proofs of both links: an arbitrary partner that keeps the protocol, and lines that lose
any frame; how many clocks, each test says."""

import pytest
from amaranth.hdl import Assume, C, Cat, Elaboratable, Module, Signal, Value

import hubel.hdl.serial_frames
import hubel.hdl.serial_window
from hubel.hdl.four_phase import FourPhaseIn, FourPhaseOut
from hubel.hdl.serial_params import FrameKind, SerialLinkParams
from hubel.hdl.serial_window import LinkState, SerialWindow

from .prover import asserted, constant, prove, stays_until_taken

pytestmark = pytest.mark.long

WIDTH = 3


class PhasesIn(Elaboratable):
    """A receiver, and a sender that keeps the protocol and whose packets count up. The wires of the
    address are as slow as they may be: it is valid only when the request has been up for two
    clocks."""

    def __init__(self, settle: int = 0, early: bool = False):
        self.dut = FourPhaseIn(WIDTH, settle=settle)
        self.rises, self.falls, self.noise = Signal(), Signal(), Signal(WIDTH)
        self.free: list[Value] = [self.rises, self.falls, self.noise, self.dut.o.ready]
        self.slow = 3 if early else 2 + settle

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        constant(m)
        sent, came, age = Signal(WIDTH), Signal(WIDTH), Signal(3)
        req = Signal()
        m.d.comb += [dut.req.eq(req), dut.address.eq(self.noise)]
        m.d.sync += age.eq(age + (age != 7))
        with m.If(~req & ~dut.ack & self.rises):
            m.d.sync += [req.eq(1), age.eq(0)]
        with m.If(req & dut.ack & self.falls):
            m.d.sync += [req.eq(0), sent.eq(sent + 1)]
        with m.If(req & ~dut.ack & (age >= self.slow)):
            m.d.comb += dut.address.eq(sent)
        with m.If(dut.o.valid & dut.o.ready):
            m.d.sync += came.eq(came + 1)
        before = Signal()
        m.d.sync += before.eq(dut.ack)
        asserted(m, "ack_rises_after_req", ~dut.ack | before | req)
        asserted(m, "ack_falls_after_req", dut.ack | ~before | ~req)
        asserted(m, "ack_means_taken", ~dut.ack | before | (came == (sent + 1)[:WIDTH]))
        asserted(m, "in_order", ~dut.o.valid | (dut.o.payload == came))
        asserted(m, "none_twice", ~dut.o.valid | (came == sent))
        asserted(m, "events_stay", stays_until_taken(m, "o", dut.o))
        return m


class PhasesOut(Elaboratable):
    """A sender of packets that count up, and a receiver that keeps the protocol."""

    def __init__(self, setup: int = 1, hasty: bool = False):
        self.dut = FourPhaseOut(WIDTH, setup=setup)
        self.moves = Signal()
        self.start = Signal()
        self.hasty = hasty
        self.free: list[Value] = [self.moves, self.dut.i.valid, self.start]

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        constant(m, self.start)
        sent, came, begun, ack = Signal(WIDTH), Signal(WIDTH), Signal(), Signal()
        # At first the acknowledgement may still be up, for a while.
        m.d.sync += begun.eq(begun | ~self.start | self.moves)
        m.d.comb += [dut.ack.eq(ack | (self.start & ~begun)), dut.i.payload.eq(sent)]
        before, address, req = Signal(), Signal(WIDTH), dut.req
        m.d.sync += [before.eq(req), address.eq(dut.address)]
        with m.If(dut.i.valid & dut.i.ready):
            m.d.sync += sent.eq(sent + 1)
        takes = self.moves & begun & req & ~ack
        with m.If(self.moves & begun & ((req != ack) | self.hasty)):
            m.d.sync += ack.eq(~ack)
        with m.If(takes):
            m.d.sync += came.eq(came + 1)
        asserted(m, "in_order", ~takes | (dut.address == came))
        asserted(m, "none_twice", ~takes | (came != sent))
        asserted(m, "req_rises_after_ack", ~req | before | ~dut.ack)
        asserted(m, "req_falls_after_ack", req | ~before | dut.ack)
        asserted(m, "address_before_req", ~req | before | (address == dut.address))
        asserted(m, "address_stays", ~(req & before) | (address == dut.address))
        return m


@pytest.mark.parametrize("settle", [0, 2])
def test_four_phase_in(tmp_path, settle: int) -> None:
    """Every event is given once, in order, and acknowledged when it was taken: 30 clocks, in which
    four events fit."""
    harness = PhasesIn(settle)
    assert prove(harness, harness.free, tmp_path, depth=30) == ""


def test_the_prover_finds_an_address_that_is_too_late(tmp_path) -> None:
    harness = PhasesIn(early=True)
    assert "in_order" in prove(harness, harness.free, tmp_path, depth=20)


@pytest.mark.parametrize("setup", [1, 3])
def test_four_phase_out(tmp_path, setup: int) -> None:
    """The four phases come in their order, the address is there before and stays, every event is
    sent once: 30 clocks, in which four events fit."""
    harness = PhasesOut(setup)
    assert prove(harness, harness.free, tmp_path, depth=30) == ""


def test_the_prover_finds_a_receiver_that_does_not_keep_the_protocol(tmp_path) -> None:
    harness = PhasesOut(hasty=True)
    assert prove(harness, harness.free, tmp_path, depth=20) != ""


class Line:
    """Up to two frames on their way; each moves on, vanishes or waits as it likes."""

    def __init__(self, name: str):
        self.name = name
        self.idle, self.move, self.lose = (Signal(name=f"{name}_{x}") for x in ("i", "m", "l"))
        self.free = [self.idle, self.move, self.lose]

    def join(self, m: Module, sender: SerialWindow, receiver: SerialWindow) -> None:
        head = Value.cast(sender.head)
        size = len(head) + len(sender.packet)
        near, far = (Signal(size + 1, name=f"{self.name}_{x}") for x in ("near", "far"))
        m.d.comb += [
            sender.idle.eq(self.idle & ~near[-1]),
            receiver.good.eq(far[-1] & self.move & ~self.lose),
            Value.cast(receiver.heard).eq(far[: len(head)]),
            receiver.heard_packet.eq(far[len(head) :]),
        ]
        with m.If(self.move | ~far[-1]):
            m.d.sync += [far.eq(near), near.eq(0)]
        with m.If(sender.start):
            m.d.sync += near.eq(Cat(head, sender.packet, C(1, 1)))
        self.near = near


class Windows(Elaboratable):
    """Two sides, and lines that lose any frame; the packets of both directions count up."""

    def __init__(self, params: SerialLinkParams, *, up: bool = True, most: int = 0):
        self.sides = SerialWindow(params), SerialWindow(params)
        self.lines = Line("ab"), Line("ba")
        self.window, self.most = params.window, most
        if up:
            for side in self.sides:
                Value.cast(side.state)._init = LinkState.UP.value
        self.free: list[Value] = [signal for line in self.lines for signal in line.free]
        for side in self.sides:
            self.free += [side.i.valid, side.o.ready]

    def elaborate(self, platform):
        m = Module()
        constant(m)
        m.submodules.a, m.submodules.b = self.sides
        a, b = self.sides
        for line, sender, receiver in zip(self.lines, (a, b), (b, a), strict=True):
            name = line.name
            line.join(m, sender, receiver)
            sent, came = Signal(WIDTH, name=f"{name}_sent"), Signal(WIDTH, name=f"{name}_came")
            m.d.comb += sender.i.payload.eq(sent)
            with m.If(sender.i.valid & sender.i.ready):
                m.d.sync += sent.eq(sent + 1)
            with m.If(receiver.o.valid & receiver.o.ready):
                m.d.sync += came.eq(came + 1)
            out, window = receiver.o, self.window
            width = len(receiver.head.received)
            places = (receiver.head.received - receiver.head.taken)[:width]
            asserted(m, f"{name}_in_order", ~out.valid | (out.payload == came))
            asserted(m, f"{name}_none_invented", ~out.valid | (came != sent))
            asserted(m, f"{name}_stays", stays_until_taken(m, f"{name}_o", out))
            asserted(m, f"{name}_sends_no_more", sender.outstanding <= window)
            asserted(m, f"{name}_keeps_no_more", places <= window)
            comes = receiver.good & (receiver.heard.kind == FrameKind.DATA)
            comes = comes & (receiver.heard.number == receiver.head.received)
            asserted(m, f"{name}_has_room", ~comes | (places < window))
            if self.most:
                asserted(m, f"{name}_few", came < self.most)
        return m


@pytest.fixture
def small(monkeypatch):
    """Numbers of two bits, so that they wrap soon, and a time-out that comes early."""
    for module in (hubel.hdl.serial_frames, hubel.hdl.serial_window):
        monkeypatch.setattr(module, "NUMBER_WIDTH", 2)
    monkeypatch.setattr(SerialLinkParams, "timeout_clocks", 4)
    return SerialLinkParams(width=WIDTH, window=2)


def test_windows(tmp_path, small) -> None:
    """Both ways every packet is given once and in order, and no memory overflows, whatever frames
    vanish and however long they take: 28 clocks."""
    harness = Windows(small)
    assert prove(harness, harness.free, tmp_path, depth=28) == ""


def test_windows_give_packets_in_that_time(tmp_path, small) -> None:
    harness = Windows(small, most=5)
    assert "few" in prove(harness, harness.free, tmp_path, depth=28)


def test_the_handshake_ends(tmp_path, small) -> None:
    """From the reset of both sides: 24 clocks, in which packets come."""
    harness = Windows(small, up=False)
    assert prove(harness, harness.free, tmp_path, depth=24) == ""
    harness = Windows(small, up=False, most=1)
    assert "few" in prove(harness, harness.free, tmp_path, depth=24)


def test_the_prover_finds_a_window_as_large_as_the_numbers(tmp_path, small) -> None:
    harness = Windows(SerialLinkParams(width=WIDTH, window=4))
    assert prove(harness, harness.free, tmp_path, depth=24) != ""


class Reset(Elaboratable):
    """Side "a" was just reset, while "b" is up, or was about to be: frames that "a" sent before,
    any, still come in the first clocks. No frame takes more than four clocks.

    The new packets of "a" have a mark; those of both sides count up."""

    def __init__(self, params: SerialLinkParams, state: LinkState, *, most: int = 0):
        self.sides = SerialWindow(params), SerialWindow(params)
        self.lines = Line("ab"), Line("ba")
        self.most = most
        Value.cast(self.sides[1].state)._init = state.value
        self.ghost = Signal(len(Value.cast(self.sides[0].head)) + WIDTH)
        self.free: list[Value] = [self.ghost]
        self.free += [signal for line in self.lines for signal in line.free]
        for side in self.sides:
            self.free += [side.i.valid, side.o.ready]

    def elaborate(self, platform):
        m = Module()
        constant(m)
        m.submodules.a, m.submodules.b = a, b = self.sides
        clock, sent, came = Signal(3), Signal(WIDTH), Signal(WIDTH)
        m.d.sync += clock.eq(clock + (clock != 7))
        for line, sender, receiver in zip(self.lines, (a, b), (b, a), strict=True):
            line.join(m, sender, receiver)
            waited = Signal(name=f"{line.name}_waited")
            m.d.sync += waited.eq(~line.move)
            m.d.comb += Assume(line.move | ~waited)
        with m.If(clock < 2):
            m.d.sync += self.lines[0].near.eq(Cat(self.ghost, C(0b10, 2)))

        # From "a" to "b": nothing is lost either.
        m.d.comb += a.i.payload.eq(Cat(sent, C(1, 1)))
        with m.If(a.i.valid & a.i.ready):
            m.d.sync += sent.eq(sent + 1)
        with m.If(b.o.valid & b.o.ready & b.o.payload[-1]):
            m.d.sync += came.eq(came + 1)
        fresh = b.o.valid & b.o.payload[-1]
        asserted(m, "a_to_b", ~fresh | ((b.o.payload[:WIDTH] == came) & (came != sent)))

        # From "b" to "a": all after the first one that comes.
        count, next_one, begun = Signal(WIDTH), Signal(WIDTH), Signal()
        m.d.comb += b.i.payload.eq(count)
        with m.If(b.i.valid & b.i.ready):
            m.d.sync += count.eq(count + 1)
        with m.If(a.o.valid & a.o.ready):
            m.d.sync += [next_one.eq(a.o.payload + 1), begun.eq(1)]
        asserted(m, "b_to_a", ~(a.o.valid & begun) | (a.o.payload[:WIDTH] == next_one))
        if self.most:
            asserted(m, "few", (came < self.most) | ~begun)
        return m


DEAF = 12
STATES = [LinkState.UP, LinkState.WELCOME]


@pytest.mark.parametrize("state", STATES)
def test_a_reset_of_one_side(monkeypatch, tmp_path, small, state: LinkState) -> None:
    """What was on the line is never taken for something new: 34 clocks, of which the side that was
    reset is deaf for 12."""
    monkeypatch.setattr(SerialLinkParams, "timeout_clocks", DEAF)
    params = SerialLinkParams(width=WIDTH + 1, window=2)
    harness = Reset(params, state)
    assert prove(harness, harness.free, tmp_path, depth=34) == ""
    harness = Reset(params, state, most=1)
    assert "few" in prove(harness, harness.free, tmp_path, depth=34)


def test_the_prover_finds_a_side_that_hears_too_early(monkeypatch, tmp_path, small) -> None:
    """After a reset it must be deaf until the line is empty."""
    monkeypatch.setattr(SerialLinkParams, "timeout_clocks", 3)
    harness = Reset(SerialLinkParams(width=WIDTH + 1, window=2), LinkState.WELCOME)
    assert prove(harness, harness.free, tmp_path, depth=34) != ""
