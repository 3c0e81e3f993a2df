"""Append-only record of every training attempt, so that no joule is lost or counted twice.

The file holds one JSON object a line. An attempt writes a ``started`` line, one ``epoch`` line
for each epoch it reports, and an ``ended`` line with everything. When the last one is missing the
process was killed, and the attempt counts with what the others say.
"""

import fcntl
import json
import math
import os
import platform
import time
import uuid
import warnings
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .attempt import Attempt
from .figure import Figure

#: Closes a line that a crash left unfinished, so that the next record starts on its own line.
_SEAL = '\n{"event": "truncated"}\n'


class Run:
    """A running attempt: what :meth:`Ledger.attempt` yields.

    Attributes
    ----------
    power, setup, tools, score, status, config, exit_code
        As in :class:`Attempt`; assign them at any time before the end. A status that is assigned
        is kept, otherwise it follows from how the ``with`` block ends.
    """

    def __init__(self, ledger: "Ledger", attempt: Attempt):
        self._ledger = ledger
        self._attempt = attempt
        self._begin = self._mark = time.monotonic()
        self._seconds: list[float] = []
        self.power: Iterable[Figure] = attempt.power
        self.setup: Iterable[Figure] = ()
        self.tools: Iterable[Figure] = ()
        self.score: float | None = None
        self.status: str | None = None
        self.config: dict[str, Any] = dict(attempt.config)
        self.exit_code: int | None = None

    @property
    def opened(self) -> Attempt:
        """What was recorded at the start."""
        return self._attempt

    def epoch(self, seconds: float | None = None) -> None:
        """Record the end of an epoch that took ``seconds``, by default all since the last mark."""
        now = time.monotonic()
        seconds = now - self._mark if seconds is None else float(seconds)
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds of an epoch must be at least 0, not {seconds!r}")
        self._mark = now
        self._ledger.write({"event": "epoch", "id": self._attempt.id, "seconds": seconds})
        self._seconds.append(seconds)

    def close(self, status: str) -> Attempt:
        """Return the finished attempt, with ``status`` unless one was assigned."""
        wall = time.monotonic() - self._begin
        # A diverged training scores NaN: that is no score, and no reason to lose its joules.
        scored = self.score is not None and math.isfinite(self.score)
        return replace(
            self._attempt,
            status=self.status or status,
            epochs=len(self._seconds),
            seconds=tuple(self._seconds),
            other_seconds=max(0.0, wall - math.fsum(self._seconds)),
            power=tuple(self.power),
            setup=tuple(self.setup),
            tools=tuple(self.tools),
            score=float(self.score) if scored and self.score is not None else None,
            config=dict(self.config),
            exit_code=self.exit_code,
        )


class Ledger:
    """Attempts in one JSON Lines file, safe to append to from several processes.

    Parameters
    ----------
    path : path-like
        The file; created by the first record, its folder must exist.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    def add(self, attempt: Attempt) -> None:
        """Append a finished attempt that was recorded elsewhere."""
        self.write({"event": "ended", "id": attempt.id, "attempt": attempt.to_json()})

    @contextmanager
    def attempt(
        self,
        name: str,
        config: Mapping[str, Any] | None = None,
        *,
        power: Iterable[Figure] = (),
        versions: Mapping[str, str] | None = None,
        command: Iterable[str] = (),
    ) -> Generator[Run]:
        """Record the ``with`` block as one attempt.

        The attempt is ``completed`` when the block ends, ``failed`` when an exception leaves it,
        ``killed`` when it is interrupted. ``power`` given here also counts if the process dies.
        """
        opened = Attempt(
            id=str(uuid.uuid4()),
            name=name,
            start=datetime.now(UTC).isoformat(timespec="seconds"),
            status="killed",
            epochs=0,
            seconds=(),
            other_seconds=None,
            power=tuple(power),
            config=dict(config or {}),
            host=platform.node(),
            versions={"python": platform.python_version()} | dict(versions or {}),
            command=tuple(command),
        )
        self.write({"event": "started", "id": opened.id, "attempt": opened.to_json()})
        run = Run(self, opened)
        try:
            yield run
        except Exception:
            self.add(run.close("failed"))
            raise
        except BaseException:
            self.add(run.close("killed"))
            raise
        self.add(run.close("completed"))

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record as one line: whole and on disk, or not at all for a reader."""
        line = json.dumps(record, allow_nan=False) + "\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = _SEAL + line
            data = line.encode()
            if os.write(descriptor, data) != len(data):
                raise OSError(f"{self.path}: the record was cut short; is the disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[Attempt]:
        """Return every attempt, in order of its first record.

        Raises
        ------
        ValueError
            For a line that is corrupt or that counts an attempt twice, with file and line number.
            A line that a crash cut short is skipped with a warning.
        """
        attempts: dict[str, Attempt] = {}
        laps: dict[str, list[float]] = {}
        ended: set[str] = set()
        for place, record in self._records():
            try:
                event, key = record["event"], record["id"]
                if key in ended or (event == "started" and key in attempts):
                    raise ValueError(f"attempt {key} is counted twice")
                if event == "epoch":
                    laps[key].append(record["seconds"])
                elif event in ("started", "ended"):
                    attempts[key] = Attempt.from_json(record["attempt"])
                    laps[key] = []
                    if event == "ended":
                        ended.add(key)
                else:
                    raise ValueError(f"unknown event {event!r}")
            except KeyError as error:
                raise ValueError(f"{place}: corrupt record: no {error}") from error
            except (TypeError, ValueError) as error:
                raise ValueError(f"{place}: corrupt record: {error}") from error
        for key in attempts.keys() - ended:
            seconds = tuple(laps[key])
            attempts[key] = replace(attempts[key], epochs=len(seconds), seconds=seconds)
        return list(attempts.values())

    def _records(self) -> Generator[tuple[str, dict[str, Any]]]:
        """Yield (place, record) for each whole line."""
        with self.path.open(encoding="ascii", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            lines = file.read().split("\n")
        for number, line in enumerate(lines, start=1):
            place = f"{self.path}:{number}"
            following = lines[number] if number < len(lines) else ""
            cut = number == len(lines) or following == _SEAL.strip()
            if not line or line == _SEAL.strip():
                continue
            try:
                yield place, json.loads(line)
            except json.JSONDecodeError as error:
                if not cut:
                    raise ValueError(f"{place}: corrupt line: {error}") from error
                warnings.warn(f"{place}: truncated line skipped", stacklevel=3)
