"""The main job with a small workload: every stage, reuse, and an interruption."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from hubel.sim.toolchain import ToolMissing, find_simulator
from hubel.sw import demo as demo_module
from hubel.sw.demo import Settings, demo
from hubel.sw.ledger import Ledger
from hubel.sw.report_data import ReportData
from hubel.sw.stages import Stages
from hubel.sw.versions import versions

SMALL = Settings(steps=4, curve_steps=8, images=2, icarus_images=1, boards=())


def run(
    folder: Path, settings: Settings = SMALL, cache_dir: Path | None = None
) -> tuple[ReportData, list[str]]:
    """The demo's data, and the lines that it printed."""
    output = io.StringIO()
    stages = Stages(Console(file=output, width=200))
    data = demo(folder, settings, stages, cache_dir=cache_dir)
    return data, output.getvalue().splitlines()


def never(*_arguments, **_options):
    raise AssertionError("this was there already")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder, cache_dir) -> tuple[ReportData, list[str]]:
    return run(folder, cache_dir=cache_dir)


@pytest.fixture
def copy(folder, first, tmp_path) -> Path:
    """A folder in which the demo has run, to try things in."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


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


@pytest.mark.parametrize(
    "name, stage", [("network.nir", "convert"), ("program.npz", "compile"), ("mlp.npz", "train")]
)
def test_an_artefact_cut_in_half_is_made_again(name, stage, copy, monkeypatch):
    monkeypatch.setattr(demo_module.backends, "check", never)
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    _, lines = run(copy)
    [line] = [line for line in lines if line.startswith(stage)]
    assert "unchanged" not in line
    assert (copy / name).stat().st_size == pytest.approx(len(whole), rel=0.01)
    # The same again, so that what was made from it is still good.
    assert any(line.startswith("verilator") and "(unchanged)" in line for line in lines)


def test_a_check_that_is_cut_short_is_made_again(copy, monkeypatch):
    class Compared(Exception):
        pass

    def compare(*_arguments, **_options):
        raise Compared

    monkeypatch.setattr(demo_module.backends, "check", compare)
    path = copy / "check-verilator.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(Compared):
        run(copy)


def test_another_version_of_a_tool_is_another_answer(copy, monkeypatch):
    found = versions() | {"verilator": "9.999"}
    monkeypatch.setattr(demo_module, "versions", lambda: found)
    asked = []

    def missing(*_arguments, backend, **_options):
        asked.append(backend)
        raise ToolMissing("verilator not found")

    monkeypatch.setattr(demo_module.backends, "check", missing)
    data, lines = run(copy)
    assert asked == ["verilator"]
    assert any(line.startswith("verilator     not run: verilator not found") for line in lines)
    assert "verilator" not in {check["backend"] for check in data.checks}


def test_two_bits_a_weight(copy, monkeypatch):
    monkeypatch.setattr(demo_module._Demo, "simulate", lambda *_: [])
    data, lines = run(copy, replace(SMALL, weight_width=2))
    assert data.weight_width == 2
    labels = ["float SNN", "int8 golden", "int4 golden", "int2 golden"]
    assert [curve.label for curve in data.curves] == labels
    [line] = [line for line in lines if line.startswith("golden")]
    eight = data.curves[3].accuracy[7]
    assert f"int2 after T steps: 1: {100 * data.curves[3].accuracy[0]:.2f} %" in line
    assert f"8: {100 * eight:.2f} %" in line
    assert data.energy == {}


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
        ({"weight_width": 3}, "weight_width must be one of (2, 4, 8), not 3"),
        ({"lanes": 3}, "lanes must be one of (2, 4, 8, 16, 32), not 3"),
        ({"country": "QQQ"}, "no carbon intensity for country 'QQQ'"),
        ({"boards": ("icebraker",)}, "no board is called 'icebraker'; there are: "),
    ],
)
def test_settings_are_refused_before_any_work(change, message):
    with pytest.raises(ValueError) as refused:
        Settings(**change)
    assert str(refused.value).startswith(message)
