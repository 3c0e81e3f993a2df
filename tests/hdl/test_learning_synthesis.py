"""What the tools make of learning cores: block RAM, SPRAM and multipliers where they are meant to
be, sizes and clocks within their bounds. One or two minutes each."""

from pathlib import Path

import pytest

from hubel.boards.learning import (
    LEARNING_BUILDS,
    LEARNING_VARIANTS,
    LearningBuild,
    build_learning,
)
from hubel.boards.toolchain import ToolMissing, find_tool

pytestmark = pytest.mark.long


def expected(which: LearningBuild) -> dict[str, int]:
    """Multipliers: two a lane. UP5K: an SPRAM a bank; block RAM of 16 bits for neurons of 48 bits
    (3), traces of 16 a lane, candidates of 24 (2), flags, events and winners (1 each), written
    rates and the link. ECP5: block RAMs of 16 kbit for the banks; of 36 bits for neurons (2) and
    traces; of four write enables for the flags; candidates, events, winners and the link (1 each).
    Written rates are in LUTs there."""
    params = which.params
    if which.board.family == "ice40":
        return {"dsp": 2 * params.lanes, "spram": params.lanes, "block_ram": 10 + params.lanes}
    banks = params.inputs * params.neurons * params.weight_width // (16 * 1024)
    traces = -(-16 * params.lanes // 36)
    return {
        "dsp": 2 * params.lanes,
        "spram": 0,
        "block_ram": banks + traces + params.lanes // 4 + 6,
    }


@pytest.mark.parametrize("which", LEARNING_BUILDS + LEARNING_VARIANTS, ids=str)
def test_memories_multipliers_size_and_clock(which: LearningBuild, tmp_path: Path) -> None:
    try:
        find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    report = build_learning(which, tmp_path)
    found = {name: report.cells.get(name, 0) for name in ("dsp", "spram", "block_ram")}
    assert found == expected(which)
    assert report.utilisation["logic"].used <= report.utilisation["logic"].available
    # Of the variants the largest one misses the board's 62.5 MHz by a little.
    assert report.met or (which in LEARNING_VARIANTS and report.fmax_mhz >= 60)
    if which is LEARNING_BUILDS[0]:
        # A carry cell is made of two LUTs.
        assert report.core_cells is not None
        assert report.core_cells["lut4"] + 2 * report.core_cells["carry"] <= 2500
