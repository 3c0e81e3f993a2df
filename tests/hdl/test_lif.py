"""The LIF update in gateware against ``lif_step``, word for word, one word a clock."""

import numpy as np
import pytest

from hubel.hdl.lif import LifParameters, LifUpdate
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Population, Reset
from hubel.sim.lif import lif_step
from hubel.sim.streams import Packing

from .vectors import Clocks, compare, corners, packed

# The clock in which an input is taken, for a word that enters in clock 0, and of its outputs.
TAKEN = {"v": 0, "bias": 1, "decay": 1, "current": 3, "shared": 5}
GIVEN = 6


def sizes(lanes: int, state_width: int, inputs: int = 64) -> CoreParams:
    return CoreParams(inputs=(inputs,), neurons=(lanes,), lanes=lanes, state_width=state_width)


def population(
    *, bias: list[int], threshold: int, decay: int = 4096, soft: bool = False, v_reset: int = 0
) -> Population:
    return Population(
        name="one",
        weights=np.zeros((2, len(bias)), np.int64),
        bias=np.array(bias),
        v_init=np.zeros(len(bias), np.int64),
        threshold=threshold,
        decay=decay,
        reset=Reset.SOFT if soft else Reset.HARD,
        v_reset=v_reset,
    )


Word = tuple[Population, np.ndarray, np.ndarray]


def vectors(params: CoreParams, words: list[Word]) -> tuple[Clocks, Clocks]:
    """Inputs and expected outputs for words (neurons, v, current) that enter back to back."""
    width, packing = params.state_width, Packing(LifParameters(params))
    clocks = len(words) + GIVEN
    inputs: Clocks = [{name: 0 for name in TAKEN} for _ in range(clocks)]
    expected: Clocks = [{} for _ in range(clocks)]
    for i, (neurons, v, current) in enumerate(words):
        values = {
            "v": packed(v, width),
            "bias": packed(neurons.bias, width),
            "decay": neurons.decay,
            "current": packed(current, params.accumulator_width),
            "shared": packing.pack(**LifParameters.init(neurons)),
        }
        for name, value in values.items():
            inputs[i + TAKEN[name]][name] = value
        v_next, fired, saturated = lif_step(v, current, neurons, width)
        expected[i + GIVEN] = {
            "v_next": packed(v_next, width),
            "fired": packed(fired.astype(int), 1),
            "saturated": packed(saturated.astype(int), 1),
        }
    return inputs, expected


def random_words(params: CoreParams, count: int, seed: int) -> list[Word]:
    """Words at the corners of every input; in half of them the membrane ends within one of the
    threshold where a current can bring it there."""
    rng = np.random.default_rng(seed)
    low, high, lanes = params.state_min, params.state_max, params.lanes
    most = (1 << (params.accumulator_width - 1)) - 1
    words = []
    for _ in range(count):
        soft = bool(rng.integers(2))
        neurons = population(
            bias=corners(rng, low, high, lanes).tolist(),
            threshold=int(corners(rng, 0, high, 1)[0]),
            decay=int(rng.choice([0, 1, 2048, 4095, 4096, int(rng.integers(4097))])),
            soft=soft,
            v_reset=int(corners(rng, 0 if soft else low, high, 1)[0]),
        )
        v, current = corners(rng, low, high, lanes), corners(rng, -most - 1, most, lanes)
        if rng.random() < 0.5:
            before = lif_step(v, np.zeros(lanes, np.int64), neurons, 48)[0]
            wanted = neurons.threshold + rng.integers(-1, 2, lanes) - before
            current = np.where(np.abs(wanted) <= most, wanted, current)
        words.append((neurons, v, current))
    return words


def assert_corners_are_reached(params: CoreParams, words: list[Word]) -> None:
    seen = dict.fromkeys(["low", "high", "at", "above", "soft", "hard", "inexact", "negative"], 0)
    for neurons, v, current in words:
        product = v * neurons.decay
        total = np.sign(product) * (np.abs(product) >> 12) + neurons.bias + current
        fired = np.clip(total, params.state_min, params.state_max) > neurons.threshold
        soft = neurons.reset is Reset.SOFT
        seen["low"] += int((total < params.state_min).sum())
        seen["high"] += int((total > params.state_max).sum())
        seen["at"] += int((total == neurons.threshold).sum())
        seen["above"] += int((total == neurons.threshold + 1).sum())
        seen["soft"] += int(fired.sum()) * soft
        seen["hard"] += int(fired.sum()) * (not soft)
        seen["inexact"] += int(((v < 0) & (product % 4096 != 0)).sum())
        seen["negative"] += int(fired.sum()) * (neurons.v_reset < 0)
    assert min(seen.values()) >= 10, seen


