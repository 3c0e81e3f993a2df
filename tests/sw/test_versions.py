"""What a result was made with."""

import platform
from importlib import metadata

from hubel.boards.toolchain import ToolMissing as SynthesisMissing
from hubel.sim.toolchain import ToolMissing
from hubel.sw import versions as module
from hubel.sw.versions import versions


def test_every_tool_is_named():
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == metadata.version("numpy")
    assert {"hubel", "amaranth", "scikit-learn", "nir", "cocotb"} <= found.keys()
    assert {"verilator", "icarus", "yosys", "nextpnr-ice40", "nextpnr-ecp5"} <= found.keys()


def test_what_is_missing_is_said(monkeypatch):
    def no_package(name):
        raise metadata.PackageNotFoundError(name)

    def no_simulator(name):
        raise ToolMissing(name)

    def no_tool(name):
        raise SynthesisMissing(name)

    monkeypatch.setattr(metadata, "version", no_package)
    monkeypatch.setattr(module, "find_simulator", no_simulator)
    monkeypatch.setattr(module, "find_tool", no_tool)
    found = versions()
    del found["python"]
    assert set(found.values()) == {"not installed"}
    assert len(found) == 11
