"""The counter ring against cumulative sums."""

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal, Value
from amaranth.sim import Simulator

from hubel.hdl.counter_ring import CounterRing, IncrementLayout
from hubel.hdl.counters import COUNTER_WIDTH, Counters
from hubel.hdl.params import CoreParams
from hubel.sim.streams import Packing

from .sizes import chain
from .vectors import Clocks, compare

NAMES = Counters.names()


def random_increments(lanes: int, most: int, clocks: int, seed: int) -> np.ndarray:
    """Increments of shape (clocks, counters): random, none and as large as can be, each for a
    while."""
    rng = np.random.default_rng(seed)
    limits = {"synaptic_operations": most, "saturations": lanes}
    limit = np.array([limits.get(name, 1) for name in NAMES])
    increments = rng.integers(0, limit + 1, (clocks, len(NAMES)))
    for start in range(0, clocks, 20):
        style = rng.integers(0, 3, len(NAMES))
        part = increments[start : start + 20]
        part[:] = np.choose(style, [part, np.zeros_like(part), np.broadcast_to(limit, part.shape)])
    return increments


def vectors(
    params: CoreParams, most: int, increments: np.ndarray, width: int = COUNTER_WIDTH
) -> tuple[Clocks, Clocks]:
    """Inputs, and the totals of nine clocks before, one counter a clock."""
    packing = Packing(IncrementLayout(params, most))
    inputs = [
        {"increment": packing.pack(**dict(zip(NAMES, row, strict=True)))}
        for row in increments.tolist()
    ]
    expected: Clocks = []
    for clock in range(len(increments)):
        number = clock % len(NAMES)
        total = increments[: max(0, clock - len(NAMES) - 1), number].sum()
        expected.append({"counters__number": number, "counters__value": int(total) % (1 << width)})
    return inputs, expected


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("lanes, most", [(2, 2), (8, 8), (32, 32), (2, 1), (8, 1023), (2, 40000)])
def test_random_increments(lanes: int, most: int, in_memory: bool) -> None:
    """Of as many synaptic operations as there are lanes, or as a scattered place has."""
    params = chain(2, 1, lanes=lanes)
    increments = random_increments(lanes, most, 600, seed=lanes)
    dut = CounterRing(params, most=most, in_memory=in_memory)
    compare(dut, *vectors(params, most, increments))


def test_a_memory_is_clear_after_reset() -> None:
    """Counters that counted before a reset start from 0 after it."""
    params, rst = chain(2, 1, lanes=8), Signal()
    increments = random_increments(8, 8, 400, seed=5)
    inputs, expected = vectors(params, 8, increments)
    dut, seen = CounterRing(params, most=8, in_memory=True), []

    async def bench(ctx):
        for turn in range(2):
            for clock in inputs:
                ctx.set(Value.cast(dut.increment), clock["increment"])
                _, _, number, value = await ctx.tick().sample(
                    dut.counters.number, dut.counters.value
                )
                if turn:
                    seen.append({"counters__number": number, "counters__value": value})
            ctx.set(rst, 1)
            await ctx.tick()
            ctx.set(rst, 0)

    simulator = Simulator(ResetInserter(rst)(dut))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected


def test_random_increments_in_simulators(play) -> None:
    params, most = chain(2, 1, lanes=4), 300
    increments = random_increments(4, most, 600, seed=0)
    compare(CounterRing(params, most=most), *vectors(params, most, increments), play)


def test_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubel.hdl.counters.COUNTER_WIDTH", 6)
    monkeypatch.setattr("hubel.hdl.counter_ring.COUNTER_WIDTH", 6)
    params = chain(2, 1, lanes=8)
    increments = random_increments(8, 8, 300, seed=1)
    assert (increments.sum(axis=0) > 100).all()
    compare(CounterRing(params, most=8), *vectors(params, 8, increments, width=6))
