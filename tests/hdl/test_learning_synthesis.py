"""What Yosys makes of a learning core: block RAM, SPRAM and multipliers where they are meant to be.

Both take half a minute."""

from pathlib import Path

import pytest

from hubel.boards.learning import LEARNING_BUILDS, build_learning
from hubel.boards.toolchain import ToolMissing, find_tool

pytestmark = pytest.mark.long

#: Multipliers: two a lane. UP5K: an SPRAM a bank; block RAM of 16 bits for neurons of 48 bits (3),
#: traces of 64 (4), candidates of 24 (2), flags, events and winners (1 each). ECP5: eight block
#: RAMs a bank; of 36 bits for neurons (2), traces (2), candidates (1) and the three others.
EXPECTED = {
    "icebreaker": {"dsp": 8, "spram": 4, "block_ram": 12},
    "ulx3s": {"dsp": 8, "spram": 0, "block_ram": 40},
}


@pytest.mark.parametrize("which", LEARNING_BUILDS, ids=lambda which: which.board.name)
def test_memories_and_multipliers(which, tmp_path: Path) -> None:
    try:
        find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    report = build_learning(which, tmp_path, seeds=1)
    found = {name: report.cells.get(name, 0) for name in ("dsp", "spram", "block_ram")}
    assert found == EXPECTED[which.board.name]
    if which.board.name == "ulx3s":
        # A carry cell is made of two LUTs.
        assert report.cells["lut4"] + 2 * report.cells["carry"] <= 2500
    assert report.utilisation["logic"].used <= report.utilisation["logic"].available
