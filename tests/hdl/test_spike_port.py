# amaranth: UnusedElaboratable=no
"""The spike port against the host's codec, which is its reference."""

import random
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from amaranth import sim

from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.shape import Shape
from hubel.hdl.spike_port import WORDS, SpikePort
from hubel.hdl.verilog import to_verilog
from hubel.sim.simulator import Simulator, build, run
from hubel.sim.spike_port import (
    Packet,
    PacketKind,
    decode_packets,
    encode_packets,
    read_answer,
)
from hubel.sim.streams import Packing


def sizes(inputs: list[Shape], populations: list[Shape], outputs: tuple[int, ...]) -> CoreParams:
    """A core with these sources; what is between them has no part in its port."""
    return CoreParams(
        inputs=tuple(inputs),
        populations=tuple(populations),
        projections=(),
        outputs=outputs,
        clocks=(0,) * len(populations),
    )


PARAMS = sizes([Shape(300)], [Shape(40), Shape(1000)], (1,))
AXONS = PARAMS.inputs[0].neurons
#: An input with rows and columns, in whose codes each field has values that are not there.
SHAPED = sizes([Shape(3, 6, 5)], [Shape(5, 3, 3)], (0,))
ASK = Packet(PacketKind.COUNTERS)
END = Packet(PacketKind.END)
NAMES = Counters.names()
LAG = 20  # clocks in which the counters still change after a step's END


@dataclass
class Bench:
    """A port between a host that sends ``data`` and a stand-in for a core.

    The core sends ``spikes``, and an END some time after it took one. Its counters are
    ``values`` and grow, all at once, while a step is worked on.
    """

    data: bytes = b""
    spikes: list[Packet] = field(default_factory=list)
    values: list[int] = field(default_factory=lambda: [0] * len(NAMES))
    spacing: int = 60  # clocks from byte to byte
    stall: float = 0.0  # probability that o_bytes or events are not ready
    work: int = 200  # clocks from END to END
    line: dict[int, int | None] | None = None  # byte at a clock, None: lost; instead of ``data``
    idle: int = 0  # clocks before the first of ``spikes``
    deaf: range = range(0)  # clocks in which events are not taken
    seed: int = 0
    params: CoreParams = PARAMS

    def run(self) -> tuple[list[Packet], bytes]:
        """Packets that reached the core, and bytes that reached the host."""
        self.dut = SpikePort(self.params)
        self.output = self.params.source_of(self.params.outputs[0])
        self.draw = random.Random(self.seed)
        self.events: list[Packet] = []
        self.answer = bytearray()
        self.to_send = deque(self.spikes)
        self.working = 0
        self.steps = 0
        simulator = sim.Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._host)
        for process in (self._core_in, self._core_out, self._counters, self._sink):
            simulator.add_testbench(process, background=True)
        simulator.run()
        return self.events, bytes(self.answer)

    async def _host(self, ctx):
        line = self.line or {i * self.spacing: byte for i, byte in enumerate(self.data)}
        for clock in range(max(line, default=0) + 1):
            byte = line.get(clock, -1)  # -1: none
            valid = byte is not None and byte >= 0
            ctx.set(self.dut.i_bytes.valid, valid)
            ctx.set(self.dut.i_bytes.payload, byte if valid else self.draw.randrange(256))
            ctx.set(self.dut.bad_byte, byte is None)
            await ctx.tick()
        ctx.set(self.dut.i_bytes.valid, 0)
        ctx.set(self.dut.bad_byte, 0)
        quiet = 0
        while quiet < 400 + self.work:
            before = len(self.answer)
            await ctx.tick()
            quiet = 0 if len(self.answer) != before or self.to_send else quiet + 1

    async def _core_in(self, ctx):
        clock = 0
        while True:
            ready = self.draw.random() >= self.stall and clock not in self.deaf
            ctx.set(self.dut.events.ready, ready)
            if ready and ctx.get(self.dut.events.valid):
                kind = ctx.get(self.dut.events.payload.kind)
                index = ctx.get(self.dut.events.payload.code)
                assert ctx.get(self.dut.events.payload.source) == 0
                self.events.append(Packet(PacketKind(kind.value), index))
                self.steps += kind == EventKind.END
            await ctx.tick()
            clock += 1

    async def _core_out(self, ctx):
        for _ in range(self.idle):
            await ctx.tick()
        while True:
            if self.steps and not self.to_send:
                self.working = 1
                for _ in range(self.work):
                    await ctx.tick()
                self.working = 0
                self.steps -= 1
                self.to_send.append(END)
            if self.to_send:
                packet = self.to_send[0]
                ctx.set(self.dut.spikes.payload.kind, EventKind(packet.kind))
                ctx.set(self.dut.spikes.payload.code, packet.index)
                ctx.set(self.dut.spikes.payload.source, self.output)
                ctx.set(self.dut.spikes.valid, 1)
                taken = False
                while not taken:
                    taken = ctx.get(self.dut.spikes.ready)
                    await ctx.tick()
                self.to_send.popleft()
                ctx.set(self.dut.spikes.valid, 0)
                while self.draw.random() < self.stall:
                    await ctx.tick()
            else:
                await ctx.tick()

    async def _counters(self, ctx):
        number = lag = 0
        while True:
            ctx.set(self.dut.counters.number, number)
            ctx.set(self.dut.counters.value, self.values[number])
            await ctx.tick()
            number = (number + 1) % len(NAMES)
            lag = LAG if self.working else max(0, lag - 1)
            if lag:
                self.values = [(v + 1) % 2**32 for v in self.values]

    async def _sink(self, ctx):
        o_bytes = self.dut.o_bytes
        waiting = None
        while True:
            ready = self.draw.random() >= self.stall
            ctx.set(o_bytes.ready, ready)
            valid, payload = ctx.get(o_bytes.valid), ctx.get(o_bytes.payload)
            assert waiting is None or (valid and payload == waiting), "a rule of the stream"
            waiting = payload if valid and not ready else None
            if valid and ready:
                self.answer.append(payload)
            await ctx.tick()


