# pyright: reportAttributeAccessIssue=false, reportWildcardImportFromLibrary=false
# (amaranth-stubs do not know back.rtlil)
"""From a Program to a bitstream: synthesis, place and route, packing, and a report of it all."""

import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from amaranth import *
from amaranth.back import rtlil
from amaranth.lib import io

from hubel.hdl.core import Core
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.soc import SpikeSoc

from .description import Board
from .pll import PllClock
from .report import (
    Attempt,
    BuildReport,
    Stage,
    cell_counts,
    clock_mhz,
    critical_path,
    utilisation,
)
from .toolchain import Tool, find_tool

__all__ = ["RELAX_COLLISIONS", "BoardTop", "BuildFailed", "SerialTop", "build",
           "build_design"]


# A read port that meets a write to its row has a defined answer in Amaranth, the old row, and
# Yosys adds logic that makes it so where the block RAM does not: for 256 x 16 bits 42 flip-flops
# and 26 LUTs on an iCE40, 42 and 35 on an ECP5. Where something here reads a row while it is
# written, it does not use the answer, which is therefore left open; then 1 and 0 LUTs are left
# beside the RAM. The parameter has a bit for each write port, and this selects clocked read ports
# beside exactly one.
RELAX_COLLISIONS = ("setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i "
                    "r:COLLISION_X_MASK=1'0 %i r:TRANSPARENCY_MASK=1'0 %i")

_REPORT = "build.json"


class BuildFailed(Exception):
    """A tool stopped with an error; the message has its last words and names its log."""


class SerialTop(Elaboratable):
    """The top level on ``board``: clock, serial port and ``soc``, which has ``rx`` and ``tx``."""
    def __init__(self, board: Board, soc: Any):
        self._board = board
        self._soc = soc

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.clock = PllClock(self._board.pll)
        m.submodules.soc = soc = self._soc
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.comb += [soc.rx.eq(rx.i), tx.o.eq(soc.tx)]
        return m


class BoardTop(SerialTop):
    """The top level on ``board``: clock, serial port and :class:`SpikeSoc`."""
    def __init__(self, board: Board, params: CoreParams, program: Program):
        super().__init__(board, SpikeSoc(params, program, divisor=board.divisor))


def build(board: Board, params: CoreParams, program: Program, out_dir: str | os.PathLike[str], *,
          seed: int = 1, seeds: int = 4,
          progress: Callable[[str], None] = lambda stage: None) -> BuildReport:
    """Bitstream of ``program`` on a core of sizes ``params``; see :func:`build_design`."""
    return build_design(board, BoardTop(board, params, program), out_dir,
                        core=Core(params, program), seed=seed, seeds=seeds, progress=progress)


def build_design(board: Board, design: Elaboratable, out_dir: str | os.PathLike[str], *,
                 core: Elaboratable | None = None, seed: int = 1, seeds: int = 4,
                 progress: Callable[[str], None] = lambda stage: None) -> BuildReport:
    """Bitstream of any ``design`` for ``board``.

    The folder ``<out_dir>/<board>-<hash>`` has the bitstream, the tools' files and logs, and the
    report as build.json. It appears when all of it is there; what was built once from the same
    design with the same tools is not built again.

    Parameters
    ----------
    board : Board
    design : Elaboratable
    out_dir : path
    core : Elaboratable or None
        Part of the design that the report counts on its own.
    seed : int
        First seed of the placer.
    seeds : int
        How many seeds to try, from ``seed`` on, while the clock is not met. The best is used.
    progress : callable
        Called with the name of each stage as it begins.

    Raises
    ------
    ToolMissing
        If a tool is not installed.
    BuildFailed
        If a tool stops with an error. A clock that is not met is no error but a report.
    """
    platform: Any = board.platform()
    plan = _plan(board, platform, design)
    core_rtlil = None if core is None else rtlil.convert(
        core, name="core", platform=platform, emit_src=False)
    commands = json.loads(plan.files["build_top.json"])["commands"]
    tools = [find_tool(name) for name, *_ in commands]
    identity = [board.name, plan.digest().hex(), core_rtlil, [t.version for t in tools],
                seed, seeds]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    final = Path(out_dir) / f"{board.name}-{key}"
    if not (final / _REPORT).exists():
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=out_dir) as temporary:
            folder = Path(temporary, "build")
            plan.extract(folder)
            run = _Run(folder, final.with_name(final.name + ".log"), progress)
            _run_all(board, platform, run, commands, tools, core_rtlil, seed, seeds)
            if not final.exists():
                folder.rename(final)
    return BuildReport.load(final / _REPORT)


