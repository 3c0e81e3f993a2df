"""What a result was made with: the arithmetic and the tools."""

import platform
from importlib import metadata

from hubel.boards.toolchain import ToolMissing as SynthesisMissing
from hubel.boards.toolchain import find_tool
from hubel.sim.toolchain import Name, ToolMissing, find_simulator

#: The arithmetic contract, one rule a line; :mod:`hubel.sim.lif` is its text in Python.
ARITHMETIC = (
    "state: signed integers of the membrane's width; weights signed; no floating point",
    "step: decay, add, bias, saturate, compare, reset, emit, in this order",
    "decay: sign(v) * ((|v| * d) >> 12), d in 0..4096; rounds towards zero",
    "add: all events of a step at full width, proved not to overflow; their order is free",
    "saturate: once, after the bias, to the membrane's width; counted",
    "compare: v > threshold, strictly",
    "reset: hard (v becomes v_reset) or soft (v_reset is subtracted)",
    "time: spikes reach the next population in the same step",
)

_PACKAGES = ("hubel", "amaranth", "numpy", "scikit-learn", "nir", "cocotb")
_SIMULATORS: tuple[Name, ...] = ("verilator", "icarus")
_SYNTHESIS = ("yosys", "nextpnr-ice40", "nextpnr-ecp5")


def versions() -> dict[str, str]:
    """Version of each tool by its name; "not installed" where it is missing."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    for name in _SIMULATORS:
        try:
            found[name] = find_simulator(name).version
        except ToolMissing:
            found[name] = "not installed"
    for name in _SYNTHESIS:
        try:
            found[name] = find_tool(name).version
        except SynthesisMissing:
            found[name] = "not installed"
    return found
