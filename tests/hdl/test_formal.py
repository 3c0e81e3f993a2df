# amaranth: UnusedElaboratable=no
"""Bounded proofs: no sequence of inputs in the first clocks after the reset, however unlikely,
breaks a rule; how many clocks, each test says. The sizes are the smallest that have every case, and
which neurons fire is left free."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import (
    Assume,
    Elaboratable,
    Module,
    Signal,
    Value,
)
from amaranth.lib import wiring

import hubel.hdl.core
from hubel.hdl.core import Core
from hubel.hdl.emitter import SpikeEmitter
from hubel.hdl.image import NeuronRow, row_width
from hubel.hdl.lif import LifUpdate
from hubel.hdl.params import CoreParams, ProjectionParams, WalkKind
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.program import Dense, Population, Program, Shape, Source, Sparse

from ..programs import random_chain
from .core_bench import opened
from .formal_parts import CurrentsHarness, Lags, ListHarness, ScheduleHarness
from .prover import asserted, constant, prove, stays_until_taken

pytestmark = pytest.mark.long


def well_formed(m: Module, params: CoreParams, stream) -> Value:
    """What a sender owes: the rules of a stream, and packets of an input that mean something."""
    packet = stream.payload
    return stays_until_taken(m, "sent", stream) & (
        ~stream.valid | ((packet.source < len(params.inputs)) & (Value.cast(packet.kind) != 3))
    )


class FreeLif(wiring.Component):
    """A LIF update whose neurons fire as they like."""

    def __init__(self, params: CoreParams, program: Program, *, loadable: bool):
        super().__init__(LifUpdate(params, program, loadable=loadable).signature)
        self.will = Signal(params.lanes)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.fired.eq(self.will)
        return m


class Harness(Elaboratable):
    """A core of any network that is fed any packets, and what must hold."""

    def __init__(self, core: Core):
        self.core = core
        self.inside = opened(core).submodules
        self.lists = opened(self.inside.walker).submodules
        # Any state word, the same in all clocks.
        self.row = Signal(row_width(core.params))
        self.free = [
            self.row,
            self.inside.lif.will,
            core.events.valid,
            Value.cast(core.events.payload),
            core.spikes.ready,
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = core = self.core
        params, walker = core.params, self.inside.walker
        emitter, neurons = self.inside.emitter, self.inside.neurons
        queue = opened(emitter).submodules.queue
        constant(m, self.row)
        m.d.comb += Assume(well_formed(m, params, core.events))
        asserted(m, "spikes_stay", stays_until_taken(m, "spikes", core.spikes))
        asserted(m, "queue_never_overflows", ~emitter.push | queue.w_rdy)

        [read], [write] = neurons.read_ports, neurons.write_ports
        width = len(self.row)
        reads = Signal()
        writes = Signal()
        in_flight = Signal()
        m.d.comb += [
            reads.eq(
                read.en
                & (read.addr[:width] == self.row)
                & (read.addr[width:] != NeuronRow.PARAMETERS)
            ),
            writes.eq(write.en & (write.addr == self.row)),
        ]
        m.d.sync += in_flight.eq((in_flight | reads) & ~writes)
        asserted(m, "state_not_read_in_flight", ~(reads & in_flight))
        asserted(m, "state_written_once", ~writes | in_flight)

        lags = Lags(m, self.lists.schedule)
        packet = walker.packet
        for s in range(len(params.sources)):
            takes = walker.take & (packet.source == s)
            asserted(m, f"room_for_source_{s}", ~takes | lags.room(s))
        for p in range(len(params.populations)):
            reads = walker.slot.valid & (walker.slot.population == p)
            asserted(m, f"population_{p}_reads_a_step", ~reads | lags.complete(p))
        return m


def loop() -> Program:
    """An input of two axons, and two neurons that feed themselves, which is scattered."""
    first, targets = np.array([0, 2, 3]), np.array([0, 1, 1])
    return Program(
        inputs=(Source("i", Shape(2)),),
        populations=(Population(name="p", shape=Shape(2), threshold=1),),
        projections=(
            Dense(name="in", source="i", target="p", weights=np.ones((2, 2), np.int64)),
            Sparse(
                name="loop",
                source="p",
                target="p",
                delay=1,
                first=first,
                targets=targets,
                weights=np.ones(3, np.int64),
            ),
        ),
        outputs=("p",),
        weight_width=2,
    )


def chain(*sizes: int) -> Program:
    return random_chain(np.random.default_rng(1), *sizes, weight_width=2)


def harness(
    monkeypatch: pytest.MonkeyPatch, program: Program, words: int, lanes: int = 2
) -> Harness:
    """A core with at most ``words`` words in flight, and without what has no part in the rules: the
    arithmetic, and all but two bits of the counters."""
    monkeypatch.setattr(hubel.hdl.core, "LifUpdate", FreeLif)
    monkeypatch.setattr(Pipeline, "words_in_flight", words)
    monkeypatch.setattr("hubel.hdl.counter_ring.COUNTER_WIDTH", 2)
    return Harness(Core(program.params(lanes=lanes), program))


@pytest.mark.parametrize(
    "program, words, lanes",
    [
        (chain(2, 1), 3, 2),
        (chain(2, 5), 2, 2),
        (chain(2, 2, 1), 3, 2),
        (chain(2, 8, 9), 4, 8),
        (loop(), 3, 2),
    ],
    ids=["2-1", "2-5", "2-2-1", "2-8-9", "loop"],
)
def test_core(monkeypatch, tmp_path, program: Program, words: int, lanes: int) -> None:
    """``spikes`` keeps the rules of a stream, the emitter's queue has room for every word, no state
    word is read between its read and its write, no packet is taken for which there is no list, and
    no step is read that is not complete: 34 clocks, of which a step of a word or two takes about
    ten."""
    core = harness(monkeypatch, program, words, lanes)
    assert prove(core, core.free, tmp_path, depth=34) == ""


def test_the_prover_finds_a_queue_that_is_too_short(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(
        "hubel.hdl.core.SpikeEmitter", lambda params, depth: SpikeEmitter(params, depth=depth - 1)
    )
    core = harness(monkeypatch, chain(2, 5), 3)
    assert "queue_never_overflows" in prove(core, core.free, tmp_path, depth=34)


def sizes(
    inputs: list[int], populations: list[int], projections: list[tuple[int, int, int]]
) -> CoreParams:
    """A core of plain sources with ``projections`` (source, population, delay), all dense."""
    clocks = [max([s for s, p, d in projections if p == i and d == 0], default=0)
              for i in range(len(populations))]  # fmt: skip
    return CoreParams(
        inputs=tuple(map(Shape, inputs)),
        populations=tuple(map(Shape, populations)),
        projections=tuple(
            ProjectionParams(
                source=s, target=p, kind=WalkKind.CONV, delay=d, fan_in=2, weight_words=1
            )
            for s, p, d in projections
        ),
        outputs=(0,),
        clocks=tuple(clocks),
        lanes=2,
        weight_width=2,
    )


@pytest.mark.parametrize(
    "params",
    [
        sizes([2], [2, 2, 2], [(0, 0, 0), (1, 1, 0), (2, 2, 0)]),
        sizes([2, 2], [2, 2], [(0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1), (3, 0, 1), (3, 1, 1)]),
        sizes([2, 2], [2, 2], [(0, 0, 1), (2, 1, 0), (2, 1, 1), (0, 1, 0), (3, 0, 1)]),
    ],
    ids=["chain", "loops", "delays"],
)
def test_schedule(tmp_path, params: CoreParams) -> None:
    """A population starts only when all that it reads is complete and all that it will send has a
    list, and never do all wait for each other: 14 clocks."""
    schedule = ScheduleHarness(params)
    assert prove(schedule, schedule.free, tmp_path, depth=14) == ""


def test_event_list(tmp_path) -> None:
    """Every accepted spike of every step is there, and no list holds more than its source has
    neurons: 14 clocks, in which a source of two axons fills both of its lists twice."""
    params = sizes([2, 3], [3, 1], [(0, 0, 0), (1, 0, 0), (2, 1, 0), (2, 0, 1)])
    lists = ListHarness(params)
    assert prove(lists, lists.free, tmp_path, depth=14) == ""


@pytest.mark.parametrize("kind", [WalkKind.CONV, WalkKind.SPARSE])
def test_current_memory(tmp_path, kind: WalkKind) -> None:
    """What is taken is the sum of all that was added to the row since it was taken before, in any
    order of rows: 14 clocks, more than four times the three that a sum is on its way."""
    [projection] = sizes([2], [6], [(0, 0, 0)]).projections
    params = replace(
        sizes([2], [6], [(0, 0, 0)]), projections=(replace(projection, kind=kind, fan_in=2),)
    )
    assert params.current_words == 3 and params.accumulator_width == 3
    currents = CurrentsHarness(params)
    assert prove(currents, currents.free, tmp_path, depth=14) == ""