@pytest.mark.parametrize("lanes, state_width", [(2, 16), (4, 24), (8, 16), (16, 24), (32, 16)])
def test_random_words(lanes: int, state_width: int) -> None:
    params = sizes(lanes, state_width)
    words = random_words(params, 2000 // lanes, seed=lanes)
    assert_corners_are_reached(params, words)
    compare(LifUpdate(params), *vectors(params, words))


@pytest.mark.parametrize("weight_width, inputs", [(2, 2), (8, 65_536)])
def test_narrow_and_wide_currents(weight_width: int, inputs: int) -> None:
    params = CoreParams(inputs=(inputs,), neurons=(2,), lanes=2, weight_width=weight_width)
    assert params.accumulator_width in (3, 24)
    words = random_words(params, 500, seed=inputs)
    compare(LifUpdate(params), *vectors(params, words))


def test_random_words_in_simulators(play) -> None:
    params = sizes(4, 16)
    words = random_words(params, 1500, seed=3)
    assert_corners_are_reached(params, words)
    compare(LifUpdate(params), *vectors(params, words), play)


@pytest.mark.parametrize(
    "v, decay, bias, current, threshold, v_next, fired, saturated",
    [
        # strictly greater
        (99, 4096, 0, 1, 100, 100, False, False),
        (99, 4096, 0, 2, 100, -7, True, False),
        (0, 4096, 0, 0, 0, 0, False, False),
        (0, 4096, 1, 0, 0, -7, True, False),
        (32766, 4096, 1, 0, 32767, 32767, False, False),
        (32766, 4096, 1, 1, 32767, 32767, False, True),
        (32766, 4096, 1, 1, 32766, -7, True, True),
        # rounded towards zero, from both sides
        (-1, 4095, 0, 0, 100, 0, False, False),
        (1, 4095, 0, 0, 100, 0, False, False),
        (-3, 2048, 0, 0, 100, -1, False, False),
        (-4096, 1, 0, 0, 100, -1, False, False),
        (-4095, 1, 0, 0, 100, 0, False, False),
        (-32768, 4095, 0, 0, 100, -32760, False, False),
        (-32768, 0, 0, 0, 100, 0, False, False),
        # saturated once, at the end of the sum
        (-32768, 4096, 0, -1, 100, -32768, False, True),
        (-32768, 4096, -32768, -32, 100, -32768, False, True),
        (-32768, 4096, -1, 1, 100, -32768, False, False),
        (32767, 4096, 32767, 31, 32767, 32767, False, True),
    ],
)
def test_boundaries(v, decay, bias, current, threshold, v_next, fired, saturated) -> None:
    params = sizes(2, 16)
    neurons = population(bias=[bias, 0], decay=decay, threshold=threshold, v_reset=-7)
    words = [(neurons, np.array([v, 0]), np.array([current, 0]))]
    inputs, expected = vectors(params, words)
    # The table is a second opinion: the golden model must share it.
    lane_0 = {"v_next": v_next & 0xFFFF, "fired": int(fired), "saturated": int(saturated)}
    assert {name: value & 0xFFFF for name, value in expected[GIVEN].items()} == lane_0
    compare(LifUpdate(params), inputs, expected)


@pytest.mark.parametrize(
    "soft, v_reset, v_next", [(True, 90, 11), (True, 0, 101), (False, 90, 90), (False, -9, -9)]
)
def test_resets(soft: bool, v_reset: int, v_next: int) -> None:
    params = sizes(2, 16)
    neurons = population(bias=[1, 0], threshold=100, soft=soft, v_reset=v_reset)
    inputs, expected = vectors(params, [(neurons, np.array([100, 100]), np.array([0, 0]))])
    assert expected[GIVEN] == {
        "v_next": packed([v_next, 100], 16),
        "fired": 0b01,
        "saturated": 0b00,
    }
    compare(LifUpdate(params), inputs, expected)
