"""The core against the golden model: every spike, state and counter."""

from collections import Counter, deque
from random import Random
from typing import Any

import numpy as np
import pytest

from hubel.hdl.core import Core
from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import WalkKind
from hubel.hdl.program import Dense, Population, Program, Projection, Reset, Shape, Source, Sparse
from hubel.sim import gateware, golden
from hubel.sim.compare import first_divergence
from hubel.sim.golden import Trace
from hubel.sim.streams import Packing

from ..programs import random_chain, random_program, random_spikes
from . import core_bench
from .core_bench import answer, end_and_mask
from .graphs import GRAPHS, everything, graph, network

SEEDS = range(60)


def case(seed: int) -> tuple[Program, np.ndarray, dict]:
    """A random Program, its spikes, and how to run it."""
    rng = np.random.default_rng(seed)
    lanes = (2, 4, 8, 16)[seed % 4]
    program = random_program(rng, lanes=lanes)
    spikes = random_spikes(rng, program, samples=3, steps=4)
    pace = {"gap": float(rng.choice([0.0, 0.7])), "stall": float(rng.choice([0.0, 0.7]))}
    return program, spikes, {"lanes": lanes, "seed": seed, **pace}


def assert_equal(program: Program, spikes: np.ndarray, got: Trace, *, lanes: int) -> Trace:
    """What golden says, which ``got`` is as well."""
    expected = golden.run(program, spikes, lanes=lanes)
    assert got.membrane is not None
    for p, population in enumerate(program.populations):
        for of_all, there in (
            (got.current, population.u_decay is not None),
            (got.adaptation, population.a_decay is not None),
        ):
            assert not there or (of_all is not None and of_all[p] is not None)
    assert first_divergence(program, expected, got) is None
    return expected


@pytest.mark.parametrize(
    "seed", [*SEEDS, *(pytest.param(60 + i, marks=pytest.mark.long) for i in range(240))]
)
def test_random_programs(seed: int) -> None:
    program, spikes, how = case(seed)
    got = core_bench.run(program, spikes, **how)
    assert_equal(program, spikes, got, lanes=how["lanes"])


def test_the_random_programs_reach_the_corners() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        program, spikes, how = case(seed)
        trace = golden.run(program, spikes, lanes=how["lanes"])
        params = program.params(lanes=how["lanes"])
        assert trace.membrane is not None
        high = (1 << (program.state_width - 1)) - 1
        for population, fired, v in zip(
            program.populations, trace.spikes, trace.membrane, strict=True
        ):
            into = program.into(population.name)
            seen["silent"] += not fired.any()
            seen["all"] += bool(fired.all())
            seen["some"] += 0 < fired.mean() < 1
            seen["low"] += bool((v == -high - 1).any())
            seen["high"] += bool((v == high).any())
            seen["one neuron"] += population.neurons == 1
            seen["several projections"] += len(into) > 1
            seen["only delayed"] += all(projection.delay for projection in into)
            for reset in Reset:
                seen[reset.name] += population.reset is reset
            for feature in ("cuba", "wraps", "adaptive", "refractory", "floor", "shift"):
                seen[feature] += has(population, feature)
            for name in ("bias", "threshold", "v_reset", "decay", "u_decay", "v_init", "u_init"):
                seen[f"varied {name}"] += name in population.varied()
        for sizes, projection in zip(params.projections, program.projections, strict=True):
            name = type(projection).__name__
            seen[f"{name} {sizes.kind.name}"] += 1
            seen[f"{name} with planes"] += not params.sources[sizes.source].plain
            seen["loop"] += sizes.source >= params.source_of(sizes.target)
            seen["feed-forward with delay"] += projection.delay and sizes.source < params.source_of(
                sizes.target
            )
            seen["pool"] += sizes.pool != (1, 1)
            seen["nothing in a list"] += sizes.kind is WalkKind.SPARSE and sizes.weight_words == 0
        seen["two inputs"] += len(program.inputs) == 2
        seen["several outputs"] += len(program.outputs) > 1
        seen["single word"] += min(params.words) == 1
        seen["deep"] += len(params.words) >= 4 and bool(trace.spikes[-1].any())
    assert min(seen.values()) >= 3, seen
    kinds = {f"Dense {k.name}" for k in (WalkKind.GATHER, WalkKind.CONV)}
    assert kinds | {"Conv2d CONV", "Sparse SPARSE"} <= seen.keys()


