"""Build Verilog once for an HDL simulator, run cocotb benches on it, and lint it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from .toolchain import Simulator, ToolMissing, cocotb_version, find_simulator, run_cocotb

__all__ = [
    "BenchFailed",
    "Build",
    "BuildFailed",
    "Simulator",
    "ToolMissing",
    "bench_parameters",
    "bench_result",
    "build",
    "find_simulator",
    "lint",
    "run",
]

#: Verilator warnings that come from the way Amaranth writes Verilog, not from the design.
_WAIVED = (
    "-Wno-WIDTH",  # constants and operands are written at their own width
    "-Wno-CASEINCOMPLETE",  # the default is assigned before the case
    "-Wno-PROCASSINIT",  # registers have an initial value and are assigned in an always block
)

#: The same for what only ``-Wall`` reports.
_WAIVED_BY_LINT = (
    *_WAIVED,
    "-Wno-DECLFILENAME",  # one file holds all modules
    "-Wno-UNUSEDSIGNAL",  # every field and every intermediate net has a name, used or not
)

#: What Verilator's FST writer includes, and the package that has it.
_FST_HEADERS = {"lz4.h": "liblz4-dev", "zlib.h": "zlib1g-dev"}

_PARAMETERS = "parameters.json"
_RESULT = "result.json"
_BENCH_FOLDER = "HUBEL_BENCH_FOLDER"

Waves = Literal["fst", "vcd"]


class BuildFailed(Exception):
    """The simulator refused the Verilog; the message is its first error and the log's path."""


class BenchFailed(AssertionError):
    """A bench failed, ended without a result or ran out of time.

    The message starts with the bench's own text, and names the log of the simulator.
    """


@dataclass(frozen=True)
class Build:
    """Verilog compiled for a simulator; ``folder`` holds all that a run needs."""

    simulator: Simulator
    top: str
    folder: Path
    waves: Waves | None


def build(
    verilog_text: str,
    top: str,
    simulator: Simulator,
    *,
    waves: Waves | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> Build:
    """Compile Verilog, or return the build of the same text, top, simulator and options.

    Parameters
    ----------
    verilog_text, top : str
        The design and the name of its top module.
    simulator : Simulator
    waves : "fst", "vcd" or None
        Make a build whose runs can write waves in that format; it is slower.
    cache_dir : path
        Where builds are kept: by default ``$HUBEL_CACHE``, or ``build/sim`` in the current folder.

    Raises
    ------
    BuildFailed
        If the simulator refuses the Verilog.
    ToolMissing
        If cocotb, or a C++ header that Verilator's FST waves need, is not installed.
    """
    arguments: dict[str, Any] = {
        "hdl_toplevel": top,
        "timescale": ["1ns", "1ps"],
        "waves": waves is not None,
        "build_args": [],
    }
    if simulator.name == "verilator":
        # Whatever has no initial value is random, from the seed of the run.
        arguments["build_args"] = ["-O3", "--x-initial", "unique", *_WAIVED]
        if waves == "fst":
            arguments["build_args"].append("--trace-fst")
    cache = Path(cache_dir or os.environ.get("HUBEL_CACHE") or Path("build", "sim")).resolve()
    tools = [simulator.name, str(simulator.path), simulator.version, sys.prefix, cocotb_version()]
    identity = json.dumps([verilog_text, tools, arguments, waves])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    result = Build(simulator, top, cache / f"{top}-{simulator.name}-{key}", waves)
    if result.folder.exists():
        return result
    cache.mkdir(parents=True, exist_ok=True)
    # Only the last step, a rename, makes a folder with the final name: it is complete or absent.
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"{result.folder.name}.") as temporary:
        work = Path(temporary, "work")
        work.mkdir()
        source = work / f"{top}.v"
        source.write_text(verilog_text)
        arguments |= {"sources": [str(source)], "build_dir": str(work)}
        log = work / "build.log"
        if run_cocotb(simulator, "build", arguments, log, {}) != 0:
            kept = result.folder.with_suffix(".log")
            shutil.copy(log, kept)
            raise _build_error(kept)
        finished = Path(temporary, "finished")
        finished.mkdir()
        program = top if simulator.name == "verilator" else "sim.vvp"
        for name in (source.name, log.name, program):
            os.rename(work / name, finished / name)
        try:
            os.rename(finished, result.folder)
        except OSError:
            # Another process was faster: its build is as good.
            if not result.folder.exists():
                raise
    return result


def _build_error(log: Path) -> Exception:
    """What to raise for the build that wrote ``log``."""
    # What follows "Traceback" is the runner's, not the simulator's.
    lines = log.read_text(errors="replace").partition("Traceback")[0].splitlines()
    for header, package in _FST_HEADERS.items():
        if any(f"{header}: No such file" in line for line in lines):
            return ToolMissing(
                f"{header} not found, FST waves of Verilator need it (VCD waves do not): "
                f"sudo apt-get install {package}"
            )
    signs = ("error", "***")
    first = next((x for x in lines if any(s in x.lower() for s in signs)), "no error message")
    return BuildFailed(f"{first.strip()}\n(log: {log})")


