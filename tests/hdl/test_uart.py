# amaranth: UnusedElaboratable=no
"""The serial port against waveforms of lines, written bit by bit."""

import random
from pathlib import Path
from typing import Any

import pytest
from amaranth import sim
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hubel.hdl.uart import ByteSignature, UartReceiver, UartTransmitter
from hubel.hdl.verilog import to_verilog
from hubel.sim.simulator import Simulator, build, run

DIVISOR = 12


def frame(byte: int, *, stop: int = 1) -> list[int]:
    return [0, *(byte >> i & 1 for i in range(8)), stop]


def receive(line: list[int], *, divisor: int = DIVISOR) -> list[tuple[int, int | None]]:
    """What the receiver gives for a line of one value a clock: (clock, byte or None for an
    error)."""
    dut = UartReceiver(divisor=divisor)
    given: list[tuple[int, int | None]] = []

    async def bench(ctx):
        for clock, level in enumerate(line):
            ctx.set(dut.rx, level)
            if ctx.get(dut.bytes.valid):
                given.append((clock, ctx.get(dut.bytes.payload)))
            if ctx.get(dut.framing_error):
                given.append((clock, None))
            await ctx.tick()

    simulator = sim.Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return given


def transmit(data: bytes, *, gap: float, seed: int, divisor: int = DIVISOR) -> list[int]:
    """The line, one value a clock from the first transfer on, and 20 bits longer than needed."""
    dut = UartTransmitter(divisor=divisor)
    draw = random.Random(seed)
    line: list[int] = []

    async def source(ctx):
        for byte in data:
            while draw.random() < gap:
                await ctx.tick()
            ctx.set(dut.bytes.payload, byte)
            ctx.set(dut.bytes.valid, 1)
            await ctx.tick().until(dut.bytes.ready)
            ctx.set(dut.bytes.valid, 0)
            ctx.set(dut.bytes.payload, draw.randrange(256))
        await ctx.tick().repeat(20 * divisor)

    async def sink(ctx):
        while True:
            await ctx.tick()
            line.append(ctx.get(dut.tx))

    simulator = sim.Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_testbench(sink, background=True)
    simulator.run()
    return line


def stretched(bits: list[int], clocks_per_bit: float) -> list[int]:
    """``bits`` as one value a clock."""
    return [bits[int(clock / clocks_per_bit)] for clock in range(int(len(bits) * clocks_per_bit))]


@pytest.mark.parametrize(
    "divisor, error",
    [(4, 1.0), (5, 1.0), (12, 0.97), (12, 1.0), (12, 1.03), (101, 0.97), (101, 1.03)],
)
def test_receives_every_byte_in_spite_of_a_wrong_clock(divisor: int, error: float):
    draw = random.Random(1)
    data = [draw.randrange(256) for _ in range(8)] + [0x00, 0xFF, 0x55, 0xAA]
    bits = [1, 1]
    for byte in data:
        bits += frame(byte) + [1] * draw.choice([0, 0, 1, 3])
    given = receive(stretched([*bits, 1, 1], divisor * error), divisor=divisor)
    assert [byte for _, byte in given] == data


def test_gives_the_byte_half_a_bit_into_its_stop_bit():
    idle = 7
    line = [1] * idle + stretched([*frame(0xA5), 1], DIVISOR)
    [(clock, byte)] = receive(line)
    assert byte == 0xA5
    assert clock - (idle + 9 * DIVISOR) == DIVISOR // 2 + 3


def test_missing_stop_bit_is_an_error_and_the_next_byte_is_received():
    bits = [1, *frame(0x12, stop=0), 0, 0, 1, *frame(0x34), 1]
    assert [byte for _, byte in receive(stretched(bits, DIVISOR))] == [None, 0x34]


def test_a_break_is_one_error():
    bits = [1, *[0] * 40, 1, *frame(0x34), 1]
    assert [byte for _, byte in receive(stretched(bits, DIVISOR))] == [None, 0x34]


@pytest.mark.parametrize("idle", range(2 * DIVISOR, 3 * DIVISOR))
def test_a_glitch_is_no_start_bit(idle: int):
    glitch = [0] * (DIVISOR // 2 - 1)
    line = [1] * 5 + glitch + [1] * idle + stretched([*frame(0x55), 1], 1.03 * DIVISOR)
    assert [byte for _, byte in receive(line)] == [0x55]


@pytest.mark.parametrize("gap", [0.0, 0.99])
def test_transmits_what_a_receiver_receives(gap: float):
    data = random.Random(2).randbytes(10) + b"\x00\xff"
    line = transmit(data, gap=gap, seed=3)
    assert bytes(byte or 0 for _, byte in receive([1] * 3 + line)) == data


@pytest.mark.parametrize("divisor", [4, 9])
def test_transmits_without_a_gap(divisor: int):
    data = bytes([0xA5, 0x00, 0xFF])
    line = transmit(data, gap=0.0, seed=0, divisor=divisor)
    bits = [bit for byte in data for bit in frame(byte)]
    assert line[: len(bits) * divisor] == stretched(bits, divisor)
    assert set(line[len(bits) * divisor :]) == {1}


def test_the_line_idles_high_in_reset():
    dut = UartTransmitter(divisor=DIVISOR)
    assert dut.tx.init == 1


@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_refuses_a_short_bit(component):
    with pytest.raises(ValueError, match=r"^divisor must be at least 4, not 3$"):
        component(divisor=3)


class Loop(wiring.Component):
    """A transmitter and a receiver on one line."""

    i: Any
    o: Any

    def __init__(self, *, divisor: int):
        self._divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "o": Out(ByteSignature())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        wiring.connect(m, wiring.flipped(self.i), transmitter.bytes)
        wiring.connect(m, receiver.bytes, wiring.flipped(self.o))
        m.d.comb += receiver.rx.eq(transmitter.tx)
        return m


@pytest.mark.parametrize("divisor, gap", [(4, 0.0), (13, 0.97)])
def test_verilog_passes_every_byte(simulator: Simulator, cache_dir: Path, divisor: int, gap: float):
    verilog = to_verilog(Loop(divisor=divisor), name="uart_loop")
    result = run(
        build(verilog, "uart_loop", simulator, cache_dir=cache_dir),
        "hdl.cocotb_uart",
        parameters={"gap": gap, "count": 256},
        seed=4,
    )
    assert result["sent"] == result["received"] and len(set(result["sent"])) == 256
