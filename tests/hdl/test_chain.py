"""The chain against the golden model: every spike, membrane and counter."""

from itertools import pairwise

import numpy as np
import pytest
from amaranth.hdl import Value

from hubel.hdl.chain import Chain
from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.image import NeuronRow, row_width
from hubel.hdl.program import Population, Program, Reset
from hubel.sim import gateware, golden
from hubel.sim.compare import first_divergence
from hubel.sim.golden import Trace
from hubel.sim.streams import Packing

from . import chain_bench
from .chain_bench import Watch, answer, end_and_mask, opened
from .programs import random_program, random_spikes

SEEDS = range(60)


def case(seed: int) -> tuple[Program, np.ndarray, dict]:
    """A random Program, its spikes, and how to run it."""
    rng = np.random.default_rng(seed)
    lanes = (2, 4, 8, 16)[seed % 4]
    program = random_program(rng, lanes=lanes)
    spikes = random_spikes(rng, program.inputs, samples=3, steps=4)
    pace = {"gap": float(rng.choice([0.0, 0.7])), "stall": float(rng.choice([0.0, 0.7]))}
    return program, spikes, {"lanes": lanes, "seed": seed, **pace}


def assert_equal(program: Program, spikes: np.ndarray, got: Trace, *, lanes: int) -> Trace:
    """What golden says, which ``got`` is as well."""
    expected = golden.run(program, spikes, lanes=lanes)
    assert got.membrane is not None
    assert first_divergence(program, expected, got) is None
    return expected


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs(seed: int) -> None:
    program, spikes, how = case(seed)
    got = chain_bench.run(program, spikes, **how)
    assert_equal(program, spikes, got, lanes=how["lanes"])


def test_the_random_programs_reach_the_corners() -> None:
    seen = dict.fromkeys(["silent", "all", "some", "low", "high", "one", "single word", "deep"], 0)
    for seed in SEEDS:
        program, spikes, how = case(seed)
        trace = golden.run(program, spikes, lanes=how["lanes"])
        assert trace.membrane is not None
        for population, fired, v in zip(
            program.populations, trace.spikes, trace.membrane, strict=True
        ):
            high = (1 << (program.state_width - 1)) - 1
            seen["silent"] += not fired.any()
            seen["all"] += bool(fired.all())
            seen["some"] += 0 < fired.mean() < 1
            seen["low"] += bool((v == -high - 1).any())
            seen["high"] += bool((v == high).any())
            seen["one"] += population.neurons == 1
        words = program.params(lanes=how["lanes"]).words
        seen["single word"] += max(words) == 1
        seen["deep"] += len(words) == 4 and bool(trace.spikes[-1].any())
    assert min(seen.values()) >= 3, seen


@pytest.mark.parametrize("lanes, gap, stall", [(8, 0.0, 0.0), (8, 0.7, 0.7), (2, 0.0, 0.7)])
def test_in_verilator(cache_dir, lanes: int, gap: float, stall: float) -> None:
    simulate("verilator", cache_dir, lanes, gap, stall)


@pytest.mark.parametrize("lanes, gap, stall", [(8, 0.7, 0.7), (2, 0.0, 0.7), (16, 0.0, 0.0)])
def test_in_icarus(icarus, cache_dir, lanes: int, gap: float, stall: float) -> None:
    simulate("icarus", cache_dir, lanes, gap, stall)


