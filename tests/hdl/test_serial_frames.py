# amaranth: UnusedElaboratable=no
"""Gateware of the serial link against its twins in Python: frames byte by byte, and a link whose
other end is software."""

import random
from typing import Any

import pytest
from amaranth import sim
from amaranth.hdl import Elaboratable, Module

from hubel.hdl.serial_frames import SerialDeframer, SerialFramer
from hubel.hdl.serial_link import SerialLink
from hubel.hdl.serial_params import FrameKind, SerialLinkParams
from hubel.sim.serial_frames import Frame, FrameDecoder, encode
from hubel.sim.serial_peer import SerialPeer


def frames(width: int, count: int, seed: int) -> list[Frame]:
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        kind = draw.choice(list(FrameKind))
        packet = draw.getrandbits(width) if kind == FrameKind.DATA else 0
        made.append(Frame(kind, *(draw.randrange(16) for _ in range(3)), packet))
    return made


def simulate(dut: Any, *benches: Any) -> None:
    """Run ``benches``; all but the first go on until the first one ends."""
    simulator = sim.Simulator(dut)
    simulator.add_clock(1e-8)
    for i, bench in enumerate(benches):
        simulator.add_testbench(bench, background=i > 0)
    simulator.run()


@pytest.mark.parametrize("width", [1, 7, 32, 50])
def test_framer_is_its_twin(width: int) -> None:
    dut = SerialFramer(SerialLinkParams(width=width))
    sent = frames(width, 30, seed=width)
    draw = random.Random(width)
    line: list[int] = []

    async def source(ctx):
        for frame in sent:
            await ctx.tick().until(dut.idle)
            ctx.set(dut.start, 1)
            ctx.set(dut.head, {name: int(getattr(frame, name)) for name in NAMES})
            ctx.set(dut.packet, frame.packet)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.packet, draw.getrandbits(width))
        await ctx.tick().until(dut.idle)

    async def sink(ctx):
        while True:
            ready = draw.random() < 0.5
            ctx.set(dut.bytes.ready, ready)
            _, _, valid, byte = await ctx.tick().sample(dut.bytes.valid, dut.bytes.payload)
            if valid and ready:
                line.append(byte)

    simulate(dut, source, sink)
    assert bytes(line) == b"".join(encode(frame, width) for frame in sent)


NAMES = ("kind", "number", "received", "taken")


def spoiled(line: bytes, draw: random.Random) -> list[int | None]:
    """Bytes of which some are missing, doubled, without a stop bit, or have a bit that flipped."""
    heard: list[int | None] = []
    for byte in line:
        kind = draw.choice(["good"] * 60 + ["lost", "twice", "bad", "flip"])
        if kind in ("good", "twice"):
            heard += [byte] * (1 + (kind == "twice"))
        elif kind != "lost":
            heard.append(None if kind == "bad" else byte ^ 1 << draw.randrange(8))
    return heard


@pytest.mark.parametrize("width", [1, 7, 32, 50])
def test_deframer_is_its_twin(width: int) -> None:
    dut = SerialDeframer(SerialLinkParams(width=width))
    draw = random.Random(width)
    line = b"".join(encode(frame, width) for frame in frames(width, 120, seed=width))
    heard = spoiled(line, draw)
    given: list[Frame] = []
    bad = [0]

    async def source(ctx):
        for byte in heard:
            ctx.set(dut.bytes.payload, byte if byte is not None else draw.randrange(256))
            ctx.set(dut.bytes.valid, byte is not None)
            ctx.set(dut.bad_byte, byte is None)
            await ctx.tick()
            ctx.set(dut.bytes.valid, 0)
            ctx.set(dut.bad_byte, 0)
            await ctx.tick().repeat(draw.randrange(3, 6))
        await ctx.tick().repeat(3)

    async def sink(ctx):
        values = [dut.good, dut.bad, dut.packet, *(getattr(dut.head, name) for name in NAMES)]
        async for _, _, good, wrong, packet, kind, *numbers in ctx.tick().sample(*values):
            bad[0] += wrong
            if good:
                data = kind == FrameKind.DATA
                given.append(Frame(FrameKind(kind), *numbers, packet if data else 0))

    simulate(dut, source, sink)
    twin = FrameDecoder(width)
    expected = [frame for byte in heard if (frame := twin.hear(byte)) is not None]
    assert given == expected and bad == [twin.bad]
    assert twin.bad > 5 and len(given) > 30


