# pyright: reportAttributeAccessIssue=false, reportWildcardImportFromLibrary=false
# (amaranth-stubs do not know back.rtlil)
"""From a Program to a bitstream: synthesis, place and route, packing, and a report of it all."""

import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from amaranth import *
from amaranth.back import rtlil
from amaranth.lib import io

from hubel.hdl.core import Core
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.soc import SpikeSoc

from .contents import NOISE_TAG, PATCHABLE, patched_link, patched_memories
from .description import Board
from .patch import Contents, patch
from .pll import PllClock
from .report import (
    Attempt,
    BuildReport,
    CoreSizes,
    Stage,
    cell_counts,
    clock_mhz,
    critical_path,
    utilisation,
)
from .toolchain import Tool, find_tool

__all__ = ["RELAX_COLLISIONS", "BoardTop", "BuildFailed", "SerialTop", "build",
           "build_design", "ice40_options", "other_names"]


# A read port that meets a write to its row has a defined answer in Amaranth, the old row, and
# Yosys adds logic that makes it so where the block RAM does not: for 256 x 16 bits 42 flip-flops
# and 26 LUTs on an iCE40, 42 and 35 on an ECP5. Where something here reads a row while it is
# written, it does not use the answer, which is therefore left open; then 1 and 0 LUTs are left
# beside the RAM. The parameter has a bit for each write port, and this selects clocked read ports
# beside exactly one.
RELAX_COLLISIONS = ("setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i "
                    "r:COLLISION_X_MASK=1'0 %i r:TRANSPARENCY_MASK=1'0 %i")

# The placer of nextpnr-ice40 weighs timing with 10 where nothing is said. The means of seeds 1 to 3
# on an iCE40UP5K with 10 and 30: 784-128-10 in SPRAM, 8 lanes of 8 bits 35.2 and 39.3 MHz, 16 lanes
# of 4 bits (2 seeds) 36.4 and 40.0; digits 39.4 and 38.8. On an ECP5 30 costs 10 %.
_PLACING = " --placer-heap-timingweight 30"

_OTHER_NAMES = "rename -enumerate"
_REPORT = "build.json"
_PACKERS = {"ice40": "icepack", "ecp5": "ecppack"}
_BITSTREAMS = {"ice40": "top.bin", "ecp5": "top.bit", "gowin": "top.fs"}


# What nextpnr says where it has more cells of a kind than the device.
_NO_ROOM = re.compile(r"no B[Ee][Ll]s remaining to implement cell type '?([\w-]+)")


class BuildFailed(Exception):
    """A tool stopped with an error; the message has its last words and names its log."""


def ice40_options(device: str, *, dsp: bool) -> str:
    """Options of ``synth_ice40`` for ``device`` (iCE40UP..., iCE40HX..., iCE40LP...): a mapping
    that knows its delays. Yosys takes those of an HX otherwise, and 784-128-10 in the SPRAM of an
    iCE40UP5K is at 35.9 MHz instead of 39.6."""
    kind = {"UP": "u", "HX": "hx", "LP": "lp"}[device.removeprefix("iCE40")[:2]]
    return f"-abc9 -device {kind}" + (" -dsp" if dsp else "")


def other_names(failed: BuildFailed, script: Path) -> None:
    """Change the Yosys ``script`` so that private names are others, if it ``failed`` an assertion
    of Yosys itself; else raise ``failed``.

    Yosys 0.70 does so in a few designs when it takes over what ABC made (``conn.first``,
    ``rtlil.cc``). Which ones depends on names: nothing in the design is wrong.
    """
    text = script.read_text()
    if "ERROR: Assert" not in str(failed) or _OTHER_NAMES in text:
        raise failed
    script.write_text(text.replace(RELAX_COLLISIONS, f"{RELAX_COLLISIONS}\n{_OTHER_NAMES}"))


class SerialTop(Elaboratable):
    """The top level on ``board``: clock, serial port, busy pin and ``soc``, which has ``rx``,
    ``tx`` and ``busy``, and with ``flash`` also ``spi``."""
    def __init__(self, board: Board, soc: Any, *, flash: bool = False):
        self._board = board
        self._soc = soc
        self._flash = flash

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.clock = PllClock(self._board.pll)
        m.submodules.soc = soc = self._soc
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.comb += [soc.rx.eq(rx.i), tx.o.eq(soc.tx)]
        if self._board.busy is not None:
            platform.add_resources([self._board.busy])
            m.submodules.busy = busy = io.Buffer(
                io.Direction.Output, platform.request("busy", 0, dir="-"))
            m.d.comb += busy.o.eq(soc.busy)
        if self._flash:
            flash = platform.request("spi_flash_1x", 0, dir="-")
            m.submodules.cs = cs = io.Buffer(io.Direction.Output, flash.cs)
            m.submodules.clk = clk = io.Buffer(io.Direction.Output, flash.clk)
            m.submodules.copi = copi = io.Buffer(io.Direction.Output, flash.copi)
            m.submodules.cipo = cipo = io.Buffer(io.Direction.Input, flash.cipo)
            # The pin of a platform is inverted where its name is.
            m.d.comb += [cs.o.eq(~soc.spi.cs_n), clk.o.eq(soc.spi.clk),
                         copi.o.eq(soc.spi.copi), soc.spi.cipo.eq(cipo.i)]
        return m


