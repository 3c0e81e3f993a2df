"""Spikes against int8: the comparison, its energy and what it prints."""

import json
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from typer.testing import CliRunner

from hubel.boards import board
from hubel.boards.report import BuildReport, PathEnd, Usage
from hubel.hdl.link_protocol import Command, Flag, Result
from hubel.sim import simulator
from hubel.sim.frames import Answer, encode_request
from hubel.sw import cli_compare, compare_ann, compare_page, compare_side, compare_tables
from hubel.sw.cli import app
from hubel.sw.compare_ann import Settings, compare
from hubel.sw.compare_energy import board_break_even, energy_ratio, place, static_watts
from hubel.sw.compare_ladder import System
from hubel.sw.compare_side import line_bytes, mac_ram_accesses
from hubel.sw.compare_tasks import Task, load_task
from hubel.sw.report_tables import Table

from ..hdl import core_bench, mac_bench
from ..mac_programs import chain


@pytest.fixture(scope="module")
def task() -> Task:
    whole = load_task("digits", epochs=8)
    return replace(whole, test=whole.test[:60], labels=whole.labels[:60])


def report(name: str, *, logic: int, mhz: float, folder) -> BuildReport:
    """What a build of a core that takes ``logic`` cells would say."""
    where = board(name)
    return BuildReport(
        board=name, device="iCE40UP5K-SG48" if name == "icebreaker" else "LFE5U-85F-BG381",
        clock_mhz=where.clock_hz / 1e6, fmax_mhz=mhz, met=mhz * 1e6 >= where.clock_hz,
        utilisation={"logic": Usage(logic, 5280), "dsp": Usage(8, 8), "block_ram": Usage(23, 30)},
        cells={}, core_cells={}, critical_path=PathEnd("a", "b", 1.0, 0.5),
        bitstream=folder / "top.bin", bitstream_bytes=1, seed=1, attempts=(), stages=(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(task, tmp_path_factory):
    """A comparison whose place and route is declared: 3,000 logic cells for spikes, 2,300 for
    products; everything else is computed and simulated."""
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        for name, logic in (("build_recorded", 3000), ("build_mac_recorded", 2300)):
            patch.setattr(
                compare_ann, name,
                lambda where, *_, logic=logic, **__: (
                    report(where.name, logic=logic, mhz=40.0, folder=folder), False),
            )  # fmt: skip
        # The same questions to the same gateware, in Amaranth's simulator: no compiler is needed.
        patch.setattr(compare_side.gateware, "run", in_amaranth(core_bench.run))  # pyright: ignore[reportPrivateImportUsage]
        patch.setattr(compare_side.mac_gateware, "run", in_amaranth(mac_bench.run))  # pyright: ignore[reportPrivateImportUsage]
        return compare(task, board("icebreaker"), folder, settings=Settings(images=2, steps=8))


def in_amaranth(run):
    def simulated(program, values, *, cache_dir=None, on_stage=None, **options):
        return run(program, values, **options)

    return simulated


@pytest.mark.long
def test_the_same_in_verilator(found, task, tmp_path):
    try:
        other = compare(task, board("icebreaker"), tmp_path,
                        settings=Settings(images=2, steps=8, build=False))  # fmt: skip
    except simulator.ToolMissing as missing:
        pytest.skip(str(missing))
    for side, same in zip(other.sides, found.sides, strict=True):
        # Where the clocks begin to count is a clock or two apart in the two benches.
        assert side.clocks == pytest.approx(same.clocks, rel=0.005)
        assert replace(side, clocks=0, latency_clocks=0) == replace(
            same, clocks=0, latency_clocks=0
        )


def test_both_sides_reach_the_floor_with_the_fewest_steps(found, task):
    assert found.floor == pytest.approx(task.accuracy - 0.01)
    snn = found.sides[0]
    assert all(side.accuracy >= found.floor for side in found.sides)
    assert found.accuracy_by_steps[snn.steps - 1] == pytest.approx(snn.accuracy)
    assert all(accuracy < found.floor for accuracy in found.accuracy_by_steps[: snn.steps - 1])


def test_counts_of_a_dense_network(found):
    """64-128-10: every product once; s is ACs by MACs; the same multipliers and lanes."""
    snn, plain, skipping = found.sides
    assert plain.operations == 64 * 128 + 128 * 10
    assert plain.weight_reads == 64 * 16 + 128 * 2
    assert skipping.operations < plain.operations
    assert skipping.clocks < plain.clocks < plain.latency_clocks
    assert found.spikes_per_synapse == pytest.approx(snn.operations / plain.operations)
    assert plain.link_bytes == line_bytes(64 + 2, 2, 2)
    assert plain.dsp_operations == 8 * plain.weight_reads
    assert snn.clocks >= snn.weight_reads


def test_bytes_of_the_line_are_those_of_frames():
    """Two full requests of 124 events each, and answers that bring three."""
    request = encode_request(Command.EVENTS, 5, bytes([9] * 248))
    answers = [Answer(Command.EVENTS, 5, bytes([9] * n + [248]), Result.OK, Flag(0)).to_bytes()
               for n in (2, 4)]  # fmt: skip
    assert line_bytes(248, 3, 2) == 2 * len(request) + sum(map(len, answers))


def test_energy_is_that_of_the_terms(found):
    for side, placed in zip(found.sides, found.placed, strict=True):
        total = sum(term.value for term in placed.terms)
        assert placed.energy.value == pytest.approx(total)
        assert placed.clock_hz == pytest.approx(board("icebreaker").clock_hz)
        low, high = placed.energy.interval
        assert low <= total <= high and low < high
        assert placed.energy.boundary == "FPGA core rail"
        assert 1e-9 < total / side.clocks * 1000 < 1e-6  # 1 to 1,000 pJ a clock
    best = found.placed[found.best].energy.value
    assert best == min(placed.energy.value for placed in found.placed[1:])
    assert found.ratio.value == pytest.approx(best / found.placed[0].energy.value)


def test_ladder_has_all_levels_with_constants_and_s(found):
    levels = [(step.level, step.constants.split(",")[0]) for step in found.rungs]
    expected = [(f"L{i}", name) for name in ("INT8", "FP32") for i in range(4)]
    assert levels[:8] == expected
    assert [step.level for step in found.rungs[8:]] == ["L4", "L5"]
    assert {step.s for step in found.rungs} == {found.spikes_per_synapse}
    l4 = found.rungs[8]
    assert l4.ratio == pytest.approx(found.ratio.value)
    assert "pJ a cycle" in l4.constants and "FPGA core rail" in l4.constants
    int8 = found.rungs[0]
    # Horowitz: 0.23 pJ a MAC, 0.03 pJ an addition.
    assert int8.ann == pytest.approx(found.sides[found.best].operations * 0.23e-12)
    assert int8.snn == pytest.approx(found.sides[0].operations * 0.03e-12)


def test_break_even_on_the_board_is_where_the_two_meet(found):
    """With as many spikes as that the estimate is equal: what grows is weight words."""
    snn, placed, ann = found.sides[0], found.placed[0], found.placed[found.best]
    doubled = board_break_even(found.spikes_per_synapse, snn, placed, ann, accesses=5)
    least = min(p.energy.value for p in found.placed[1:])
    if doubled is not None:
        assert (doubled < found.spikes_per_synapse) == (least < placed.energy.value)
    cheap = replace(
        ann, energy=replace(ann.energy, value=1e-15, interval=None, distribution="fixed")
    )
    assert board_break_even(found.spikes_per_synapse, snn, placed, cheap, accesses=5) is None


@pytest.mark.parametrize(
    "ratio, interval, begins",
    [
        (0.5, (0.4, 0.7), "The SNN loses: it takes 2.00 times the estimated energy"),
        (2.0, (1.5, 3.0), "The SNN wins: the ANN int8"),
        (1.25, (0.8, 2.0), "Undecided: the SNN takes 0.80 times the estimated energy"),
    ],
)
def test_verdict_says_who_loses_or_that_nobody_knows(found, ratio, interval, begins):
    figure = replace(found.ratio, value=ratio, interval=interval)
    verdict = replace(found, ratio=figure).verdict
    assert verdict.startswith(begins) and "digits, icebreaker" in verdict
    if begins.startswith("Undecided"):
        assert "leave 0.50 to 1.25" in verdict


def test_equal_designs_tie(found):
    same = energy_ratio(found.placed[1], found.placed[1])
    assert same.value == pytest.approx(1)
    # One coefficient on both sides: its error cancels.
    assert same.interval is None or np.ptp(same.interval) < 1e-9


def test_page_and_pictures(found, tmp_path):
    paths = compare_page.write(found, tmp_path)
    html = (tmp_path / "compare.html").read_text()
    assert found.verdict in html and html.count("<svg") == 4
    assert compare_page.render(found) == html
    # Numbers of a logarithmic axis, and what no window has to be scrolled for.
    assert "mathdefault" not in html and '<p class="verdict">' in html
    assert json.loads((tmp_path / "compare.json").read_text())["verdict"] == found.verdict
    for name in ("compare.svg", "ladder.svg"):
        text = (tmp_path / name).read_text()
        assert "<svg" in text and "#0a6a73" in text and "#050505" not in text
    assert {path.name for path in paths} == {
        "compare.html", "compare.json", "compare.svg", "ladder.svg"
    }  # fmt: skip


def test_numbers_with_units_are_not_padded():
    rows = [("a", "1.5 nJ", "1.25"), ("b", "247 nJ", "3")]
    shown = Table("t", ("", ">joules", ">ratio"), rows).rows
    assert [row[1] for row in shown] == ["1.5 nJ", "247 nJ"]
    assert len(shown[1][2]) == len("3.00") and shown[1][2].startswith("3")


def test_without_a_build_there_are_clocks_and_no_joules(found):
    bare = replace(found, placed=(), ratio=None, break_even=None, rungs=found.rungs[:3])
    snn, ann = bare.sides[0], bare.sides[bare.best]
    word = "wins" if snn.clocks <= ann.clocks else "loses"
    assert word in bare.verdict and "clocks" in bare.verdict
    names = [row[0] for row in compare_tables.sides(bare, 1_000_000).rows]
    assert "clocks" in names and "energy" not in names
    assert bare.to_json()["ratio"] is None
    assert "clocks an inference" in compare_page.render(bare)


def test_a_floor_out_of_reach_is_refused(task, tmp_path):
    with pytest.raises(ValueError, match=r"digits: the SNN reaches .* in 1 steps at most"):
        compare(task, board("icebreaker"), tmp_path,
                settings=Settings(floor=1.0, steps=1, build=False))  # fmt: skip


def test_a_clock_that_is_not_met_costs_time(found, tmp_path, task):
    side = found.sides[0]
    slow = place(board("icebreaker"), report("icebreaker", logic=3000, mhz=18.0, folder=tmp_path),
                 side, len(task.labels))  # fmt: skip
    assert slow.clock_hz == 18e6
    assert slow.energy.value > found.placed[0].energy.value


@pytest.mark.parametrize("device, watts", [("iCE40UP5K", 0.104e-3), ("LFE5U-85F", 0.202)])
def test_static_power(device, watts):
    figure = static_watts(device)
    assert figure.value == pytest.approx(watts, rel=0.01) and figure.unit == "W"


def test_ram_accesses_of_a_mac_core():
    """By hand: 10 words of 64 bits are 40 blocks of 16, and 10 activations; 4 writes, which are 8
    where zeros are noted; 2 looks; 3 biases of 22 bits, 2 blocks each."""
    program = chain(1, 8, 12, 3)
    counters = {"weight_reads": 10, "activation_reads": 10, "inputs": 1, "activation_writes": 3,
                "zero_reads": 2, "totals": 3}  # fmt: skip
    plain, skipping = (program.params(skip_zeros=skip) for skip in (False, True))
    assert 16 < plain.total_width <= 32
    assert mac_ram_accesses(plain, counters | {"zero_reads": 0}, 16) == 40 + 10 + 4 + 6
    assert mac_ram_accesses(skipping, counters, 16) == 40 + 10 + 8 + 2 + 6


def test_command(monkeypatch, tmp_path, found, task):
    asked = {}

    def answer(loaded, where, folder, *, settings, on_stage):
        asked.update(task=loaded.name, board=where.name, settings=settings)
        return found

    monkeypatch.setattr(cli_compare, "compare", answer)
    monkeypatch.setattr(cli_compare, "load_task", lambda name, on_epoch: task)
    command = ["compare", "--task", "digits", "--floor", "0.9", "--pue", "1.5"]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert found.verdict in result.output.replace("\n", "")
    assert asked["board"] == "icebreaker" and asked["settings"].floor == 0.9
    assert asked["settings"].system == System(pue=1.5)
    assert (tmp_path / "digits-icebreaker" / "compare.html").exists()
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path), "--json"])
    assert json.loads(result.stdout)["best_ann"] == found.sides[found.best].name


def test_unknown_task():
    with pytest.raises(ValueError, match="there is no task 'faces'; choose one of digits, mnist"):
        load_task("faces")


def test_ratios_are_finite(found):
    assert all(0 < step.ratio < inf for step in found.rungs)
