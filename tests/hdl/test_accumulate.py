"""The accumulator against sums in numpy, clock by clock."""

import numpy as np
import pytest

from hubel.hdl.accumulate import Accumulator
from hubel.hdl.params import CoreParams

from .vectors import Clocks, compare, packed

Word = tuple[bool, bool, np.ndarray]


def vectors(params: CoreParams, words: list[Word]) -> tuple[Clocks, Clocks]:
    """Inputs and expected outputs for words (valid, last, weights), one a clock."""
    inputs: Clocks = []
    total = np.zeros(params.lanes, np.int64)
    # What ``current`` is from the clock of this and the next word on.
    current = [0, 0]
    for valid, last, weights in words:
        word = {"valid": int(valid), "last": int(last)}
        inputs.append({**word, "weights": packed(weights, params.weight_width)})
        total = total + weights * valid
        current.append(packed(total, params.accumulator_width) if last else current[-1])
        if last:
            total = np.zeros(params.lanes, np.int64)
    return inputs, [{"current": value} for value in current[: len(words)]]


def random_words(params: CoreParams, sums: int, seed: int) -> list[Word]:
    """Sums of 0 to ``inputs`` events, with gaps of clocks without an event in and around them; a
    third of the sums is as large or as small as can be. The words of a gap are not zero."""
    rng = np.random.default_rng(seed)
    low, high = params.weight_min, params.weight_max
    words: list[Word] = []
    for _ in range(sums):
        extreme = rng.choice([0, low, high])
        events = params.inputs[0] if extreme else int(rng.integers(params.inputs[0] + 1))
        valid = np.ones(events, bool)
        if rng.random() < 0.5 or not events:
            valid = rng.permutation(np.append(valid, np.zeros(rng.integers(1, 5), bool)))
        for i, is_event in enumerate(valid):
            weights = rng.integers(low, high + 1, params.lanes)
            if extreme and is_event:
                weights[:] = extreme
            words.append((bool(is_event), i == len(valid) - 1, weights))
    return words


@pytest.mark.parametrize(
    "lanes, weight_width, inputs", [(2, 8, 9), (8, 8, 16), (16, 4, 3), (32, 2, 2), (4, 2, 33)]
)
def test_random_sums(lanes: int, weight_width: int, inputs: int) -> None:
    params = CoreParams(inputs=(inputs,), neurons=(1,), lanes=lanes, weight_width=weight_width)
    words = random_words(params, 100, seed=lanes)
    compare(Accumulator(params), *vectors(params, words))


def test_random_sums_in_simulators(play) -> None:
    params = CoreParams(inputs=(16,), neurons=(1,), lanes=4)
    words = random_words(params, 200, seed=1)
    compare(Accumulator(params), *vectors(params, words), play)


def test_the_largest_fan_in_does_not_overflow() -> None:
    params = CoreParams(inputs=(300,), neurons=(1,), lanes=2)
    words = [(True, i == 299, np.array([-128, 127])) for i in range(300)]
    inputs, expected = vectors(params, [*words, *[(False, False, np.array([5, 5]))] * 3])
    assert expected[-1] == {"current": packed([-38_400, 38_100], 17)}
    compare(Accumulator(params), inputs, expected)


def test_sums_of_one_word_follow_each_other() -> None:
    params = CoreParams(inputs=(2,), neurons=(1,), lanes=2)
    words = [(i % 3 != 0, True, np.array([i, -i])) for i in range(20)]
    compare(Accumulator(params), *vectors(params, words))