def simulate(backend, cache_dir, lanes: int, gap: float, stall: float) -> None:
    """A network with saturations and every kind of activity, many samples of many steps."""
    rng = np.random.default_rng(lanes)
    program = random_program(
        rng,
        lanes=lanes,
        sizes=(40, 33, 7, 21, 10),
        styles=("some", "some", "limits", "some"),
        weight_width=8 if lanes == 8 else 4,
        state_width=16 if lanes == 8 else 24,
    )
    spikes = np.concatenate(
        [random_spikes(rng, 40, samples=2, steps=5, activity=a) for a in (0.0, 0.1, 0.4, 1.0)]
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
    assert all(fired.any() for fired in expected.spikes)
    assert expected.counters.saturations.sum() > 0


def network(
    *sizes: int, bias: int = 0, weight: int = 1, threshold: int = 5, decay: int = 4096
) -> Program:
    """Populations in which every neuron does the same."""
    return Program(
        populations=tuple(
            Population(
                name=f"p{i}",
                weights=np.full((inputs, neurons), weight),
                bias=np.full(neurons, bias),
                v_init=np.zeros(neurons, np.int64),
                threshold=threshold,
                decay=decay,
                reset=Reset.SOFT,
                v_reset=threshold,
            )
            for i, (inputs, neurons) in enumerate(pairwise(sizes))
        )
    )


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
    spikes = random_spikes(np.random.default_rng(0), sizes[0], samples=2, steps=8, activity=0.2)
    got = chain_bench.run(program, spikes, lanes=lanes, deaf=deaf)
    expected = assert_equal(program, spikes, got, lanes=lanes)
    assert expected.spikes[-1].all()


def test_steps_without_events() -> None:
    program = network(6, 9, 3, bias=2)
    spikes = np.zeros((3, 5, 6), np.bool_)
    got = chain_bench.run(program, spikes, lanes=4, stall=0.5)
    expected = assert_equal(program, spikes, got, lanes=4)
    assert expected.spikes[0].any()


def test_an_axon_beyond_the_fan_in_is_dropped_and_no_sum_overflows() -> None:
    inputs = 4
    program = Program(
        populations=(
            Population(
                name="p0",
                # The least weight from every axon fills the accumulator to its last bit.
                weights=np.full((inputs, 3), -128),
                bias=np.zeros(3, np.int64),
                v_init=np.zeros(3, np.int64),
                threshold=5,
            ),
        )
    )
    params = program.params(lanes=4)
    assert params.accumulator_width == 10
    packing = Packing(EventLayout(params))
    axon_2 = packing.pack(kind=EventKind.SPIKE.value, index=2)
    end = packing.pack(kind=EventKind.END.value)
    packets = [packing.pack(kind=EventKind.START.value)]
    packets += [axon_2] * 9 + [end] + [axon_2] * inputs + [end]
    wanted, mask = end_and_mask(params, population=0)
    got = answer(Chain(params, program), packets, end=wanted, mask=mask, ends=2)
    _, membrane = gateware._unpack_updates(params, (1, 2), got["updates"])
    assert membrane[0].tolist() == [[[-512] * 3, [-1024] * 3]]
    assert got["counters"]["dropped"] == 9 - inputs
    assert got["counters"]["events"] == 2 * inputs
    assert got["counters"]["weight_reads"] == 2 * inputs


def test_sustained_rate() -> None:
    """A weight word every clock, but for 5 % at the beginning and the end of steps."""
    rng = np.random.default_rng(5)
    program = random_program(rng, lanes=8, sizes=(64, 128, 10), styles=("some", "some"))
    spikes = random_spikes(rng, 64, samples=2, steps=8, activity=0.35)
    got = chain_bench.run(program, spikes, lanes=8)
    expected = assert_equal(program, spikes, got, lanes=8)
    assert expected.spikes[0].any() and expected.spikes[1].any()
    assert got.cycles is not None
    rate = got.cycles / got.counters.weight_reads.sum()
    assert rate <= 1.05, f"{rate:.3f} clocks a weight word"


class Hazards:
    """Asserts, clock by clock, that no memory is read where it is written in the same clock, and
    that no membrane is read between its read and its write."""

    def __init__(self) -> None:
        self.reads = self.writes = self.near = 0
        self._open: set[int] = set()
        self._written: list[int] = []

    def __call__(self, chain: Chain) -> Watch:
        params = chain.params
        core = opened(chain).submodules.core
        inside = opened(core).submodules
        walker = inside.walker
        event_list = opened(walker).submodules.event_list
        axons = opened(event_list).submodules.axons
        self._row_width = row_width(params)
        signals: list[Value] = []
        for memory in (inside.neurons, axons):
            [read], [write] = memory.read_ports, memory.write_ports
            signals += [read.en, read.addr, write.en, write.addr]
        # The list is read in every clock; it is used where there is a slot with an event.
        signals[4] = walker.slot.valid
        assert not opened(inside.weights).submodules.rows.write_ports
        return [Value.cast(signal) for signal in signals], self._clock

    def _clock(self, *values: int) -> None:
        read, read_row, write, write_row, used, axon_row, filled, filled_row = values
        assert not (used and filled and axon_row == filled_row), f"axon row {axon_row}"
        assert not (read and write and read_row == write_row), f"neuron row {read_row}"
        word = read_row & ((1 << self._row_width) - 1)
        if read and read_row >> self._row_width != NeuronRow.BIAS:
            assert word not in self._open, f"state word {word} is read before it is written"
            self.near += word in self._written
            self._open.add(word)
            self.reads += 1
        self._written = [*self._written[-3:], write_row] if write else [*self._written[-3:], -1]
        if write:
            self._open.remove(write_row)
            self.writes += 1


@pytest.mark.parametrize(
    "sizes, lanes",
    [((3, 1), 2), ((5, 4), 4), ((9, 8, 8), 8), ((4, 2, 2, 2, 1), 2), ((4, 3), 2), ((4, 9, 3), 4)],
)
@pytest.mark.parametrize("activity, stall", [(0.0, 0.0), (0.5, 0.0), (0.5, 0.7)])
def test_no_hazard(sizes: tuple[int, ...], lanes: int, activity: float, stall: float) -> None:
    """Mostly populations of one word, whose steps follow each other as closely as can be."""
    rng = np.random.default_rng(len(sizes))
    program = random_program(
        rng, lanes=lanes, sizes=sizes, styles=("some",) * (len(sizes) - 1), weight_width=4
    )
    spikes = random_spikes(rng, sizes[0], samples=3, steps=6, activity=activity)
    hazards = Hazards()
    got = chain_bench.run(program, spikes, lanes=lanes, stall=stall, watch=hazards)
    assert_equal(program, spikes, got, lanes=lanes)
    words = sum(program.params(lanes=lanes).words)
    assert hazards.reads == hazards.writes == words * 18


def test_steps_of_one_word_follow_closely() -> None:
    """A word is read at most four clocks after it was written: the hazard tests are not idle."""
    program = network(2, 1, bias=-3)
    hazards = Hazards()
    chain_bench.run(program, np.zeros((2, 10, 2), np.bool_), lanes=2, watch=hazards)
    assert hazards.near >= 10


def test_counters_are_all_compared() -> None:
    """A divergence in any counter, and nothing else, is seen."""
    program, spikes, how = case(0)
    expected = golden.run(program, spikes, lanes=how["lanes"])
    for name in Counters.names():
        wrong = golden.run(program, spikes, lanes=how["lanes"])
        getattr(wrong.counters, name)[0] += 1
        message = first_divergence(program, expected, wrong)
        assert message is not None and message.startswith(f"counter {name}:")
