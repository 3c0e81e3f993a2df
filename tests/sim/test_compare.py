"""The first divergence: which difference is named; and the rows of a trace."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim import golden
from hubel.sim.compare import Divergence, diff, first_divergence, trace

NAMES = ("hidden", "out")


def _population(name: str, neurons: int, **changes: Any) -> Population:
    return Population(name=name, shape=Shape(neurons), threshold=1, v_reset=1, **changes)


def _dense(source: str, target: str, inputs: int, neurons: int) -> Dense:
    weights = np.ones((inputs, neurons), dtype=np.int64)
    return Dense(name=f"{source}-{target}", source=source, target=target, weights=weights)


PROGRAM = Program(
    inputs=(Source("in", Shape(3)),),
    populations=(
        _population("hidden", 4),
        _population("out", 2, u_decay=2048, a_decay=2048, a_step=1),
    ),
    projections=(_dense("in", "hidden", 3, 4), _dense("hidden", "out", 4, 2)),
    outputs=("out",),
)

# Places: (population, index).
Places = list[tuple[int, tuple[int, ...]]]


@pytest.fixture
def expected() -> golden.Trace:
    spikes = np.random.default_rng(0).random((2, 3, 3)) < 0.5
    return golden.run(PROGRAM, spikes)


def changed(run: golden.Trace, **places: Places) -> golden.Trace:
    """``run`` with the spikes flipped, other numbers raised by 7, at the places of each kind."""
    arrays: dict[str, Any] = {}
    for kind, where in places.items():
        copies: list[Any] = [None if a is None else a.copy() for a in getattr(run, kind)]
        for population, index in where:
            if kind == "spikes":
                copies[population][index] ^= True
            else:
                copies[population][index] += 7
        arrays[kind] = tuple(copies)
    return replace(run, **arrays)


def test_equal(expected: golden.Trace) -> None:
    assert first_divergence(PROGRAM, expected, changed(expected, spikes=[], membrane=[])) is None


@pytest.mark.parametrize(
    "places, place",
    [
        (
            {"spikes": [(0, (1, 0, 0)), (0, (0, 2, 3))]},
            "sample 0, step 2, population hidden, neuron 3: spike",
        ),
        (
            {"spikes": [(0, (1, 0, 0)), (1, (0, 2, 1))]},
            "sample 0, step 2, population out, neuron 1: spike",
        ),
        (
            {"spikes": [(0, (0, 2, 0)), (1, (0, 1, 1))]},
            "sample 0, step 1, population out, neuron 1: spike",
        ),
        (
            {"spikes": [(1, (1, 1, 0)), (0, (1, 1, 2))]},
            "sample 1, step 1, population hidden, neuron 2: spike",
        ),
        (
            {"spikes": [(1, (0, 0, 0))], "membrane": [(0, (0, 0, 1))]},
            "sample 0, step 0, population hidden, neuron 1: membrane",
        ),
        (
            {"spikes": [(0, (0, 1, 2))], "membrane": [(0, (0, 1, 2))]},
            "sample 0, step 1, population hidden, neuron 2: spike",
        ),
        (
            {"spikes": [(0, (0, 1, 3))], "membrane": [(0, (0, 1, 0))]},
            "sample 0, step 1, population hidden, neuron 3: spike",
        ),
        (
            {"membrane": [(1, (0, 1, 1))], "current": [(1, (0, 1, 0))]},
            "sample 0, step 1, population out, neuron 1: membrane",
        ),
        (
            {"membrane": [(1, (0, 2, 0))], "current": [(1, (0, 1, 0))]},
            "sample 0, step 1, population out, neuron 0: current",
        ),
        (
            {"membrane": [(0, (0, 1, 0))], "current": [(1, (0, 1, 0))]},
            "sample 0, step 1, population hidden, neuron 0: membrane",
        ),
        (
            {"current": [(1, (1, 0, 1))], "adaptation": [(1, (1, 0, 0))]},
            "sample 1, step 0, population out, neuron 1: current",
        ),
        (
            {"adaptation": [(1, (1, 2, 0))], "saturations": [(1, (1, 2))]},
            "sample 1, step 2, population out, neuron 0: adaptation",
        ),
        (
            {"spikes": [(1, (1, 2, 0))], "saturations": [(0, (1, 2))]},
            "sample 1, step 2, population hidden: saturations",
        ),
    ],
    ids=[
        "earliest sample",
        "sample before step",
        "earliest step",
        "earlier population",
        "membrane upstream",
        "spike before its membrane",
        "spike before another's membrane",
        "membrane before current",
        "current of an earlier step",
        "population before kind",
        "current before adaptation",
        "adaptation before saturations",
        "saturations upstream",
    ],
)
def test_the_first_in_time_is_named(
    expected: golden.Trace, places: dict[str, Places], place: str
) -> None:
    text = first_divergence(PROGRAM, expected, changed(expected, **places))
    assert text is not None
    assert text.startswith(place + " ")


def test_values_are_named(expected: golden.Trace) -> None:
    assert expected.membrane is not None
    got = changed(expected, membrane=[(1, (1, 2, 0))])
    value = int(expected.membrane[1][1, 2, 0])
    assert first_divergence(PROGRAM, expected, got) == (
        f"sample 1, step 2, population out, neuron 0: membrane {value} expected, got {value + 7}"
    )
    assert diff(NAMES, expected, got) == Divergence(
        kind="membrane",
        expected=value,
        got=value + 7,
        population="out",
        sample=1,
        step=2,
        neuron=0,
    )


def test_only_what_both_have_is_compared(expected: golden.Trace) -> None:
    bare = replace(
        changed(expected, spikes=[(1, (0, 0, 0))]),
        membrane=None,
        current=None,
        adaptation=None,
        saturations=None,
    )
    text = first_divergence(PROGRAM, expected, bare)
    assert text is not None
    assert "spike" in text
    for missing in ("membrane", "current", "adaptation", "saturations"):
        place: Places = [(1, (0, 0))] if missing == "saturations" else [(1, (0, 0, 0))]
        other = changed(expected, **{missing: place})
        assert first_divergence(PROGRAM, expected, other) is not None
        assert first_divergence(PROGRAM, replace(expected, **{missing: None}), other) is None


def test_counters_come_last(expected: golden.Trace) -> None:
    counters = replace(expected.counters, updates=expected.counters.updates + 1)
    total = expected.counters.total()["updates"]
    got = replace(expected, counters=counters)
    assert first_divergence(PROGRAM, expected, got) == (
        f"counter updates: {total} expected, got {total + 2}"
    )
    earlier = changed(got, spikes=[(1, (1, 2, 1))])
    text = first_divergence(PROGRAM, expected, earlier)
    assert text is not None
    assert text.startswith("sample 1, step 2, population out, neuron 1: spike ")


def test_another_shape_is_a_difference(expected: golden.Trace) -> None:
    got = replace(expected, spikes=tuple(s[:1] for s in expected.spikes))
    assert first_divergence(PROGRAM, expected, got) == (
        "hidden: spikes of shape (2, 3, 4) expected, got (1, 3, 4)"
    )


def test_the_rows_of_a_trace(expected: golden.Trace) -> None:
    rows = list(trace(NAMES, expected))
    places = [(row.sample, row.step, row.population) for row in rows]
    assert places == [(s, t, name) for s in range(2) for t in range(3) for name in NAMES]
    assert expected.membrane is not None and expected.current is not None
    rebuilt = [np.zeros_like(array) for array in expected.spikes]
    for row in rows:
        p = NAMES.index(row.population)
        rebuilt[p][row.sample, row.step, row.spikes] = True
        np.testing.assert_array_equal(row.membrane, expected.membrane[p][row.sample, row.step])
        assert (row.current is None) == (row.adaptation is None) == (row.population == "hidden")
    for p in range(2):
        assert rebuilt[p].any()
        np.testing.assert_array_equal(rebuilt[p], expected.spikes[p])
    last = rows[-1].current
    assert last is not None and expected.current[1] is not None
    np.testing.assert_array_equal(last, expected.current[1][1, 2])
    bare = next(trace(NAMES, replace(expected, membrane=None, current=None, adaptation=None)))
    assert bare[4:] == (None, None, None)
