"""Which core gets which parts, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import grouped, layers
from programs import random_program, random_spikes

from hubel.hdl.program import Program, Shape
from hubel.sim.golden import by_input, run
from hubel.sw.mapping.activity import assumed_rates, measured_rates
from hubel.sw.mapping.demand import Demands
from hubel.sw.mapping.limits import CoreLimits, usage_of
from hubel.sw.mapping.load import step_clocks
from hubel.sw.mapping.node_program import node_program, readers_of
from hubel.sw.mapping.parts import Part, as_sparse
from hubel.sw.mapping.split import Spreading, split

fixed = settings(derandomize=True, deadline=None, max_examples=60)


def demands(program: Program, lanes: int = 8, **limits: int) -> Demands:
    return Demands(
        program, assumed_rates(program), lanes=lanes, limits=replace(CoreLimits(), **limits)
    )


def parts(program: Program, cores: int, how: Spreading = "spread", **limits: int) -> list[list]:
    found = split(demands(program, **limits), cores, how)
    return [[(f"p{p.population}", p.first, p.stop) for p in core] for core in found]


def test_fewest_shares_a_core() -> None:
    assert parts(layers(20, 32, 10), 9, "fewest") == [[("p0", 0, 32), ("p1", 0, 10)]]


def test_spread_is_even() -> None:
    # 32 neurons of 64 axons take 4 * 3.2 clocks, 10 of 32 take 2 * 2; a state word is not cut.
    assert parts(layers(64, 128), 4) == [
        [("p0", 0, 32)], [("p0", 32, 64)], [("p0", 64, 96)], [("p0", 96, 128)]
    ]  # fmt: skip


def test_a_large_population_is_cut_at_state_words() -> None:
    # 32 words of 64 rows; 700 words have room for ten.
    assert parts(layers(64, 256), 4, "fewest", weight_words=700) == [
        [("p0", 0, 80)], [("p0", 80, 160)], [("p0", 160, 240)], [("p0", 240, 256)]
    ]  # fmt: skip


def test_small_ones_go_where_there_is_room() -> None:
    found = parts(layers(64, 88, 8), 2, "fewest", weight_words=704 + 80)
    # 8 neurons with 88 axons take 88 words.
    assert found == [[("p0", 0, 88)], [("p1", 0, 8)]]
    found = parts(layers(64, 88, 8), 2, "fewest", weight_words=704 + 88)
    assert found == [[("p0", 0, 88), ("p1", 0, 8)]]


@pytest.mark.parametrize(
    ("limits", "channels"), [({"neurons": 32}, 2), ({"neurons": 64}, 4), ({"neurons": 48}, 2)]
)
def test_a_state_word_is_cut_where_it_must_be(limits: dict[str, int], channels: int) -> None:
    # 16 channels of 4x4 places: of 4 lanes, 2 words a place have 64 neurons each.
    program = grouped(channels=4, groups=1)
    found = split(demands(program, lanes=2, **limits), 4, "fewest")
    assert [(p.first, p.stop) for core in found for p in core] == [
        (first, first + channels) for first in range(0, 4, channels)
    ]


@fixed
@given(seed=st.integers(0, 2**32 - 1))
def test_demands_are_those_of_the_core(seed: int) -> None:
    """What a split counts with is what the Program of the core then takes."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=4)
    found = demands(program, lanes=4)
    for how in ("spread", "fewest"):
        cores = split(found, int(rng.integers(1, 7)), how)
        readers = readers_of(found, cores)
        for core in cores:
            usage = usage_of(node_program(found, core, readers), 4)
            assert found.usage(core) == usage


@fixed
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_is_lost_or_twice_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=4)
    cores = split(demands(program, lanes=4), int(rng.integers(1, 7)))
    for number, population in enumerate(program.populations):
        there = sorted(p for core in cores for p in core if p.population == number)
        at = [part.first for part in there] + [population.shape.channels]
        assert at == [0, *(part.stop for part in there)]
        assert all(first % 4 == 0 for first in at[:-1])
        assert all(sum(p.population == number for p in core) <= 1 for core in cores)


@fixed
@given(seed=st.integers(0, 2**32 - 1))
def test_the_load_is_what_golden_counts(seed: int) -> None:
    """With a spike of every neuron in every step nothing is left to expect."""
    rng = np.random.default_rng(seed)
    program = random_program(
        rng, lanes=4, styles=("all", "all"), features={"planes", "pool", "several"}
    )
    spikes = np.ones((1, 6, program.input_neurons), dtype=bool)
    trace = run(program, spikes, lanes=4)
    assert all(s.all() for s in trace.spikes)
    clocks = step_clocks(program, measured_rates(program, spikes), 4)
    assert clocks.sum() * 6 == trace.counters.total()["busy"]


