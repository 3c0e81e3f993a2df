"""A learning core behind its serial line, bit by bit, against the golden layer."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_events import LearningKind
from hubel.hdl.learning_port import READ
from hubel.hdl.learning_soc import LearningSoc
from hubel.hdl.stdp_params import LearningParams, LearningRates
from hubel.sim.learning import Layer
from hubel.sim.learning_gateware import load_bytes
from hubel.sim.learning_port import address_bytes, packet_bytes, packets_from, write_bytes

DIVISOR = 4
PARAMS = LearningParams(inputs=8, neurons=4, lanes=2)
KINDS = LearningKind.SPIKE, LearningKind.END, LearningKind.START
SPIKE, END, START = (kind.value for kind in KINDS)


class Line:
    """Sends and receives bytes on the two lines of ``dut``."""

    def __init__(self, ctx, dut: LearningSoc):
        self._ctx, self._dut = ctx, dut
        self._frame: list[int] = []
        self.received = bytearray()

    async def send(self, data: bytes) -> None:
        for byte in data:
            for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
                self._ctx.set(self._dut.rx, bit)
                for _ in range(DIVISOR):
                    await self._clock()

    async def until(self, packets: int) -> list[tuple[int, int]]:
        clocks = 0
        while len(found := list(packets_from(bytes(self.received)))) < packets:
            await self._clock()
            clocks += 1
            assert clocks < 5000, f"{found} instead of {packets} packets"
        self.received.clear()
        return found

    async def _clock(self) -> None:
        await self._ctx.tick()
        level = self._ctx.get(self._dut.tx)
        if self._frame or not level:
            self._frame.append(level)
        if len(self._frame) == 10 * DIVISOR:
            bits = self._frame[DIVISOR // 2 :: DIVISOR]
            assert bits[0] == 0 and bits[9] == 1
            self.received.append(sum(bit << i for i, bit in enumerate(bits[1:9])))
            self._frame = []


def test_a_host_teaches_and_reads_a_layer() -> None:
    draw = np.random.default_rng(3)
    rates = LearningRates(threshold=250, a_plus=9000, a_minus=9000, a_step=20, inhibition=65535)
    layer = Layer(PARAMS, rates, draw.integers(50, 200, (8, 4)))
    dut = LearningSoc(PARAMS, divisor=DIVISOR)
    spikes = 0

    async def bench(ctx) -> None:
        nonlocal spikes
        line = Line(ctx, dut)
        for memory, address, content in load_bytes(layer):
            await line.send(write_bytes(memory, address, content))
        for _ in range(3):
            layer.start()
            await line.send(packet_bytes(START))
            for _ in range(4):
                inputs = np.flatnonzero(draw.random(8) < 0.5)
                fired = layer.step(inputs)
                packets = b"".join(packet_bytes(SPIKE, int(i)) for i in inputs)
                await line.send(packets + packet_bytes(END))
                expected = [*((SPIKE, n) for n in fired), (END, 0)]
                assert await line.until(len(expected)) == expected
                spikes += len(fired)
        # A byte at a time, as the host asks.
        for i in (0, 5):
            await line.send(address_bytes(LearningMemory.WEIGHTS, i << 2))
            for weight in layer.weights[i]:
                await line.send(packet_bytes(READ))
                assert await line.until(1) == [(READ, weight)]
        # A packet that is no whole one, and the END that says so.
        await line.send(b"\x00" + packet_bytes(END))
        assert (await line.until(1))[-1] == (END, 1)
        await line.send(packet_bytes(END))
        assert (await line.until(1))[-1] == (END, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert spikes > 3
    assert layer.counters["updates"] > 10


def test_what_fits_in_no_packet_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a packet has a kind in 0..7 and an index in 0..2047"):
        packet_bytes(0, 2048)
