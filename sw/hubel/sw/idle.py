"""Idle power of a machine, measured on request, and what a run took beyond it."""

import json
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .figure import Figure
from .npz import atomic_file
from .window import EnergyWindow, Sensor

#: Shorter baselines are refused: background work comes in bursts.
SHORTEST = 30.0
#: The baseline is measured in so many parts, whose spread is its noise.
PARTS = 10
#: Normal quantile of a central 95 % interval.
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Idle power of one boundary.

    Parameters
    ----------
    power : Figure
        Mean, in W, measured, with the gain of its meter as interval.
    sigma : float
        Standard error of the mean in W, from the spread of its parts.
    seconds : float
        For how long it was measured.
    """

    power: Figure
    sigma: float
    seconds: float


def measure_idle(
    sensors: Sequence[Sensor],
    seconds: float = SHORTEST,
    *,
    period: float = 0.1,
    on_part: Callable[[int, int], None] = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Baseline]:
    """Measure the idle power at each sensor that is a meter.

    Raises
    ------
    ValueError
        If ``seconds`` is less than 30, or no sensor is a meter.
    """
    if not seconds >= SHORTEST:
        raise ValueError(f"an idle baseline takes {SHORTEST:g} s at least, not {seconds:g}")
    meters = [sensor for sensor in sensors if sensor.polled]
    if not meters:
        raise ValueError("no probe here is a meter, and an assumed idle power is no baseline")
    parts: list[tuple[Figure, ...]] = []
    for done in range(PARTS):
        with EnergyWindow(meters, period=period) as window:
            sleep(seconds / PARTS)
        parts.append(window.powers)
        on_part(done + 1, PARTS)
    return [_baseline(column, seconds) for column in zip(*parts, strict=True)]


def _baseline(powers: Sequence[Figure], seconds: float) -> Baseline:
    values = [power.value for power in powers if power.value is not None]
    if len(values) < len(powers):
        bad = next(power for power in powers if power.value is None)
        raise ValueError(f"idle baseline has a gap: {bad.source}")
    mean = statistics.fmean(values)
    first = powers[0]
    gain = 0.0
    if first.interval and first.value:
        gain = (first.interval[1] - first.interval[0]) / 2 / first.value
    power = Figure(
        name=f"idle {first.name}",
        value=mean,
        unit="W",
        kind=first.kind,
        subkind=first.subkind,
        boundary=first.boundary,
        source=f"{first.source}; idle for {seconds:g} s",
        interval=(mean * (1 - gain), mean * (1 + gain)),
        distribution="normal",
        group=first.group,
    )
    return Baseline(power=power, sigma=statistics.stdev(values) / math.sqrt(PARTS), seconds=seconds)


def net(gross: Figure, baseline: Baseline, seconds: float) -> Figure:
    """``gross`` joules of a window of ``seconds`` less the baseline, with the sigma of both.

    Raises
    ------
    ValueError
        If the boundaries differ or the energy is unknown.
    """
    if gross.boundary != baseline.power.boundary:
        raise ValueError(
            f"idle power of {baseline.power.boundary!r} cannot be taken from {gross.boundary!r}"
        )
    if gross.value is None or baseline.power.value is None:
        raise ValueError(f"{gross.name} is unknown: {gross.source}")
    value = gross.value - baseline.power.value * seconds
    low, high = gross.interval or (gross.value, gross.value)
    # One gain scales both; the noise of the baseline adds to it.
    gain = (high - low) / 2 / gross.value if gross.value else 0.0
    half = math.hypot(gain * value, _Z * baseline.sigma * seconds)
    return Figure(
        name=f"net {gross.name}",
        value=value,
        unit="J",
        kind=gross.kind,
        subkind=gross.subkind,
        boundary=gross.boundary,
        source=f"{gross.source}; less {baseline.power.value:.4g} W idle,"
        f" sigma {baseline.sigma:.2g} W",
        interval=(value - half, value + half),
        distribution="normal",
        group=gross.group,
    )


def save_idle(path: str | os.PathLike[str], baselines: Sequence[Baseline]) -> None:
    """Save ``baselines`` as JSON, whole or not at all."""
    records = [
        {"power": b.power.to_json(), "sigma": b.sigma, "seconds": b.seconds} for b in baselines
    ]
    with atomic_file(path) as temporary:
        Path(temporary).write_text(json.dumps(records, indent=2) + "\n", "utf-8")


def load_idle(path: str | os.PathLike[str]) -> list[Baseline]:
    """Load what :func:`save_idle` saved; ValueError that names the file if it is something else."""
    try:
        records = json.loads(Path(path).read_text("utf-8"))
        return [
            Baseline(power=Figure.from_json(r["power"]), sigma=r["sigma"], seconds=r["seconds"])
            for r in records
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not an idle baseline; run: hubel nature idle") from error
