"""The virtual board: a whole SoC, Verilated, behind a pseudo-terminal.

A driver, hubel's or anybody's, talks to it as to a real board. The main loop is C++
(``data/virtual_board.cpp``): no Python runs while clocks do.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hubel.hdl.program import Program
from hubel.hdl.serial_soc import SerialSoc
from hubel.hdl.soc import SpikeSoc
from hubel.hdl.verilog import to_verilog

from .toolchain import find_simulator

#: Clocks a bit of the serial line: the least. A real board has ten times as many; the line is only
#: a way to the core, and here it costs as much time as the core itself.
DIVISOR = 4

_TOP = "hubel_soc"
_SOURCE = "virtual_board.cpp"


class VirtualBoardFailed(AssertionError):
    """Verilator or the compiler refused the design, or the board ended; names the log."""


@dataclass(frozen=True)
class Speed:
    """Clocks that a virtual board has simulated, the seconds that they took, and the seconds of a
    processor, which other work on the machine does not lengthen."""

    clocks: int
    seconds: float
    cpu_seconds: float

    @classmethod
    def of(cls, text: str) -> "Speed":
        """What the board printed at its end."""
        _, clocks, _, seconds, _, cpu = text.split()[:6]
        return cls(int(clocks), float(seconds), float(cpu))

    @property
    def clocks_per_second(self) -> float:
        """Clocks over seconds."""
        return self.clocks / self.seconds

    @property
    def clocks_per_cpu_second(self) -> float:
        """Clocks over seconds of a processor."""
        return self.clocks / self.cpu_seconds


def build_virtual(
    program: Program,
    *,
    lanes: int = 8,
    divisor: int = DIVISOR,
    loaded: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Path:
    """The executable of a virtual board that has ``program``; built once.

    Parameters
    ----------
    program : Program
    lanes : int
    divisor : int
        Clocks a bit of its serial line.
    loaded : bool
        False: the board has no Program until one is loaded.
    cache_dir : path
        As for :func:`hubel.sim.simulator.build`.

    Raises
    ------
    ToolMissing
        If Verilator, or what it needs, is not there.
    VirtualBoardFailed
        If it refuses the design.
    """
    soc = SpikeSoc(program.params(lanes=lanes), program, divisor=divisor, loaded=loaded)
    return build_virtual_soc(soc, divisor=divisor, cache_dir=cache_dir)


def build_virtual_soc(
    soc: SerialSoc, *, divisor: int = DIVISOR, cache_dir: str | os.PathLike[str] | None = None
) -> Path:
    """The executable of a virtual board with ``soc``, whose serial line has ``divisor`` clocks a
    bit; otherwise as :func:`build_virtual`."""
    simulator = find_simulator("verilator")
    verilog = to_verilog(soc, name=_TOP)
    source = (resources.files("hubel.sim") / "data" / _SOURCE).read_text()
    command = [
        *("--cc", "--exe", "--build", "-O3", "--top-module", _TOP),
        *("--x-assign", "fast", "--x-initial", "fast", "--no-timing", "-Wno-fatal", "-Wno-lint"),
        *("-CFLAGS", f"-O3 -march=native -DDIVISOR={divisor}", "-Mdir", "obj", "-o", _TOP),
        *(f"{_TOP}.v", _SOURCE),
    ]
    identity = json.dumps([verilog, source, command, str(simulator.path), simulator.version])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    cache = Path(cache_dir or os.environ.get("HUBEL_CACHE") or Path("build", "sim")).resolve()
    final = cache / f"{_TOP}-virtual-{key}"
    if final.exists():
        return final
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"{final.name}.") as folder:
        Path(folder, f"{_TOP}.v").write_text(verilog)
        Path(folder, _SOURCE).write_text(source)
        run = subprocess.run(
            [str(simulator.path), *command],
            cwd=folder,
            env=os.environ | dict(simulator.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if run.returncode:
            log = final.with_suffix(".log")
            log.write_text(run.stdout)
            lines = [line for line in run.stdout.splitlines() if "rror" in line]
            raise VirtualBoardFailed(f"{(lines or ['Verilator failed'])[0]} (log: {log})")
        os.replace(Path(folder, "obj", _TOP), final)
    return final


class VirtualBoard:
    """A virtual board that runs, until it is closed; a context manager.

    Parameters
    ----------
    executable : path
        What :func:`build_virtual` gave.
    link : path or None
        A symbolic link to the port, replaced if it is one; for a name that stays.

    Attributes
    ----------
    port : str
        Where its serial line is.
    speed : Speed or None
        How fast it was, when it is closed.

    Raises
    ------
    VirtualBoardFailed
        If it does not start.
    """

    def __init__(
        self, executable: str | os.PathLike[str], *, link: str | os.PathLike[str] | None = None
    ):
        self.speed: Speed | None = None
        self._link = None if link is None else Path(link)
        if self._link is not None and self._link.exists() and not self._link.is_symlink():
            raise FileExistsError(f"{link} is no symbolic link; choose another name")
        # In a session of its own, so that Ctrl-C is seen by who started it, who then closes it.
        self.process = subprocess.Popen(
            [str(executable)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            self.close()
            raise VirtualBoardFailed(f"the virtual board {executable} did not start: {line}")
        self.port = line.split()[1]
        if self._link is not None:
            temporary = self._link.with_name(f"{self._link.name}.new")
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(self.port)
            temporary.replace(self._link)

    def wait(self) -> None:
        """Until it ends by itself or is interrupted."""
        self.process.wait()

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
        _, errors = self.process.communicate(timeout=30)
        if self.speed is None and errors.startswith("clocks "):
            self.speed = Speed.of(errors)
        if self._link is not None and self._link.is_symlink():
            with suppress(OSError):
                if os.readlink(self._link) == getattr(self, "port", None):
                    self._link.unlink()

    def __enter__(self) -> "VirtualBoard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_bytes(
    executable: str | os.PathLike[str], data: bytes, *, timeout_s: float = 3600.0
) -> tuple[bytes, Speed]:
    """What a virtual board sends when it receives ``data`` without a pause, and its speed."""
    run = subprocess.run(
        [str(executable), "--stdio"], input=data, capture_output=True, timeout=timeout_s
    )
    if run.returncode or not run.stderr.startswith(b"clocks "):
        raise VirtualBoardFailed(f"the virtual board ended with {run.returncode}: {run.stderr!r}")
    return run.stdout, Speed.of(run.stderr.decode())
