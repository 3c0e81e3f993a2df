"""Pulses of a device whose steps shrink exponentially, by the label of its nonlinearity.

NeuroSim (Chen, Peng and Yu 2018, IEEE TCAD 37(12), eqs 8-10) describes potentiation as
``G = B (1 - e^(-P/A)) + Gmin`` over the pulse number P and labels its curvature with a number NL.
The label means: the curve, normalised to a unit square, is at most 0.07 |NL| away from the
diagonal, measured at a right angle. So a = A/Pmax solves::

    max over p of (1 - e^(-p/a))/(1 - e^(-1/a)) - p = 0.07 sqrt(2) |NL|
    at p = -a ln(a(1 - e^(-1/a)))

and a < 0 where NL < 0. The curve of depression, with its own NL (negative, as a rule), is run
through backwards.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from .source import Source
from .validate import in_range, number, positive
from .waveform import Floats

#: Largest |NL|: that of NeuroSim's table.
MAX_NL = 9.0
#: Below, a device is linear to 1e-10 of its range.
_LINEAR = 1e-9


def _bend(a: float) -> float:
    """How far the curve with ``a`` above 0 is over the diagonal."""
    span = -math.expm1(-1 / a)
    p = -a * math.log(a * span)
    return -math.expm1(-p / a) / span - p


@cache
def scale(nl: float) -> float:
    """a = A/Pmax of the label ``nl``; infinite for 0. ValueError beyond +-:data:`MAX_NL`."""
    number("nl", nl, -MAX_NL, MAX_NL)
    if abs(nl) < _LINEAR:
        return math.inf
    bend = 0.07 * math.sqrt(2) * abs(nl)
    # A curve that bends little has a = 1/(8 bend), and none has more.
    low, high = math.log(5e-3), -math.log(7 * bend)
    root = brentq(lambda log: _bend(math.exp(log)) - bend, low, high, xtol=1e-14)
    return math.copysign(math.exp(root), nl)  # type: ignore[arg-type]


def response(p: npt.ArrayLike, nl: float) -> Floats:
    """Conductance 0..1 after a share ``p`` (0..1) of the pulses from one end to the other."""
    p = in_range("p", p, 0.0, 1.0)
    a = scale(nl)
    return p if math.isinf(a) else np.expm1(-p / a) / math.expm1(-1 / a)


@dataclass(frozen=True, kw_only=True)
class Nonlinear:
    """A kind of device with exponential steps; its state is the normalised conductance, 0..1.

    Parameters
    ----------
    pulses_up, pulses_down : int
        From one end of the range to the other, 1 or more.
    nl_up, nl_down : float
        Labels; as a rule positive and negative, which makes the first pulses from either end the
        largest.
    c2c : float
        Sigma of one pulse from cycle to cycle, as a share of the range.
    d2d : float
        Relative sigma, from device to device, of how far a pulse goes along the curve.
    g_min, g_max : float
        Range, uS.
    source : Source

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    pulses_up: int
    pulses_down: int
    nl_up: float
    nl_down: float
    c2c: float = 0.0
    d2d: float = 0.0
    g_min: float = 0.1
    g_max: float = 10.0
    source: Source

    def __post_init__(self) -> None:
        for name in ("pulses_up", "pulses_down"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)!r}")
        for name in ("nl_up", "nl_down"):
            number(name, getattr(self, name), -MAX_NL, MAX_NL)
        number("c2c", self.c2c, 0.0, 1.0)
        number("d2d", self.d2d, 0.0, 1.0)
        number("g_min", self.g_min, 0.0, unit="uS")
        if positive("g_max", self.g_max, "uS") <= self.g_min:
            raise ValueError(f"g_max must be above g_min = {self.g_min:g} uS, not {self.g_max:g}")

    def pulse(
        self,
        g: npt.ArrayLike,
        up: npt.ArrayLike,
        *,
        count: int = 1,
        xi: npt.ArrayLike = 0.0,
        gain: npt.ArrayLike = 1.0,
    ) -> Floats:
        """State after ``count`` equal pulses.

        The noise of n pulses has the sigma of one times sqrt(n), as in the publication.

        Parameters
        ----------
        g : array
            State, 0..1.
        up : array of bool
            Which way; shape of ``g`` or one for all.
        count : int
            0 or more.
        xi : array
            One standard normal number a device; 0 for the mean device.
        gain : array
            How far a pulse of each device goes, in pulses of the mean device, 0 or more.

        Raises
        ------
        ValueError
            If a number is out of range.
        """
        g = in_range("g", g, 0.0, 1.0)
        up = np.asarray(up, dtype=np.bool_)
        if count < 0:
            raise ValueError(f"count must be 0 or more, not {count!r}")
        far = count * in_range("gain", gain, 0.0, 100.0)
        raised = _along(g, self.nl_up, far / self.pulses_up)
        lowered = _along(g, self.nl_down, -far / self.pulses_down)
        noise = in_range("xi", xi, -100, 100) * (self.c2c * math.sqrt(count))
        return np.clip(np.where(up, raised, lowered) + noise, 0.0, 1.0)

    def siemens(self, g: npt.ArrayLike) -> Floats:
        """Conductance in uS of the state ``g``."""
        return self.g_min + (self.g_max - self.g_min) * in_range("g", g, 0.0, 1.0)


def _along(g: Floats, nl: float, dp: Floats) -> Floats:
    """``g`` moved by ``dp`` of all pulses along its curve, not clipped."""
    a = scale(nl)
    if math.isinf(a):
        return g + dp
    end = -1 / math.expm1(-1 / a)  # where the exponential would end
    # The curve goes to its end exponentially; beyond 50 time constants it is as far as it gets.
    return end - (end - g) * np.exp(np.minimum(-dp / a, 50.0))


def _neurosim(reference: str) -> Source:
    return Source(reference, "measured", "fit in NeuroSim's documentation")


PRESETS: Mapping[str, Nonlinear] = {
    "ag_a_si": Nonlinear(
        pulses_up=97, pulses_down=100, nl_up=2.4, nl_down=-4.88, c2c=0.035, g_min=3.077e-3,
        g_max=38.46e-3, source=_neurosim("Jo et al. 2010, Nano Lett. 10, 1297"),
    ),
    "alox_hfo2": Nonlinear(
        pulses_up=40, pulses_down=40, nl_up=1.94, nl_down=-0.61, c2c=0.05, g_min=13.4, g_max=59.2,
        source=_neurosim("Woo et al. 2016, IEEE EDL 37, 994"),
    ),
    "taox_hfox": Nonlinear(
        pulses_up=128, pulses_down=128, nl_up=0.04, nl_down=-0.63, c2c=0.037, g_min=1.0, g_max=10.0,
        source=_neurosim("Wu et al. 2018, VLSI Technology"),
    ),
    "epiram": Nonlinear(
        pulses_up=256, pulses_down=256, nl_up=0.5, nl_down=-0.5, c2c=0.02, g_min=0.246, g_max=12.3,
        source=_neurosim("Choi et al. 2018, Nat. Mater. 17, 335"),
    ),
    "fefet": Nonlinear(
        pulses_up=32, pulses_down=32, nl_up=1.75, nl_down=1.46, c2c=0.003,
        source=_neurosim("Jerry et al. 2017, IEDM; labels as NeuroSim 2.1 has them"),
    ),
}  # fmt: skip
