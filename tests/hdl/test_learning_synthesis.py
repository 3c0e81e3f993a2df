"""What Yosys makes of a learning core: block RAM, SPRAM and multipliers where they are meant to be.

Both take half a minute."""

from pathlib import Path

import pytest

from hubel.boards.learning import LEARNING_BUILDS, build_learning
from hubel.boards.toolchain import ToolMissing, find_tool

pytestmark = pytest.mark.long

#: Multipliers: two a lane. UP5K: an SPRAM a bank; three block RAMs a lane of neurons, four of
#: traces, two of candidates, one each of flags, events and winners, which makes 21. ECP5: four
#: block RAMs a bank, two a lane of neurons, and those that are 36 bits wide.
EXPECTED = {
    "icebreaker": {"dsp": 8, "spram": 4, "block_ram": 21},
    "ulx3s": {"dsp": 8, "spram": 0, "block_ram": 34},
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
        assert report.cells["lut4"] <= 2500
    assert report.utilisation["logic"].used <= report.utilisation["logic"].available