class Uart:
    """A UART in software on the line of the link: one byte at a time in each direction."""

    def __init__(self, dut: SerialLink, peer: SerialPeer, fault: float, seed: int):
        self.dut, self.peer, self.fault = dut, peer, fault
        self.draw = random.Random(seed)
        self.clock = 0

    def spoil(self, byte: int) -> int | None:
        if self.draw.random() >= self.fault:
            return byte
        return self.draw.choice([None, byte ^ 1 << self.draw.randrange(8)])

    async def listen(self, ctx):
        dut, divisor = self.dut, self.dut.params.divisor
        while True:
            await ctx.negedge(dut.tx)
            await ctx.tick().repeat(divisor + divisor // 2)
            byte = 0
            for i in range(8):
                byte |= ctx.get(dut.tx) << i
                await ctx.tick().repeat(divisor)
            assert ctx.get(dut.tx) == 1
            self.peer.hear(self.spoil(byte))

    async def speak(self, ctx):
        dut, divisor = self.dut, self.dut.params.divisor
        while True:
            for byte in self.peer.say(self.clock):
                heard = self.spoil(byte)
                bits = [0, *((heard or byte) >> i & 1 for i in range(8)), heard is not None, 1]
                for bit in bits:
                    ctx.set(dut.rx, bit)
                    await ctx.tick().repeat(divisor)
                    self.clock += divisor
            await ctx.tick()
            self.clock += 1


class Pair(Elaboratable):
    """Two sides on one clock."""

    def __init__(self, **sizes: int):
        self.a, self.b = SerialLink(32, **sizes), SerialLink(32, **sizes)

    def elaborate(self, platform):
        m = Module()
        m.submodules.a, m.submodules.b = self.a, self.b
        m.d.comb += [self.a.rx.eq(self.b.tx), self.b.rx.eq(self.a.tx)]
        return m


@pytest.mark.parametrize("sizes", [{}, {"divisor": 8, "lanes": 4}])
def test_latency(sizes: dict[str, int]) -> None:
    dut = Pair(**sizes)
    params = dut.a.params
    seen: dict[str, int] = {}

    async def bench(ctx):
        clock = 0
        while not (ctx.get(dut.a.up) and ctx.get(dut.b.up)):
            await ctx.tick()
            clock += 1
        seen["up"] = clock
        await ctx.tick().repeat(2 * params.frame_clocks)
        ctx.set(dut.a.i.valid, 1)
        await ctx.tick()
        ctx.set(dut.a.i.valid, 0)
        clock = 0
        while not ctx.get(dut.b.o.valid):
            await ctx.tick()
            clock += 1
        seen["latency"] = clock

    simulate(dut, bench)
    short = params.frame_bytes(FrameKind.ACK) * params.byte_clocks
    print(seen, params.timeout_clocks, params.frame_clocks)
    assert params.timeout_clocks < seen["up"] < params.timeout_clocks + 3 * short
    assert params.frame_clocks < seen["latency"] < params.frame_clocks + 12


@pytest.mark.parametrize(
    "window, fault",
    [
        (8, 0.02),
        pytest.param(8, 0.0, marks=pytest.mark.long),
        pytest.param(2, 0.02, marks=pytest.mark.long),
    ],
)
def test_software_is_the_other_end(window: int, fault: float) -> None:
    """Its packets come, and those of the gateware; it takes them when it likes."""
    dut = SerialLink(32, window=window)
    peer = SerialPeer(32, window=window, timeout=dut.params.timeout_clocks)
    uart = Uart(dut, peer, fault, seed=1)
    draw = random.Random(window)
    count = 25
    sent = {name: [draw.getrandbits(32) for _ in range(count)] for name in ("dut", "peer")}
    peer.to_send.extend(sent["peer"])
    here: list[int] = []
    there: list[int] = []

    async def source(ctx):
        for packet in sent["dut"]:
            ctx.set(dut.i.payload, packet)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def sink(ctx):
        ctx.set(dut.o.ready, 1)
        async for _, _, valid, packet in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                here.append(packet)

    async def main(ctx):
        while len(there) < count or len(here) < count:
            await ctx.tick().repeat(draw.randrange(1500))
            for _ in range(draw.randrange(len(peer.came) + 1)):
                there.append(peer.came.popleft())
            assert uart.clock < 200_000, f"stuck at {len(here)} and {len(there)}"
        await ctx.tick().repeat(3 * dut.params.timeout_clocks)

    simulate(dut, main, source, sink, uart.listen, uart.speak)
    assert there + list(peer.came) == sent["dut"] and here == sent["peer"]
    assert (peer.bad > 0) == (fault > 0) and peer.dropped == 0
