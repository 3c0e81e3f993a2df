"""Accuracy of a task over points and device seeds: the Monte-Carlo that experiments share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubel.hdl.program import Program
from hubel.sim.memristor.at_program import ProgramDevices, program_devices
from hubel.sim.memristor.compensation import Scope
from hubel.sim.memristor.crossbar import SynapseParams
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.threads import one_thread

from .bands import Band
from .context import Context
from .task import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Point:
    """Where accuracy is measured.

    Parameters
    ----------
    cells : ArrayParams
        Devices and their layers.
    time : float
        Seconds since programming.
    compensation : str
        ``"none"``, ``"global"``, ``"column"``, or ``"thresholds"``.
    """

    cells: ArrayParams
    time: float = 0.0
    compensation: str = "none"


@dataclass(frozen=True)
class Measured:
    """What one seed of devices gave: accuracy in percent, the root of the mean square error of the
    weights in LSB, joules of programming in the array and in the periphery, mean pulses a device,
    the share of devices that failed to verify, and joules of one read of all weights."""

    accuracy: float
    error: float
    array_joules: float
    periphery_joules: float
    pulses: float
    failed: float
    read_array_joules: float
    read_periphery_joules: float


@dataclass(frozen=True)
class Cell:
    """All seeds of a point."""

    seeds: tuple[Measured, ...]

    def band(self, of: Callable[[Measured], float] = lambda m: m.accuracy) -> Band:
        """Mean and band of ``of`` each seed."""
        return Band.of([of(m) for m in self.seeds])

    def mean(self, of: Callable[[Measured], float]) -> float:
        """Mean of ``of`` each seed."""
        return float(np.mean([of(m) for m in self.seeds]))


def measure(context: Context, points: Sequence[Point]) -> list[Cell]:
    """Each of ``points`` with all seeds of ``context``."""
    tasks = [(context.task, list(points), seed) for seed in context.all_seeds]
    by_seed = context.sweep(measure_seed, tasks)
    return [Cell(tuple(column)) for column in zip(*by_seed, strict=True)]


def measure_seed(task: Task, points: Sequence[Point], seed: int) -> list[Measured]:
    """``points`` with the devices of one ``seed``; points of the same cells share the devices, and
    equal points are measured once."""
    made: dict[int, ProgramDevices] = {}
    known: dict[tuple, Measured] = {}
    # Its matrices are small: several threads would take twice the processor's time.
    with one_thread():
        for point in points:
            key = _key(point)
            if key in known:
                continue
            if id(point.cells) not in made:
                params = SynapseParams(array=point.cells, weight_width=task.program.weight_width)
                made[id(point.cells)] = program_devices(task.program, params, seed=seed)
            devices = made[id(point.cells)]
            known[key] = _measured(task, devices, program_at(devices, point), point.time)
    return [known[_key(point)] for point in points]


def _key(point: Point) -> tuple:
    return id(point.cells), point.time, point.compensation


def program_at(devices: ProgramDevices, point: Point) -> Program:
    """The Program that the core runs at ``point``."""
    if point.compensation == "thresholds":
        return devices.at_scaled_thresholds(point.time)
    scopes: dict[str, Scope] = {"none": "none", "global": "global", "column": "column"}
    if point.compensation not in scopes:
        raise ValueError(
            f"compensation must be one of {[*scopes, 'thresholds']}, not {point.compensation!r}"
        )
    return devices.at(point.time, compensation=scopes[point.compensation])


def _measured(task: Task, devices: ProgramDevices, program: Program, time: float) -> Measured:
    errors: list[Any] = [
        (new.weights.astype(np.int64) - old.weights.astype(np.int64)).ravel()
        for new, old in zip(program.projections, task.program.projections, strict=True)
    ]
    pulses = np.concatenate([a.devices.pulses.ravel() for a in devices.arrays])
    failed = np.concatenate([a.devices.failed.ravel() for a in devices.arrays])
    ledger, read = devices.ledger, devices.read_ledger(time)
    return Measured(
        accuracy=task.accuracy(program),
        error=float(np.sqrt(np.mean(np.square(np.concatenate(errors))))),
        array_joules=ledger.joules_of("array"),
        periphery_joules=ledger.joules_of("periphery"),
        pulses=float(pulses.mean()),
        failed=float(failed.mean()),
        read_array_joules=read.joules_of("array"),
        read_periphery_joules=read.joules_of("periphery"),
    )
