"""The memories of a core: no word is read where its answer is not sure, whatever was before."""

from types import SimpleNamespace

import numpy as np
import pytest
from amaranth.hdl import Value

from hubel.hdl.core import Core
from hubel.hdl.image import NeuronRow, row_width
from hubel.hdl.program import Program
from hubel.sim import golden

from ..programs import random_chain, random_program, random_spikes
from . import core_bench
from .core_bench import PoisonedMemory, Watch, opened
from .graphs import everything, network
from .test_core import assert_equal


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """In all memories that are written, what is read where it is written is wrong."""
    for module in ("core", "current_memory", "event_list"):
        monkeypatch.setattr(f"hubel.hdl.{module}.memory", SimpleNamespace(Memory=PoisonedMemory))


class Hazards:
    """Asserts, clock by clock, that no state word is read where it is written in the same clock,
    nor between its read and its write; counts such reads of the other memories that are written."""

    def __init__(self) -> None:
        self.reads = self.writes = self.near = self.lists_met = self.currents_met = 0
        self._open: set[int] = set()
        self._written: list[int] = []

    def __call__(self, core: Core) -> Watch:
        params = core.params
        inside = opened(core).submodules
        lists = opened(opened(inside.walker).submodules.event_list).submodules.codes_0
        currents = []
        if params.current_words:
            groups = params.lanes if params.sparse_words else 1
            within = opened(inside.currents).submodules
            currents = [getattr(within, f"memory_{i}") for i in range(groups)]
        self._row_width = row_width(params)
        assert all(isinstance(m, PoisonedMemory) for m in (inside.neurons, lists, *currents))
        [read], [write] = inside.neurons.read_ports, inside.neurons.write_ports
        signals = [read.en, read.addr, write.en, write.addr, lists.met, *(m.met for m in currents)]
        return [Value.cast(signal) for signal in signals], self._clock

    def _clock(self, *values: int) -> None:
        read, read_row, write, write_row, list_met, *currents_met = values
        self.lists_met += list_met
        self.currents_met += sum(currents_met)
        assert not (read and write and read_row == write_row), f"neuron row {read_row}"
        word = read_row & ((1 << self._row_width) - 1)
        if read and read_row >> self._row_width != NeuronRow.PARAMETERS:
            assert word not in self._open, f"state word {word} is read before it is written"
            self.near += word in self._written
            self._open.add(word)
            self.reads += 1
        self._written = [*self._written[-3:], write_row if write else -1]
        if write:
            self._open.remove(write_row)
            self.writes += 1


def check(program: Program, spikes: np.ndarray, hazards: Hazards, *, lanes: int, stall: float):
    got = core_bench.run(program, spikes, lanes=lanes, stall=stall, watch=hazards)
    assert_equal(program, spikes, got, lanes=lanes)
    words = sum(program.params(lanes=lanes).words)
    assert hazards.reads == hazards.writes == words * spikes.shape[0] * spikes.shape[1]


@pytest.mark.parametrize(
    "sizes, lanes",
    [((3, 1), 2), ((5, 4), 4), ((9, 8, 8), 8), ((4, 2, 2, 2, 1), 2), ((4, 3), 2), ((4, 9, 3), 4)],
)
@pytest.mark.parametrize("activity, stall", [(0.0, 0.0), (0.5, 0.0), (0.5, 0.7)])
def test_no_hazard(sizes: tuple[int, ...], lanes: int, activity: float, stall: float) -> None:
    """Mostly populations of one word, whose steps follow each other as closely as can be."""
    rng = np.random.default_rng(len(sizes))
    program = random_chain(rng, *sizes, weight_width=4)
    spikes = random_spikes(rng, program, samples=3, steps=6, activity=activity)
    check(program, spikes, Hazards(), lanes=lanes, stall=stall)


@pytest.mark.parametrize("features", [(), ("varied", "cuba", "refractory"), ("late", "adaptive")])
@pytest.mark.parametrize("loop", [False, True])
def test_no_hazard_in_small_graphs(features: tuple[str, ...], loop: bool) -> None:
    """The pipeline is longer with some features, and gathered and scattered words differ."""
    graph = {"several", "loops"} if loop else set[str]()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        lanes = (16, 2)[seed % 2]
        program = random_program(rng, lanes=lanes, populations=2, features=graph | set(features))
        spikes = random_spikes(rng, program, samples=2, steps=6, activity=0.3)
        check(program, spikes, Hazards(), lanes=lanes, stall=0.0)


def test_no_hazard_in_a_core_of_everything() -> None:
    """Sums are read where they are written, and what was read is then not used."""
    rng = np.random.default_rng(2)
    program = everything(rng, weight_width=4, state_width=16)
    spikes = random_spikes(rng, program, samples=2, steps=5, activity=0.3)
    hazards = Hazards()
    check(program, spikes, hazards, lanes=4, stall=0.0)
    assert hazards.currents_met > 10


def test_steps_of_one_word_follow_closely() -> None:
    """A word is read at most four clocks after it was written, and lists are read while they are
    filled: the hazard tests are not idle."""
    program = network(2, 1, bias=-3)
    hazards = Hazards()
    core_bench.run(program, np.zeros((2, 10, 2), np.bool_), lanes=2, watch=hazards)
    assert hazards.near >= 10
    rng = np.random.default_rng(1)
    for stall in (0.0, 0.5):
        program = network(4, 2, 2, 1, bias=10)
        spikes = random_spikes(rng, program, samples=2, steps=10)
        core_bench.run(program, spikes, lanes=2, stall=stall, watch=hazards)
    assert hazards.lists_met > 0


@pytest.mark.parametrize("stall", [0.0, 0.7])
@pytest.mark.parametrize("reset", [40, 173, 411, 602, 957, 1310])
def test_after_a_reset_a_sample_starts_anew(reset: int, stall: float) -> None:
    """In the middle of a step of a later sample the core is reset, which clears no memory."""
    rng = np.random.default_rng(reset)
    program = everything(rng, weight_width=4, state_width=16)
    spikes = random_spikes(rng, program, samples=2, steps=2, activity=0.3)
    got = core_bench.run(program, spikes, lanes=8, stall=stall, reset=reset)
    assert_equal(program, spikes, got, lanes=8)


def test_a_reset_while_sums_are_in_memory() -> None:
    """Every clock of a step is one in which a reset does no harm."""
    rng = np.random.default_rng(1)
    program = random_program(
        rng, lanes=2, populations=1, kinds=("conv", "sparse"), features={"planes", "several"}
    )
    spikes = random_spikes(rng, program, samples=1, steps=2, activity=0.5)
    assert golden.run(program, spikes).counters.synaptic_operations > 50
    cycles = core_bench.run(program, spikes, lanes=2).cycles
    assert cycles is not None and cycles > 50
    for reset in range(5, cycles, 1 + cycles // 40):
        got = core_bench.run(program, spikes, lanes=2, reset=reset)
        assert_equal(program, spikes, got, lanes=2)
