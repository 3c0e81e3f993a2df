"""The golden model against a scalar model in plain Python, and what a Program refuses."""

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.counters import MIN_SLOTS, Counters
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Population, Program, Reset
from hubel.sim import golden

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def one(**changes: Any) -> Population:
    """Two inputs, three neurons; ``changes`` replace its fields."""
    fields: dict[str, Any] = {
        "name": "one",
        "weights": np.array([[1, 2, 3], [4, 5, 6]]),
        "bias": np.zeros(3, dtype=np.int64),
        "v_init": np.zeros(3, dtype=np.int64),
        "threshold": 5,
        "v_reset": 5,
    }
    return Population(**{**fields, **changes})


def refused(message: str) -> "pytest.RaisesExc[ValueError]":
    """Context that asks for a ValueError with exactly this message."""
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


def random_program(rng: np.random.Generator) -> Program:
    """One to three populations of every width, reset and decay, busy and near saturation."""
    weight_width, state_width = int(rng.choice([2, 4, 8])), int(rng.choice([16, 24]))
    most = (1 << (weight_width - 1)) - 1
    high = (1 << (state_width - 1)) - 1
    sizes = rng.integers(2, 10, size=rng.integers(2, 5))
    populations = []
    for i, (inputs, neurons) in enumerate(pairwise(sizes)):
        near_the_limit = rng.random() < 0.3
        populations.append(
            Population(
                name=f"p{i}",
                weights=rng.integers(-most - 1, most + 1, size=(inputs, neurons)),
                bias=rng.integers(-3 * most, 3 * most + 1, size=neurons),
                v_init=rng.choice([high, -high - 1], size=neurons)
                if near_the_limit
                else rng.integers(-most, most + 1, size=neurons),
                threshold=high if near_the_limit else int(rng.integers(0, 3 * most)),
                decay=int(rng.choice([0, 1, 2048, 4000, 4095, 4096])),
                reset=Reset.SOFT if rng.random() < 0.5 else Reset.HARD,
                v_reset=int(rng.integers(0, 3 * most)),
            )
        )
    return Program(
        populations=tuple(populations), weight_width=weight_width, state_width=state_width
    )


def random_spikes(rng: np.random.Generator, program: Program, samples: int = 3) -> np.ndarray:
    return rng.random((samples, int(rng.integers(1, 12)), program.inputs)) < rng.random()


def scalar_step(
    population: Population, v: list[int], events: list[int], state_width: int, each_event: bool
) -> tuple[list[int], list[int], int]:
    """One step of a population, event by event in the order of ``events``.

    Returns the membranes, the neurons that fired and the number of saturations. ``each_event``
    saturates after every event, as ODIN does: what the contract forbids.
    """
    high = (1 << (state_width - 1)) - 1

    def clip(x: int) -> int:
        return min(max(x, -high - 1), high)

    membranes, fired, saturations = [], [], 0
    for neuron in range(population.neurons):
        product = v[neuron] * population.decay
        x = (product >> 12) + (v[neuron] < 0 and product % 4096 != 0)
        for axon in events:
            x += int(population.weights[axon, neuron])
            if each_event:
                x = clip(x)
        x += int(population.bias[neuron])
        saturations += clip(x) != x
        x = clip(x)
        if x > population.threshold:
            fired.append(neuron)
            x = x - population.v_reset if population.reset is Reset.SOFT else population.v_reset
        membranes.append(x)
    return membranes, fired, saturations


