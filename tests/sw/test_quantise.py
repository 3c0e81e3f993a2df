"""Quantisation: exact where it can be, bounded where it cannot, and a profile of the result."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Population, Program, Reset
from hubel.sim import golden
from hubel.sw.network import DenseProjection, LifPopulation, Network
from hubel.sw.quantise import best_scale, quantise, ranges

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def network(weights: np.ndarray, **changes: Any) -> Network:
    """One population "a", fed by ``weights``."""
    neurons = weights.shape[1]
    fields: dict[str, Any] = {
        "name": "a",
        "threshold": 1.0,
        "v_reset": 1.0,
        "bias": np.zeros(neurons),
        "v_init": np.full(neurons, 0.5),
    }
    return Network(
        inputs=weights.shape[0],
        populations=(LifPopulation(**{**fields, **changes}),),
        projections=(DenseProjection(name="w", source="input", target="a", weights=weights),),
    )


# The scale is 1/127 with 8 bits: the weights are on its grid.
GRID = np.array([[1.0, -1.0], [64 / 127, 0.0]])


def test_numbers_on_the_grid_are_exact() -> None:
    p = quantise(network(GRID, bias=np.array([3 / 127, -1.0]), decay=0.75)).populations[0]
    assert p.weights.tolist() == [[127, -127], [64, 0]]
    assert p.bias.tolist() == [3, -127]
    assert (p.threshold, p.v_reset, p.reset, p.decay) == (127, 127, Reset.SOFT, 3072)
    # 63.5 half to even.
    assert p.v_init.tolist() == [64, 64]


@pytest.mark.parametrize("value, rounded", [(0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (2.5, 2)])
def test_half_to_even(value: float, rounded: int) -> None:
    weights = np.array([[127.0, 0.0], [0.0, value]])
    net = network(weights, bias=np.full(2, value), threshold=5.0, v_reset=2.5)
    p = quantise(net).populations[0]
    assert p.weights[1, 1] == rounded
    assert p.bias[1] == rounded
    assert p.v_reset == 2


@pytest.mark.parametrize(
    "reset, v_reset, expected", [(Reset.SOFT, 1.0, 127), (Reset.HARD, -1, -127)]
)
def test_reset_is_kept(reset: Reset, v_reset: float, expected: int) -> None:
    p = quantise(network(GRID, reset=reset, v_reset=v_reset)).populations[0]
    assert (p.reset, p.v_reset) == (reset, expected)


@fixed
@given(seed=st.integers(0, 2**32 - 1), weight_width=st.sampled_from([2, 4, 8]))
def test_the_scale_is_the_best_that_was_tried(seed: int, weight_width: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(9, 5)) * 10.0 ** rng.integers(-3, 4)
    most = (1 << (weight_width - 1)) - 1

    def error(scale: float) -> float:
        return np.square(np.clip(np.rint(weights / scale), -most, most) * scale - weights).sum()

    scale = best_scale(weights, weight_width)
    largest = np.abs(weights).max() / most
    assert error(scale) <= error(largest) * (1 + 1e-12)
    assert all(error(scale) <= error(largest * share) * (1 + 1e-12) for share in (0.9, 0.5, 0.2))
    net = network(weights, threshold=30 * scale, v_reset=30 * scale, v_init=np.zeros(5))
    p = quantise(net, weight_width=weight_width).populations[0]
    assert np.abs(p.weights).max() <= most
    inside = np.abs(weights) <= most * scale
    assert (np.abs(p.weights * scale - weights) <= scale / 2 * (1 + 1e-12))[inside].all()
    assert (p.threshold, p.v_reset) == (30, 30)


def test_2_bits_use_a_smaller_scale_than_the_largest_weight() -> None:
    weights = np.random.default_rng(0).normal(size=(50, 20))
    assert best_scale(weights, 2) < np.abs(weights).max() / 2
    p = quantise(network(weights), weight_width=2).populations[0]
    assert 0.3 < np.mean(p.weights != 0) < 0.9


def test_weights_of_0() -> None:
    p = quantise(network(np.zeros((2, 2)), bias=np.array([0.5, 1.0]))).populations[0]
    assert not p.weights.any()
    assert p.threshold == 127
    assert p.bias.tolist() == [64, 127]


@pytest.mark.parametrize("weight_width, state_width", [(8, 16), (4, 16), (2, 24)])
def test_widths(weight_width: int, state_width: int) -> None:
    program = quantise(network(GRID), weight_width=weight_width, state_width=state_width)
    assert (program.weight_width, program.state_width) == (weight_width, state_width)
    assert np.abs(program.populations[0].weights).max() == (1 << (weight_width - 1)) - 1


def test_24_bits_hold_what_16_do_not() -> None:
    net = network(GRID, threshold=300.0)
    message = (
        "population 'a': threshold 300 is 38100 LSB of 0.00787402, but 16 bits hold "
        "-32768..32767; use 24 bits or smaller weights"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(net)
    assert quantise(net, state_width=24).populations[0].threshold == 38_100


def test_the_limits_of_16_bits() -> None:
    net = network(np.array([[127.0, 1.0]] * 2), threshold=32767.0, bias=np.array([-32768.0, 0]))
    p = quantise(net).populations[0]
    assert (p.threshold, p.bias[0]) == (32_767, -32_768)


@pytest.mark.parametrize(
    "changes, state_width, message",
    [
        (
            {"bias": np.array([0.0, -32769.0])},
            16,
            "bias -32769 is -32769 LSB of 1, but 16 bits hold -32768..32767; use 24 bits or "
            "smaller weights",
        ),
        (
            {"v_init": np.array([9e6, 0.0])},
            24,
            "v_init 9e+06 is 9000000 LSB of 1, but 24 bits hold -8388608..8388607; rescale the "
            "layer",
        ),
        (
            {"v_reset": 40000.0},
            16,
            "v_reset 40000 is 40000 LSB of 1, but 16 bits hold -32768..32767; use 24 bits or "
            "smaller weights",
        ),
        (
            {"threshold": 0.25},
            16,
            "threshold 0.25 rounds to 0 LSB of 1; use more bits a weight or smaller weights",
        ),
    ],
)
def test_refused_numbers(changes: dict[str, Any], state_width: int, message: str) -> None:
    net = network(np.array([[127.0, -127.0]] * 2), **changes)
    with pytest.raises(ValueError, match=f"^population 'a': {re.escape(message)}$"):
        quantise(net, state_width=state_width)


def test_a_threshold_of_0_is_kept() -> None:
    assert quantise(network(GRID, threshold=0.0)).populations[0].threshold == 0


@pytest.mark.parametrize(
    "widths, message",
    [
        ({"weight_width": 16}, "weight_width must be one of (2, 4, 8), not 16"),
        ({"state_width": 8}, "state_width must be one of (16, 24), not 8"),
    ],
)
def test_refused_widths(widths: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(network(GRID), **widths)


def chain(seed: int) -> Program:
    """Three populations that start near the limits and saturate often."""
    rng = np.random.default_rng(seed)
    sizes = [4, 6, 5, 3]
    return Program(
        populations=tuple(
            Population(
                name=f"p{i}",
                weights=rng.integers(-128, 128, size=(sizes[i], sizes[i + 1])),
                bias=rng.integers(-300, 301, size=sizes[i + 1]),
                v_init=rng.choice([-32768, 32767], size=sizes[i + 1]),
                threshold=32_000,
                v_reset=100,
            )
            for i in range(3)
        )
    )


@pytest.mark.parametrize("seed", range(5))
def test_saturations_of_each_population(seed: int) -> None:
    program = chain(seed)
    layer = np.random.default_rng(seed).random((4, 20, 4)) < 0.5
    profile = ranges(program, golden.run(program, layer))
    assert [r.population for r in profile] == ["p0", "p1", "p2"]
    for population, entry in zip(program.populations, profile, strict=True):
        alone = golden.run(Program(populations=(population,)), layer)
        assert entry.saturations == alone.counters.saturations.sum() > 0
        layer = alone.spikes[0]


def test_ranges() -> None:
    program = Program(
        populations=(
            Population(
                name="a",
                weights=np.array([[7, -8], [6, -1], [-2, 0]]),
                bias=np.array([-5, 9]),
                v_init=np.array([0, 1]),
                threshold=100,
                v_reset=100,
            ),
        ),
        weight_width=4,
        state_width=24,
    )
    trace = golden.run(program, np.array([[[1, 1, 0], [0, 0, 0]]]))
    (entry,) = ranges(program, trace)
    assert entry.weights == (-8, 7)
    assert entry.weight_limits == (-8, 7)
    assert entry.bias == (-5, 9)
    assert entry.accumulator == (-9, 13)
    assert entry.accumulator_limits == (-32, 31)
    assert entry.membrane == (1, 10)
    assert entry.membrane_limits == (-(1 << 23), (1 << 23) - 1)
    assert entry.saturations == 0


@pytest.mark.parametrize("samples, record", [(1, False), (0, True)])
def test_ranges_need_membranes(samples: int, record: bool) -> None:
    program = chain(0)
    trace = golden.run(program, np.zeros((samples, 2, 4)), record_membrane=record)
    message = "the numerical profile needs a run of 1 sample or more with its membranes"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ranges(program, trace)
