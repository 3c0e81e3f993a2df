"""A network behind its serial line against the golden model, bit by bit on the wire."""

import numpy as np
from amaranth.sim import Simulator

from hubel.hdl.program import Population, Program
from hubel.hdl.soc import SpikeSoc
from hubel.sim import golden
from hubel.sim.spike_port import Packet, PacketKind, decode_packets, encode_packets, read_answer

DIVISOR = 4
STEPS_IN_FLIGHT = 2


def program(seed: int) -> Program:
    draw = np.random.default_rng(seed)

    def population(name: str, inputs: int, neurons: int) -> Population:
        return Population(
            name=name,
            weights=draw.integers(-30, 60, (inputs, neurons)),
            bias=draw.integers(-5, 20, neurons),
            v_init=np.zeros(neurons, np.int64),
            threshold=90,
            decay=3500,
            v_reset=90,
        )

    return Program(populations=(population("hidden", 9, 12), population("out", 12, 5)))


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
    spikes = np.random.default_rng(6).random((samples, steps, network.inputs)) < 0.4
    trace = golden.run(network, spikes, lanes=4)
    assert trace.spikes[-1].any() and not trace.spikes[-1].all()
    dut = SpikeSoc(network.params(lanes=4), network, divisor=DIVISOR)
    received: list[Packet] = []

    async def bench(ctx):
        host = Host(ctx, dut)
        for number, step in enumerate(spikes.reshape(-1, network.inputs)):
            start = [Packet(PacketKind.START)] if number % steps == 0 else []
            host.send(
                [
                    *start,
                    *(Packet(PacketKind.SPIKE, int(i)) for i in np.flatnonzero(step)),
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
        expected += [Packet(PacketKind.SPIKE, int(i)) for i in np.flatnonzero(step)]
        expected.append(Packet(PacketKind.END))
    markers = {PacketKind.START, PacketKind.END}
    got = [Packet(p.kind) if p.kind in markers else p for p in received[: len(expected)]]
    assert got == expected
    counters, wrong = read_answer(received[len(expected) :])
    assert counters == trace.counters.total()
    assert wrong == ()
