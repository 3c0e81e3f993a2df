"""Filamentary and other resistive memory by its published statistics, and a generic device."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .device import Cells, Device
from .energy import Pulse, ReadPulse
from .source import Source

Floats = npt.NDArray[np.float64]

_NVSIM = Source("NVSim sample_RRAM.cell", "assumed", "2 V 10 ns; 0.6 pJ at 15 uS; read 0.4 V 10 ns")
_PULSE = Pulse(volts=2.0, seconds=10e-9, source=_NVSIM)
_READ = ReadPulse(volts=0.4, seconds=10e-9, source=_NVSIM)

#: Seconds of the fits of Wan 2022, and their polynomials in r = G / 40, uS.
_WAN_TIMES = (1.0, 86400.0, 172800.0)
_WAN_FITS = (
    (0.348, 16.030, -43.853, 45.393, -16.815),
    (0.701, 22.086, -50.773, 47.095, -16.458),
    (0.782, 20.274, -43.507, 37.062, -11.934),
)
#: The fit of CrossSim to the same figure at 1 s, in G.
_WAN_CROSSSIM = (1.053, 0.2374, -1.167e-2, 1.536e-4)

polyval = np.polynomial.polynomial.polyval


@dataclass(frozen=True, kw_only=True, eq=False)
class Wan2022(Device):
    """RRAM of Wan et al. 2022 as two open simulators fitted it; they disagree by 7 to 77 %.

    The aihwkit fit has sigma at 1 s, 1 day and 2 days. Between them sigma is linear in log t:
    this interpolation is ours. Up to 1 s it is that of 1 s. A device relaxes by one number of its
    own: sigma(t)^2 - sigma(1 s)^2 is the variance of what it has moved since 1 s.
    """

    fit: Literal["aihwkit", "crosssim"] = "aihwkit"

    def program_sigma(self, target: Floats) -> Floats:
        if self.fit == "crosssim":
            return np.maximum(polyval(target, _WAN_CROSSSIM), 0.0)
        return self.sigma(target, 1.0)

    def sigma(self, target: Floats, time: float) -> Floats:
        """Deviation from the target at ``time``, uS, by the aihwkit fit."""
        # Between two polynomials is a polynomial of what is between their coefficients.
        fits, logs = np.array(_WAN_FITS), np.log(_WAN_TIMES)
        at = math.log(max(time, 1.0))
        between = [np.interp(at, logs, fits[:, power]) for power in range(fits.shape[1])]
        return np.asarray(polyval(target / 40.0, np.array(between)), dtype=np.float64)

    def frozen(self, target: Floats, xi: Floats) -> Floats:
        return xi

    def aged(self, cells: Cells, time: float) -> Floats:
        if time <= 1.0:
            return cells.stored
        grown = self.sigma(cells.target, time) ** 2 - self.sigma(cells.target, 1.0) ** 2
        return self.clamp(cells.stored + np.sqrt(np.maximum(grown, 0.0)) * cells.frozen)


@dataclass(frozen=True, kw_only=True, eq=False)
class Milo2021(Device):
    """RRAM of Milo et al. 2021, programmed by IGVVA-100: sigma = 4.782321 - 0.009107 G uS; no data
    on retention."""

    def program_sigma(self, target: Floats) -> Floats:
        return np.maximum(4.782321 - 0.009107 * target, 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class CmoFalcone2025(Device):
    """CMO/HfOx ReRAM of Falcone et al. 2025 with one of the two published acceptances.

    After t seconds (1 or more) a device has moved by -0.089 ln t + (0.042 ln t + 0.412) xi uS, with
    its own xi; reads have sigma = 0.0277 log10(g) sqrt(ln((t + 1 us) / (2 us))) uS.
    """

    acceptance: float = 0.2

    def program_sigma(self, target: Floats) -> Floats:
        if self.acceptance == 0.2:
            return 8.1107e-4 + 1.06879e-3 * target
        return 1.12185e-2 + 1.129027e-2 * target

    def clamp(self, g: Floats) -> Floats:
        return np.clip(g, self.g_min, self.g_max)

    def frozen(self, target: Floats, xi: Floats) -> Floats:
        return xi

    def aged(self, cells: Cells, time: float) -> Floats:
        log = math.log(max(time, 1.0))
        moved = -0.08900206 * log + (0.04201137 * log + 0.41183342) * cells.frozen
        return self.clamp(cells.stored + moved)

    def read_sigma(self, cells: Cells, aged: Floats, time: float) -> Floats | None:
        return self._noise(aged, max(time, 1.0))

    def verify_sigma(self, g: Floats) -> Floats:
        """Noise of a read 1 s after a pulse is the earliest that was published."""
        return self._noise(g, 1.0)

    def _noise(self, g: Floats, seconds: float) -> Floats:
        growth = math.sqrt(math.log((seconds + 1e-6) / 2e-6))
        # The fit has no noise at or below 1 uS, where the logarithm changes its sign.
        return 0.0277316483 * growth * np.log10(np.maximum(g, 1.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Generic(Device):
    """A device of declared numbers, all assumed.

    Parameters
    ----------
    sigma_abs, sigma_rel : float
        Programming: sigma^2 = sigma_abs^2 + (sigma_rel g)^2, uS and a fraction.
    read_rel : float
        Reads: sigma = read_rel g.
    drift, drift_sigma : float
        g (1 + t)^-nu with nu = abs(drift + drift_sigma xi).
    """

    sigma_abs: float = 0.0
    sigma_rel: float = 0.0
    read_rel: float = 0.0
    drift: float = 0.0
    drift_sigma: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sigma_abs", "sigma_rel", "read_rel", "drift", "drift_sigma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{self.name}: {name} must be 0 or more, not {value!r}")

    def program_sigma(self, target: Floats) -> Floats:
        return np.hypot(self.sigma_abs, self.sigma_rel * target)

    def frozen(self, target: Floats, xi: Floats) -> Floats:
        return np.abs(self.drift + self.drift_sigma * xi)

    def aged(self, cells: Cells, time: float) -> Floats:
        if time == 0 or not (self.drift or self.drift_sigma):
            return cells.stored
        return cells.stored * np.exp(cells.frozen * -math.log1p(time))

    def read_sigma(self, cells: Cells, aged: Floats, time: float) -> Floats | None:
        return self.read_rel * aged if self.read_rel else None

    def verify_sigma(self, g: Floats) -> Floats:
        return self.read_rel * g


_WAN = Source(
    "Wan et al. 2022, A compute-in-memory chip based on resistive random-access memory, Nature 608",
    "measured",
    "fits of aihwkit, noise/reram.py, or of CrossSim, RRAM_Wan.py; between 1 s, 1 day and 2 days "
    "interpolated in log t by hubel",
)
_MILO = Source(
    "Milo et al. 2021, Accurate program/verify schemes of resistive switching memory, IEEE TED 68",
    "measured",
    "IGVVA-100, fit of CrossSim, RRAM_Milo.py",
)
_FALCONE = Source(
    "Falcone et al. 2025, All-in-one analog AI hardware: on-chip training and inference with "
    "conductive-metal-oxide/HfOx ReRAM devices",
    "measured",
    "fits of aihwkit, noise/reram.py",
)
_DECLARED = Source("declared by whoever made the device", "assumed")


def _pulses() -> dict:
    return {"set_pulse": _PULSE, "reset_pulse": _PULSE, "read_pulse": _READ}


def rram_wan2022(fit: Literal["aihwkit", "crosssim"] = "aihwkit") -> Wan2022:
    """RRAM of 0..40 uS, data to 2 days; the fit of CrossSim only to 1 s (and 39.26 uS)."""
    if fit not in ("aihwkit", "crosssim"):
        raise ValueError(f"rram_wan2022: fit must be 'aihwkit' or 'crosssim', not {fit!r}")
    mine = fit == "aihwkit"
    return Wan2022(
        name="rram_wan2022",
        g_min=0.0,
        g_max=40.0 if mine else 39.26,
        known_until=_WAN_TIMES[-1] if mine else 1.0,
        fit=fit,
        sources=(_WAN, _NVSIM),
        **_pulses(),
    )


def rram_milo2021() -> Milo2021:
    """RRAM of 50..225 uS, as programmed."""
    return Milo2021(
        name="rram_milo2021",
        g_min=50.0,
        g_max=225.0,
        known_until=0.0,
        sources=(_MILO, _NVSIM),
        **_pulses(),
    )


def rram_cmo_falcone2025(acceptance: float = 0.2) -> CmoFalcone2025:
    """CMO/HfOx ReRAM of 9..88.2 uS; ``acceptance`` of programming 0.2 or 2 percent."""
    if acceptance not in (0.2, 2.0):
        raise ValueError(f"rram_cmo_falcone2025: acceptance must be 0.2 or 2.0, not {acceptance!r}")
    return CmoFalcone2025(
        name="rram_cmo_falcone2025",
        g_min=9.0,
        g_max=88.2,
        acceptance=acceptance,
        sources=(_FALCONE, _NVSIM),
        **_pulses(),
    )


def generic(
    *,
    g_max: float = 25.0,
    on_off: float = math.inf,
    sigma_abs: float = 0.0,
    sigma_rel: float = 0.0,
    read_rel: float = 0.0,
    drift: float = 0.0,
    drift_sigma: float = 0.0,
) -> Generic:
    """A device of declared numbers; without any it is ideal. ``on_off`` is g_max / g_min."""
    if not on_off > 1:
        raise ValueError(f"generic: on_off must be more than 1, not {on_off!r}")
    return Generic(
        name="generic",
        g_min=g_max / on_off,
        g_max=g_max,
        sigma_abs=sigma_abs,
        sigma_rel=sigma_rel,
        read_rel=read_rel,
        drift=drift,
        drift_sigma=drift_sigma,
        sources=(_DECLARED, _NVSIM),
        **_pulses(),
    )
