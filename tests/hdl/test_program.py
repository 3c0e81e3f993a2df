"""Programs: what they refuse, and the core that they need."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.params import CoreParams, NeuronParams, WalkKind
from hubel.hdl.program import Conv2d, Dense, Population, Program, Reset, Shape, Source, Sparse
from hubel.sim.currents import linear

from ..programs import random_program

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def population(name: str, neurons: int = 3, **changes: Any) -> Population:
    return Population(**{"name": name, "shape": Shape(neurons), "threshold": 5, **changes})


def dense(source: str, target: str, shape: tuple[int, int] = (3, 3), **changes: Any) -> Dense:
    fields = {"name": f"{source}-{target}", "weights": np.ones(shape, dtype=np.int64), **changes}
    return Dense(source=source, target=target, **fields)


def program(**changes: Any) -> Program:
    """An input of two axons, populations a and b of three neurons, in a chain."""
    fields: dict[str, Any] = {
        "inputs": (Source("in", Shape(2)),),
        "populations": (population("a"), population("b")),
        "projections": (dense("in", "a", (2, 3)), dense("a", "b")),
        "outputs": ("b",),
    }
    return Program(**{**fields, **changes})


def with_a(**changes: Any) -> dict[str, Any]:
    """Another projection from the input to a."""
    return {"projections": (dense("in", "a", (2, 3), **changes), dense("a", "b"))}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"inputs": ()}, "a Program needs at least one input and one population"),
        ({"populations": ()}, "a Program needs at least one input and one population"),
        ({"weight_width": 16}, "weight_width must be one of (2, 4, 8), not 16"),
        ({"state_width": 8}, "state_width must be one of (16, 24), not 8"),
        (
            {"populations": (population("a"), population("a"))},
            "two inputs or populations are named 'a'",
        ),
        (
            {"populations": (population("in"), population("b"))},
            "two inputs or populations are named 'in'",
        ),
        (with_a(name="a-b"), "two projections are named 'a-b'"),
        (
            {"populations": (population("a"), population("b", decay=-1))},
            "population 'b': decay must be in 0..4096, not -1",
        ),
        ({"projections": (dense("in", "a", (2, 3)),)}, "population 'b' is fed by no projection"),
        (
            {"projections": (*program().projections, dense("c", "b"))},
            "projection 'c-b': there is no input or population 'c'",
        ),
        (
            {"projections": (*program().projections, dense("a", "c"))},
            "projection 'a-c': there is no input or population 'c'",
        ),
        (
            {"projections": (*program().projections, dense("a", "in"))},
            "projection 'a-in' ends in the input 'in'",
        ),
        (with_a(delay=2), "projection 'in-a': delay must be 0 or 1, not 2"),
        (
            {"projections": (*program().projections, dense("a", "a"))},
            "projection 'a-a': without a delay it must go to a later population, not from 'a' to "
            "'a'",
        ),
        (
            {"projections": (*program().projections, dense("b", "a"))},
            "projection 'b-a': without a delay it must go to a later population, not from 'b' to "
            "'a'",
        ),
        (
            with_a(weights=np.ones((3, 2), int)),
            "projection 'in-a' from 'in' to 'a': weights must have shape (axons, neurons) = (2, "
            "3), not (3, 2)",
        ),
        (
            with_a(weights=np.full((2, 3), 128)),
            "projection 'in-a': weights must be in -128..127, not 128..128",
        ),
        (
            with_a(weights=np.full((2, 3), -129)),
            "projection 'in-a': weights must be in -128..127, not -129..-129",
        ),
        (
            {"weight_width": 2, **with_a(weights=np.array([[2, 0, 0], [-3, 0, 0]]))},
            "projection 'in-a': weights must be in -2..1, not -3..2",
        ),
        (
            with_a(weights=np.zeros((2, 3))),
            "projection 'in-a': weights must be signed integers, not float64",
        ),
        (
            with_a(weights=np.zeros((2, 3), np.uint8)),
            "projection 'in-a': weights must be signed integers, not uint8",
        ),
        ({"outputs": ()}, "a Program needs one or more outputs, each of them once"),
        ({"outputs": ("b", "b")}, "a Program needs one or more outputs, each of them once"),
        ({"outputs": ("in",)}, "output 'in' is no population"),
        ({"outputs": ("b", "c")}, "output 'c' is no population"),
    ],
)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        program(**changes)
    assert str(refused.value) == message


def test_refused_accumulator(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every real core is wide enough for its fan-in, so this one is made too narrow.
    monkeypatch.setattr(CoreParams, "accumulator_width", 4)
    with pytest.raises(ValueError) as refused:
        program(**with_a(weights=np.full((2, 3), 5)))
    assert str(refused.value) == (
        "population 'a': a step can accumulate 0..10, more than 4 bits hold"
    )


def test_refused_lanes() -> None:
    with pytest.raises(ValueError) as refused:
        program().params(lanes=1)
    assert str(refused.value) == "lanes must be one of (2, 4, 8, 16, 32), not 1"


def test_the_limits_are_accepted() -> None:
    program(**with_a(weights=np.array([[-128, 127, 0], [-128, 127, 0]])))
    program(**with_a(weights=np.array([[-2, 1, 0], [-2, 1, 0]])), weight_width=2)
    program(
        projections=(
            *program().projections,
            dense("a", "a", name="loop", delay=1),
            dense("b", "a", delay=1),
        ),
        outputs=("b", "a"),
    )


def random_events(rng: np.random.Generator, neurons: int) -> np.ndarray:
    """Sets of events, shape (rows, neurons): none, all, and any density."""
    events = rng.random((40, neurons)) < rng.random((40, 1))
    events[0], events[1] = False, True
    return events


@fixed
@given(seed=seeds)
def test_no_set_of_events_exceeds_the_accumulator_range(seed: int) -> None:
    rng = np.random.default_rng(seed)
    random = random_program(rng)
    width = random.params().accumulator_width
    for p in random.populations:
        least, most = random.accumulator_range(p.name)
        assert -(1 << (width - 1)) <= least <= 0 <= most < 1 << (width - 1)
        lowest = highest = total = np.zeros(())
        for projection in random.into(p.name):
            source = random.shape_of(projection.source)
            function = linear(projection, source, p.shape, np.float64)
            negative = linear(
                projection.with_weights(np.minimum(projection.weights, 0)),
                source,
                p.shape,
                np.float64,
            )
            total = total + function(random_events(rng, source.neurons))
            # Each neuron alone, with the events of its negative or of its positive weights, can
            # not do worse than all events with the weights of the other sign left out.
            everything = np.ones((1, source.neurons), dtype=np.bool_)
            below = negative(everything)
            lowest = lowest + below
            highest = highest + function(everything) - below
        assert least <= total.min() and total.max() <= most
        assert least <= lowest.min() and highest.max() <= most
        if not any(isinstance(q, Conv2d) for q in random.into(p.name)):
            pools = [q.pool for q in random.into(p.name) if isinstance(q, Dense)]
            if all(pool == (1, 1) for pool in pools):
                assert (lowest.min(), highest.max()) == (least, most)


def test_the_range_of_a_window_that_is_larger_than_the_source() -> None:
    """Nine weights, but four spikes at most."""
    kernel = np.full((1, 1, 3, 3), -128)
    conv = Conv2d(name="c", source="in", target="a", weights=kernel, padding=(1, 1))
    one = Population(name="a", shape=Shape(1, 2, 2), threshold=5)
    made = Program(
        inputs=(Source("in", Shape(1, 2, 2)),),
        populations=(one,),
        projections=(conv,),
        outputs=("a",),
    )
    assert made.accumulator_range("a") == (-512, 0)
    assert made.params().accumulator_width == 10


def test_params_of_a_core() -> None:
    """Every size of a Program with one projection of each kind, and a second dense one."""
    populations = (
        population("p", shape=Shape(6, 3, 3), bias=np.zeros(54, int), v_init=np.zeros(54, int)),
        population("q", shape=Shape(5), u_decay=5, shift=3, refractory=2, reset=Reset.HARD),
        population("r", shape=Shape(1), reset=Reset.SOFT_LATE, v_min=0, u_decay=1, u_wraps=True),
    )
    conv = Conv2d(
        name="conv",
        source="in",
        target="p",
        weights=np.ones((6, 1, 3, 2), dtype=np.int64),
        groups=2,
        stride=(1, 2),
        padding=(1, 0),
        dilation=(1, 2),
        pool=(2, 2),
    )
    sparse = Sparse(
        name="sparse",
        source="p",
        target="q",
        weights=np.ones(4, dtype=np.int64),
        first=np.array([0] * 30 + [3] * 10 + [4] * 15),
        targets=np.array([0, 1, 4, 2]),
    )
    made = Program(
        inputs=(Source("in", Shape(2, 6, 9)), Source("other", Shape(7))),
        populations=populations,
        projections=(
            conv,
            dense("other", "q", (7, 5)),
            dense("p", "q", (6, 5), name="pooled", pool=(3, 3)),
            sparse,
            dense("q", "q", (5, 5), delay=1),
            dense("q", "r", (5, 1), delay=1),
        ),
        outputs=("r", "p"),
        state_width=24,
    )
    params = made.params(lanes=4)
    assert params.inputs == (Shape(2, 6, 9), Shape(7))
    assert params.populations == (Shape(6, 3, 3), Shape(5), Shape(1))
    assert params.words == (18, 2, 1) and params.first_word == (0, 18, 20)
    assert params.outputs == (2, 0)
    # Population q waits for p, the last of its sources; r has none without delay: input 0.
    assert params.clocks == (0, 2, 0)
    assert params.minimum_slots == 2
    assert params.neuron == NeuronParams(
        varied=frozenset({"bias"}),
        current=True,
        wraps=True,
        refractory=True,
        late=True,
        floor=True,
        shifts=(0, 3, 0),
    )
    kinds = [WalkKind.CONV, WalkKind.GATHER, *[WalkKind.CONV], WalkKind.SPARSE, WalkKind.CONV]
    assert [p.kind for p in params.projections] == [*kinds, WalkKind.GATHER]
    assert [(p.source, p.target, p.delay) for p in params.projections] == [
        (0, 0, 0),
        (1, 1, 0),
        (2, 1, 0),
        (2, 1, 0),
        (3, 1, 1),
        (3, 2, 1),
    ]
    # Conv: channels 0..2 and 3..5 of groups: the second spans two words of four lanes.
    # Sparse: neuron 29 feeds 0, 1 and 4, of which 0 and 4 share a lane; neuron 39 feeds 2.
    assert [p.weight_words for p in params.projections] == [2 * 6 * 2, 14, 12, 3, 10, 5]
    assert [p.fan_in for p in params.projections] == [24, 7, 54, 1, 5, 5]
    assert params.first_weight == (3, 27, 41, 0, 53, 63)
    assert (params.weight_words, params.sparse_words, params.current_words) == (68, 3, 18)
    first = params.projections[0]
    assert (first.pool, first.stride, first.padding) == ((2, 2), (1, 2), (1, 0))
    assert (first.dilation, first.kernel, first.groups) == ((1, 2), (3, 2), 2)
    assert params.gathered(1) == 1 and params.scattered(1) == (2, 3, 4)
    assert params.gathered(0) is None and params.scattered(2) == ()
    assert params.consumers(0) == ((0, 0), (2, 0))
    assert params.consumers(3) == ((1, 1), (2, 1))
    # 7 + 54 + 1 + 5 spikes can meet in q.
    assert params.accumulator_width == 8 + 7


@fixed
@given(seed=seeds, lanes=st.sampled_from([2, 4, 8, 16, 32]))
def test_the_regions_of_memories_do_not_overlap(seed: int, lanes: int) -> None:
    params = random_program(np.random.default_rng(seed), lanes=lanes).params(lanes=lanes)
    weights = []
    for first, projection in zip(params.first_weight, params.projections, strict=True):
        weights += range(first, first + projection.weight_words)
        if projection.kind is WalkKind.SPARSE:
            assert first + projection.weight_words <= params.sparse_words
    assert sorted(weights) == list(range(params.weight_words))
    words = []
    for first, count in zip(params.first_word, params.words, strict=True):
        words += range(first, first + count)
    assert words == list(range(sum(params.words)))
    for population in range(len(params.populations)):
        kinds = [p.kind for p in params.projections if p.target == population]
        assert kinds.count(WalkKind.GATHER) <= 1