def bare(packets: list[Packet]) -> list[Packet]:
    """``packets`` without what a marker's index says, which is nothing."""
    return [p if p.kind is PacketKind.SPIKE else Packet(p.kind) for p in packets]


def random_packets(count: int, seed: int) -> list[Packet]:
    draw = random.Random(seed)
    return [
        Packet(kind, draw.randrange(AXONS) if kind is PacketKind.SPIKE else 0)
        for kind in draw.choices([PacketKind.SPIKE, PacketKind.START], [9, 1], k=count)
    ]


@pytest.mark.parametrize("spacing, stall", [(1, 0.0), (2, 0.0), (60, 0.7)])
def test_passes_packets_to_the_core(spacing: int, stall: float):
    packets = [
        Packet(PacketKind.SPIKE, 0),
        Packet(PacketKind.SPIKE, AXONS - 1),
        *random_packets(60, seed=1),
    ]
    events, answer = Bench(encode_packets(packets), spacing=spacing, stall=stall).run()
    assert events == packets
    assert answer == b""


@pytest.mark.parametrize("stall", [0.0, 0.7])
def test_passes_packets_to_the_host(stall: float):
    draw = random.Random(2)
    packets = [Packet(PacketKind.START), Packet(PacketKind.SPIKE, 999), Packet(PacketKind.SPIKE, 0)]
    packets += [Packet(PacketKind.SPIKE, draw.randrange(1000)) for _ in range(40)]
    _, answer = Bench(b"", spikes=packets, stall=stall).run()
    assert decode_packets(answer) == (packets, 0, b"")


@pytest.mark.parametrize("seed", range(4))
def test_is_in_step_again_after_any_bytes(seed: int):
    draw = random.Random(seed)
    noise = bytes(draw.choice([draw.randrange(256), 0x80, 0x82, 0x2B, 0xFF]) for _ in range(250))
    noise = bytes(byte & 0x9F if byte & 0x60 == 0x60 else byte for byte in noise)  # ask nothing
    good = random_packets(5, seed)
    data = noise + encode_packets([*good, ASK])
    expected = decode_packets(data, axons=AXONS)
    assert expected.bad > 5 and len(expected.packets) > 20
    bench = Bench(data, seed=seed, stall=0.3, work=3)
    events, answer = bench.run()
    assert bare(events) == bare(expected.packets[:-1])
    assert events[-5:] == good
    received = decode_packets(answer)
    assert received.bad == 0 and not received.rest
    _, wrong = read_answer([p for p in received.packets if p.value is not None])
    assert wrong == ("bad_packet",)