def scalar_run(
    program: Program,
    spikes: np.ndarray,
    lanes: int = 8,
    order: np.random.Generator | None = None,
    each_event: bool = False,
) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, list[int]]]:
    """Spikes and membranes of each population and the counters of each sample, counted one by
    one; ``order`` shuffles the events of every step."""
    samples, steps, _ = spikes.shape
    all_spikes = [np.zeros((samples, steps, p.neurons), bool) for p in program.populations]
    all_membranes = [np.zeros((samples, steps, p.neurons), int) for p in program.populations]
    counters: dict[str, list[int]] = {name: [0] * samples for name in Counters.names()}
    for sample in range(samples):
        state = [[int(x) for x in p.v_init] for p in program.populations]
        for step in range(steps):
            events = [int(axon) for axon in np.flatnonzero(spikes[sample, step])]
            for i, p in enumerate(program.populations):
                if order is not None:
                    order.shuffle(events)
                words = (p.neurons + lanes - 1) // lanes
                counters["events"][sample] += len(events)
                counters["weight_reads"][sample] += len(events) * words
                counters["synaptic_operations"][sample] += len(events) * p.neurons
                counters["updates"][sample] += words
                counters["busy"][sample] += max(len(events), MIN_SLOTS) * words
                state[i], events, saturations = scalar_step(
                    p, state[i], events, program.state_width, each_event
                )
                counters["spikes"][sample] += len(events)
                counters["saturations"][sample] += saturations
                all_spikes[i][sample, step, events] = True
                all_membranes[i][sample, step] = state[i]
    return all_spikes, all_membranes, counters


