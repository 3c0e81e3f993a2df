"""A network behind its serial line against the golden model, bit by bit on the wire."""

from typing import Any

import numpy as np
from amaranth.sim import Simulator

from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source
from hubel.hdl.soc import SpikeSoc
from hubel.sim import golden
from hubel.sim.spike_port import Packet, PacketKind, decode_packets, encode_packets, read_answer

DIVISOR = 4
STEPS_IN_FLIGHT = 2


def program(seed: int) -> Program:
    """An input with rows and columns that is convolved, and a readout that also feeds back."""
    draw = np.random.default_rng(seed)
    sizes: dict[str, Any] = {"threshold": 90, "decay": 3500, "v_reset": 90}
    return Program(
        inputs=(Source("image", Shape(2, 3, 3)),),
        populations=(
            Population(
                name="hidden", shape=Shape(3, 3, 2), bias=draw.integers(-5, 20, 18), **sizes
            ),
            Population(name="out", shape=Shape(5, 1, 3), bias=draw.integers(-5, 20, 15), **sizes),
        ),
        projections=(
            Conv2d(
                name="conv",
                source="image",
                target="hidden",
                padding=(1, 0),
                weights=draw.integers(-30, 60, (3, 2, 3, 2)),
            ),
            Dense(
                name="out", source="hidden", target="out", weights=draw.integers(-30, 60, (18, 15))
            ),
            Dense(
                name="loop",
                source="out",
                target="out",
                delay=1,
                weights=draw.integers(-30, 20, (15, 15)),
            ),
        ),
        outputs=("out",),
    )


class Host:
    """Sends and receives bytes on the two lines of ``dut``."""

    def __init__(self, ctx, dut: SpikeSoc):
        self._ctx, self._dut = ctx, dut
        self._line: list[int] = []  # levels that are still to be sent
        self._frame: list[int] = []
        self._rest = b""
        self.packets: list[Packet] = []

    def send(self, packets: list[Packet]) -> None:
        for byte in encode_packets(packets):
            self._line += [0] * DIVISOR
            self._line += [byte >> i & 1 for i in range(8) for _ in range(DIVISOR)]
            self._line += [1] * DIVISOR

    async def until(self, kind: PacketKind, count: int) -> None:
        """Run the clock until ``count`` packets of a kind were received, and all is sent."""
        clocks = 0
        while sum(p.kind is kind for p in self.packets) < count or self._line:
            self._ctx.set(self._dut.rx, self._line.pop(0) if self._line else 1)
            await self._ctx.tick()
            self._receive(self._ctx.get(self._dut.tx))
            clocks += 1
            assert clocks < 100_000, f"no more packets after {self.packets}"

    def _receive(self, level: int) -> None:
        if self._frame or not level:
            self._frame.append(level)
        if len(self._frame) == 10 * DIVISOR:
            bits = self._frame[DIVISOR // 2 :: DIVISOR]
            assert bits[0] == 0 and bits[9] == 1
            data = self._rest + bytes([sum(bit << i for i, bit in enumerate(bits[1:9]))])
            packets, bad, self._rest = decode_packets(data)
            assert bad == 0
            self.packets += packets
            self._frame = []


def test_answers_as_the_golden_model_does():
    network = program(seed=5)
    samples, steps = 3, 6
    inputs, outputs = (network.shape_of(name).codes() for name in ("image", "out"))
    spikes = np.random.default_rng(6).random((samples, steps, network.input_neurons)) < 0.4
    trace = golden.run(network, spikes, lanes=4)
    assert trace.spikes[-1].any() and not trace.spikes[-1].all()
    dut = SpikeSoc(network.params(lanes=4), network, divisor=DIVISOR)
    received: list[Packet] = []

    async def bench(ctx):
        host = Host(ctx, dut)
        for number, step in enumerate(spikes.reshape(-1, network.input_neurons)):
            start = [Packet(PacketKind.START)] if number % steps == 0 else []
            host.send(
                [
                    *start,
                    *(Packet(PacketKind.SPIKE, int(code)) for code in inputs[step]),
                    Packet(PacketKind.END),
                ]
            )
            await host.until(PacketKind.END, number + 1 - (STEPS_IN_FLIGHT - 1))
        host.send([Packet(PacketKind.COUNTERS)])
        await host.until(PacketKind.COUNTERS, len(trace.counters.names()) + 1)
        received.extend(host.packets)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()

    expected: list[Packet] = []
    for number, step in enumerate(trace.spikes[-1].reshape(samples * steps, -1)):
        expected += [Packet(PacketKind.START)] if number % steps == 0 else []
        # Word by word: channels of a place, then places.
        order = [int(i) for i in network.shape_of("out").lane_order(4).ravel() if i >= 0]
        expected += [Packet(PacketKind.SPIKE, int(outputs[i])) for i in order if step[i]]
        expected.append(Packet(PacketKind.END))
    markers = {PacketKind.START, PacketKind.END}
    got = [Packet(p.kind) if p.kind in markers else p for p in received[: len(expected)]]
    assert got == expected
    counters, wrong = read_answer(received[len(expected) :])
    assert counters == trace.counters.total()
    assert wrong == ()
