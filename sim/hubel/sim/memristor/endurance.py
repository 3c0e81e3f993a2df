"""Writes that wear devices out: a counter a device, a window that closes, and a lifetime.

Each device endures a number of pulses of its own (log-normal). Beyond it, its low resistance rises
as a power of the pulses, the gradual form of Lammie et al. 2021, until its window is closed.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from .device import Device
from .layers import Layer
from .random import Purpose, Where
from .source import Source
from .validate import number, positive
from .waveform import Floats

#: Seconds of a year.
YEAR = 365.25 * 86400


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """How many pulses a kind of device endures.

    Parameters
    ----------
    cycles : float
        Median, 1 or more.
    sigma_decades : float
        Sigma of its logarithm to base 10 from device to device, 0 or more.
    slope : float
        Decades of resistance for each decade of pulses beyond, above 0.
    source : Source
    """

    cycles: float
    sigma_decades: float = 0.3
    slope: float = 1.0
    source: Source

    def __post_init__(self) -> None:
        number("cycles", self.cycles, 1.0)
        number("sigma_decades", self.sigma_decades, 0.0, 5.0)
        positive("slope", self.slope)

    def quantile(self, share: float) -> float:
        """Pulses after which ``share`` of the devices (0..1, excluded) are worn."""
        if not 0 < share < 1:
            raise ValueError(f"share must be between 0 and 1, not {share!r}")
        return self.cycles * 10.0 ** (self.sigma_decades * float(ndtri(share)))

    def lifetime(self, writes_per_second: float, *, share: float = 0.01) -> float:
        """Seconds until ``share`` of the devices are worn; infinite without writes.

        Raises
        ------
        ValueError
            If the rate is negative or not finite, or the share is out of range.
        """
        rate = number("writes_per_second", writes_per_second, 0.0, unit="1/s")
        return math.inf if rate == 0 else self.quantile(share) / rate


class Wear:
    """Counters of the devices of a rectangle.

    Attributes
    ----------
    pulses : array of float, shape (rows, columns)
        What each device has seen.
    limits : array of float, shape (rows, columns)
        What each endures, drawn once.
    """

    def __init__(self, where: Where, endurance: Endurance):
        self.where, self.endurance = where, endurance
        self.pulses = np.zeros(where.shape)
        decades = endurance.sigma_decades * where.normal(Purpose.WINDOW)
        self.limits: Floats = endurance.cycles * 10.0**decades

    def add(self, pulses: npt.ArrayLike) -> None:
        """Count pulses, one number for all or one a device; ValueError if one is negative."""
        counts = np.asarray(pulses, dtype=np.float64)
        if not np.isfinite(counts).all() or (counts < 0).any():
            raise ValueError("pulses must be 0 or more")
        self.pulses = self.pulses + np.broadcast_to(counts, self.where.shape)

    @property
    def worn(self) -> npt.NDArray[np.bool_]:
        """Devices beyond what they endure."""
        return self.pulses > self.limits

    def layer(self) -> "WornWindow":
        """What is left of the windows now, as a layer of an array on the same devices."""
        beyond = np.maximum(self.pulses / self.limits, 1.0)
        return WornWindow(self.where, beyond**self.endurance.slope)


@dataclass(frozen=True, eq=False)
class WornWindow(Layer):
    """Devices whose low resistance has risen by the factor ``rise`` (1 or more)."""

    where: Where
    rise: Floats

    def window(self, where: Where, device: Device) -> tuple[Floats, Floats] | None:
        rows, columns = where.row - self.where.row, where.column - self.where.column
        last = (rows + where.rows, columns + where.columns)
        inside = rows >= 0 and columns >= 0
        if not (inside and last[0] <= self.where.rows and last[1] <= self.where.columns):
            raise ValueError(f"the wear of {self.where} says nothing about {where}")
        if (where.seed, where.array) != (self.where.seed, self.where.array):
            raise ValueError(f"the wear of {self.where} says nothing about {where}")
        rise = self.rise[rows : last[0], columns : last[1]]
        most = np.maximum(device.g_max / rise, device.g_min)
        return np.full(where.shape, device.g_min), most


@dataclass(frozen=True, kw_only=True)
class UniformWear(Layer):
    """Every device of every array has seen ``pulses`` pulses."""

    endurance: Endurance
    pulses: float

    def __post_init__(self) -> None:
        number("pulses", self.pulses, 0.0)

    def window(self, where: Where, device: Device) -> tuple[Floats, Floats] | None:
        wear = Wear(where, self.endurance)
        wear.add(self.pulses)
        return wear.layer().window(where, device)


_EXPLORER = "NVMExplorer data base of published cells"
PRESETS = {
    "rram_worst": Endurance(cycles=1e3, source=Source(_EXPLORER, "measured", "RRAM, 1e3..1e8")),
    "rram_typical": Endurance(cycles=1e6, source=Source(_EXPLORER, "assumed", "middle of range")),
    "rram_best": Endurance(cycles=1e8, source=Source(_EXPLORER, "measured", "RRAM, 1e3..1e8")),
    "pcm_worst": Endurance(cycles=1e5, source=Source(_EXPLORER, "measured", "PCM, 1e5..2.8e11")),
    "pcm_best": Endurance(cycles=2.8e11, source=Source(_EXPLORER, "measured", "PCM, 1e5..2.8e11")),
}
