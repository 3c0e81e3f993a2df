"""What spoils an array, as layers that compose: each changes one thing, and nothing at zero.

A layer says what it does at one or more of these points, in this order: the levels that targets
snap to, the gain of each device, the noise of a cycle, the window that is left, devices that are
stuck, what time does, and what a read does.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .device import Device
from .random import Purpose, Where

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def _share(name: str, value: float, *, most: float = math.inf) -> None:
    if not (math.isfinite(value) and 0 <= value <= most):
        upper = "" if math.isinf(most) else f" and at most {most:g}"
        raise ValueError(f"{name} must be 0 or more{upper}, not {value!r}")


class Layer:
    """A layer that changes nothing."""

    def target(self, g: Floats, device: Device) -> Floats:
        """What is programmed instead of ``g``, uS."""
        return g

    def gain(self, where: Where) -> Floats | None:
        """What the conductance of each device is multiplied by, for good."""
        return None

    def cycle_sigma(self, g: Floats) -> Floats | None:
        """Sigma of one programming on top of the device's own, uS."""
        return None

    def window(self, where: Where, device: Device) -> tuple[Floats, Floats] | None:
        """Least and largest conductance that each device can still reach, uS."""
        return None

    def pinned(self, where: Where, device: Device) -> tuple[Bools, Floats] | None:
        """Devices that no pulse moves, and what they are, uS."""
        return None

    def aged(self, g: Floats, time: float) -> Floats:
        """What ``g`` uS has become at ``time``, seconds."""
        return g

    def read(self, g: Floats, where: Where, event: int) -> Floats:
        """What a read sees of ``g`` uS."""
        return g


@dataclass(frozen=True)
class FiniteLevels(Layer):
    """Targets snap to ``levels`` conductances from g_min to g_max, evenly spaced, both included."""

    levels: int

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise ValueError(f"levels must be 2 or more, not {self.levels!r}")

    def target(self, g: Floats, device: Device) -> Floats:
        steps, span = self.levels - 1, device.g_max - device.g_min
        return device.g_min + np.rint((g - device.g_min) * (steps / span)) * (span / steps)


@dataclass(frozen=True)
class DeviceToDevice(Layer):
    """Each device has a gain of its own, 1 + ``sigma`` xi, which is never negative."""

    sigma: float

    def __post_init__(self) -> None:
        _share("sigma from device to device", self.sigma)

    def gain(self, where: Where) -> Floats | None:
        if not self.sigma:
            return None
        return np.maximum(1 + self.sigma * where.normal(Purpose.DEVICE), 0.0)


@dataclass(frozen=True)
class CycleToCycle(Layer):
    """Every programming lands with a sigma of ``sigma`` times the conductance beside the device's
    own."""

    sigma: float

    def __post_init__(self) -> None:
        _share("sigma from cycle to cycle", self.sigma)

    def cycle_sigma(self, g: Floats) -> Floats | None:
        return self.sigma * g if self.sigma else None


@dataclass(frozen=True)
class StuckCells(Layer):
    """Devices that no pulse moves: shares ``low`` (stuck in high resistance, g_min), ``high`` (in
    low resistance, g_max) and ``unformed`` (no conductance). One number a device decides among
    them, so that no device is stuck twice."""

    low: float = 0.0
    high: float = 0.0
    unformed: float = 0.0

    def __post_init__(self) -> None:
        for name in ("low", "high", "unformed"):
            _share(f"the share of stuck cells, {name},", getattr(self, name), most=1)
        if self.low + self.high + self.unformed > 1:
            raise ValueError(
                f"shares of stuck cells must add up to at most 1, not "
                f"{self.low + self.high + self.unformed:g}"
            )

    def pinned(self, where: Where, device: Device) -> tuple[Bools, Floats] | None:
        ends = np.cumsum([self.low, self.high, self.unformed])
        if not ends[-1]:
            return None
        u = where.uniform(Purpose.STUCK)
        values = np.select([u < ends[0], u < ends[1]], [device.g_min, device.g_max], 0.0)
        return u < ends[-1], values


@dataclass(frozen=True)
class ReadNoise(Layer):
    """Every read has a sigma of ``sigma`` times the conductance."""

    sigma: float

    def __post_init__(self) -> None:
        _share("sigma of a read", self.sigma)

    def read(self, g: Floats, where: Where, event: int) -> Floats:
        if not self.sigma:
            return g
        return np.maximum(g * (1 + self.sigma * where.normal(Purpose.READ_LAYER, event)), 0.0)


@dataclass(frozen=True)
class PowerRetention(Layer):
    """g (t / t_start)^-nu after ``t_start`` seconds, all devices alike (Boybat et al. 2018, as in
    MemTorch, whose default start of 1 ps divides by 16 within a second)."""

    nu: float
    t_start: float = 1.0

    def __post_init__(self) -> None:
        _share("nu", self.nu)
        if not (math.isfinite(self.t_start) and self.t_start > 0):
            raise ValueError(f"t_start must be above 0 s, not {self.t_start!r}")

    def aged(self, g: Floats, time: float) -> Floats:
        if not self.nu or time <= self.t_start:
            return g
        return g * math.exp(-self.nu * math.log(time / self.t_start))


@dataclass(frozen=True)
class CubicIV(Layer):
    """A read at ``volts`` sees I / V of I = G V + a V^2 + b V^3, where a and b are the fit of Milo
    et al. 2021 in log10 of G in siemens, for 50..225 uS and at most 0.5 V."""

    volts: float

    def __post_init__(self) -> None:
        if not 0 <= self.volts <= 0.5:
            raise ValueError(f"the I-V fit holds for 0..0.5 V, not {self.volts!r}")

    def read(self, g: Floats, where: Where, event: int) -> Floats:
        if not self.volts:
            return g
        log = np.log10(np.clip(g, 50.0, 225.0) * 1e-6)
        a = ((1.388e-4 * log + 1.541e-3) * log + 5.711e-3) * log + 7.063e-3
        b = (8.871e-5 * log + 6.7919e-4) * log + 1.2968e-3
        return np.maximum(g + 1e6 * (a + b * self.volts) * self.volts, 0.0)