def has(population: Population, feature: str) -> bool:
    """Whether the neurons of ``population`` have ``feature``."""
    p = population
    return {
        "cuba": p.u_decay is not None,
        "wraps": p.u_decay is not None and p.u_wraps,
        "adaptive": p.a_decay is not None,
        "refractory": p.refractory > 0,
        "floor": p.v_min is not None,
        "shift": p.shift > 0,
    }[feature]


@pytest.mark.parametrize("lanes, gap, stall", [(8, 0.0, 0.0), (8, 0.7, 0.7), (2, 0.0, 0.7)])
def test_in_verilator(cache_dir, lanes: int, gap: float, stall: float) -> None:
    simulate("verilator", cache_dir, lanes, gap, stall)


@pytest.mark.parametrize("lanes, gap, stall", [(8, 0.7, 0.7), (2, 0.0, 0.7), (16, 0.0, 0.0)])
def test_in_icarus(icarus, cache_dir, lanes: int, gap: float, stall: float) -> None:
    simulate("icarus", cache_dir, lanes, gap, stall)


def simulate(backend, cache_dir, lanes: int, gap: float, stall: float) -> None:
    """A network of everything with saturations and every kind of activity, many samples of many
    steps."""
    rng = np.random.default_rng(lanes)
    program = everything(
        rng, weight_width=8 if lanes == 8 else 4, state_width=16 if lanes == 8 else 24
    )
    spikes = np.concatenate(
        [random_spikes(rng, program, samples=2, steps=5, activity=x) for x in (0.0, 0.1, 0.4, 1.0)]
    )
    got = gateware.run(
        program,
        spikes,
        backend=backend,
        lanes=lanes,
        gap=gap,
        stall=stall,
        seed=lanes,
        cache_dir=cache_dir,
    )
    expected = assert_equal(program, spikes, got, lanes=lanes)
    assert all(fired.any() and not fired.all() for fired in expected.spikes)
    assert expected.counters.saturations.sum() > 0


@pytest.mark.parametrize(
    "sizes, lanes, deaf",
    [
        # The first population is much faster than the second one.
        ((8, 8, 80), 8, 0),
        ((4, 32, 256), 32, 0),
        ((4, 2, 5, 2, 21), 2, 0),
        # The receiver does not listen for a long time.
        ((8, 8, 80), 8, 2000),
        ((8, 64, 10), 8, 2000),
        ((8, 16, 4, 30, 9), 4, 2000),
    ],
)
def test_never_blocks_for_ever(sizes: tuple[int, ...], lanes: int, deaf: int) -> None:
    """Every neuron fires in every step, so that emitting takes longer than walking."""
    program = network(*sizes, bias=10)
    spikes = random_spikes(np.random.default_rng(0), program, samples=2, steps=8, activity=0.2)
    got = core_bench.run(program, spikes, lanes=lanes, deaf=deaf)
    expected = assert_equal(program, spikes, got, lanes=lanes)
    assert expected.spikes[-1].all()


@pytest.mark.parametrize("lanes, deaf, stall", [(4, 0, 0.0), (4, 2000, 0.7), (2, 0, 0.9)])
@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name: str, lanes: int, deaf: int, stall: float) -> None:
    """Loops, delays and outputs, at every pace of the receiver; all neurons fire at first, so that
    every list is filled to the last."""
    rng = np.random.default_rng(len(name))
    program = graph(rng, name)
    spikes = random_spikes(rng, program, samples=3, steps=7, activity=0.4)
    got = core_bench.run(program, spikes, lanes=lanes, deaf=deaf, stall=stall)
    expected = assert_equal(program, spikes, got, lanes=lanes)
    assert all(fired.any() and not fired.all() for fired in expected.spikes)


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.7, 0.0), (0.0, 0.7)])
def test_inputs_may_be_mixed(gap: float, stall: float) -> None:
    """The packets of several inputs come in any order that leaves START first and END last."""
    rng = np.random.default_rng(3)
    draw = Random(3)
    program = everything(rng, weight_width=4, state_width=16)
    params = program.params(lanes=4)
    spikes = random_spikes(rng, program, samples=3, steps=4, activity=0.3)
    packing = Packing(EventLayout(params))
    packets = []
    for sample, step in np.ndindex(*spikes.shape[:2]):
        parts = []
        for number, (source, array) in enumerate(
            zip(program.inputs, golden.by_input(program, spikes), strict=True)
        ):
            codes = source.shape.codes()[array[sample, step]].tolist()
            draw.shuffle(codes)
            kinds = [(EventKind.START, 0)] if step == 0 else []
            kinds += [*((EventKind.SPIKE, code) for code in codes), (EventKind.END, 0)]
            parts.append(deque(packing.pack(kind=k.value, source=number, code=c) for k, c in kinds))
        while any(parts):
            packets.append(draw.choice([part for part in parts if part]).popleft())
    got = core_bench.run(program, spikes, lanes=4, gap=gap, stall=stall, packets=packets)
    expected = assert_equal(program, spikes, got, lanes=4)
    assert all(fired.any() for fired in expected.spikes)


