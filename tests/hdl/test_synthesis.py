"""What Yosys makes of a chain: block RAM and multipliers where they are meant to be, and no memory
of flip-flops."""

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from amaranth.back import rtlil

from hubel.boards.build import RELAX_COLLISIONS
from hubel.boards.icebreaker import BOARD as ICEBREAKER
from hubel.boards.report import cell_counts
from hubel.boards.toolchain import ToolMissing, find_tool
from hubel.boards.ulx3s import BOARD as ULX3S
from hubel.hdl.chain import Chain

from .programs import random_program

SCRIPTS = {ICEBREAKER.name: "synth_ice40 -dsp -top chain", ULX3S.name: "synth_ecp5 -top chain"}


@cache
def cells(board_name: str) -> dict[str, int]:
    """Cells of a 64-128-10 chain of 8 lanes."""
    try:
        yosys = find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    board = {ICEBREAKER.name: ICEBREAKER, ULX3S.name: ULX3S}[board_name]
    program = random_program(
        np.random.default_rng(1), lanes=8, sizes=(64, 128, 10), weight_width=8, state_width=16
    )
    chain = Chain(program.params(lanes=8), program)
    text = rtlil.convert(chain, name="chain", platform=board.platform(), emit_src=False)
    with TemporaryDirectory() as folder:
        Path(folder, "chain.il").write_text(text)
        script = ["read_rtlil chain.il", RELAX_COLLISIONS, SCRIPTS[board_name]]
        script += ["tee -q -o stat.json stat -json"]
        Path(folder, "chain.ys").write_text("\n".join(script))
        subprocess.run([*yosys.command, "-q", "chain.ys"], cwd=folder, check=True)
        return cell_counts(json.loads(Path(folder, "stat.json").read_text()))


def test_ice40_block_ram_and_multipliers() -> None:
    found = cells(ICEBREAKER.name)
    # 1,184 weight words of 64 bits: 5 x 4. Neurons of 3 x 18 rows of 128 bits: 8. Events: 1.
    assert found["block_ram"] == 20 + 8 + 1
    assert found["dsp"] == 8


def test_ecp5_block_ram_and_multipliers() -> None:
    found = cells(ULX3S.name)
    assert found["block_ram"] == 13
    assert found["dsp"] == 8


@pytest.mark.parametrize("board_name", SCRIPTS)
def test_no_memory_of_flip_flops(board_name: str) -> None:
    """Eight lanes of pipeline are some 1,600 flip-flops, eight counters 256. The least memory, the
    event list, would be another 2,688."""
    assert 1500 <= cells(board_name)["ff"] <= 2100


def test_ecp5_logic() -> None:
    found = cells(ULX3S.name)
    # A carry cell is made of two LUTs.
    assert found["lut4"] + 2 * found["carry"] <= 1500
