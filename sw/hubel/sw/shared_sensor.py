"""The meter of a machine on which several trials run: each gets its share, and none counts twice.

Every trial has a file in a folder of the machine that holds its process number; what the meter
counts between two readings is divided by the trials that run then.
"""

import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from .figure import Figure
from .window import Sensor


class Roll:
    """The trials that run on this machine.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist; one for all trials that share a meter.
    name : str
        Unique in the folder.
    """

    def __init__(self, folder: Path | str, name: str):
        self._folder = Path(folder)
        self._file = self._folder / name

    def __enter__(self) -> "Roll":
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{self._file.name}"
        draft.write_text(str(os.getpid()))
        draft.replace(self._file)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.unlink(missing_ok=True)

    def count(self) -> int:
        """How many run now, 1 at least; those whose process has died are struck off."""
        running = 0
        for file in self._folder.glob("[!.]*"):
            with suppress(OSError, ValueError):
                try:
                    os.kill(int(file.read_text()), 0)
                    running += 1
                except ProcessLookupError:
                    file.unlink(missing_ok=True)
        return max(running, 1)


class SharedSensor:
    """The share of one trial in what ``sensor`` counts.

    Parameters
    ----------
    sensor : Sensor
        Of the whole machine.
    roll : Roll
        Entered by the caller.
    """

    polled = True

    def __init__(self, sensor: Sensor, roll: Roll):
        self._sensor, self._roll = sensor, roll
        self._begin = self._before = self._share = 0.0

    def start(self) -> None:
        """Begin a window."""
        self._begin, self._before, self._share = time.monotonic(), 0.0, 0.0
        self._sensor.start()

    def update(self) -> None:
        """Take a reading, and this trial's part of what came since the last one."""
        if self._sensor.polled:
            self._sensor.update()
        now = self._sensor.energy(time.monotonic() - self._begin).value
        if now is not None:
            self._share += (now - self._before) / self._roll.count()
            self._before = now

    def energy(self, seconds: float) -> Figure:
        """The share in J, with the kind and the relative interval of the whole; what was not
        divided yet, less than one period, counts as if the trial were alone."""
        whole = self._sensor.energy(seconds)
        source = f"{whole.source}; divided between the trials of the machine"
        if whole.value is None:
            return replace(whole, source=source)
        share = self._share + max(whole.value - self._before, 0.0)
        factor = share / whole.value if whole.value else 1.0
        return replace(whole.times(factor, name=whole.name, unit="J"), source=source)