@pytest.mark.parametrize("stall, work", [(0.6, 500), *((0.0, 100 + i) for i in range(len(NAMES)))])
def test_answers_with_a_snapshot_after_the_steps_in_flight(stall: float, work: int):
    draw = random.Random(3)
    values = [draw.getrandbits(32) for _ in NAMES]
    values[0], values[-1] = 2**32 - 1 - 100, 0
    packets = [Packet(PacketKind.SPIKE, 7), END, END, ASK]
    bench = Bench(encode_packets(packets), values=list(values), stall=stall, work=work, spacing=20)
    events, answer = bench.run()
    assert events == packets[:-1]
    received = decode_packets(answer)
    assert received.bad == 0 and not received.rest
    assert received.packets[:2] == [END, END]
    counters, wrong = read_answer(received.packets[2:])
    assert bench.values != values, "nothing was counted"
    assert list(counters.values()) == bench.values
    assert wrong == ()


def test_a_packet_beyond_the_room_is_lost_and_told_once():
    packets = [Packet(PacketKind.SPIKE, i) for i in (1, 2, 3)]
    # The first waits at the core until the second was complete; the third comes in time.
    data = encode_packets([*packets, ASK, ASK])
    events, answer = Bench(data, spacing=600, deaf=range(0, 4 * 600)).run()
    assert events == [packets[0], packets[2]]
    received = decode_packets(answer).packets
    _, first = read_answer(received[:WORDS])
    _, second = read_answer(received[WORDS:])
    assert first == ("overflow",)
    assert second == ()


def test_a_packet_that_is_taken_with_its_successor_in_time_is_not_lost():
    packets = [Packet(PacketKind.SPIKE, i) for i in (1, 2)]
    taken = 3 * 20  # the clock in which the second packet's second byte is there
    for clock, expected in ((taken, packets), (taken + 1, packets[:1])):
        events, _ = Bench(encode_packets(packets), spacing=20, deaf=range(0, clock)).run()
        assert events == expected


def test_a_packet_during_an_answer_is_lost_and_told_in_the_next():
    during = Packet(PacketKind.SPIKE, 5)
    data = encode_packets([ASK, during, *[ASK] * 20])
    events, answer = Bench(data, spacing=30).run()
    assert events == []
    answers = decode_packets(answer).packets
    assert len(answers) % WORDS == 0 and len(answers) > WORDS
    told = [read_answer(answers[i : i + WORDS])[1] for i in range(0, len(answers), WORDS)]
    assert told[0] == () and told[1] == ("overflow",)


def spaced(data: bytes, lost: set[int]) -> dict[int, int | None]:
    """A line with a byte every 60 clocks, of which some are ``lost``."""
    return {60 * i: None if i in lost else byte for i, byte in enumerate(data)}


@pytest.mark.parametrize("lost, status", [({0}, ("bad_packet", "bad_byte")), ({1}, ("bad_byte",))])
def test_half_a_packet_is_none(lost: set[int], status: tuple[str, ...]):
    data = encode_packets([Packet(PacketKind.SPIKE, 200), ASK])
    events, answer = Bench(line=spaced(data, lost)).run()
    assert events == []
    assert read_answer(decode_packets(answer).packets)[1] == status


def test_halves_of_two_packets_never_meet():
    data = encode_packets([Packet(PacketKind.SPIKE, 200), Packet(PacketKind.SPIKE, 3)])
    events, _ = Bench(line=spaced(data, {1, 2})).run()
    assert events == []


@pytest.mark.parametrize("clock", range(2, 42))
def test_no_error_is_forgotten(clock: int):
    first, second = encode_packets([ASK]), encode_packets([ASK])
    line = {0: first[0], 1: first[1], clock: None, 600: second[0], 601: second[1]}
    _, answer = Bench(line=line).run()
    answers = decode_packets(answer).packets
    told = read_answer(answers[:WORDS])[1] + read_answer(answers[WORDS:])[1]
    assert told == ("bad_byte",)


def test_packets_during_an_answer_follow_it():
    spikes = [Packet(PacketKind.SPIKE, i) for i in range(20)]
    _, answer = Bench(encode_packets([ASK]), spikes=spikes, idle=200).run()
    packets = decode_packets(answer).packets
    read_answer(packets[:WORDS])
    assert packets[WORDS:] == spikes