@fixed
@given(seed=st.integers(0, 2**32 - 1), lanes=st.sampled_from([2, 4, 8, 16, 32]))
def test_equals_the_scalar_model_in_any_order_of_events(seed: int, lanes: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    spikes = random_spikes(rng, program)
    trace = golden.run(program, spikes, lanes=lanes)
    expected_spikes, expected_membranes, counters = scalar_run(program, spikes, lanes, rng)
    assert trace.membrane is not None
    for got, expected in zip(trace.spikes, expected_spikes, strict=True):
        np.testing.assert_array_equal(got, expected)
    for got, expected in zip(trace.membrane, expected_membranes, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert {name: getattr(trace.counters, name).tolist() for name in counters} == counters


def test_the_random_programs_fire_and_saturate() -> None:
    spiking = saturating = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        counters = golden.run(program, random_spikes(rng, program)).counters
        spiking += bool(counters.spikes.sum())
        saturating += bool(counters.saturations.sum())
    assert spiking > 25
    assert saturating > 5


def test_saturates_once_at_the_end_of_the_step() -> None:
    program = Program(
        populations=(
            one(
                weights=np.array([[127, -128, 1], [-127, 127, 0]]),
                v_init=np.array([32767, -32768, 32767]),
                threshold=32767,
            ),
        )
    )
    spikes = np.ones((1, 1, 2), dtype=np.bool_)
    trace = golden.run(program, spikes)
    assert trace.membrane is not None
    # 127 up and 127 down again; 128 down and 127 up; 1 too far up.
    assert trace.membrane[0][0, 0].tolist() == [32767, -32768, 32767]
    assert trace.counters.saturations.tolist() == [2]
    _, membranes, _ = scalar_run(program, spikes, each_event=True)
    assert membranes[0][0, 0].tolist() == [32640, -32641, 32767]


@fixed
@given(
    inputs=st.integers(2, 300),
    weight_width=st.sampled_from([2, 4, 8]),
    sign=st.sampled_from([-1, 0, 1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_accepted_program_overflows_the_accumulator(
    inputs: int, weight_width: int, sign: int, seed: int
) -> None:
    least, most = -(1 << (weight_width - 1)), (1 << (weight_width - 1)) - 1
    rng = np.random.default_rng(seed)
    weights = rng.integers(least, most + 1, size=(inputs, 3))
    if sign:
        weights[:, 0] = most if sign > 0 else least
    program = Program(populations=(one(weights=weights),), weight_width=weight_width)
    bound = Program.accumulator_range(program.populations[0])
    limit = 1 << (program.params().accumulator_width - 1)
    assert -limit <= bound[0] <= 0 <= bound[1] < limit
    # The bound is reached, by the events of the negative or of the positive weights of a neuron.
    worst = np.stack([weights[:, n] < 0 for n in range(3)] + [weights[:, n] > 0 for n in range(3)])
    sums = golden.currents(program.populations[0], worst[None])
    assert (sums.min(), sums.max()) == bound


def test_the_largest_accumulator_is_exact() -> None:
    weights = np.full((65_536, 1), -128)
    weights[:, 0] += np.arange(65_536) % 2
    p = one(weights=weights, bias=np.zeros(1, int), v_init=np.zeros(1, int))
    assert Program(populations=(p,)).params().accumulator_width == 24
    total = golden.currents(p, np.ones((1, 1, 65_536), dtype=np.bool_))
    assert int(total[0, 0, 0]) == -128 * 32_768 - 127 * 32_768


def test_batches_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    program = random_program(rng)
    spikes = random_spikes(rng, program, samples=7)
    together = golden.run(program, spikes)
    assert together.counters.spikes.any()
    alone = [golden.run(program, spikes[i : i + 1]) for i in range(7)]
    monkeypatch.setattr(golden, "_CHUNK_VALUES", 1)
    chunked = golden.run(program, spikes)
    assert together.membrane is not None and chunked.membrane is not None
    for i in range(len(program.populations)):
        parts = np.concatenate([a.spikes[i] for a in alone])
        np.testing.assert_array_equal(together.spikes[i], parts)
        np.testing.assert_array_equal(together.spikes[i], chunked.spikes[i])
        np.testing.assert_array_equal(together.membrane[i], chunked.membrane[i])
    for name in Counters.names():
        counted = getattr(together.counters, name)
        np.testing.assert_array_equal(
            counted, np.concatenate([getattr(a.counters, name) for a in alone])
        )
        assert together.counters.total()[name] == counted.sum()


def test_membranes_are_recorded_on_demand() -> None:
    rng = np.random.default_rng(2)
    program = random_program(rng)
    spikes = random_spikes(rng, program)
    full, brief = golden.run(program, spikes), golden.run(program, spikes, record_membrane=False)
    assert full.membrane is not None and full.membrane[0].dtype == np.int32
    assert brief.membrane is None
    np.testing.assert_array_equal(full.spikes[-1], brief.spikes[-1])
    assert full.counters.total() == brief.counters.total()


def test_each_sample_starts_from_v_init() -> None:
    program = Program(populations=(one(v_init=np.array([4, 5, 6])),))
    trace = golden.run(program, np.zeros((2, 1, 2)))
    np.testing.assert_array_equal(trace.spikes[0][:, 0], [[False, False, True]] * 2)


@pytest.mark.parametrize("spikes", [[[[0, 1]]], [[[0.0, 1.0]]], [[[False, True]]]])
def test_spikes_of_any_type_that_are_0_or_1(spikes: list) -> None:
    checked = golden.checked_spikes(Program(populations=(one(),)), spikes)
    assert checked.dtype == np.bool_
    assert checked.tolist() == [[[False, True]]]


@pytest.mark.parametrize(
    "spikes, message",
    [
        (np.zeros((3, 2)), "spikes must have shape (samples, steps, inputs), not (3, 2)"),
        (np.zeros((1, 4, 3)), "spikes have 3 inputs, the Program has 2"),
        (np.zeros((1, 0, 2)), "spikes have 0 steps; at least 1 is needed"),
        (np.full((1, 1, 2), 2), "spikes must be 0 or 1: an axon fires at most once a step"),
        (np.full((1, 1, 2), np.nan), "spikes must be 0 or 1: an axon fires at most once a step"),
    ],
)
def test_refused_spikes(spikes: np.ndarray, message: str) -> None:
    with refused(message):
        golden.run(Program(populations=(one(),)), spikes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"weights": np.zeros(3, int)}, "weights must have shape (inputs, neurons), not (3,)"),
        (
            {"weights": np.zeros((2, 0), int)},
            "weights must have shape (inputs, neurons), not (2, 0)",
        ),
        ({"weights": np.full((2, 3), 128)}, "weights must be in -128..127, not 128..128"),
        ({"weights": np.full((2, 3), -129)}, "weights must be in -128..127, not -129..-129"),
        ({"weights": np.zeros((2, 3))}, "weights must be signed integers, not float64"),
        ({"bias": np.zeros(2, int)}, "bias must have shape (3,), not (2,)"),
        ({"bias": np.array([0, 0, 32768])}, "bias must be in -32768..32767, not 0..32768"),
        ({"bias": np.zeros(3)}, "bias must be signed integers, not float64"),
        ({"v_init": np.zeros((3, 1), int)}, "v_init must have shape (3,), not (3, 1)"),
        ({"v_init": np.array([-32769, 0, 1])}, "v_init must be in -32768..32767, not -32769..1"),
        ({"decay": 4097}, "decay must be in 0..4096, not 4097..4097"),
        ({"decay": -1}, "decay must be in 0..4096, not -1..-1"),
        ({"decay": 0.5}, "decay must be an int, not 0.5"),
        ({"threshold": [5]}, "threshold must be an int, not [5]"),
        ({"bias": np.zeros(3, dtype=np.uint64)}, "bias must be signed integers, not uint64"),
        ({"threshold": -1}, "threshold must be in 0..32767, not -1..-1"),
        ({"threshold": 32768}, "threshold must be in 0..32767, not 32768..32768"),
        ({"v_reset": -1}, "v_reset must be in 0..32767, not -1..-1"),
        (
            {"v_reset": -32769, "reset": Reset.HARD},
            "v_reset must be in -32768..32767, not -32769..-32769",
        ),
    ],
)
def test_refused_population(changes: dict[str, Any], message: str) -> None:
    with refused(f"population 'one': {message}"):
        Program(populations=(one(**changes),))


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": np.array([[-128, 127, 0], [-128, 127, 0]])},
        {"bias": np.array([-32768, 32767, 0])},
        {"v_init": np.array([-32768, 32767, 0])},
        {"decay": 0},
        {"threshold": 0, "v_reset": 0},
        {"threshold": 32767, "v_reset": 32767},
        {"reset": Reset.HARD, "v_reset": -32768},
    ],
)
def test_the_limits_are_accepted(changes: dict[str, Any]) -> None:
    Program(populations=(one(**changes),))


