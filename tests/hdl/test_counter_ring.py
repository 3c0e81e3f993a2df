"""The counter ring against cumulative sums."""

import numpy as np
import pytest

from hubel.hdl.counter_ring import CounterRing, IncrementLayout
from hubel.hdl.counters import COUNTER_WIDTH, Counters
from hubel.hdl.params import CoreParams
from hubel.sim.streams import Packing

from .vectors import Clocks, compare

NAMES = Counters.names()


def sizes(lanes: int) -> CoreParams:
    return CoreParams(inputs=(2,), neurons=(1,), lanes=lanes)


def random_increments(params: CoreParams, clocks: int, seed: int) -> np.ndarray:
    """Increments of shape (clocks, counters): random, none and as large as can be, each for a
    while."""
    rng = np.random.default_rng(seed)
    by_lanes = ("synaptic_operations", "saturations")
    most = np.array([params.lanes if name in by_lanes else 1 for name in NAMES])
    increments = rng.integers(0, most + 1, (clocks, len(NAMES)))
    for start in range(0, clocks, 20):
        style = rng.integers(0, 3, len(NAMES))
        part = increments[start : start + 20]
        part[:] = np.choose(style, [part, np.zeros_like(part), np.broadcast_to(most, part.shape)])
    return increments


def vectors(
    params: CoreParams, increments: np.ndarray, width: int = COUNTER_WIDTH
) -> tuple[Clocks, Clocks]:
    """Inputs, and the totals of eight clocks before, one counter a clock."""
    packing = Packing(IncrementLayout(params))
    inputs = [
        {"increment": packing.pack(**dict(zip(NAMES, row, strict=True)))}
        for row in increments.tolist()
    ]
    expected: Clocks = []
    for clock in range(len(increments)):
        number = clock % len(NAMES)
        total = increments[: max(0, clock - len(NAMES)), number].sum()
        expected.append({"counters__number": number, "counters__value": int(total) % (1 << width)})
    return inputs, expected


@pytest.mark.parametrize("lanes", [2, 8, 32])
def test_random_increments(lanes: int) -> None:
    params = sizes(lanes)
    compare(CounterRing(params), *vectors(params, random_increments(params, 600, seed=lanes)))


def test_random_increments_in_simulators(play) -> None:
    params = sizes(4)
    compare(CounterRing(params), *vectors(params, random_increments(params, 600, seed=0)), play)


def test_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubel.hdl.counters.COUNTER_WIDTH", 6)
    monkeypatch.setattr("hubel.hdl.counter_ring.COUNTER_WIDTH", 6)
    params = sizes(8)
    increments = random_increments(params, 300, seed=1)
    assert (increments.sum(axis=0) > 100).all()
    compare(CounterRing(params), *vectors(params, increments, width=6))
