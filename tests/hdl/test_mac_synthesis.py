# pyright: reportAttributeAccessIssue=false
# (amaranth-stubs do not know back.rtlil)
"""What Yosys makes of a MAC core: block RAM and multipliers where they are meant to be."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from amaranth.back import rtlil

from hubel.boards.build import RELAX_COLLISIONS
from hubel.boards.icebreaker import BOARD as ICEBREAKER
from hubel.boards.report import cell_counts
from hubel.boards.toolchain import ToolMissing, find_tool
from hubel.boards.ulx3s import BOARD as ULX3S
from hubel.hdl.mac_core import MacCore

from ..mac_programs import chain

SCRIPTS = {ICEBREAKER.name: "synth_ice40 -dsp -top core", ULX3S.name: "synth_ecp5 -top core"}
BOARDS = {ICEBREAKER.name: ICEBREAKER, ULX3S.name: ULX3S}


@cache
def synthesis(board_name: str, skip_zeros: bool) -> tuple[dict[str, int], dict[str, str]]:
    """Cells of a core of 8 lanes for 64-128-10, and by which kind of cell each memory is made."""
    try:
        yosys = find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    program = chain(1, 64, 128, 10)
    core = MacCore(program.params(skip_zeros=skip_zeros), program)
    platform = BOARDS[board_name].platform()
    text = rtlil.convert(core, name="core", platform=platform, emit_src=False)
    with TemporaryDirectory() as folder:
        Path(folder, "core.il").write_text(text)
        script = ["read_rtlil core.il", RELAX_COLLISIONS, SCRIPTS[board_name]]
        script += ["tee -q -o stat.json stat -json"]
        Path(folder, "core.ys").write_text("\n".join(script))
        command = [*yosys.command, "-q", "-l", "core.log", "core.ys"]
        subprocess.run(command, cwd=folder, check=True)
        log = Path(folder, "core.log").read_text()
        stat = json.loads(Path(folder, "stat.json").read_text())
    made = re.findall(r"^mapping memory core\.(\S+) via \$__(\w+?)_$", log, re.M)
    return cell_counts(stat), {re.sub(r"\$\d+", "", memory): cell for memory, cell in made}


@pytest.mark.parametrize("board_name, block_ram", [(ICEBREAKER.name, 23), (ULX3S.name, 10)])
def test_block_ram_and_multipliers(board_name, block_ram):
    """On an iCE40: 1,280 weight words of 64 bits are 5 x 4, biases 2, activations 1. The
    requantiser takes no multiplier from the lanes."""
    found, memories = synthesis(board_name, False)
    assert found["block_ram"] == block_ram, memories
    assert found["dsp"] == 8
    # Pipelines of eight lanes, no memory.
    assert 1200 <= found["ff"] <= 1700


@pytest.mark.long
@pytest.mark.parametrize("board_name", list(SCRIPTS))
def test_skipping_zeros_takes_a_memory_and_little_logic(board_name):
    plain, _ = synthesis(board_name, False)
    skipping, memories = synthesis(board_name, True)
    assert skipping["dsp"] == 8
    assert "nonzero" in " ".join(memories)
    assert skipping["block_ram"] <= plain["block_ram"] + 1
    assert skipping["lut4"] <= plain["lut4"] + 350


def test_ecp5_logic():
    found, _ = synthesis(ULX3S.name, False)
    # A carry cell is made of two LUTs.
    assert found["lut4"] + 2 * found["carry"] <= 1400