def test_activity_moves_the_load() -> None:
    """The input is silent, so only sweeps count."""
    program = layers(64, 64, 64)
    silent = np.zeros((1, 4, 64))
    rates = measured_rates(program, silent)
    assert {name: rate.max() for name, rate in rates.items()} == {"i0": 0, "p0": 0, "p1": 0}
    assert step_clocks(program, rates, 8).tolist() == [8, 8]
    busy = measured_rates(program, np.ones((1, 4, 64)))
    assert by_input(program, np.ones((1, 4, 64), dtype=bool))[0].all()
    assert busy["i0"].tolist() == [1.0] * 64
    with pytest.raises(ValueError, match=r"^there are no samples in the spikes"):
        measured_rates(program, np.zeros((0, 4, 64)))


@pytest.mark.parametrize("seed", range(20))
def test_a_convolution_is_its_list_of_synapses(seed: int) -> None:
    """Spikes, states and operations are the same, pooling, stride, groups and all."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=4, kinds=("conv",), populations=1)
    listed = replace(
        program,
        projections=tuple(
            as_sparse(p, program.shape_of(p.source), program.shape_of(p.target))
            for p in program.projections
        ),
    )
    spikes = random_spikes(rng, program, activity=0.35)
    one, other = run(program, spikes), run(listed, spikes)
    np.testing.assert_array_equal(one.spikes[0], other.spikes[0])
    assert one.membrane is not None and other.membrane is not None
    np.testing.assert_array_equal(one.membrane[0], other.membrane[0])
    operations = "synaptic_operations"
    assert one.counters.total()[operations] == other.counters.total()[operations]


@pytest.mark.parametrize(
    ("limits", "cores", "message"),
    [
        (
            {"weight_words": 2000},
            1,
            "population 'p0' needs 2,048 weight words (2,560 with the others), a core has 2,000: "
            "take more cores (rows x columns), 2 at least, larger ones, or a smaller network",
        ),
        (
            {"neurons": 96},
            2,
            "population 'p0' needs 256 places for neurons (272 with the others), a core has 96, "
            "and there are 2: take more cores (rows x columns), 3 at least, larger ones, or a "
            "smaller network",
        ),
        (
            {"populations": 1},
            1,
            "the network has 2 populations, a core has 1: take more cores (rows x columns), 2 at "
            "least, larger ones, or a smaller network",
        ),
        (
            {"list_rows": 600},
            1,
            "population 'p1' needs 512 rows of event lists (640 with the others), a core has 600: "
            "take more cores (rows x columns), 2 at least, larger ones, or a smaller network",
        ),
        (
            {"list_rows": 500},
            9,
            "population 'p1': its sources need 512 rows of event lists, a core has 500, and more "
            "cores do not help: take larger cores, or a smaller network",
        ),
        (
            {"weight_words": 60},
            9,
            "population 'p0': one channel of it needs 64 weight words, a core has 60, and more "
            "cores do not help: take larger cores, or a smaller network",
        ),
    ],
)
def test_refused(limits: dict[str, int], cores: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        split(demands(layers(64, 256, 10), **limits), cores)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match=r"^parts must be 'spread' or 'fewest', not 'most'$"):
        split(demands(layers(4, 4)), 1, "most")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"^a core has 1 or more weight words, not 0$"):
        CoreLimits(weight_words=0)


def test_limits_of_few_nodes() -> None:
    assert CoreLimits.for_nodes(9) == CoreLimits.for_nodes(4) == CoreLimits()
    assert CoreLimits.for_nodes(1).weight_words == 4 * CoreLimits().weight_words
    assert CoreLimits.for_nodes(2).neurons == 2 * CoreLimits().neurons


def test_parts() -> None:
    program = layers(4, 16)
    part = Part(0, 8, 16)
    assert part.channels == 8 and not part.is_whole(program)
    assert part.name(program) == "p0[8:16]"
    assert Part(0, 0, 16).name(program) == "p0"
    plane = grouped(channels=4, groups=2)
    assert part.neurons(program) == slice(8, 16)
    assert Part(0, 1, 3).neurons(plane) == slice(16, 48)
    assert plane.populations[0].shape == Shape(4, 4, 4)
