"""The table of boards, and the commands that print and fill it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from hubel.boards import board, boards
from hubel.boards.build import BuildFailed
from hubel.boards.report import Attempt, BuildReport, CoreSizes, PathEnd, Usage
from hubel.sim.boot_image import boot_image
from hubel.sw import board_table, commands
from hubel.sw.cli import app
from hubel.sw.program_file import save_program

from ..programs import random_chain


def report(folder: Path, name: str, key: str, **changes: Any) -> BuildReport:
    """A report as a build leaves it in ``folder``."""
    values: dict[str, Any] = {
        "board": name,
        "device": "x",
        "clock_mhz": 36.0,
        "fmax_mhz": 37.25,
        "met": True,
        "utilisation": {
            "logic": Usage(3000, 5280),
            "block_ram": Usage(10, 30),
            "spram": Usage(0, 4),
            "dsp": Usage(8, 8),
        },
        "cells": {},
        "core_cells": None,
        "critical_path": PathEnd("a", "b", 1.0, 0.5),
        "bitstream": folder / f"{name}-{key}" / "top.bin",
        "bitstream_bytes": 1,
        "seed": 1,
        "attempts": (Attempt(1, 37.25),),
        "stages": (),
        "core": CoreSizes(8, 8, 138, 1280),
    }
    made = BuildReport(**values | changes)
    made.bitstream.parent.mkdir(parents=True)
    made.bitstream.write_bytes(b"x")
    made.save(made.bitstream.parent / "build.json")
    return made


def test_a_line_for_each_board(tmp_path: Path) -> None:
    made = report(tmp_path, "icebreaker", "1")
    assert BuildReport.load(made.bitstream.parent / "build.json") == made
    lines = dict(zip(boards(), board_table.table(tmp_path), strict=True))
    assert set(lines["ulx3s"][1:-1]) == {"-"} and lines["ulx3s"][-1] == board("ulx3s").price
    assert lines["icebreaker"][1:] == (
        "36 MHz (37.2)",
        "3000 of 5280",
        "10 of 30",
        "0 of 4",
        "8 of 8",
        "138",
        # 1280 words of 8, and 20 blocks of 4096 bits.
        f"{10_240 + 10_240:,}",
        "288 at 8 bits",
        board("icebreaker").price,
    )
    text = board_table.markdown(list(lines.values()))
    assert len(text.splitlines()) == len(boards()) + 2
    assert all(line.count("|") == len(board_table.COLUMNS) + 1 for line in text.splitlines())


def test_weights_in_spram_and_a_clock_that_is_not_met(tmp_path: Path) -> None:
    used = {"logic": Usage(1, 2), "block_ram": Usage(1, 2), "spram": Usage(4, 4)}
    report(tmp_path, "icesugar", "1", utilisation=used, met=False, core=CoreSizes(16, 4, 10, 9))
    line = dict(zip(boards(), board_table.table(tmp_path), strict=True))["icesugar"]
    assert line[1] == "36 MHz (37.2, not met)" and line[5] == "-"
    assert line[7] == f"{128 * 1024:,}" and line[8] == "576 at 4 bits"


def test_builds_for_all_boards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A board that the Program does not fit is told, and no failure; a clock that is not met is,
    and a tool that failed. The others are built."""
    asked, slow, error = [], "", Exception()

    def build(program: Path, *, board: str, **_: Any) -> BuildReport:
        asked.append(board)
        if board == "ice40_hx8k":
            raise error
        return report(tmp_path, board, str(len(asked)), met=board != slow)

    monkeypatch.setattr(commands, "build", build)
    small, crash = ValueError("it does not fit"), BuildFailed("synthesis: ERROR")
    for name, why, code in (("", small, 0), ("orangecrab", small, 1), ("", crash, 1)):
        slow, error = name, why
        asked.clear()
        arguments = ["build", "p.npz", "--board", "all", "--json"]
        answer = CliRunner().invoke(app, arguments)
        assert answer.exit_code == code and asked == list(boards())
        found = json.loads(answer.stdout)
        assert [r["board"] for r in found] == [b for b in boards() if b != "ice40_hx8k"]
        for folder in tmp_path.iterdir():
            (folder / "build.json").unlink()
            (folder / "top.bin").unlink()
            folder.rmdir()


def test_prints_the_table(tmp_path: Path) -> None:
    report(tmp_path, "icebreaker", "1")
    runner = CliRunner(env={"COLUMNS": "300"})
    assert "36 MHz (37.2)" in runner.invoke(app, ["boards", "--folder", str(tmp_path)]).stdout
    answer = runner.invoke(app, ["boards", "--folder", str(tmp_path), "--markdown"]).stdout
    assert answer.startswith("| board | clock |")


def test_flashes_a_boot_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = random_chain(np.random.default_rng(1), 784, 128, 10)
    save_program(tmp_path / "p.npz", program, {})
    tool = tmp_path / "iceprog"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hubel.boards.flash._wheel_program", lambda: None)
    command = commands.flash("icebreaker", program=tmp_path / "p.npz", folder=tmp_path)
    assert command[1:] == ["-o", "0x100000", str(tmp_path / "icebreaker-boot.bin")]
    image = (tmp_path / "icebreaker-boot.bin").read_bytes()
    assert image == boot_image(board("icebreaker").core_params(program), program)
    with pytest.raises(ValueError, match=r"^a bitstream or a Program can be loaded, not both"):
        commands.flash("icebreaker", program="p.npz", bitstream="b.bin")


def test_lanes_and_folds_suit_the_board() -> None:
    rng = np.random.default_rng(1)
    four, eight = (random_chain(rng, 784, 128, 10, weight_width=w) for w in (4, 8))
    for name, program, lanes, expected in (
        ("icebreaker", four, None, (16, 2)),
        ("icebreaker", eight, None, (8, 1)),
        ("icebreaker", four, 4, (4, 1)),
        ("ulx3s", four, None, (8, 1)),
        ("ulx3s", four, 32, (32, 1)),
        ("ice40_hx8k", four, 16, (16, 1)),
    ):
        params = board(name).core_params(program, lanes)
        assert (params.lanes, params.folds) == expected, name
