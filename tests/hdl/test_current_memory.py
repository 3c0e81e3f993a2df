"""The memory of currents against dicts: words are added, taken and cleared in their order."""

from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

from hubel.hdl.current_memory import CurrentMemory
from hubel.hdl.params import CoreParams, WalkKind

from .sizes import chain
from .vectors import Clocks, compare, corners, packed


class Access(NamedTuple):
    """What is done in a clock: ``what`` is "add", "take" or "", ``rows`` and ``weights`` have
    shape (lanes,)."""

    what: str
    rows: np.ndarray
    weights: np.ndarray


def memory_of(rows: int, *, sparse: bool, lanes: int = 4, fan_in: int = 4096) -> CoreParams:
    """A core with ``rows`` rows of currents; of weights, a row can hold ``fan_in`` words."""
    kind = WalkKind.SPARSE if sparse else WalkKind.CONV
    params = chain(2, rows * lanes, kind=kind, fan_in=fan_in, lanes=lanes)
    assert params.current_words == rows and bool(params.sparse_words) == sparse
    return params


def vectors(params: CoreParams, accesses: list[Access]) -> tuple[Clocks, Clocks]:
    """Inputs and expected outputs for accesses, one a clock; all rows are taken at first, because
    a reset does not clear them, and at last."""
    lanes = params.lanes
    row_width = max(1, (params.current_words - 1).bit_length())
    zero = np.zeros(lanes, np.int64)
    every = [Access("take", np.full(lanes, row), zero) for row in range(params.current_words)]
    accesses = [*every, *accesses, *every]
    limit = 1 << (params.accumulator_width - 1)
    sums: list[dict[int, int]] = [{} for _ in range(lanes)]
    inputs: Clocks = [{} for _ in range(len(accesses) + 2)]
    expected: Clocks = [{} for _ in range(len(accesses) + 2)]
    for clock, (what, rows, weights) in enumerate(accesses):
        inputs[clock] |= {
            "add": int(what == "add"),
            "take": int(what == "take"),
            "rows": sum(int(row) << (row_width * i) for i, row in enumerate(rows)),
        }
        inputs[clock + 1]["weights"] = packed(weights, params.weight_width)
        if what == "take":
            taken = [mine.pop(int(row), 0) for mine, row in zip(sums, rows, strict=True)]
            if clock >= len(every):
                expected[clock + 2]["current"] = packed(taken, params.accumulator_width)
        elif what == "add":
            for mine, row, weight in zip(sums, rows, weights, strict=True):
                mine[int(row)] = mine.get(int(row), 0) + int(weight)
                assert -limit <= mine[int(row)] < limit, "no Program brings this"
    for clock in (-2, -1):
        inputs[clock] |= {"add": 0, "take": 0}
    return inputs, expected


def random_accesses(params: CoreParams, count: int, seed: int) -> list[Access]:
    """Words of which most meet a row of one to five clocks before, at places of their own each
    lane where that may be. A row is taken before it can overflow."""
    rng = np.random.default_rng(seed)
    lanes, rows = params.lanes, params.current_words
    low, high = -(1 << (params.weight_width - 1)), (1 << (params.weight_width - 1)) - 1
    width = lanes if params.sparse_words else 1
    past: list[np.ndarray] = []
    accesses = []
    for _ in range(count):
        now = rng.integers(rows, size=width)
        if past:
            back = rng.integers(1, min(5, len(past)) + 1, width)
            before = np.array([past[-d][i] for i, d in enumerate(back)])
            now = np.where(rng.random(width) < 0.7, before, now)
        past.append(now)
        what = str(rng.choice(["add", "take", ""], p=[0.6, 0.25, 0.15]))
        weights = corners(rng, low, high, lanes)
        accesses.append(Access(what, np.broadcast_to(now, lanes), weights))
    return accesses


def assert_distances_are_reached(params: CoreParams, accesses: list[Access]) -> None:
    """Every pair of accesses meets in a row at every distance of one to five clocks, in each lane,
    with no other access of that row between them."""
    if params.current_words < 2:
        return
    for lane in range(params.lanes):
        seen = dict.fromkeys(product(["add", "take"], ["add", "take"], range(1, 6)), 0)
        last: dict[int, tuple[str, int]] = {}
        for clock, (what, rows, _) in enumerate(accesses):
            row = int(rows[lane])
            if what:
                before, at = last.get(row, ("", 0))
                if before and clock - at <= 5:
                    seen[before, what, clock - at] += 1
                last[row] = what, clock
        assert min(seen.values()) >= 2, (lane, seen)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rows, lanes", [(1, 2), (2, 4), (3, 4), (8, 2), (13, 8), (40, 16)])
def test_random_accesses(rows: int, lanes: int, sparse: bool) -> None:
    params = memory_of(rows, sparse=sparse, lanes=lanes)
    accesses = random_accesses(params, 4000 if lanes < 8 else 2000, seed=rows)
    assert_distances_are_reached(params, accesses)
    compare(CurrentMemory(params), *vectors(params, accesses))


@pytest.mark.parametrize("sparse", [False, True])
def test_random_accesses_in_simulators(play, sparse: bool) -> None:
    params = memory_of(5, sparse=sparse)
    accesses = random_accesses(params, 3000, seed=1)
    assert_distances_are_reached(params, accesses)
    compare(CurrentMemory(params), *vectors(params, accesses), play)


def test_every_short_order_of_accesses() -> None:
    """Five accesses to two rows in every order, each of them added, taken or left out; then both
    rows are taken, and that tells what is in them."""
    params = memory_of(2, sparse=False, lanes=2)
    accesses, number = [], 0
    take = [Access("take", np.full(2, row), np.zeros(2, np.int64)) for row in range(2)]
    choices = [("add", 0), ("take", 0), ("add", 1), ("", 0)]
    for order in product(choices, repeat=5):
        for what, row in order:
            number += 1
            weights = np.array([number % 127 + 1, -(number % 128)])
            accesses.append(Access(what, np.full(2, row), weights))
        accesses += take
    compare(CurrentMemory(params), *vectors(params, accesses))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5])
def test_the_largest_sums(distance: int, sparse: bool) -> None:
    """A row takes as many of the largest weights as its bits are for, and other rows meanwhile."""
    params = memory_of(5, sparse=sparse, lanes=2, fan_in=64)
    weights = np.array([-128, 127])
    accesses = [Access("add", np.full(2, i % distance), weights) for i in range(64 * distance)]
    accesses += [Access("take", np.full(2, row), weights) for row in range(distance)]
    inputs, expected = vectors(params, accesses)
    full = packed([-8192, 8128], params.accumulator_width)
    assert [e["current"] for e in expected if e].count(full) == distance
    compare(CurrentMemory(params), inputs, expected)
