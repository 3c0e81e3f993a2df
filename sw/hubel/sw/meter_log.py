"""A log of a power meter: trimmed to when the board was busy, gross and net of its idle power."""

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .figure import Figure
from .npz import atomic_file

#: A step between two samples that is so many times the usual one is a gap.
GAP_STEPS = 10
#: Normal quantile of a central 95 % interval.
_Z = 1.959964


@dataclass(frozen=True, kw_only=True, eq=False)
class MeterLog:
    """Power over time, and whether the board was busy.

    Parameters
    ----------
    times : array of shape (n,)
        In s, strictly growing, at least 2.
    watts : array of shape (n,)
        Power at those times.
    busy : array of bool of shape (n,), optional
        The busy pin of the board, or its register.
    name, boundary, source : str
        Of the figures; the boundary is that of the meter: a rail or a board.
    gain : float
        Relative half width of the 95 % interval of the meter.

    Raises
    ------
    ValueError
        If shapes differ, time runs backwards or a sample is missing.
    """

    times: npt.NDArray[np.float64]
    watts: npt.NDArray[np.float64]
    busy: npt.NDArray[np.bool_] | None = None
    name: str = "meter"
    boundary: str
    source: str
    gain: float = 0.01

    def __post_init__(self) -> None:
        n = len(self.times)
        if n < 2:
            raise ValueError(f"{self.source}: a log needs at least 2 samples, not {n}")
        for what, column in (("watts", self.watts), ("busy", self.busy)):
            if column is not None and len(column) != n:
                raise ValueError(f"{self.source}: {len(column)} values of {what} for {n} times")
        if not (np.isfinite(self.times).all() and np.isfinite(self.watts).all()):
            raise ValueError(f"{self.source}: a value is not finite")
        steps = np.diff(self.times)
        if not (steps > 0).all():
            row = int(np.argmin(steps)) + 1
            raise ValueError(f"{self.source}: time does not grow at sample {row}")
        gap = float(steps.max())
        if gap > GAP_STEPS * float(np.median(steps)):
            at = float(self.times[int(steps.argmax())])
            raise ValueError(f"{self.source}: gap of {gap:.3g} s at {at:.6g} s")

    @property
    def seconds(self) -> float:
        """From the first sample to the last."""
        return float(self.times[-1] - self.times[0])

    def joules(self, begin: float, end: float) -> float:
        """Energy from ``begin`` to ``end`` in s, both inside the log (trapezoids).

        Raises
        ------
        ValueError
            If the log does not cover them.
        """
        if not self.times[0] <= begin <= end <= self.times[-1] + 1e-9:
            raise ValueError(f"{self.source}: does not cover {begin:.6g} to {end:.6g} s")
        inside = (self.times > begin) & (self.times < end)
        times = np.concatenate([[begin], self.times[inside], [end]])
        return float(np.trapezoid(np.interp(times, self.times, self.watts), times))

    def marked(self, windows: Sequence[tuple[float, float]]) -> "MeterLog":
        """This log, busy in ``windows`` (begin, end) in s of its clock: for a board whose busy
        register the host has read, without a pin."""
        busy = np.zeros(len(self.times), dtype=np.bool_)
        for begin, end in windows:
            busy |= (self.times >= begin) & (self.times < end)
        return replace(self, busy=busy)

    def windows(self) -> list[tuple[float, float]]:
        """The stretches in s while the board was busy: an edge is between two samples.

        Raises
        ------
        ValueError
            If the log has no busy column, or the board was never busy, or all the time.
        """
        if self.busy is None:
            raise ValueError(f"{self.source}: there is no column 'busy' to trim with")
        flags = np.diff(np.concatenate([[False], self.busy, [False]]).astype(np.int8))
        starts, ends = np.flatnonzero(flags == 1), np.flatnonzero(flags == -1)
        if not len(starts):
            raise ValueError(f"{self.source}: the board was never busy")
        if self.busy[0] or self.busy[-1]:
            raise ValueError(f"{self.source}: busy at an end of the log, so that a part is missing")
        middle = (self.times[1:] + self.times[:-1]) / 2
        return [(float(middle[a - 1]), float(middle[b - 1])) for a, b in
                zip(starts, ends, strict=True)]  # fmt: skip

    def gross(self) -> Figure:
        """Energy in J while busy, idle included."""
        joules = math.fsum(self.joules(a, b) for a, b in self.windows())
        return self._figure("gross", joules, self.gain * joules)

    def net(self) -> Figure:
        """Energy in J while busy, less the mean idle power of the same log, with the sigma of both.

        The gain of the meter scales gross and idle alike; the noise of the idle power adds to it.
        """
        windows = self.windows()
        busy_seconds = math.fsum(b - a for a, b in windows)
        joules = math.fsum(self.joules(a, b) for a, b in windows)
        idle = self.watts[~np.asarray(self.busy)]
        if len(idle) < 10:
            raise ValueError(f"{self.source}: {len(idle)} idle samples; 10 are needed at least")
        mean = float(idle.mean())
        # Ten batches: samples next to each other are not independent.
        batches = [float(part.mean()) for part in np.array_split(idle, 10)]
        noise = _Z * float(np.std(batches, ddof=1)) / math.sqrt(10) * busy_seconds
        net = joules - mean * busy_seconds
        return self._figure("net", net, math.hypot(self.gain * net, noise))

    def per_operation(self, operations: int) -> tuple[Figure, Figure]:
        """Gross and net joules of one of ``operations`` synaptic operations."""
        if operations < 1:
            raise ValueError(f"operations must be at least 1, not {operations}")
        return tuple(self._scaled(figure, operations) for figure in (self.gross(), self.net()))  # type: ignore[return-value]

    def _scaled(self, figure: Figure, operations: int) -> Figure:
        value, (low, high) = figure.value or 0.0, figure.interval or (0.0, 0.0)
        name = f"{figure.name} a synaptic operation"
        half = (high - low) / 2 / operations
        return self._make(name, value / operations, half, "J/SOP")

    def _figure(self, what: str, joules: float, half: float) -> Figure:
        return self._make(f"{self.name} {what} energy", joules, half, "J")

    def _make(self, name: str, value: float, half: float, unit: str) -> Figure:
        return Figure(
            name=name,
            value=value,
            unit=unit,
            kind="measured",
            subkind="meter",
            boundary=self.boundary,
            source=self.source,
            interval=(value - abs(half), value + abs(half)),
            distribution="normal",
            group=f"{self.name} gain",
        )