def run(
    build: Build,
    bench_module: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    testcase: str | None = None,
    waves: str | os.PathLike | None = None,
    seed: int = 0,
    timeout_s: float = 600.0,
) -> Any:
    """Run the cocotb tests of a bench, in a process and a folder of their own.

    Parameters
    ----------
    build : Build
    bench_module : str
        Importable name of the bench.
    parameters : mapping
        Handed to the bench as JSON: :func:`bench_parameters`.
    testcase : str
        Run only this test of the bench.
    waves : path
        Write waves there; the build must have been made for the format of its suffix.
    seed : int
        Seeds ``random`` and ``cocotb.RANDOM_SEED`` in the bench and, in Verilator, all that
        has no initial value.
    timeout_s : float
        Wall-clock limit of the whole run.

    Returns
    -------
    What the bench handed to :func:`bench_result`, None if it did not.

    Raises
    ------
    BenchFailed
        If a test fails, none runs, the simulator ends early or the time is over.
    """
    arguments = {
        "test_module": bench_module,
        "hdl_toplevel": build.top,
        "hdl_toplevel_lang": "verilog",
        "build_dir": str(build.folder),
        "testcase": testcase,
        "waves": waves is not None,
    }
    environment = {"COCOTB_RANDOM_SEED": str(seed), "COCOTB_ANSI_OUTPUT": "0"}
    if waves is not None and Path(waves).suffix != f".{build.waves}":
        raise ValueError(f"{waves} needs a build with waves={Path(waves).suffix[1:]!r}")
    runs = build.folder.parent / "runs"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=runs, prefix=f"{bench_module}-"))
    dump = folder / f"waves.{build.waves}"
    if build.simulator.name == "verilator":
        # A seed of 0 would be taken from the clock.
        verilator_seed = 1 + seed % (2**31 - 1)
        arguments["plusargs"] = ["+verilator+rand+reset+2", f"+verilator+seed+{verilator_seed}"]
        arguments["test_args"] = ["--trace-file", str(dump)]
    elif waves is not None:
        arguments["plusargs"] = [f"+dumpfile_path={dump}"]
        # The runner always asks for FST; the last option counts.
        environment["SIM_CMD_SUFFIX"] = f"-{build.waves}"
    (folder / _PARAMETERS).write_text(json.dumps(parameters or {}))
    results, log = folder / "results.xml", folder / "run.log"
    arguments |= {"test_dir": str(folder), "results_xml": str(results)}
    environment[_BENCH_FOLDER] = str(folder)
    try:
        code = run_cocotb(build.simulator, "test", arguments, log, environment, timeout_s)
        failure = _failure(results, log, code)
    except subprocess.TimeoutExpired:
        failure = f"{bench_module} did not end in {timeout_s} s"
    except BaseException:
        shutil.rmtree(folder)
        raise
    if waves is not None and dump.exists():
        Path(waves).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(dump, waves)
    if failure is not None:
        raise BenchFailed(f"{failure}\n(log: {log})")
    result = folder / _RESULT
    value = json.loads(result.read_text()) if result.exists() else None
    shutil.rmtree(folder)
    return value


def _failure(results: Path, log: Path, code: int) -> str | None:
    """Text of the first test that failed, or what else went wrong; None if all is well."""
    if not results.exists():
        errors = [line for line in log.read_text(errors="replace").splitlines() if "Error" in line]
        return f"the simulator ended without a result: {(errors or [f'exit code {code}'])[-1]}"
    cases = list(ElementTree.parse(results).iter("testcase"))
    for case in cases:
        for element in case:
            if element.tag in ("failure", "error"):
                return element.get("message") or element.text or f"{case.get('name')} failed"
    if all(case.find("skipped") is not None for case in cases):
        return "no test ran"
    return f"the simulator ended with exit code {code}" if code else None


def bench_parameters() -> dict[str, Any]:
    """In a bench: the ``parameters`` of :func:`run`."""
    return json.loads(Path(os.environ[_BENCH_FOLDER], _PARAMETERS).read_text())


def bench_result(value: Any) -> None:
    """In a bench: make :func:`run` return ``value`` (JSON)."""
    Path(os.environ[_BENCH_FOLDER], _RESULT).write_text(json.dumps(value))


def lint(verilog_text: str, top: str) -> list[str]:
    """Warnings and errors of ``verilator -Wall``, one a string; empty if the Verilog is clean.

    Raises
    ------
    ToolMissing
        If Verilator is not there.
    """
    simulator = find_simulator("verilator")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, f"{top}.v")
        source.write_text(verilog_text)
        command = [simulator.path, "--lint-only", "-Wall", *_WAIVED_BY_LINT]
        report = subprocess.run(
            [*command, "--top-module", top, source.name],
            cwd=folder,
            env=os.environ | dict(simulator.environment),
            capture_output=True,
            text=True,
        )
    found = [line for line in report.stderr.splitlines() if line.startswith("%")]
    totals = ("%Error: Exiting due to", "%Error: Cannot continue")
    return [line for line in found if not line.startswith(totals)]
