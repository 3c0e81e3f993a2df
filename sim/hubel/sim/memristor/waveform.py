"""State and current of a device under a voltage that changes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .validate import number, positive

Floats = npt.NDArray[np.float64]


class Model(Protocol):
    """A device with one state 0..1 whose rate of change is ``rate(v) * shape(x, rate > 0)``."""

    def rate(self, voltage: npt.ArrayLike, /) -> Floats:
        """dx/dt without the window, 1/s."""
        ...

    def shape(self, x: float, rising: bool, /) -> float:
        """The window."""
        ...

    def current(self, x: npt.ArrayLike, voltage: npt.ArrayLike, /) -> Floats:
        """Ampere."""
        ...


@dataclass(frozen=True, eq=False)
class Waveform:
    """What a simulation saw, each of shape (steps + 1,): s, V, state, A."""

    times: Floats
    voltages: Floats
    states: Floats
    currents: Floats

    @property
    def energy(self) -> float:
        """Joules that went into the device (trapezoids)."""
        return float(np.trapezoid(self.voltages * self.currents, self.times))


def simulate(
    device: Model,
    voltage: Callable[[Floats], npt.ArrayLike],
    seconds: float,
    step: float,
    *,
    x0: float = 0.0,
) -> Waveform:
    """State and current under a voltage that changes, by Runge and Kutta's fourth order.

    Parameters
    ----------
    device : Vteam or Yakopcic
    voltage : callable
        Takes times in s, returns volts of the same shape.
    seconds, step : float
        Duration and step, s; a whole number of steps, 1 to 10 million.
    x0 : float
        State at the start, 0..1.

    Raises
    ------
    ValueError
        If a number is out of range, or the voltage is no number somewhere.
    """
    x = number("x0", x0, 0.0, 1.0)
    count = positive("seconds", seconds, "s") / positive("step", step, "s")
    steps = round(min(count, 1e9))
    if not 1 <= steps <= 10_000_000 or not math.isclose(steps * step, seconds, rel_tol=1e-6):
        raise ValueError(
            f"{seconds:g} s must be 1 to 10 million whole steps, not {count:g} of {step:g} s"
        )
    # The voltage does not depend on the state, so its rates are known beforehand: at the start,
    # in the middle and at the end of each step.
    halves: Floats = np.arange(2 * steps + 1, dtype=np.float64) * (step / 2)
    volts = np.broadcast_to(np.asarray(voltage(halves), dtype=np.float64), halves.shape)
    rates = device.rate(volts).tolist()
    states = [x]
    for n in range(steps):
        a, b, c = rates[2 * n : 2 * n + 3]
        if a or b or c:
            x = min(max(_runge_kutta(device, x, step, a, b, c), 0.0), 1.0)
        states.append(x)
    trace = np.array(states)
    applied = volts[::2].copy()
    return Waveform(halves[::2], applied, trace, device.current(trace, applied))


def _runge_kutta(device: Model, x: float, step: float, a: float, b: float, c: float) -> float:
    def slope(rate: float, at: float) -> float:
        return rate * device.shape(min(max(at, 0.0), 1.0), rate > 0)

    k1 = slope(a, x)
    k2 = slope(b, x + step / 2 * k1)
    k3 = slope(b, x + step / 2 * k2)
    k4 = slope(c, x + step * k3)
    return x + step * (k1 + 2 * k2 + 2 * k3 + k4) / 6
