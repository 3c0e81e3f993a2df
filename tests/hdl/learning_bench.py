"""What a learning core is told and answers, in Amaranth's simulator, beside the golden model."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_core import LearningCore
from hubel.hdl.learning_counters import LEARNING_COUNTERS
from hubel.hdl.learning_events import LearningKind, LearningPacket, Reward
from hubel.hdl.rates import RATE_REGISTERS
from hubel.hdl.stdp_params import LearningParams, LearningRates
from hubel.sim.learning import Layer
from hubel.sim.learning_gateware import apply_change
from hubel.sim.learning_image import load_bytes, rate_bytes, rates_from, weight_parts
from hubel.sim.streams import Packing

#: Reward of -1, 0, 1 in a packet.
SIGNS = {1: Reward.REWARD.value, 0: Reward.NONE.value, -1: Reward.PUNISHMENT.value}


class Chip:
    """Drives ``dut``: packets with pauses, bytes to and from its memories."""

    def __init__(self, ctx: Any, dut: LearningCore, *, gap: float, stall: float, seed: int):
        self._ctx, self._dut, self._gap, self._stall = ctx, dut, gap, stall
        self._draw = random.Random(seed)
        params = dut.params
        self._packing = Packing(LearningPacket(params))
        self.spikes: list[int] = []
        self.weights = np.zeros((params.inputs, params.neurons), dtype=np.int64)
        self.ended = 0

    async def clock(self) -> tuple[bool, bool]:
        """One clock; whether a packet was taken, and whether the core wrote weights."""
        ctx, dut = self._ctx, self._dut
        ctx.set(dut.spikes.ready, self._draw.random() >= self._stall)
        outs, ins = dut.spikes, dut.events
        ports = (outs.valid, outs.ready, Value.cast(outs.payload), ins.valid, ins.ready)
        _, _, valid, ready, payload, offered, taken, changed, change = await ctx.tick().sample(
            *ports, dut.change.valid, Value.cast(dut.change.payload)
        )
        if valid and ready:
            packet = self._packing.unpack(payload)
            if packet["kind"] == LearningKind.SPIKE.value:
                self.spikes.append(packet["code"])
            else:
                assert packet["kind"] == LearningKind.END.value
                self.ended += 1
        if changed:
            self._change(change)
        return bool(offered and taken), bool(changed)

    def _change(self, payload: int) -> None:
        apply_change(self._dut.params, self.weights, payload)

    @property
    def ready(self) -> bool:
        """The core takes a packet."""
        return bool(self._ctx.get(self._dut.events.ready))

    async def send(self, kind: LearningKind, code: int = 0) -> None:
        while self._draw.random() < self._gap:
            self._ctx.set(self._dut.events.valid, 0)
            await self.clock()
        self._ctx.set(
            self._dut.events.payload.as_value(), self._packing.pack(kind=kind.value, code=code)
        )
        self._ctx.set(self._dut.events.valid, 1)
        clocks = 0
        while not (await self.clock())[0]:
            clocks += 1
            assert clocks < 100_000, f"{kind} is not taken"
        self._ctx.set(self._dut.events.valid, 0)

    async def step(self, inputs: Sequence[int]) -> list[int]:
        """One step; the neurons that fire."""
        for code in inputs:
            await self.send(LearningKind.SPIKE, int(code))
        await self.send(LearningKind.END)
        before, first = self.ended, len(self.spikes)
        clocks = 0
        while self.ended == before:
            await self.clock()
            clocks += 1
            assert clocks < 100_000, "no END"
        return self.spikes[first:]

    async def settle(self) -> None:
        """Until the core is idle and has counted."""
        ctx, dut = self._ctx, self._dut
        while not ctx.get(dut.events.ready):
            await self.clock()
        for _ in range(2 * len(LEARNING_COUNTERS)):
            await self.clock()

    async def counters(self) -> dict[str, int]:
        await self.settle()
        found = {}
        for _ in LEARNING_COUNTERS:
            await self.clock()
            number = self._ctx.get(self._dut.counters.number)
            found[LEARNING_COUNTERS[number]] = self._ctx.get(self._dut.counters.value)
        return found

    async def begin(self, memory: LearningMemory, address: int) -> None:
        ctx, port = self._ctx, self._dut.port
        ctx.set(port.memory, memory)
        ctx.set(port.address, address)
        ctx.set(port.begin, 1)
        await self.clock()
        ctx.set(port.begin, 0)

    async def write(self, data: bytes) -> None:
        ctx, port = self._ctx, self._dut.port
        ctx.set(port.write.valid, 1)
        for byte in data:
            ctx.set(port.write.payload, byte)
            assert ctx.get(port.write.ready)
            await self.clock()
        ctx.set(port.write.valid, 0)

    async def read(self, count: int) -> bytes:
        ctx, port, found = self._ctx, self._dut.port, bytearray()
        while len(found) < count:
            ctx.set(port.read.ready, self._draw.random() >= self._stall)
            taken = ctx.get(port.read.valid) and ctx.get(port.read.ready)
            payload = ctx.get(port.read.payload)
            await self.clock()
            if taken:
                found.append(payload)
        ctx.set(port.read.ready, 0)
        return bytes(found)

    async def set_rates(self, rates: LearningRates) -> None:
        await self.begin(LearningMemory.RATES, 0)
        await self.write(rate_bytes(rates))

    async def load(self, layer: Layer) -> None:
        """Everything that ``layer`` holds at the beginning of a sample."""
        await self.settle()
        for memory, address, content in load_bytes(layer):
            await self.begin(memory, address)
            await self.write(content)
        self.weights = layer.weights.copy()

    async def read_weights(self) -> np.ndarray:
        params, found = self._dut.params, b""
        for memory, address, count in weight_parts(params):
            await self.begin(memory, address)
            found += await self.read(count)
        flat = np.frombuffer(found, dtype=f"<u{params.weight_width // 8}")
        return flat.reshape(params.inputs, params.neurons).astype(np.int64)

    async def read_neurons(self) -> np.ndarray:
        """v, a, y of each neuron, shape (neurons, 3)."""
        await self.begin(LearningMemory.NEURONS, 0)
        data = await self.read(6 * self._dut.params.neurons)
        return np.frombuffer(data, dtype="<u2").reshape(-1, 3).astype(np.int64)

    async def read_traces(self) -> list[int]:
        """x of each input."""
        await self.begin(LearningMemory.TRACES, 0)
        data = await self.read(2 * self._dut.params.inputs)
        return np.frombuffer(data, dtype="<u2").tolist()

    async def read_rates(self) -> LearningRates:
        await self.begin(LearningMemory.RATES, 0)
        return rates_from(await self.read(2 * len(RATE_REGISTERS)))

    async def read_random(self) -> int:
        await self.begin(LearningMemory.RANDOM, 0)
        return int.from_bytes(await self.read(8), "little")


def with_chip(
    params: LearningParams, bench: Any, *, gap: float = 0.0, stall: float = 0.0, seed: int = 0
) -> LearningCore:
    """Run ``bench(chip)`` on a learning core."""
    dut = LearningCore(params)

    async def testbench(ctx):
        await bench(Chip(ctx, dut, gap=gap, stall=stall, seed=seed))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return dut
