"""Resistances that move beyond a threshold of cycles or seconds, and the window that they close.

The empirical form for metal oxides of Lammie et al. 2021 ("Empirical metal-oxide RRAM device
endurance and retention model for deep learning simulations"): with x cycles or seconds, the
threshold is x_th = p0 exp(p1 cell + p2 min(T_th / T, 1)), and beyond it, gradually,
log10 R = log10 R0 + p3 (p1 cell + p2 T_c) (log10 x - log10 x_th), or suddenly R = R_stable.
The paper fits p0..p3 to each material; there is no default. T_c is read here as the same
min(T_th / T, 1), the only term that p2 has a unit for.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .device import Device
from .layers import Layer
from .random import Where

Floats = npt.NDArray[np.float64]

_MOST_EXPONENT, _MOST_DECADES = 600.0, 200.0


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How one state of a device moves; see the module.

    Parameters
    ----------
    p0, p1, p2, p3 : float
        Parameters of the fit; ``p0`` above 0. The sign of ``p3`` says which way R goes.
    cell_nm : float
        Size of a cell, nm.
    kelvin, threshold_kelvin : float
        Temperature, and the one above which the threshold falls.
    stable_ohms : float, optional
        The sudden form: R beyond the threshold. None: the gradual one.
    """

    p0: float
    p1: float
    p2: float
    p3: float
    cell_nm: float
    kelvin: float = 298.0
    threshold_kelvin: float = 298.0
    stable_ohms: float | None = None

    def __post_init__(self) -> None:
        if not self.p0 > 0:
            raise ValueError(f"p0 of a failure must be above 0, not {self.p0!r}")
        if not (self.kelvin > 0 and self.threshold_kelvin > 0 and self.cell_nm > 0):
            raise ValueError("cell_nm, kelvin and threshold_kelvin must be above 0")
        if not all(math.isfinite(p) for p in (self.p0, self.p1, self.p2, self.p3)):
            raise ValueError("p0, p1, p2 and p3 of a failure must be finite")
        if not abs(self._exponent) < _MOST_EXPONENT:
            raise ValueError(
                f"p1 cell + p2 min(T_th / T, 1) is {self._exponent:g}, which gives no threshold; "
                f"cell_nm is in nanometres"
            )
        if self.stable_ohms is not None and not self.stable_ohms > 0:
            raise ValueError(f"stable_ohms must be above 0, not {self.stable_ohms!r}")

    @property
    def threshold(self) -> float:
        """Cycles or seconds after which R moves."""
        return self.p0 * math.exp(self._exponent)

    @property
    def _exponent(self) -> float:
        heat = min(self.threshold_kelvin / self.kelvin, 1.0)
        return self.p1 * self.cell_nm + self.p2 * heat

    def resistance(self, ohms: float, x: float) -> float:
        """R after ``x`` cycles or seconds, ohms."""
        if x <= self.threshold:
            return ohms
        if self.stable_ohms is not None:
            return self.stable_ohms
        decades = self.p3 * self._exponent * (math.log10(x) - math.log10(self.threshold))
        # A fit that is carried too far still gives a number.
        return ohms * 10.0 ** min(max(decades, -_MOST_DECADES), _MOST_DECADES)


@dataclass(frozen=True, kw_only=True)
class WindowClosing(Layer):
    """After ``cycles`` the low conductance follows ``high_resistance`` and the high one
    ``low_resistance``; a target in between lands in the window that is left.

    A model that makes the two cross leaves their mean.
    """

    cycles: float
    high_resistance: Failure
    low_resistance: Failure

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cycles) and self.cycles >= 0):
            raise ValueError(f"cycles must be 0 or more, not {self.cycles!r}")

    def window(self, where: Where, device: Device) -> tuple[Floats, Floats] | None:
        least = device.g_min
        if least > 0:
            least = 1e6 / self.high_resistance.resistance(1e6 / least, self.cycles)
        most = 1e6 / self.low_resistance.resistance(1e6 / device.g_max, self.cycles)
        if least > most:
            least = most = (least + most) / 2
        return np.full(where.shape, least), np.full(where.shape, most)


@dataclass(frozen=True, kw_only=True)
class LammieRetention(Layer):
    """Conductances move with time by ``failure``, all devices alike."""

    failure: Failure

    def aged(self, g: Floats, time: float) -> Floats:
        if self.failure.stable_ohms is not None:
            beyond = time > self.failure.threshold
            return np.full_like(g, 1e6 / self.failure.stable_ohms) if beyond else g
        return g / self.failure.resistance(1.0, time)
