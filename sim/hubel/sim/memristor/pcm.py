"""Phase-change memory: noise of programming, drift with an exponent a device, 1/f noise of reads.

A device of conductance g_P after programming, t seconds later, with T = t + t0:
g_D = g_P (T / t0)^-nu, and a read has sigma = g_D Q sqrt(ln((T + t_read) / (2 t_read))), where Q
is a function of g_P / g_max (Nandakumar et al. 2019; constants as in aihwkit). The exponent nu is
drawn once a programming, never at a read.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .device import Cells, Device
from .energy import Pulse, ReadPulse
from .source import Source

Floats = npt.NDArray[np.float64]

#: Exponents are a function of log g, which has no value at 0.
_LEAST_RATIO = 1e-7
#: Seconds from a pulse to the read that verifies it; assumed.
VERIFY_DELAY = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Pcm(Device):
    """A PCM device; see the module for its equations.

    Parameters
    ----------
    sigma : callable
        Conductances as a ratio of ``g_max`` to the sigma of programming, uS.
    nu : callable, optional
        The same ratio to the mean and sigma of the drift exponent; without it there are no data on
        drift and ``known_until`` is 0.
    t0 : float
        Seconds after the last pulse at which ``time`` is 0 and drift begins.
    t_read : float
        Seconds of a read.
    noise : callable, optional
        Conductance after programming, as the same ratio, to Q of the reads' 1/f noise; without it
        a read has no noise.
    """

    sigma: Callable[[Floats], Floats]
    nu: Callable[[Floats], tuple[Floats, Floats]] | None
    t0: float = 20.0
    t_read: float = 250e-9
    noise: Callable[[Floats], Floats] | None

    def program_sigma(self, target: Floats) -> Floats:
        return np.maximum(self.sigma(target / self.g_max), 0.0)

    def frozen(self, target: Floats, xi: Floats) -> Floats:
        """Drift exponent of each device, 0 or more."""
        if self.nu is None:
            return np.zeros_like(target)
        mean, sigma = self.nu(np.maximum(target / self.g_max, _LEAST_RATIO))
        return np.abs(mean + sigma * xi)

    def read_noise(self, stored: Floats) -> Floats:
        """Q of each device."""
        return np.zeros_like(stored) if self.noise is None else self.noise(stored / self.g_max)

    def aged(self, cells: Cells, time: float) -> Floats:
        if time == 0:
            return cells.stored
        return cells.stored * np.exp(cells.frozen * -math.log1p(time / self.t0))

    def read_sigma(self, cells: Cells, aged: Floats, time: float) -> Floats | None:
        if self.noise is None:
            return None
        sigma = aged * cells.noise
        sigma *= self._growth(time + self.t0)
        return sigma

    def verify_sigma(self, g: Floats) -> Floats:
        """1/f noise that has accumulated over :data:`VERIFY_DELAY`."""
        return g * self.read_noise(g) * self._growth(VERIFY_DELAY)

    def _growth(self, seconds: float) -> float:
        return math.sqrt(math.log((seconds + self.t_read) / (2 * self.t_read)))


_LEE = Source(
    "Lee et al. 2009, Architecting phase change memory, ISCA; NVSim sample_PCRAM.cell",
    "measured",
    "RESET 19.2 pJ (300 uA 40 ns), SET 13.5 pJ (150 uA 150 ns) of a published cell",
)
_READ = Source("V^2 G t at 0.2 V and the read time of the model", "assumed", "0.2 V as Yao 2020")
_SET = Pulse(volts=0.6, seconds=150e-9, joules=13.5e-12, source=_LEE)
_RESET = Pulse(volts=1.6, seconds=40e-9, joules=19.2e-12, source=_LEE)
_READ_PULSE = ReadPulse(volts=0.2, seconds=250e-9, source=_READ)

_NANDAKUMAR = Source(
    "Nandakumar et al. 2019, Phase-change memory models for deep learning training and inference, "
    "ICECS",
    "measured",
    "constants of aihwkit, noise/pcm.py",
)
_JOSHI = Source(
    "Joshi et al. 2020, Accurate deep neural network inference using computational phase-change "
    "memory, Nature Communications 11",
    "measured",
    "constants of CrossSim, PCM_Joshi.py; 27.36 s after programming; drift not modelled",
)
_HERMES = Source(
    "Le Gallo et al. 2023, A 64-core mixed-signal in-memory compute chip, Nature Electronics 6",
    "measured",
    "constants of aihwkit, noise/hermes.py",
)


def _polynomial(*coefficients: float) -> Callable[[Floats], Floats]:
    powers = np.array(coefficients)
    return lambda r: np.asarray(np.polynomial.polynomial.polyval(r, powers), dtype=np.float64)


def _nandakumar_nu(r: Floats) -> tuple[Floats, Floats]:
    log = np.log(r)
    return np.clip(-0.0155 * log + 0.0244, 0.049, 0.1), np.clip(
        -0.0125 * log - 0.0059, 0.008, 0.045
    )


def _nandakumar_q(r: Floats) -> Floats:
    return np.minimum(0.0088 / np.maximum(r**0.65, 1e-3), 0.2)


def _hermes1_q(r: Floats) -> Floats:
    low = np.clip(-0.0078 * np.log(np.maximum(r, _LEAST_RATIO)) + 0.0038, 0.0179, 0.04)
    high = _polynomial(0.0088, 0.0768, -0.1352, 0.0664)(r)
    return np.where(r < 0.1591, low, np.maximum(high, 0.0))


def _hermes2_q(r: Floats) -> Floats:
    low = np.clip(-0.0117 * np.log(np.maximum(r, _LEAST_RATIO)) - 0.0069, 0.015, 0.04)
    high = _polynomial(0.0123, 0.0211, -0.0280, 0.0069)(r)
    return np.where(r < 0.16, low, np.maximum(high, 0.0))


def _hermes_mean(r: Floats) -> Floats:
    low = np.clip(-0.0387 * np.log(r) - 0.0182, 0.072, 0.13)
    return np.where(r < 0.0945, low, -0.0436 * r**2 - 0.0126 * r + 0.0736)


def _hermes1_nu(r: Floats) -> tuple[Floats, Floats]:
    low = np.clip(-0.0120 * np.log(r) - 0.0023, 0.0124, 0.04)
    return _hermes_mean(r), np.where(r < 0.3039, low, -0.0165 * r**2 + 0.0116 * r + 0.0104)


def _hermes2_nu(r: Floats) -> tuple[Floats, Floats]:
    low = np.clip(-0.0117 * np.log(r) - 0.0057, 0.0091, 0.04)
    return _hermes_mean(r), np.where(r < 0.3055, low, -0.0118 * r**2 + 0.0093 * r + 0.0073)


def pcm_nandakumar2019() -> Pcm:
    """PCM of 25 uS with noise of programming, drift and 1/f noise."""
    return Pcm(
        name="pcm_nandakumar2019",
        g_min=0.0,
        g_max=25.0,
        sigma=_polynomial(0.26348, 1.9650, -1.1731),
        nu=_nandakumar_nu,
        noise=_nandakumar_q,
        set_pulse=_SET,
        reset_pulse=_RESET,
        read_pulse=_READ_PULSE,
        sources=(_NANDAKUMAR, _LEE, _READ),
    )


def pcm_joshi2020() -> Pcm:
    """PCM of 0.25..25 uS as programmed; the paper's fit has no drift and no noise of reads."""
    return Pcm(
        name="pcm_joshi2020",
        g_min=0.25,
        g_max=25.0,
        known_until=0.0,
        sigma=_polynomial(0.28638599, 25 * 0.07585724, 25**2 * -0.00178767),
        nu=None,
        noise=None,
        set_pulse=_SET,
        reset_pulse=_RESET,
        read_pulse=_READ_PULSE,
        sources=(_JOSHI, _LEE, _READ),
    )


def _hermes(name: str, g_max: float, t0: float, sigma, nu, noise) -> Pcm:
    return Pcm(
        name=name,
        g_min=0.0,
        g_max=g_max,
        sigma=_polynomial(*sigma),
        nu=nu,
        noise=noise,
        t0=t0,
        t_read=512e-9,
        set_pulse=_SET,
        reset_pulse=_RESET,
        read_pulse=ReadPulse(volts=0.2, seconds=512e-9, source=_READ),
        sources=(_HERMES, _LEE, _READ),
    )


def pcm_hermes1() -> Pcm:
    """One device of the Hermes chip, 10.35 uS."""
    sigma = (0.15781817, 2.32443916, -2.16310839, 0.68841818)
    return _hermes("pcm_hermes1", 10.35, 200.0, sigma, _hermes1_nu, _hermes1_q)


def pcm_hermes2() -> Pcm:
    """Two devices of the Hermes chip side by side, 20.7 uS."""
    sigma = (0.16603222, 4.71806468, -8.48101252, 4.68961419)
    return _hermes("pcm_hermes2", 20.7, 300.0, sigma, _hermes2_nu, _hermes2_q)
