"""The main job with a small workload: every stage, reuse, and an interruption."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from hubel.sim.toolchain import ToolMissing, find_simulator
from hubel.sw import demo as demo_module
from hubel.sw.demo import Settings, demo
from hubel.sw.ledger import Ledger
from hubel.sw.report_data import ReportData
from hubel.sw.stages import Stages

SMALL = Settings(steps=4, curve_steps=8, images=2, icarus_images=1, boards=())


def run(folder: Path, settings: Settings = SMALL) -> tuple[ReportData, list[str]]:
    """The demo's data, and the lines that it printed."""
    output = io.StringIO()
    data = demo(folder, settings, Stages(Console(file=output, width=200)))
    return data, output.getvalue().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder) -> tuple[ReportData, list[str]]:
    return run(folder)


def test_every_stage_says_what_came_of_it(folder, first):
    data, lines = first
    stages = ("train", "convert", "compile", "golden", "verilog", "verilator", "icarus", "energy")
    assert [line.split()[0] for line in lines] == [*stages, "report"]
    assert not any("unchanged" in line for line in lines)
    assert data.ann_accuracy is not None and data.ann_accuracy >= 0.97
    assert [curve.label for curve in data.curves] == ["float SNN", "int8 golden", "int4 golden"]
    assert all(len(curve.accuracy) == 8 for curve in data.curves)
    assert data.curves[1].accuracy[7] >= data.ann_accuracy - 0.01
    assert [check["result"] for check in data.checks if check["backend"] != "icarus"] == ["equal"]
    assert data.nature is not None and data.nature["epochs"] == 80
    assert len(data.samples) == 3
    text = (folder / "report.html").read_text()
    assert "64-128-10" in text


def test_icarus_agrees(first):
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    data, _ = first
    assert [check["result"] for check in data.checks] == ["equal", "equal"]


def test_a_second_run_reuses_all_and_says_the_same(folder, first, monkeypatch):
    def never(*_arguments, **_options):
        raise AssertionError("this was there already")

    monkeypatch.setattr(demo_module, "train_digits", never)
    monkeypatch.setattr(demo_module.backends, "check", never)
    ledger = (folder / "ledger.jsonl").read_bytes()
    before = json.loads((folder / "report.json").read_text())
    _, lines = run(folder)
    assert (folder / "ledger.jsonl").read_bytes() == ledger
    unchanged = [line.split()[0] for line in lines if "(unchanged)" in line]
    made = {check["backend"] for check in before["checks"]}
    assert set(unchanged) == {"train", "convert", "compile"} | made
    after = json.loads((folder / "report.json").read_text())
    assert after | {"created": ""} == before | {"created": ""}


def test_a_damaged_artefact_is_made_again(folder, first):
    program = folder / "program.npz"
    whole = program.read_bytes()
    program.write_bytes(whole[: len(whole) // 2])
    _, lines = run(folder)
    assert program.stat().st_size == len(whole)
    assert any(line.startswith("compile") and "unchanged" not in line for line in lines)


def test_an_interruption_leaves_nothing_half_written(tmp_path, monkeypatch):
    def interrupted(path, network):
        path.write_text("half a net")
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_module, "save_nir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"mlp.npz", "ledger.jsonl", ".stamps.json"}
    [attempt] = Ledger(tmp_path / "ledger.jsonl").read()
    assert attempt.status == "completed"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"steps": 0}, "steps must be 1 or more, not 0"),
        ({"images": 0}, "images must be 1 or more, not 0"),
        ({"steps": 9, "curve_steps": 8}, "curve_steps must be 9 or more, not 8"),
        ({"boards": ("icebraker",)}, "no board is called 'icebraker'; there are: "),
    ],
)
def test_settings_are_refused_before_any_work(change, message):
    with pytest.raises(ValueError) as refused:
        Settings(**change)
    assert str(refused.value).startswith(message)