class BoardTop(SerialTop):
    """The top level on ``board`` with :class:`SpikeSoc`, whose memories hold other ``contents``
    than those of ``program`` if that is said; it reads the flash where weights are in SPRAM."""
    def __init__(self, board: Board, params: CoreParams, program: Program,
                 contents: dict[MemoryKind, list[int]] | None = None):
        spram = board.uses_spram(params)
        boot = board.boot if spram else None
        soc = SpikeSoc(
            params, program, divisor=board.divisor, clock_hz=board.clock_hz, spram=spram,
            boot=boot, contents=contents, tag=NOISE_TAG if contents else None)
        super().__init__(board, soc, flash=boot is not None)


def build(board: Board, params: CoreParams, program: Program, out_dir: str | os.PathLike[str], *,
          seed: int = 1, seeds: int = 4,
          progress: Callable[[str], None] = lambda stage: None) -> BuildReport:
    """Bitstream of ``program`` on a core of sizes ``params``; see :func:`build_design`.

    Where block RAM can be patched (iCE40, ECP5), the design is built with noise in its memories, in
    the folder ``shapes``, and the Program is put into the routed design: another Program that
    differs in what lies in block RAM only (weights, first states, parameters of single neurons)
    takes no synthesis.
    """
    def of_shape(contents: dict[MemoryKind, list[int]] | None, folder: Path) -> BuildReport:
        return build_design(
            board, BoardTop(board, params, program, contents), folder,
            core=Core(params, program, access=True, spram=board.uses_spram(params),
                      contents=contents),
            seed=seed, seeds=seeds, progress=progress, sizes=sizes)

    sizes = CoreSizes(params.lanes, params.weight_width,
                      sum(shape.neurons for shape in params.populations), params.weight_words)
    if board.family not in PATCHABLE:
        return of_shape(None, Path(out_dir))
    memories = patched_memories(board, params, program)
    shape = of_shape({kind: memory.built for kind, memory in memories.items()},
                     Path(out_dir, "shapes"))
    link = patched_link(board, params, program)
    return _patched(board, shape, [*memories.values(), link], Path(out_dir), progress)


def _patched(board: Board, shape: BuildReport, memories: list[Contents], out_dir: Path,
             progress: Callable[[str], None]) -> BuildReport:
    """The build ``shape`` with other contents, in a folder of its own in ``out_dir``."""
    source = shape.bitstream.parent
    identity = hashlib.sha256(source.name.encode())
    for memory in memories:
        identity.update(f"{memory.name} {memory.wanted}".encode())
    final = out_dir / f"{board.name}-{identity.hexdigest()[:16]}"
    if not (final / _REPORT).exists():
        _, routing, (_, *pack) = json.loads((source / "build_top.json").read_text())["commands"]
        routed = routing[-1]
        with tempfile.TemporaryDirectory(prefix=".patching-", dir=out_dir) as temporary:
            folder = Path(temporary, "build")
            folder.mkdir()
            for path in source.iterdir():
                if path.name not in (routed, shape.bitstream.name, _REPORT):
                    os.link(path, folder / path.name)
            run = _Run(folder, final.with_name(final.name + ".log"), progress)
            progress("patch")
            start = time.monotonic()
            text = patch((source / routed).read_text(), board.family, memories)
            (folder / routed).write_text(text)
            run.stages.append(Stage("patch", "hubel", "", round(time.monotonic() - start, 2)))
            run.tool("bitstream", find_tool(_PACKERS[board.family]), pack)
            report = replace(shape, bitstream=folder / shape.bitstream.name,
                             stages=(*shape.stages, *run.stages))
            report.save(folder / _REPORT)
            if not final.exists():
                folder.rename(final)
    return BuildReport.load(final / _REPORT)


def build_design(board: Board, design: Elaboratable, out_dir: str | os.PathLike[str], *,
                 core: Elaboratable | None = None, seed: int = 1, seeds: int = 4,
                 progress: Callable[[str], None] = lambda stage: None,
                 sizes: CoreSizes | None = None) -> BuildReport:
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
    sizes : CoreSizes, optional
        Of the core, for the report.

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
    if board.family == "gowin":
        commands[1] = _himbaechel(board, platform)
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
            _run_all(board, platform, run, commands, tools, core_rtlil, seed, seeds, sizes)
            if not final.exists():
                folder.rename(final)
    return BuildReport.load(final / _REPORT)


