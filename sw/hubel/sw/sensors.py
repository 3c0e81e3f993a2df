"""Sensors of any meter with one reading, a constant, a replayed log, and FPGA counters."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from .figure import Figure, total, weakest
from .meter_log import MeterLog
from .uncertainty import propagate

#: A power that was not read for so long, in s, is a gap.
LONGEST_STEP = 2.0


class Accumulator:
    """Joules of one window from readings of a counter in J or of a power in W.

    Parameters
    ----------
    read : callable
        Returns the reading; OSError or ValueError is a gap.
    counter : bool
        Whether it counts joules; otherwise power is integrated by trapezoids.
    name : str
        For the text of a gap.
    clock : callable
        Monotonic time in s.

    Attributes
    ----------
    joules : float
    gap : str or None
        Seconds and reason of the last gap.
    """

    def __init__(
        self,
        read: Callable[[], float],
        *,
        counter: bool,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._read, self._counter, self._name, self._clock = read, counter, name, clock
        self._last: tuple[float, float] | None = None
        self._begin: float | None = None
        self.joules = 0.0
        self.gap: str | None = None

    def update(self) -> None:
        """Take a reading."""
        now = self._clock()
        if self._begin is None:
            self._begin = now
        since = now - (self._begin if self._last is None else self._last[0])
        try:
            value = float(self._read())
            if not math.isfinite(value):
                raise ValueError(f"it says {value}")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.gap = f"gap of {since:.3g} s: {self._name} unreadable: {reason}"
            return
        if self._last is not None:
            before = self._last[1]
            if self._counter:
                if value < before:
                    self.gap = (
                        f"gap of {since:.3g} s: {self._name} ran backwards from {before:.6g} to"
                        f" {value:.6g} J"
                    )
                else:
                    self.joules += value - before
            else:
                if since > LONGEST_STEP:
                    self.gap = f"gap of {since:.3g} s: {self._name} was not read"
                self.joules += (value + before) / 2 * since
        self._last = (now, value)


class MeterSensor:
    """A meter with one reading.

    Parameters
    ----------
    name, boundary, source : str
        Of the figure; one gain error is shared by all figures of the ``name``.
    read : callable
        Returns J where it is a ``counter``, otherwise W.
    gain : float
        Relative half width of the 95 % interval.
    """

    polled = True

    def __init__(
        self,
        name: str,
        read: Callable[[], float],
        *,
        counter: bool,
        boundary: str,
        source: str,
        gain: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.name, self.boundary, self.source, self.gain = name, boundary, source, gain
        self._new = lambda: Accumulator(read, counter=counter, name=name, clock=clock)
        self._sum = self._new()

    def start(self) -> None:
        """Begin a window."""
        self._sum = self._new()
        self._sum.update()

    def update(self) -> None:
        """Take a reading."""
        self._sum.update()

    def energy(self, seconds: float) -> Figure:
        """Energy in J, or unknown with the gap."""
        joules = None if self._sum.gap else self._sum.joules
        return measured(
            joules, self.name, self.boundary, self.gain, self.source, self._sum.gap or ""
        )


def measured(
    joules: float | None, name: str, boundary: str, gain: float, source: str, gap: str = ""
) -> Figure:
    """Energy that a meter with a relative half width of ``gain`` saw; None: it did not."""
    return Figure(
        name=f"{name} energy",
        value=joules,
        unit="J",
        kind="measured",
        subkind="meter",
        boundary=boundary,
        source="; ".join(part for part in (source, gap) if part),
        interval=None if joules is None else (joules * (1 - gain), joules * (1 + gain)),
        distribution="fixed" if joules is None else "normal",
        group=None if joules is None else f"{name} gain",
    )


class ConstantSensor:
    """A power that is declared.

    Parameters
    ----------
    power : Figure
        In W.
    """

    polled = False

    def __init__(self, power: Figure):
        if power.unit != "W":
            raise ValueError(f"a constant must be in 'W', not {power.name!r} in {power.unit!r}")
        self._power = power

    def start(self) -> None:
        """Nothing to begin."""

    def update(self) -> None:
        """Nothing to read."""

    def energy(self, seconds: float) -> Figure:
        """The power for ``seconds``."""
        name = self._power.name.removesuffix(" power")
        return self._power.times(seconds, name=f"{name} energy", unit="J")


class ReplaySensor:
    """A log of a meter, as if it were read now: its first ``seconds``, or those it was busy."""

    polled = False

    def __init__(self, log: MeterLog):
        self._log = log

    def start(self) -> None:
        """The log begins anew with each window."""

    def update(self) -> None:
        """Nothing to read."""

    def energy(self, seconds: float) -> Figure:
        """Energy in J; unknown where the log is shorter than the window."""
        log = self._log
        if log.seconds < seconds:
            gap = f"gap of {seconds - log.seconds:.3g} s: the log ends after {log.seconds:.3g} s"
            return measured(None, log.name, log.boundary, log.gain, log.source, gap)
        begin = float(log.times[0])
        joules = log.joules(begin, begin + seconds)
        return measured(joules, log.name, log.boundary, log.gain, log.source)


class ActivitySensor:
    """The activity model of an FPGA on counters that are read at both ends of a window.

    Parameters
    ----------
    counters : callable
        Returns the counters by name, which only grow.
    model : callable
        Takes their growth and the seconds of the window; returns figures in J, see
        :func:`hubel.sw.energy.estimate`.
    """

    polled = True

    def __init__(
        self,
        counters: Callable[[], dict[str, int]],
        model: Callable[[dict[str, int], float], Sequence[Figure]],
    ):
        self._read, self._model = counters, model
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self.gap = ""

    def start(self) -> None:
        """Begin a window."""
        self._first, self.gap = {}, ""
        self.update()

    def update(self) -> None:
        """Read the counters."""
        try:
            self._last = dict(self._read())
        except (OSError, ValueError) as error:
            self.gap = f"gap: counters unreadable: {error}"
        self._first = self._first or self._last

    def energy(self, seconds: float) -> Figure:
        """The sum of the model's terms in J, with its 95 % interval."""
        growth = {name: self._last[name] - self._first[name] for name in self._first}
        terms = self._model(growth, seconds)
        worst = weakest(terms)
        label: dict[str, Any] = {
            "name": "FPGA energy",
            "unit": "J",
            "kind": worst.kind,
            "subkind": worst.subkind,
            "boundary": total(terms, "FPGA").boundary,
            "source": "; ".join([f"activity model, {len(terms)} terms", *filter(None, [self.gap])]),
        }
        if self.gap:
            return Figure(value=None, **label)
        return propagate(lambda x: sum(x[term] for term in terms), terms).figure(**label)


def declared_power(name: str, watts: float, boundary: str) -> Figure:
    """A power that the user declares."""
    if not 0 <= watts < math.inf:
        raise ValueError(f"{name} must be at least 0 W, not {watts!r}")
    return Figure(
        name=f"{name} power",
        value=watts,
        unit="W",
        kind="assumed",
        subkind="declared",
        boundary=boundary,
        source="declared by the user",
        group=f"{name} power",
    )