def test_steps_without_events() -> None:
    program = network(6, 9, 3, bias=2)
    spikes = np.zeros((3, 5, 6), np.bool_)
    got = core_bench.run(program, spikes, lanes=4, stall=0.5)
    expected = assert_equal(program, spikes, got, lanes=4)
    assert expected.spikes[0].any()


@pytest.mark.parametrize("kind", ["gathered", "scattered"])
def test_a_spike_beyond_the_fan_in_is_dropped_and_no_sum_overflows(kind: str) -> None:
    inputs = 4
    p0 = Population(name="p0", shape=Shape(3), threshold=5)
    # The least weight from every axon fills the accumulator to its last bit.
    common: dict[str, Any] = {"name": "all", "source": "i0", "target": "p0"}
    projection: Projection = Dense(**common, weights=np.full((inputs, 3), -128))
    if kind == "scattered":
        projection = Sparse(
            **common,
            weights=np.full(3 * inputs, -128),
            first=np.arange(inputs + 1) * 3,
            targets=np.tile(np.arange(3), inputs),
        )
    program = Program(
        inputs=(Source("i0", Shape(inputs)),),
        populations=(p0,),
        projections=(projection,),
        outputs=("p0",),
    )
    params = program.params(lanes=4)
    assert params.accumulator_width == 10
    packing = Packing(EventLayout(params))
    axon_2 = packing.pack(kind=EventKind.SPIKE.value, code=2)
    end = packing.pack(kind=EventKind.END.value)
    packets = [packing.pack(kind=EventKind.START.value)]
    packets += [axon_2] * 9 + [end] + [axon_2] * inputs + [end]
    wanted, mask = end_and_mask(params)
    got = answer(Core(params, program), packets, end=wanted, mask=mask, ends=2)
    _, states = gateware._unpack_updates(params, (1, 2), got["updates"])
    assert states["v"][0].tolist() == [[[-512] * 3, [-1024] * 3]]
    assert got["counters"]["dropped"] == 9 - inputs
    assert got["counters"]["events"] == 2 * inputs
    assert got["counters"]["weight_reads"] == 2 * inputs


def test_sustained_rate() -> None:
    """A weight word every clock, but for 5 % at the beginning and the end of steps."""
    rng = np.random.default_rng(5)
    program = random_chain(rng, 64, 128, 10)
    spikes = random_spikes(rng, program, samples=2, steps=8, activity=0.35)
    got = core_bench.run(program, spikes, lanes=8)
    expected = assert_equal(program, spikes, got, lanes=8)
    assert expected.spikes[0].any() and expected.spikes[1].any()
    assert got.cycles is not None
    rate = got.cycles / got.counters.weight_reads.sum()
    assert rate <= 1.05, f"{rate:.3f} clocks a weight word"


def test_counters_are_all_compared() -> None:
    """A divergence in any counter, and nothing else, is seen."""
    program, spikes, how = case(0)
    expected = golden.run(program, spikes, lanes=how["lanes"])
    for name in Counters.names():
        wrong = golden.run(program, spikes, lanes=how["lanes"])
        getattr(wrong.counters, name)[0] += 1
        message = first_divergence(program, expected, wrong)
        assert message is not None and message.startswith(f"counter {name}:")
