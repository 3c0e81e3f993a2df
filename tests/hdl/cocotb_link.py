"""Bench of two sides of a serial link that are joined by lines which spoil what they carry."""

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.triggers import RisingEdge, Timer, with_timeout

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, StreamSource

#: Picoseconds of a cycle of the lines.
LINE_PS = 3_300


class Side:
    """The ports of one side, as if it were a design of its own."""

    def __init__(self, dut: Any, name: str):
        self._dut, self._name = dut, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dut, f"{self._name}_{name}")


async def spoil(dut: Any, line: str, task: dict[str, Any], bit: int, seed: int) -> None:
    """Faults, ``task["fault"]`` bits apart on average: bits that are inverted, from a part of one
    to some bytes, in some of the lanes, and bits that are swallowed or come twice."""
    draw = random.Random(f"{line} {seed}")
    flip, delay = getattr(dut, f"{line}_flip"), getattr(dut, f"{line}_delay")
    wires = len(flip)
    now = task["delay"]
    while True:
        await Timer(1 + int(draw.expovariate(1 / task["fault"]) * bit), unit="ps")
        kind = draw.choice(task["faults"])
        if kind == "flip":
            flip.value = draw.randrange(1, 1 << wires)
            length = draw.choice([0.3, 1, 1, 1, 2, 5, 30]) * bit
            await Timer(1 + int(length), unit="ps")
            flip.value = 0
        elif kind == "shift":
            # More or less delay by a bit, and back after a while.
            now = task["delay"] + draw.randrange(-1, 2) * (bit // LINE_PS)
            delay.value = now
        else:
            raise ValueError(kind)


async def hold_up(side: Side, task: dict[str, Any], bit: int, seed: int) -> None:
    """The side takes nothing for some frames, now and then; or for many."""
    draw = random.Random(seed)
    side.gate.value = 1
    while task["hold"]:
        await Timer(1 + int(draw.expovariate(1 / 300) * bit), unit="ps")
        side.gate.value = 0
        long = draw.choice([10, 100, 1000, task["hold"]])
        await Timer(1 + int(draw.expovariate(1 / long) * bit), unit="ps")
        side.gate.value = 1


async def start(dut: Any, task: dict[str, Any]) -> dict[str, tuple[StreamSource, StreamSink]]:
    """Clocks of any phase, and both sides out of their resets, one after the other."""
    draw = random.Random(task["seed"])
    sides = {}
    dut.rst.value = 1
    for name in ("ab", "ba"):
        getattr(dut, f"{name}_delay").value = task["delay"]
        getattr(dut, f"{name}_flip").value = 0
    Clock(dut.clk, LINE_PS, unit="ps").start(start_high=False)
    for i, name in enumerate("ab"):
        side = Side(dut, name)
        side.rst.value = 1
        side.gate.value = 1
        source = StreamSource(side, "i", gap=task["gap"], seed=task["seed"])
        sink = StreamSink(side, "o", stall=task["stall"], seed=task["seed"])
        sides[name] = source, sink
        await Timer(draw.randint(1, task["periods"][i]), unit="ps")
        Clock(side.clk, task["periods"][i], unit="ps").start(start_high=False)
    dut.rst.value = 0
    for name in "ab":
        side = Side(dut, name)
        for _ in range(draw.randint(2, 50)):
            await RisingEdge(side.clk)
        side.rst.value = 0
    return sides


def counters(dut: Any, name: str) -> dict[str, int]:
    value = int(getattr(dut, f"{name}_counters").value)
    names = ("sent", "resent", "bad", "dropped")
    return {key: value >> 16 * i & 0xFFFF for i, key in enumerate(names)}


@cocotb.test()
async def passes_packets(dut):
    """Random packets both ways: all come, once and in order."""
    task = bench_parameters()
    draw = random.Random(task["seed"] + 1)
    bit = max(task["periods"]) * task["divisor"]
    sides = await start(dut, task)
    width = len(dut.a_i__payload)
    sent = {name: [draw.getrandbits(width) for _ in range(task["count"])] for name in "ab"}
    for line in ("ab", "ba"):
        if task["fault"]:
            cocotb.start_soon(spoil(dut, line, task, bit, task["seed"]))
    for name in "ab":
        cocotb.start_soon(hold_up(Side(dut, name), task, bit, task["seed"]))
    begin = get_sim_time("ps")
    for name, (source, _) in sides.items():
        cocotb.start_soon(source.send(sent[name]))
    ends = [cocotb.start_soon(end_of(sides[name][1], task["count"])) for name in "ab"]
    for name, other in ("ab", "ba"):
        sink = sides[other][1]
        while len(sink.payloads) < task["count"]:
            before = len(sink.payloads)
            await Timer(task["patience"] * bit, unit="ps")
            assert len(sink.payloads) > before, f"{name} to {other}: {before} came, no more"
            assert sink.payloads == sent[name][: len(sink.payloads)], f"{name} to {other}: wrong"
    times = [await end for end in ends]
    # What comes twice, comes in some time-outs.
    await Timer(1200 * bit, unit="ps")
    for name, other in ("ab", "ba"):
        assert sides[other][1].payloads == sent[name], f"{name} to {other}: wrong"
    bench_result(
        {
            "a": counters(dut, "a"),
            "b": counters(dut, "b"),
            "clocks": (max(times) - begin) / max(task["periods"]),
        }
    )


async def end_of(sink: StreamSink, count: int) -> float:
    """When the packet came that makes ``count``."""
    await sink.receive(count)
    return get_sim_time("ps")


@cocotb.test()
async def survives_resets(dut):
    """Side "b" is reset ``resets`` times in the middle of what both send, then lives on."""
    task = bench_parameters()
    draw = random.Random(task["seed"] + 1)
    bit = max(task["periods"]) * task["divisor"]
    sides = await start(dut, task)
    for line in ("ab", "ba"):
        if task["fault"]:
            cocotb.start_soon(spoil(dut, line, task, bit, task["seed"]))
    for name in "ab":
        cocotb.start_soon(hold_up(Side(dut, name), task, bit, task["seed"]))
        # Packets are numbers that count up.
        cocotb.start_soon(sides[name][0].send(range(1 << 30)))
    for _ in range(task["resets"]):
        await Timer(draw.randint(1, 6000) * bit, unit="ps")
        dut.b_rst.value = 1
        await Timer(draw.choice([2, 2, 10, 100, 3000]) * bit, unit="ps")
        dut.b_rst.value = 0
    here, there = (len(sides[name][1].payloads) for name in "ab")
    for name, before in (("a", here), ("b", there)):
        await with_timeout(sides[name][1].receive(before + 30), 200_000 * bit, "ps")
    result = {f"to_{name}": sides[name][1].payloads for name in "ab"}
    bench_result({**result, "a": counters(dut, "a"), "b": counters(dut, "b")})