def _plan(board: Board, platform: Any, design: Elaboratable) -> Any:
    return platform.build(
        design, do_build=False, emit_src=False,
        script_after_read=RELAX_COLLISIONS,
        script_after_synth="tee -q -o stat.json stat -json",
        synth_opts="-dsp" if board.family == "ice40" and board.resources["dsp"] else "",
        nextpnr_opts="--timing-allow-fail")


class _Run:
    """Runs tools in ``folder`` and keeps a record; where one fails, its output is ``log``."""
    def __init__(self, folder: Path, log: Path, progress: Callable[[str], None]):
        self.folder = folder
        self.stages: list[Stage] = []
        self._log = log
        self._progress = progress

    def tool(self, name: str, tool: Tool, arguments: Sequence[str]) -> None:
        """Stage ``name``: run ``tool``; BuildFailed if it fails."""
        self._progress(name)
        start = time.monotonic()
        run = subprocess.run([*tool.command, *arguments], cwd=self.folder, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        self.stages.append(Stage(name, tool.name, tool.version,
                                 round(time.monotonic() - start, 2)))
        if run.returncode:
            self._log.write_text(run.stdout)
            lines = run.stdout.strip().splitlines() or [f"exit code {run.returncode}"]
            errors = [line for line in lines if line.startswith("ERROR")]
            raise BuildFailed(f"{name}: {(errors or lines)[-1]} (log: {self._log})")

    def json(self, name: str) -> dict:
        """A file that a tool wrote."""
        return json.loads((self.folder / name).read_text())


def _run_all(board: Board, platform: Any, run: _Run, commands: list[list[str]],
             tools: list[Tool], core_rtlil: str | None, seed: int, seeds: int) -> None:
    """Run every stage in ``run.folder`` and write the report there."""
    (yosys, pnr, pack), folder = tools, run.folder
    (_, *synthesis), (_, *pnr_arguments), (_, *pack_arguments) = commands
    run.tool("synthesis", yosys, synthesis)

    attempts: list[Attempt] = []
    routed = pnr_arguments[-1]  # the routed design is the last of its arguments
    best = None
    for number in range(seed, seed + seeds):
        run.tool(f"place and route, seed {number}", pnr,
                 [*pnr_arguments[:-1], f"{number}-{routed}",
                  "--seed", str(number), "--report", f"{number}-pnr.json"])
        reached, met = clock_mhz(run.json(f"{number}-pnr.json"))
        attempts.append(Attempt(number, round(reached, 2)))
        if best is None or attempts[-1].mhz > best.mhz:
            best = attempts[-1]
        if met:
            break
    assert best is not None
    (folder / f"{best.seed}-{routed}").rename(folder / routed)
    run.tool("bitstream", pack, pack_arguments)

    core_cells = None
    if core_rtlil is not None:
        (folder / "core.il").write_text(core_rtlil)
        script = (folder / "top.ys").read_text()
        (folder / "core.ys").write_text(
            script.replace("top.", "core.").replace("-top top", "-top core")
            .replace("stat.json", "core-stat.json"))
        run.tool("synthesis of the core alone", yosys, ["-q", "-l", "core.rpt", "core.ys"])
        core_cells = cell_counts(run.json("core-stat.json"))

    pnr_report = run.json(f"{best.seed}-pnr.json")
    reached, met = clock_mhz(pnr_report)
    bitstream = folder / ("top.bin" if board.family == "ice40" else "top.bit")
    BuildReport(
        board=board.name, device=f"{platform.device}-{platform.package}",
        clock_mhz=board.clock_hz / 1e6, fmax_mhz=round(reached, 2), met=met,
        utilisation=utilisation(pnr_report), cells=cell_counts(run.json("stat.json")),
        core_cells=core_cells, critical_path=critical_path(pnr_report),
        bitstream=bitstream, bitstream_bytes=bitstream.stat().st_size,
        seed=best.seed, attempts=tuple(attempts), stages=tuple(run.stages),
    ).save(folder / _REPORT)
