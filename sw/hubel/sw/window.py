"""Energy over a ``with`` block from any sensors, all read by one thread."""

import threading
import time
import warnings
from collections.abc import Sequence
from typing import Protocol, Self

from .figure import Figure


class Sensor(Protocol):
    """A source of joules."""

    @property
    def polled(self) -> bool:
        """Whether readings must be taken meanwhile; false for a constant."""
        ...

    def start(self) -> None:
        """Begin a window."""
        ...

    def update(self) -> None:
        """Take a reading; never raises for a sensor that fails, which is a gap."""
        ...

    def energy(self, seconds: float) -> Figure:
        """Energy in J of the window that began with :meth:`start` and took ``seconds``; unknown
        with the gap in its source where readings are missing."""
        ...


class EnergyWindow:
    """Energy over a ``with`` block.

    One thread reads every sensor each ``period``, so that no counter can wrap unseen. Nothing is
    subtracted: idle power is included.

    Parameters
    ----------
    sensors : sequence of Sensor
    period : float
        Time between two readings in s, above 0.

    Attributes
    ----------
    seconds : float
        After the block: how long it took.
    energies : tuple of Figure
        After the block: energy in J from each sensor.
    overhead_seconds : float
        After the block: processor time that the readings took, in s.

    Warns
    -----
    UserWarning
        If a measured window is shorter than 20 periods or 1 s.
    """

    seconds: float
    energies: tuple[Figure, ...]

    def __init__(self, sensors: Sequence[Sensor], *, period: float = 0.1):
        if not period > 0:
            raise ValueError(f"period must be above 0, not {period!r}")
        self._sensors = tuple(sensors)
        self._polled = [sensor for sensor in self._sensors if sensor.polled]
        self._period = period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.overhead_seconds = 0.0

    def __enter__(self) -> Self:
        self._begin = time.monotonic()
        for sensor in self._sensors:
            sensor.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._begin
        self.energies = tuple(sensor.energy(self.seconds) for sensor in self._sensors)
        shortest = max(20 * self._period, 1.0)
        if self._polled and self.seconds < shortest:
            warnings.warn(
                f"window of {self.seconds:.3g} s is shorter than {shortest:g} s: poor resolution",
                stacklevel=2,
            )

    @property
    def powers(self) -> tuple[Figure, ...]:
        """After the block: the energies as mean powers in W, for the ledger."""
        return _powers(self.energies, self.seconds)

    def so_far(self) -> tuple[float, tuple[Figure, ...]]:
        """Inside the block: the time since it began in s, and the mean powers in W until now."""
        seconds = time.monotonic() - self._begin
        return seconds, _powers([sensor.energy(seconds) for sensor in self._sensors], seconds)

    def _sample(self) -> None:
        """Read every sensor each period, and once more at the end."""
        ended = not self._polled
        while not ended:
            ended = self._stop.wait(self._period)
            for sensor in self._polled:
                sensor.update()
            self.overhead_seconds = time.thread_time()


def _powers(energies: Sequence[Figure], seconds: float) -> tuple[Figure, ...]:
    return tuple(
        energy.times(1 / seconds, name=energy.name.replace("energy", "power"), unit="W")
        for energy in energies
    )