def save_marks(path: str | os.PathLike[str], windows: Sequence[tuple[float, float]]) -> None:
    """Save ``windows`` (begin, end) in s for :func:`load_marks`, whole or not at all."""
    rows = "".join(f"{begin:.6f},{end:.6f}\n" for begin, end in windows)
    with atomic_file(path) as temporary:
        Path(temporary).write_text(f"begin_s,end_s\n{rows}", "utf-8")


def load_marks(path: str | os.PathLike[str]) -> list[tuple[float, float]]:
    """Load what :func:`save_marks` saved; ValueError that names the line of what is no window."""
    windows = []
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                begin, end = float(row["begin_s"]), float(row["end_s"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}:{reader.line_num}: no begin_s and end_s") from error
            if not begin < end:
                raise ValueError(f"{path}:{reader.line_num}: ends before it begins")
            windows.append((begin, end))
    return windows


def load_log(
    path: str | os.PathLike[str], *, boundary: str, gain: float = 0.01, name: str = "meter"
) -> MeterLog:
    """Read a log: CSV with a header; ``time_s``; ``power_w``, or ``current_a`` and ``voltage_v``;
    and, where there is a busy pin, ``busy`` of 0 and 1.

    Raises
    ------
    ValueError, OSError
        If it is not such a file; the message names the line.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = set(reader.fieldnames or ())
        power = ("power_w",) if "power_w" in names else ("current_a", "voltage_v")
        absent = sorted({"time_s", *power} - names)
        if absent:
            raise ValueError(f"{path}: no column {', '.join(absent)}; see docs/energy.md")
        times, watts, busy = [], [], []
        for row in reader:
            try:
                times.append(float(row["time_s"]))
                watts.append(math.prod(float(row[column]) for column in power))
                if "busy" in names:
                    busy.append(bool(int(row["busy"])))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path}:{reader.line_num}: {error}") from error
    return MeterLog(
        times=np.asarray(times, dtype=np.float64),
        watts=np.asarray(watts, dtype=np.float64),
        busy=np.asarray(busy, dtype=np.bool_) if "busy" in names else None,
        name=name,
        boundary=boundary,
        source=path.name,
        gain=gain,
    )
