"""The first divergence: which difference is named."""

from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.program import Population, Program
from hubel.sim import golden
from hubel.sim.compare import first_divergence


def _population(name: str, inputs: int, neurons: int) -> Population:
    return Population(
        name=name,
        weights=np.ones((inputs, neurons), dtype=np.int64),
        bias=np.zeros(neurons, dtype=np.int64),
        v_init=np.zeros(neurons, dtype=np.int64),
        threshold=1,
        v_reset=1,
    )


PROGRAM = Program(populations=(_population("hidden", 3, 4), _population("out", 4, 2)))


@pytest.fixture
def expected() -> golden.Trace:
    spikes = np.random.default_rng(0).random((2, 3, 3)) < 0.5
    return golden.run(PROGRAM, spikes)


def changed(trace, *, spikes=(), membrane=()):
    """``trace`` with the spikes flipped, and the membranes raised by 7, at (population, index)."""
    new_spikes = [array.copy() for array in trace.spikes]
    new_membrane = [array.copy() for array in trace.membrane]
    for population, index in spikes:
        new_spikes[population][index] ^= True
    for population, index in membrane:
        new_membrane[population][index] += 7
    return replace(trace, spikes=tuple(new_spikes), membrane=tuple(new_membrane))


def test_equal(expected):
    assert first_divergence(PROGRAM, expected, changed(expected)) is None


@pytest.mark.parametrize(
    "spikes, membrane, place",
    [
        ([(0, (1, 0, 0)), (0, (0, 2, 3))], [], "sample 0, step 2, population hidden, neuron 3"),
        ([(0, (1, 0, 0)), (1, (0, 2, 1))], [], "sample 0, step 2, population out, neuron 1"),
        ([(0, (0, 2, 0)), (1, (0, 1, 1))], [], "sample 0, step 1, population out, neuron 1"),
        ([(1, (1, 1, 0)), (0, (1, 1, 2))], [], "sample 1, step 1, population hidden, neuron 2"),
        ([(1, (0, 0, 0))], [(0, (0, 0, 1))], "sample 0, step 0, population hidden, neuron 1"),
    ],
    ids=[
        "earliest sample",
        "sample before step",
        "earliest step",
        "earlier population",
        "membrane upstream",
    ],
)
def test_the_first_in_time_is_named(expected, spikes, membrane, place):
    text = first_divergence(PROGRAM, expected, changed(expected, spikes=spikes, membrane=membrane))
    assert text is not None
    assert text.startswith(place + ": ")


def test_a_spike_comes_before_its_membrane(expected):
    index = (0, 1, 2)
    got = changed(expected, spikes=[(0, index)], membrane=[(0, index)])
    text = first_divergence(PROGRAM, expected, got)
    assert text is not None
    assert text.startswith("sample 0, step 1, population hidden, neuron 2: spike ")


def test_values_are_named(expected):
    got = changed(expected, membrane=[(1, (1, 2, 0))])
    value = expected.membrane[1][1, 2, 0]
    assert first_divergence(PROGRAM, expected, got) == (
        f"sample 1, step 2, population out, neuron 0: membrane {value} expected, got {value + 7}"
    )


def test_spikes_count_where_membranes_were_not_recorded(expected):
    bare = replace(changed(expected, spikes=[(1, (0, 0, 0))]), membrane=None)
    text = first_divergence(PROGRAM, expected, bare)
    assert text is not None
    assert "spike" in text
    assert first_divergence(PROGRAM, expected, replace(expected, membrane=None)) is None


def test_counters_come_last(expected):
    counters = replace(expected.counters, updates=expected.counters.updates + 1)
    total = expected.counters.total()["updates"]
    got = replace(expected, counters=counters)
    assert first_divergence(PROGRAM, expected, got) == (
        f"counter updates: {total} expected, got {total + 2}"
    )


def test_another_shape_is_a_difference(expected):
    got = replace(expected, spikes=tuple(s[:1] for s in expected.spikes))
    assert first_divergence(PROGRAM, expected, got) == (
        "hidden: spikes of shape (2, 3, 4) expected, got (1, 3, 4)"
    )
