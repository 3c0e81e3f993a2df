"""``hubel memristor``: what it prints and writes, and what it says to bad input."""

import json
from pathlib import Path

import pytest

from hubel.sw.cli import main
from hubel.sw.convert import convert
from hubel.sw.digits import FULL_SCALE, Digits
from hubel.sw.program_file import load_program, save_program
from hubel.sw.quantise import quantise
from hubel.sw.train import Mlp


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memristor", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "retention" in found["experiments"]
    assert found["devices"]["pcm_hermes1"]["g_max_us"] == 10.35
    assert "Le Gallo" in found["devices"]["pcm_hermes1"]["sources"][0]


def test_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["memristor", "run", "levels", "--seeds", "1", "--images", "20", "--json"]
    assert main([*arguments, "--out", str(out)]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["verdict"].startswith("core functionality ")
    assert (out / "levels.csv").read_text().startswith("line,levels,")
    assert "Levels of a device" in (out / "report.html").read_text()


def test_apply(
    tmp_path: Path, digits: Digits, mlp: Mlp, capsys: pytest.CaptureFixture[str]
) -> None:
    program = quantise(convert(mlp, digits.train_images / FULL_SCALE))
    before, after = tmp_path / "before.npz", tmp_path / "after.npz"
    save_program(before, program)
    assert main(["memristor", "apply", str(before), "--out", str(after), "--seconds", "3600"]) == 0
    assert "weights differ; programming: array " in capsys.readouterr().out
    made, note = load_program(after)
    assert note["device"] == "pcm_nandakumar2019" and note["seconds"] == 3600
    assert (made.projections[0].weights != program.projections[0].weights).any()
    ideal = ["--device", "generic", "--compensation", "global"]
    assert main(["memristor", "apply", str(before), "--out", str(after), *ideal]) == 0
    made, _ = load_program(after)
    assert (made.projections[0].weights == program.projections[0].weights).all()
    capsys.readouterr()
    for options, message in (
        (["--device", "pcm"], "hubel: there is no device 'pcm'; there are pcm_nandakumar2019"),
        (["--seconds", "-1"], "hubel: pcm_nandakumar2019: -1 s is before the end of programming"),
        (
            ["--device", "rram_milo2021", "--seconds", "9"],
            "hubel: rram_milo2021: 9 s cannot be answered",
        ),
    ):
        assert main(["memristor", "apply", str(before), "--out", str(after), *options]) == 2
        assert capsys.readouterr().err.startswith(message)


def test_bad_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memristor", "run", "nonsense"]) == 2
    assert capsys.readouterr().err.startswith("hubel: there is no experiment 'nonsense'")
