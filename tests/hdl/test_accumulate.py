"""The accumulator against sums in numpy, clock by clock."""

from typing import NamedTuple

import numpy as np
import pytest

from hubel.hdl.accumulate import Accumulator
from hubel.hdl.params import CoreParams, WalkKind

from .sizes import chain
from .vectors import Clocks, compare, packed


class Word(NamedTuple):
    """What is given in a clock; ``scattered`` counts where ``take``."""

    valid: bool
    last: bool
    weights: np.ndarray
    take: bool = False
    scattered: np.ndarray | None = None


def vectors(params: CoreParams, words: list[Word]) -> tuple[Clocks, Clocks]:
    """Inputs and expected outputs for words, one a clock."""
    inputs: Clocks = []
    total = np.zeros(params.lanes, np.int64)
    # What ``current`` is from the clock of this and the next word on; a folded one is the first
    # half for a clock, then the second.
    first, second = [0, 0], [0, 0]
    half = params.lanes // params.folds
    for word in words:
        clock = {"valid": int(word.valid), "last": int(word.last)}
        clock["weights"] = packed(word.weights, params.weight_width)
        added = word.weights * word.valid
        if word.scattered is not None:
            clock["take"] = int(word.take)
            clock["scattered"] = packed(word.scattered, params.accumulator_width)
            added = word.scattered if word.take else added
        inputs.append(clock)
        total = total + added
        limit = 1 << (params.accumulator_width - 1)
        assert (-limit <= total).all() and (total < limit).all(), "no Program brings this"
        second.append(packed(total[-half:], params.accumulator_width) if word.last else second[-1])
        first.append(packed(total[:half], params.accumulator_width) if word.last else second[-2])
        if word.last:
            total = np.zeros(params.lanes, np.int64)
    return inputs, [{"current": value} for value in first[: len(words)]]


def random_words(params: CoreParams, sums: int, seed: int) -> list[Word]:
    """Sums of 0 to ``inputs`` events, with gaps of clocks without an event in and around them; a
    third of the sums is as large or as small as can be. The words of a gap are not zero. In a core
    with a memory of currents, some of the events were added up in it before."""
    rng = np.random.default_rng(seed)
    most = (1 << (params.weight_width - 1)) - 1
    low, high = -most - 1, most
    axons = params.projections[0].fan_in
    words: list[Word] = []
    for _ in range(sums):
        extreme = rng.choice([0, low, high])
        events = axons if extreme else int(rng.integers(axons + 1))
        scattered, taken = None, -1
        if params.current_words:
            before = int(rng.integers(events + 1))
            events -= before
            scattered = rng.integers(low, high + 1, (before, params.lanes)).sum(axis=0)
            if extreme:
                scattered[:] = extreme * before
        valid = np.ones(events, bool)
        if rng.random() < 0.5 or not events:
            valid = rng.permutation(np.append(valid, np.zeros(rng.integers(1, 5), bool)))
        if scattered is not None:
            # Anywhere between the events of the sum; the sums of no event are not given too.
            taken = int(rng.integers(len(valid) + 1)) if rng.random() < 0.8 else -1
            if taken >= 0:
                valid = np.insert(valid, taken, False)
        for i, is_event in enumerate(valid):
            weights = rng.integers(low, high + 1, params.lanes)
            if extreme and is_event:
                weights[:] = extreme
            last = i == len(valid) - 1
            if scattered is None:
                words.append(Word(bool(is_event), last, weights))
                continue
            # While they are not taken, they are anything.
            other = rng.integers(-100, 100, params.lanes)
            words.append(
                Word(bool(is_event), last, weights, i == taken, scattered if i == taken else other)
            )
    return words


@pytest.mark.parametrize(
    "lanes, weight_width, inputs, folds",
    [(2, 8, 9, 1), (8, 8, 16, 1), (16, 4, 3, 1), (32, 2, 2, 1), (4, 2, 33, 1), (4, 8, 9, 2),
     (16, 4, 3, 2)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [WalkKind.GATHER, WalkKind.CONV])
def test_random_sums(
    lanes: int, weight_width: int, inputs: int, folds: int, kind: WalkKind
) -> None:
    params = chain(inputs, 1, kind=kind, lanes=lanes, weight_width=weight_width, folds=folds)
    assert bool(params.current_words) == (kind is not WalkKind.GATHER)
    words = random_words(params, 100, seed=lanes)
    compare(Accumulator(params), *vectors(params, words))


@pytest.mark.parametrize("kind", [WalkKind.GATHER, WalkKind.CONV])
def test_random_sums_in_simulators(play, kind: WalkKind) -> None:
    params = chain(16, 1, lanes=4, kind=kind)
    words = random_words(params, 200, seed=1)
    compare(Accumulator(params), *vectors(params, words), play)


def test_the_largest_fan_in_does_not_overflow() -> None:
    params = chain(300, 1, lanes=2)
    words = [Word(True, i == 299, np.array([-128, 127])) for i in range(300)]
    inputs, expected = vectors(params, [*words, *[Word(False, False, np.array([5, 5]))] * 3])
    assert expected[-1] == {"current": packed([-38_400, 38_100], 17)}
    compare(Accumulator(params), inputs, expected)


def test_the_largest_scattered_sum_does_not_overflow() -> None:
    params = chain(300, 1, lanes=2, kind=WalkKind.SPARSE)
    nothing, weights = np.array([5, 5]), np.array([-128, 127])
    words = [
        Word(True, False, weights, False, nothing),
        Word(False, True, nothing, True, 299 * weights),
        *[Word(False, False, nothing, False, nothing)] * 3,
    ]
    inputs, expected = vectors(params, words)
    assert expected[-1] == {"current": packed([-38_400, 38_100], 17)}
    compare(Accumulator(params), inputs, expected)


def test_sums_of_one_word_follow_each_other() -> None:
    params = chain(2, 1, lanes=2)
    words = [Word(i % 3 != 0, True, np.array([i, -i])) for i in range(20)]
    compare(Accumulator(params), *vectors(params, words))
