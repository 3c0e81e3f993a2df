"""Inferences on a board, again and again until the window of a meter is long enough."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .board_run import BoardRun
from .figure import Figure
from .idle import Baseline, net
from .window import EnergyWindow, Sensor

#: A shorter window, in s, says more of the meter's steps and of the host than of the board.
LONG_ENOUGH = 10.0


class Runs(Protocol):
    """What runs a Program on spikes: :class:`hubel.sw.board.Board`."""

    def run(self, spikes: npt.ArrayLike) -> BoardRun: ...


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """Inferences in one window.

    Attributes
    ----------
    runs, inferences, operations : int
        How often all samples were run, how many inferences that were, and their synaptic
        operations.
    seconds : float
        The window, from before the first run to after the last.
    busy_clocks : int
        Clocks in which the core worked.
    energies : tuple of Figure
        What each sensor saw in the window, in J, idle power and the time of the line included.
    nets : tuple of Figure
        The same less idle power, where a baseline of the boundary was given.
    windows : tuple of (float, float)
        When each run began and ended, in s since 1970: they trim the log of a meter with a clock
        of its own, see :meth:`.meter_log.MeterLog.marked`.
    """

    runs: int
    inferences: int
    operations: int
    seconds: float
    busy_clocks: int
    energies: tuple[Figure, ...]
    nets: tuple[Figure, ...]
    windows: tuple[tuple[float, float], ...]

    def figures(self) -> list[Figure]:
        """Joules of an inference and of a synaptic operation, gross and net."""
        return [
            energy.times(1 / count, name=f"{energy.name} {what}", unit=unit)
            for energy in (*self._gross(), *self.nets)
            for count, what, unit in (
                (self.inferences, "an inference", "J"),
                (self.operations, "a synaptic operation", "J/SOP"),
            )
            if count
        ]

    def _gross(self) -> list[Figure]:
        return [energy.times(1, name=f"gross {energy.name}", unit="J") for energy in self.energies]


def repeat(
    board: Runs,
    spikes: npt.NDArray,
    sensors: Sequence[Sensor],
    *,
    seconds: float = LONG_ENOUGH,
    baselines: Sequence[Baseline] = (),
    period: float = 0.1,
    on_second: Callable[[int, int], None] = lambda done, total: None,
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> Repeated:
    """Run all of ``spikes``, shape (samples, steps, inputs), until the window has ``seconds``.

    The first run, which may load the Program, is before the window; all others must say the same.

    Raises
    ------
    ValueError
        If there is nothing to run or to read, or ``seconds`` is not above 0.
    AssertionError
        If a run gives other spikes or counters than the first.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, not {seconds!r}")
    if not len(spikes):
        raise ValueError("there are no samples to run")
    if not sensors:
        raise ValueError("give a probe: nothing would be measured")
    first = board.run(spikes)
    runs = shown = 0
    windows: list[tuple[float, float]] = []
    with EnergyWindow(sensors, period=period) as window:
        begin = clock()
        while (passed := clock() - begin) < seconds:
            if int(passed) > shown:
                shown = int(passed)
                on_second(shown, round(seconds))
            start = wall_clock()
            run = board.run(spikes)
            windows.append((start, wall_clock()))
            runs += 1
            _same(first, run, runs)
    return Repeated(
        runs=runs,
        inferences=runs * len(spikes),
        operations=runs * first.counters["synaptic_operations"],
        seconds=window.seconds,
        busy_clocks=runs * first.counters["busy"],
        energies=window.energies,
        nets=tuple(
            net(energy, baseline, window.seconds)
            for energy in window.energies
            for baseline in baselines
            if energy.value is not None and energy.boundary == baseline.power.boundary
        ),
        windows=tuple(windows),
    )


def _same(first: BoardRun, run: BoardRun, number: int) -> None:
    for name, expected in first.spikes.items():
        if not np.array_equal(run.spikes[name], expected):
            raise AssertionError(f"run {number} gave other spikes of {name} than the first")
    if run.counters != first.counters:
        name = next(n for n in run.counters if run.counters[n] != first.counters[n])
        raise AssertionError(
            f"run {number} counted {run.counters[name]} {name}, the first {first.counters[name]}"
        )