def test_refused_chain() -> None:
    with refused("a Program needs at least one population"):
        Program(populations=())
    message = "population 'two' has 2 inputs, but 'one' has 3 neurons"
    with refused(message):
        Program(populations=(one(), one(name="two")))


def test_refused_accumulator(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every real core is wide enough for its fan-in, so this one is made too narrow.
    monkeypatch.setattr(CoreParams, "accumulator_width", 4)
    message = "population 'one': a step can accumulate 0..9, more than 4 bits hold"
    with refused(message):
        Program(populations=(one(),))


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"inputs": ()}, "inputs and neurons must name the same populations, not 0 and 1"),
        ({"inputs": (2, 2)}, "inputs and neurons must name the same populations, not 2 and 1"),
        ({"inputs": (1,)}, "inputs must be in 2..65536, not 1"),
        ({"inputs": (65_537,)}, "inputs must be in 2..65536, not 65537"),
        ({"neurons": (0,)}, "neurons must be in 1..65536, not 0"),
        ({"neurons": (65_537,)}, "neurons must be in 1..65536, not 65537"),
        ({"lanes": 1}, "lanes must be one of (2, 4, 8, 16, 32), not 1"),
        ({"weight_width": 3}, "weight_width must be one of (2, 4, 8), not 3"),
        ({"state_width": 32}, "state_width must be one of (16, 24), not 32"),
    ],
)
def test_refused_sizes(sizes: dict[str, Any], message: str) -> None:
    with refused(message):
        CoreParams(**{"inputs": (2,), "neurons": (3,), **sizes})


def test_the_widths_of_a_program_are_those_of_a_core() -> None:
    with refused("weight_width must be one of (2, 4, 8), not 16"):
        Program(populations=(one(),), weight_width=16)
    with refused("state_width must be one of (16, 24), not 8"):
        Program(populations=(one(),), state_width=8)
