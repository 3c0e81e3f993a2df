# pyright: reportAttributeAccessIssue=false
# (amaranth-stubs do not know back.rtlil)
"""What Yosys makes of a component."""

import json
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from amaranth.back import rtlil

from hubel.boards.build import RELAX_COLLISIONS
from hubel.boards.report import cell_counts
from hubel.boards.toolchain import ToolMissing, find_tool


def synthesise(
    component: Any, script: str, *, platform: Any = None
) -> tuple[dict[str, int], dict[str, str]]:
    """Cells of ``component``, and by which kind of cell each of its memories is made. ``script`` is
    the command of the family with its options, as in "synth_ice40 -dsp"."""
    try:
        yosys = find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    text = rtlil.convert(component, name="core", platform=platform, emit_src=False)
    with TemporaryDirectory() as folder:
        Path(folder, "core.il").write_text(text)
        lines = ["read_rtlil core.il", RELAX_COLLISIONS, f"{script} -top core"]
        lines += ["tee -q -o stat.json stat -json"]
        Path(folder, "core.ys").write_text("\n".join(lines))
        command = [*yosys.command, "-q", "-l", "core.log", "core.ys"]
        subprocess.run(command, cwd=folder, check=True)
        log = Path(folder, "core.log").read_text()
        stat = json.loads(Path(folder, "stat.json").read_text())
    made = re.findall(r"^mapping memory core\.(\S+) via \$__(\w+?)_$", log, re.M)
    return cell_counts(stat), {re.sub(r"\$\d+", "", memory): cell for memory, cell in made}
