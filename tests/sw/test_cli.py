"""The command line: the whole chain, what a machine reads, and what a user gets wrong."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.program import Population, Program
from hubel.sw import backends, commands
from hubel.sw.cli import main
from hubel.sw.program_file import save_program
from hubel.sw.train import Layer, Mlp, save_mlp

COMMANDS = [
    *(["demo"], ["train"], ["convert"], ["compile"], ["verilog"], ["sim"], ["build"], ["flash"]),
    *(["run"], ["report"], ["nature"], ["nature", "report"], ["nature", "compute"]),
    *(["bench"], ["bench", "golden"], ["doctor"]),
]


def program(inputs: int = 6, neurons: int = 4) -> Program:
    rng = np.random.default_rng(0)
    return Program(
        populations=(
            Population(
                name="out",
                weights=rng.integers(-20, 60, (inputs, neurons)),
                bias=np.zeros(neurons, dtype=np.int64),
                v_init=np.zeros(neurons, dtype=np.int64),
                threshold=50,
                v_reset=50,
            ),
        )
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
    assert "classes: a step adds up " in capsys.readouterr().out
    assert main(["verilog", "build/program.npz", "--no-lint"]) == 0
    assert "module hubel_chain(" in Path("build/hubel_chain.v").read_text()
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
        )

    monkeypatch.setattr(backends, "check", differs)
    assert main(["sim", "program.npz", "--inputs", "spikes.npz"]) == 1
    assert divergence in capsys.readouterr().out


def test_doctor(capsys):
    code = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert code == int(any(f["version"] is None and not f["optional"] for f in findings))
    assert {"python", "verilator", "icarus", "yosys", "openFPGALoader"} <= {
        f["name"] for f in findings
    }


def _network_with(weight: float, activation: str) -> None:
    layer = Layer(
        name="hidden",
        weights=np.full((64, 4), weight),
        bias=np.zeros(4),
        activation=activation,
    )
    out = Layer(name="classes", weights=np.ones((4, 10)), bias=np.zeros(10), activation="identity")
    save_mlp("bad.npz", Mlp(layers=(layer, out), accuracy=0.1, epochs=1, seconds=1.0))


MISTAKES = {
    "missing file": (
        ["run", "nothing.npz", "--inputs", "digits"],
        "hubel: nothing.npz: there is no such file; ",
    ),
    "truncated file": (
        ["run", "half.npz", "--inputs", "digits"],
        "hubel: half.npz: not a readable hubel Program: File is not a zip file; ",
    ),
    "wrong type": (
        ["run", "text.npz", "--inputs", "digits"],
        "hubel: text.npz: not a readable hubel Program: File is not a zip file; ",
    ),
    "another kind of file": (
        ["convert", "program.npz"],
        "hubel: program.npz: holds a 'hubel Program', not a hubel network file; ",
    ),
    "not NIR": (["compile", "program.npz"], "hubel: program.npz: "),
    "missing inputs": (
        ["run", "program.npz", "--inputs", "nothing.npz"],
        "hubel: nothing.npz: there is no such file; give an .npz file with an array 'spikes', "
        "or 'digits'",
    ),
    "inputs of another shape": (
        ["run", "program.npz", "--inputs", "digits"],
        "hubel: spikes have 64 inputs, the Program has 6",
    ),
    "lanes": (
        ["run", "program.npz", "--inputs", "spikes.npz", "--lanes", "3"],
        "hubel: lanes must be one of (2, 4, 8, 16, 32), not 3",
    ),
    "waves of golden": (
        ["run", "program.npz", "--inputs", "spikes.npz", "--waves", "x.vcd"],
        "hubel: golden has no waves; use the back end verilator or icarus",
    ),
    "NaN": (
        ["convert", "nan.npz"],
        "hubel: layer 'hidden': weights must be finite, not NaN or infinite",
    ),
    "unknown layer": (
        ["convert", "tanh.npz"],
        "hubel: layer 'hidden' has activation 'tanh'; only 'relu' can be converted",
    ),
    "does not fit": (
        ["build", "big.npz", "--board", "icebreaker"],
        "hubel: 784-128 with 8 lanes and 8-bit weights does not fit the iCEBreaker (iCE40UP5K): 2",
    ),
    "unknown board": (
        ["build", "program.npz", "--board", "icebraker"],
        "hubel: no board is called 'icebraker'; there are: icebreaker, ulx3s",
    ),
    "nothing built": (
        ["flash", "ulx3s"],
        "hubel: build/boards: no build for ulx3s; run: hubel build PROGRAM --board ulx3s",
    ),
    "unknown country": (
        ["nature", "compute", "--power-w", "1", "--seconds", "1", "--country", "USB"],
        "hubel: ",
    ),
    "no ledger": (
        ["nature", "report"],
        "hubel: build/ledger.jsonl: there is no such ledger; `hubel train` and `hubel demo` "
        "write one",
    ),
    "no report": (
        ["report", "empty"],
        "hubel: empty/report.json: there is no such file; `hubel demo` writes it",
    ),
    "folder in the way": (
        ["run", "program.npz", "--inputs", "spikes.npz", "--out", "text.npz/run.npz"],
        "hubel: text.npz: ",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_line_and_leaves_nothing(mistake, folder, capsys):
    arguments, message = MISTAKES[mistake]
    whole = Path("program.npz").read_bytes()
    Path("half.npz").write_bytes(whole[: len(whole) // 2])
    Path("text.npz").write_text("no archive")
    save_program("big.npz", program(784, 128))
    _network_with(float("nan"), "relu")
    os.replace("bad.npz", "nan.npz")
    _network_with(1.0, "tanh")
    os.replace("bad.npz", "tanh.npz")
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    code = main(arguments)
    printed = capsys.readouterr()
    # A tool that was asked and says no is 1, bad input is 2.
    assert code == 2, printed
    assert printed.err.startswith(message), printed.err
    assert printed.err.count("\n") == 1
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "program.npz", "--inputs", "digits", "--steps", "0"], "--steps"),
        (["train", "--epochs", "0"], "--epochs"),
        (["run", "program.npz"], "--inputs"),
        (["simulate"], "simulate"),
        (["run", "program.npz", "--inputs", "digits", "--backend", "fpga"], "--backend"),
    ],
)
def test_bad_use(arguments, message, folder, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_traceback_on_request(folder, monkeypatch):
    monkeypatch.setenv("HUBEL_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["run", "nothing.npz", "--inputs", "digits"])