def test_refuses_an_axon_that_there_is_not():
    packets = [
        Packet(PacketKind.SPIKE, AXONS),
        Packet(PacketKind.SPIKE, 4095),
        Packet(PacketKind.END, 4095),
        ASK,
    ]
    events, answer = Bench(encode_packets(packets)).run()
    assert [p.kind for p in events] == [PacketKind.END]
    answers = decode_packets(answer).packets
    assert read_answer(answers[1:])[1] == ("bad_packet",)


def test_a_code_of_an_input_with_rows_and_columns_is_known_by_its_fields():
    shape = SHAPED.inputs[0]
    codes = shape.codes().tolist()
    assert shape.field_widths == (2, 3, 3) and len(codes) == 90
    packets = [Packet(PacketKind.SPIKE, code) for code in range(4096)]
    packets = [p for p in packets if p.index < 512 or p.index % 37 == 0]
    data = encode_packets([*packets, ASK])
    events, answer = Bench(data, spacing=2, params=SHAPED).run()
    assert events == [p for p in packets if p.index in codes]
    assert events == decode_packets(data, axons=codes).packets[:-1]
    assert decode_packets(data, axons=codes).bad == len(packets) - len(codes)
    assert read_answer(decode_packets(answer).packets)[1] == ("bad_packet",)


def test_codes_of_an_output_with_rows_and_columns_reach_the_host():
    packets = [Packet(PacketKind.SPIKE, code) for code in SHAPED.populations[0].codes().tolist()]
    _, answer = Bench(b"", spikes=packets, params=SHAPED).run()
    assert decode_packets(answer) == (packets, 0, b"")


@pytest.mark.parametrize(
    "inputs, neurons",
    [
        (Shape(4097), Shape(10)),
        (Shape(10), Shape(4097)),
        (Shape(10), Shape(9, 17, 17)),
    ],
)
def test_refuses_a_core_with_wider_codes(inputs: Shape, neurons: Shape):
    SpikePort(sizes([Shape(4096)], [Shape(16, 16, 16)], (0,)))
    wide = max(inputs, neurons, key=lambda shape: shape.code_width)
    with pytest.raises(
        ValueError,
        match=f"indices of 12 bits, and a core with {wide} axons or neurons in a population needs "
        f"{wide.code_width}$",
    ):
        SpikePort(sizes([inputs], [neurons], (0,)))


@pytest.mark.parametrize("inputs, outputs", [(2, (0,)), (1, (1, 0)), (2, (0, 1))])
def test_refuses_a_core_with_several_inputs_or_outputs(inputs: int, outputs: tuple[int, ...]):
    with pytest.raises(
        ValueError,
        match=f"^the spike port has one input and one output, and the core {inputs} and "
        f"{len(outputs)}$",
    ):
        SpikePort(sizes([Shape(5)] * inputs, [Shape(4), Shape(3)], outputs))


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.5, 0.7)])
def test_verilog_passes_packets(simulator: Simulator, cache_dir: Path, gap: float, stall: float):
    draw = random.Random(9)
    packing = Packing(EventLayout(PARAMS))
    to_device = random_packets(60, seed=10)
    spikes = [
        Packet(PacketKind.START),
        *(Packet(PacketKind.SPIKE, draw.randrange(1000)) for _ in range(60)),
    ]
    counters = [draw.getrandbits(32) for _ in NAMES]
    words = [Packet(PacketKind.COUNTERS, i, value) for i, value in enumerate([*counters, 0])]
    expected = encode_packets([*spikes, *words])
    verilog = to_verilog(SpikePort(PARAMS), name="spike_port")
    result = run(
        build(verilog, "spike_port", simulator, cache_dir=cache_dir),
        "hdl.cocotb_spike_port",
        parameters={
            "to_device": [list(encode_packets([p])) for p in to_device],
            "spikes": [packing.pack(kind=p.kind, code=p.index, source=2) for p in spikes],
            "ask": list(encode_packets([ASK])),
            "counters": counters,
            "answer_bytes": len(expected),
            "gap": gap,
            "stall": stall,
        },
    )
    assert result["events"] == [packing.pack(kind=p.kind, code=p.index) for p in to_device]
    assert bytes(result["answer"]) == expected
