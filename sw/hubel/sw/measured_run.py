"""Any training command as one measured attempt in the ledger, whatever becomes of it.

The command may say more through the file that ``HUBEL_ATTEMPT`` names: one JSON object a line,
``{"epoch": 1, "seconds": 4.2}``, ``{"score": 0.97}``, ``{"config": {"lr": 0.1}}`` and
``{"status": "early_stopped"}`` (or ``pruned``, ``debug``).
"""

import ctypes
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .attempt import Attempt
from .figure import Figure, total
from .ledger import Ledger, Run
from .window import EnergyWindow, Sensor

#: The variable that names the file to report in.
VARIABLE = "HUBEL_ATTEMPT"
_BEAT = 1.0  # s
#: Of prctl, on Linux alone.
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
#: Statuses that a command may give itself, where it ends well.
OWN_STATUSES = ("early_stopped", "pruned", "debug")


def run_measured(
    command: Sequence[str],
    *,
    ledger: str | os.PathLike[str],
    sensors: Sequence[Sensor],
    name: str = "",
    config: Mapping[str, Any] | None = None,
    period: float = 0.1,
    environment: Mapping[str, str] | None = None,
    on_start: Callable[[Attempt], None] = lambda opened: None,
    on_beat: Callable[[float, tuple[Figure, ...]], None] = lambda seconds, powers: None,
) -> tuple[Attempt, EnergyWindow]:
    """Run ``command`` and record it.

    An epoch that the command does not report is the whole run, where it ends well. ``SIGINT`` and
    ``SIGTERM`` are passed on, and the attempt is recorded when the command has ended.

    Parameters
    ----------
    command : sequence of str
        Program and arguments; its input and output are those of the caller.
    ledger : path
        Appended to; its folder is made.
    sensors : sequence of Sensor
        Whose boundaries do not overlap.
    name : str
        Of the experiment; by default the name of the program.
    config : dict, optional
        Hyper-parameters.
    period : float
        Time between readings in s.
    environment : dict, optional
        Added to that of the caller.
    on_start : callable
        Called with the attempt as it was opened, before the command starts.
    on_beat : callable
        Called each second with the time since the start in s and the mean powers until now.

    Returns
    -------
    (Attempt, EnergyWindow)
        ``exit_code`` of the attempt is that of the command.

    Raises
    ------
    ValueError, OSError
        If there is no command or no such program (then nothing was started and nothing is
        recorded), two sensors overlap, or the ledger cannot be written.
    """
    if not command:
        raise ValueError("there is no command; put it after --")
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"{command[0]}: no such program")
    refuse_overlap(sensors)
    path = Path(ledger)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hubel-") as folder:
        notes = Path(folder) / "attempt.jsonl"
        variables = os.environ | dict(environment or {}) | {VARIABLE: str(notes)}
        label = name or Path(command[0]).name
        with Ledger(path).attempt(label, config, command=command) as run:
            on_start(run.opened)
            window = EnergyWindow(sensors, period=period)
            begin = time.monotonic()
            try:
                with window:
                    run.exit_code = _wait(command, variables, lambda: on_beat(*window.so_far()))
            finally:
                run.power = window.powers
            _conclude(run, notes, time.monotonic() - begin)
        # The last record of this very attempt: other processes may have added theirs.
        attempt = next(a for a in reversed(Ledger(path).read()) if a.id == run.opened.id)
    return attempt, window


def refuse_overlap(sensors: Sequence[Sensor]) -> None:
    """Raise a ValueError if two sensors see the same joules, as far as their boundaries tell."""
    for sensor in sensors:
        sensor.start()
    figures: list[Figure] = [sensor.energy(0.0) for sensor in sensors]
    boundaries = [figure.boundary for figure in figures]
    for boundary in boundaries:
        if boundaries.count(boundary) > 1:
            raise ValueError(f"two probes for the boundary {boundary!r}; adding both overlaps")
    if figures:
        total(figures, "probes")


def _wait(command: Sequence[str], environment: Mapping[str, str], beat: Callable[[], None]) -> int:
    """The exit code of ``command``; signals to this process are passed on to it, and its death
    is the command's: joules that nobody measures would be lost."""
    parent = os.getpid()

    def die_with_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        # Two system calls between fork and exec take no lock that another thread might hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = subprocess.Popen(list(command), env=dict(environment), preexec_fn=die_with_parent)

    def forward(number: int, _frame: object) -> None:
        # Ctrl-C on a terminal reaches the command by itself.
        if number != signal.SIGINT or not sys.stdin.isatty():
            child.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        before = {number: signal.signal(number, forward) for number in numbers}
    except ValueError:
        before = {}  # not the main thread, which alone takes signals
    try:
        while True:
            try:
                return child.wait(timeout=_BEAT)
            except subprocess.TimeoutExpired:
                beat()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _conclude(run: Run, notes: Path, wall: float) -> None:
    """Take what the command said, and how it ended, into ``run``."""
    said = _read(notes)
    for seconds in said["epochs"]:
        run.epoch(seconds)
    code = run.exit_code
    if code == 0 and not said["epochs"]:
        run.epoch(wall)
    run.score = said["score"]
    run.config |= said["config"]
    interrupted = code is not None and (code < 0 or code in (128 + signal.SIGINT,
                                                             128 + signal.SIGTERM))  # fmt: skip
    run.status = said["status"] if code == 0 else "killed" if interrupted else "failed"


def _read(notes: Path) -> dict[str, Any]:
    """What the command wrote; a line that is no such note is ignored, as is one that was cut."""
    said: dict[str, Any] = {"epochs": [], "score": None, "config": {}, "status": "completed"}
    lines = notes.read_text("utf-8", errors="replace").splitlines() if notes.exists() else []
    for line in lines:
        try:
            note = json.loads(line)
            seconds = float(note.get("seconds", math.nan))
            if "epoch" in note and math.isfinite(seconds) and seconds >= 0:
                said["epochs"].append(seconds)
            if note.get("score") is not None:
                said["score"] = float(note["score"])
            if isinstance(note.get("config"), dict):
                said["config"] |= note["config"]
            if note.get("status") in OWN_STATUSES:
                said["status"] = note["status"]
        except (AttributeError, TypeError, ValueError):
            continue
    return said
