"""What Yosys makes of a MAC core: block RAM and multipliers where they are meant to be."""

from functools import cache

import pytest

from hubel.boards.build import ice40_options
from hubel.boards.icebreaker import BOARD as ICEBREAKER
from hubel.boards.ulx3s import BOARD as ULX3S
from hubel.hdl.mac_core import MacCore

from ..mac_programs import chain
from .yosys import synthesise

SCRIPTS = {
    ICEBREAKER.name: f"synth_ice40 {ice40_options('iCE40UP5K', dsp=True)}",
    ULX3S.name: "synth_ecp5",
}
BOARDS = {ICEBREAKER.name: ICEBREAKER, ULX3S.name: ULX3S}


@cache
def synthesis(board_name: str, skip_zeros: bool) -> tuple[dict[str, int], dict[str, str]]:
    """Cells of a core of 8 lanes for 64-128-10, and by which kind of cell each memory is made."""
    program = chain(1, 64, 128, 10)
    core = MacCore(program.params(skip_zeros=skip_zeros), program)
    platform = BOARDS[board_name].platform()
    return synthesise(core, SCRIPTS[board_name], platform=platform)


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