def _plan(board: Board, platform: Any, design: Elaboratable) -> Any:
    ice40 = board.family == "ice40"
    return platform.build(
        design, do_build=False, emit_src=False,
        script_after_read=RELAX_COLLISIONS,
        script_after_synth="tee -q -o stat.json stat -json",
        synth_opts=ice40_options(platform.device, dsp=board.resources["dsp"] > 0)
        if ice40 else "",
        nextpnr_opts="--timing-allow-fail" + (_PLACING if ice40 else ""))


def _himbaechel(board: Board, platform: Any) -> list[str]:
    """Place and route for a Gowin, whose tool has another name and other options since it moved to
    nextpnr's newer framework. It knows nothing of PLLs: all clocks must meet the core's."""
    return ["nextpnr-himbaechel-gowin", "--quiet", "--timing-allow-fail", "--log", "top.tim",
            "--device", platform.part, "--vopt", f"family={platform._chipdb_device}",
            "--vopt", "cst=top.cst", "--freq", f"{board.clock_hz / 1e6:g}",
            "--json", "top.syn.json", "--write", "top.pnr.json"]


class _Run:
    """Runs tools in ``folder`` and keeps a record; where one fails, its output is ``log``."""
    def __init__(self, folder: Path, log: Path, progress: Callable[[str], None]):
        self.folder = folder
        self.stages: list[Stage] = []
        self._log = log
        self._progress = progress

    def tool(self, name: str, tool: Tool, arguments: Sequence[str]) -> None:
        """Stage ``name``: run ``tool``; BuildFailed if it fails, ValueError where cells do not fit
        the device."""
        self._progress(name)
        start = time.monotonic()
        run = subprocess.run([*tool.command, *arguments], cwd=self.folder, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        self.stages.append(Stage(name, tool.name, tool.version,
                                 round(time.monotonic() - start, 2)))
        if run.returncode:
            # Yosys tells of an assertion in its report alone.
            reports = [self.folder / name for name in arguments if name.endswith(".rpt")]
            said = "".join(path.read_text() for path in reports if path.exists()) + run.stdout
            self._log.write_text(said)
            lines = said.strip().splitlines() or [f"exit code {run.returncode}"]
            errors = [line for line in lines if line.startswith("ERROR")]
            short = _NO_ROOM.search(said)
            if short:
                raise ValueError(f"it does not fit: no {short[1]} is left; try fewer --lanes or a "
                                 f"larger board (log: {self._log})")
            raise BuildFailed(f"{name}: {(errors or lines)[-1]} (log: {self._log})")

    def json(self, name: str) -> dict:
        """A file that a tool wrote."""
        return json.loads((self.folder / name).read_text())


def _synthesise(run: _Run, name: str, yosys: Tool, arguments: list[str]) -> None:
    """Run the last of ``arguments``, a script, and again if :func:`other_names` is the mend."""
    try:
        run.tool(name, yosys, arguments)
    except BuildFailed as failed:
        other_names(failed, run.folder / arguments[-1])
        run.tool(f"{name}, other names", yosys, arguments)


def _run_all(board: Board, platform: Any, run: _Run, commands: list[list[str]],
             tools: list[Tool], core_rtlil: str | None, seed: int, seeds: int,
             sizes: CoreSizes | None) -> None:
    """Run every stage in ``run.folder`` and write the report there."""
    (yosys, pnr, pack), folder = tools, run.folder
    (_, *synthesis), (_, *pnr_arguments), (_, *pack_arguments) = commands
    _synthesise(run, "synthesis", yosys, synthesis)

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
        _synthesise(run, "synthesis of the core alone", yosys,
                    ["-q", "-l", "core.rpt", "core.ys"])
        core_cells = cell_counts(run.json("core-stat.json"))

    pnr_report = run.json(f"{best.seed}-pnr.json")
    reached, met = clock_mhz(pnr_report)
    bitstream = folder / _BITSTREAMS[board.family]
    BuildReport(
        board=board.name,
        device=getattr(platform, "part", None) or f"{platform.device}-{platform.package}",
        clock_mhz=board.clock_hz / 1e6, fmax_mhz=round(reached, 2), met=met,
        utilisation=utilisation(pnr_report), cells=cell_counts(run.json("stat.json")),
        core_cells=core_cells, critical_path=critical_path(pnr_report),
        bitstream=bitstream, bitstream_bytes=bitstream.stat().st_size,
        seed=best.seed, attempts=tuple(attempts), stages=tuple(run.stages), core=sizes,
    ).save(folder / _REPORT)
