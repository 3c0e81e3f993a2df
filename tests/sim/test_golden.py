"""The golden model against the reference in plain Python, and what it refuses."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.counters import Counters
from hubel.hdl.program import Conv2d, Dense, Population, Program, Reset, Shape, Source
from hubel.sim import golden
from hubel.sim.currents import linear

from ..programs import STYLES, random_program, random_spikes
from .reference import Neuron, reference

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def chain(weights: np.ndarray, *, weight_width: int = 8, **changes: Any) -> Program:
    """One dense population, from weights of shape (inputs, neurons)."""
    inputs, neurons = weights.shape
    fields: dict[str, Any] = {"name": "one", "shape": Shape(neurons), "threshold": 5, "v_reset": 5}
    return Program(
        inputs=(Source("in", Shape(inputs)),),
        populations=(Population(**{**fields, **changes}),),
        projections=(Dense(name="in-one", source="in", target="one", weights=weights),),
        outputs=("one",),
        weight_width=weight_width,
    )


def one(**changes: Any) -> Program:
    """Two inputs, three neurons."""
    return chain(np.array([[1, 2, 3], [4, 5, 6]]), **changes)


def refused(message: str) -> "pytest.RaisesExc[ValueError]":
    """Context that asks for a ValueError with exactly this message."""
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


def check(program: Program, spikes: np.ndarray, lanes: int) -> None:
    """AssertionError unless golden's trace is the reference's, in every number."""
    trace = golden.run(program, spikes, lanes=lanes)
    expected = reference(program, spikes, lanes=lanes)
    assert trace.membrane is not None and trace.saturations is not None
    assert trace.current is not None and trace.adaptation is not None
    for i, p in enumerate(program.populations):
        np.testing.assert_array_equal(trace.spikes[i], expected.spikes[p.name])
        np.testing.assert_array_equal(trace.membrane[i], expected.membrane[p.name])
        np.testing.assert_array_equal(trace.saturations[i], expected.saturations[p.name])
        if p.u_decay is not None:
            np.testing.assert_array_equal(trace.current[i], expected.current[p.name])
        if p.a_decay is not None:
            np.testing.assert_array_equal(trace.adaptation[i], expected.adaptation[p.name])
        assert (trace.current[i] is None) == (p.u_decay is None)
        assert (trace.adaptation[i] is None) == (p.a_decay is None)
    got = {name: getattr(trace.counters, name).tolist() for name in Counters.names()}
    assert got == expected.counters


@settings(fixed, max_examples=400)
@given(seed=seeds, lanes=st.sampled_from([2, 4, 8, 16, 32]))
def test_equals_the_reference(seed: int, lanes: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=min(lanes, 8))
    spikes = random_spikes(rng, program, samples=2, steps=int(rng.integers(1, 9)))
    check(program, spikes, lanes)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "features", [("hard",), ("late", "floor"), ("cuba", "wrap"), ("adaptive", "refractory")]
)
def test_equals_the_reference_feature_by_feature(style: str, features: tuple[str, ...]) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        program = random_program(
            rng, lanes=4, features={*features, "loops", "shift", "varied"}, styles=(style, style)
        )
        check(program, random_spikes(rng, program, samples=2, steps=12), 4)


def test_the_random_programs_reach_the_corners() -> None:
    """What came up in 200 Programs: firing and saturation in every feature, every kind of graph."""
    seen: Counter[str] = Counter()
    has: dict[str, bool] = {}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        trace = golden.run(program, random_spikes(rng, program))
        assert trace.saturations is not None
        numbers = {source.name: i for i, source in enumerate(program.sources)}
        for i, p in enumerate(program.populations):
            fired = trace.spikes[i]
            delays = {q.delay for q in program.into(p.name)}
            into = Counter(type(q).__name__ for q in program.into(p.name))
            has = {
                "fires": bool(fired.any()),
                "fires now and then": 0 < fired.mean() < 1,
                "silent": not fired.any(),
                "always fires": bool(fired.all()),
                "saturates": bool(trace.saturations[i].any()),
                p.reset.value: bool(fired.any()),
                "floor": p.v_min is not None and bool(fired.any()),
                "refractory": p.refractory > 0 and bool(fired.any()),
                "cuba": p.u_decay is not None and not p.u_wraps and bool(fired.any()),
                "wraps": p.u_decay is not None and p.u_wraps and bool(fired.any()),
                "adaptive": p.a_decay is not None and p.a_step > 0 and bool(fired.any()),
                "shift": p.shift > 0 and bool(fired.any()),
                "single": p.neurons == 1,
                "line": not p.shape.plain and 1 in (p.shape.height, p.shape.width),
                "plane": min(p.shape.height, p.shape.width) > 1,
                "uneven channels": p.shape.channels % 8 != 0,
                "delayed only": delays == {1},
                "several projections": into.total() > 1,
                "two dense": into["Dense"] > 1,
                "all kinds": len(into) == 3,
                "loop to itself": any(q.source == p.name for q in program.into(p.name)),
                "longer loop": any(
                    numbers[q.source] > numbers[p.name] for q in program.into(p.name)
                ),
                "forward delay": any(
                    q.delay and numbers[q.source] < numbers[p.name] for q in program.into(p.name)
                ),
                "output that feeds others": p.name in program.outputs
                and any(q.source == p.name != q.target for q in program.projections),
            }
            seen.update(what for what, there in has.items() if there)
            seen.update(f"varied {what}" for what in p.varied())
        seen["several outputs"] += len(program.outputs) > 1
        seen["two inputs"] += len(program.inputs) > 1
        seen[f"weights of {program.weight_width}"] += 1
        seen[f"states of {program.state_width}"] += 1
    varied = ("threshold", "decay", "v_reset", "bias", "v_init", "u_decay", "u_init")
    kinds = (*has, *(r.value for r in Reset), *(f"varied {what}" for what in varied))
    rare = {what: seen[what] for what in kinds if seen[what] < 10}
    assert not rare
    for what in ("several outputs", "two inputs", "weights of 2", "weights of 4", "weights of 8"):
        assert seen[what] > 40
    assert min(seen["states of 16"], seen["states of 24"]) > 70


def test_styles_keep_their_promise() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        program = random_program(rng, styles=("none", "all"))
        trace = golden.run(program, random_spikes(rng, program))
        assert not trace.spikes[0].any()
        assert trace.spikes[1].all()


def test_neither_lanes_nor_the_order_of_projections_change_a_result() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        spikes = random_spikes(rng, program)
        order = rng.permutation(len(program.projections))
        other = replace(program, projections=tuple(program.projections[i] for i in order))
        a, b = golden.run(program, spikes, lanes=8), golden.run(other, spikes, lanes=2)
        assert a.membrane is not None and b.membrane is not None
        for i in range(len(program.populations)):
            np.testing.assert_array_equal(a.spikes[i], b.spikes[i])
            np.testing.assert_array_equal(a.membrane[i], b.membrane[i])


def test_saturates_once_at_the_end_of_the_step() -> None:
    program = chain(
        np.array([[127, -128, 1], [-127, 127, 0]]),
        v_init=np.array([32767, -32768, 32767]),
        threshold=32767,
    )
    spikes = np.ones((1, 1, 2), dtype=np.bool_)
    trace = golden.run(program, spikes)
    assert trace.membrane is not None
    # 127 up and 127 down again; 128 down and 127 up; 1 too far up.
    assert trace.membrane[0][0, 0].tolist() == [32767, -32768, 32767]
    assert trace.counters.saturations.tolist() == [2]
    check(program, spikes, 8)
    membranes = []
    for number in range(3):
        neuron = Neuron(program.populations[0], number, 16)
        neuron.step(0, each_event=program.projections[0].weights[:, number].tolist())
        membranes.append(neuron.v)
    assert membranes == [32640, -32641, 32767]


@fixed
@given(
    inputs=st.integers(1, 300),
    weight_width=st.sampled_from([2, 4, 8]),
    sign=st.sampled_from([-1, 0, 1]),
    seed=seeds,
)
def test_no_accepted_program_overflows_the_accumulator(
    inputs: int, weight_width: int, sign: int, seed: int
) -> None:
    least, most = -(1 << (weight_width - 1)), (1 << (weight_width - 1)) - 1
    rng = np.random.default_rng(seed)
    weights = rng.integers(least, most + 1, size=(inputs, 3))
    if sign:
        weights[:, 0] = most if sign > 0 else least
    program = chain(weights, weight_width=weight_width)
    bound = program.accumulator_range("one")
    limit = 1 << (program.params().accumulator_width - 1)
    assert -limit <= bound[0] <= 0 <= bound[1] < limit
    # The bound is reached, by the events of the negative or of the positive weights of a neuron.
    worst = np.stack([weights[:, n] < 0 for n in range(3)] + [weights[:, n] > 0 for n in range(3)])
    function = linear(program.projections[0], Shape(inputs), Shape(3), np.float32)
    sums = function(worst)
    assert (sums.min(), sums.max()) == bound


def test_the_largest_accumulator_is_exact() -> None:
    weights = np.full((65_536, 1), -128)
    weights[:, 0] += np.arange(65_536) % 2
    program = chain(weights, threshold=32767, bias=0)
    assert program.params().accumulator_width == 24
    wide = replace(program, state_width=24)
    trace = golden.run(wide, np.ones((1, 1, 65_536), dtype=np.bool_))
    assert trace.membrane is not None
    assert trace.membrane[0].tolist() == [[[-128 * 32_768 - 127 * 32_768]]]


def test_batches_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    recurrent = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        spikes = random_spikes(rng, program, samples=7, activity=0.35)
        together = golden.run(program, spikes)
        assert together.counters.events.any()
        recurrent += any(len(block) > 1 for block in golden.blocks(program))
        alone = [golden.run(program, spikes[i : i + 1]) for i in range(7)]
        with monkeypatch.context() as patch:
            patch.setattr(golden, "_CHUNK_VALUES", 1)
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
    assert recurrent > 3


def test_membranes_are_recorded_on_demand() -> None:
    rng = np.random.default_rng(2)
    program = random_program(rng)
    spikes = random_spikes(rng, program)
    full, brief = golden.run(program, spikes), golden.run(program, spikes, record_membrane=False)
    assert full.membrane is not None and full.membrane[0].dtype == np.int32
    assert brief.membrane is brief.current is brief.adaptation is None
    for i in range(len(program.populations)):
        np.testing.assert_array_equal(full.spikes[i], brief.spikes[i])
    assert full.counters.total() == brief.counters.total()


def test_each_sample_starts_from_v_init() -> None:
    trace = golden.run(one(v_init=np.array([4, 5, 6])), np.zeros((2, 1, 2)))
    np.testing.assert_array_equal(trace.spikes[0][:, 0], [[False, False, True]] * 2)


def test_what_is_on_its_way_when_a_sample_ends_is_lost() -> None:
    """A delayed projection brings a spike of the last step to no sample."""
    program = chain(np.array([[9]]))
    late = replace(program, projections=(replace(program.projections[0], delay=1),))
    spikes = np.ones((2, 3, 1), dtype=np.bool_)
    assert golden.run(program, spikes).spikes[0].ravel().tolist() == [True] * 6
    trace = golden.run(late, spikes)
    assert trace.spikes[0][:, :, 0].tolist() == [[False, True, True]] * 2
    assert trace.counters.synaptic_operations.tolist() == [2, 2]
    assert trace.counters.events.tolist() == [3, 3]


def test_a_pool_that_leaves_out_a_column() -> None:
    """What is left out brings nothing, and no weight is read for it."""
    program = Program(
        inputs=(Source("in", Shape(1, 1, 3)),),
        populations=(Population(name="one", shape=Shape(1), threshold=100),),
        projections=(
            Dense(name="d", source="in", target="one", weights=np.array([[7]]), pool=(1, 2)),
        ),
        outputs=("one",),
    )
    trace = golden.run(program, [[[1, 1, 1]], [[0, 0, 1]]])
    assert trace.membrane is not None
    assert trace.membrane[0].ravel().tolist() == [14, 0]
    assert trace.counters.synaptic_operations.tolist() == [2, 0]
    assert trace.counters.weight_reads.tolist() == [2, 0]
    assert trace.counters.events.tolist() == [3, 1]


def test_blocks() -> None:
    """Populations in a loop run together, with all that lies between; others alone."""
    names = "abcde"
    pairs = [("in", "a", 0), *((names[i], names[i + 1], 0) for i in range(4)), ("d", "b", 1)]
    projections = [
        Conv2d(name=s + t, source=s, target=t, delay=d, weights=np.ones((1, 1, 1, 1), int))
        for s, t, d in pairs
    ]
    program = Program(
        inputs=(Source("in", Shape(1)),),
        populations=tuple(Population(name=n, shape=Shape(1), threshold=0) for n in names),
        projections=tuple(projections),
        outputs=("e",),
    )
    assert golden.blocks(program) == [range(0, 1), range(1, 4), range(4, 5)]


@pytest.mark.parametrize("spikes", [[[[0, 1]]], [[[0.0, 1.0]]], [[[False, True]]]])
def test_spikes_of_any_type_that_are_0_or_1(spikes: list) -> None:
    checked = golden.checked_spikes(one(), spikes)
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
        golden.run(one(), spikes)
