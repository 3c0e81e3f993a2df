"""VTEAM: a memristor that moves only above a threshold voltage (Kvatinsky et al. 2015).

The state ``x`` is 0 where the device conducts best and 1 where it conducts least::

    dx/dt = k_off/D (v/v_off - 1)^a_off f(x)    v > v_off > 0
            k_on/D  (v/v_on  - 1)^a_on  f(x)    v < v_on  < 0
            0                                   between
    R     = R_on + (R_off - R_on) x    or    R_on (R_off/R_on)^x

``k_off`` is positive and ``k_on`` negative. The window ``f`` is 1 ("none"), 1 - (2x - 1)^2p
("joglekar", 2009) or 1 - (x - [v < 0])^2p ("biolek", 2009). ``x`` stops at 0 and 1.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .source import Source
from .validate import choice, in_range, number, positive
from .waveform import Floats

WINDOWS = ("none", "joglekar", "biolek")
CURVES = ("linear", "exponential")
#: Above this many volts it is no memristor.
MAX_VOLTS = 100.0


@dataclass(frozen=True, kw_only=True)
class Vteam:
    """Parameters of a device.

    Parameters
    ----------
    r_on, r_off : float
        Least and largest resistance, ohm.
    thickness : float
        D: what the state variable of the paper goes through, m.
    k_off, k_on : float
        m/s, above and below 0.
    a_off, a_on : float
        Exponents, above 0.
    v_off, v_on : float
        Thresholds, V, above and below 0.
    window : str
        One of :data:`WINDOWS`.
    p : int
        Of the window, 1 or more.
    curve : str
        Of the resistance: one of :data:`CURVES`.
    source : Source

    Raises
    ------
    ValueError
        If one of them is out of range.
    """

    r_on: float
    r_off: float
    thickness: float
    k_off: float
    k_on: float
    a_off: float
    a_on: float
    v_off: float
    v_on: float
    window: str = "none"
    p: int = 1
    curve: str = "linear"
    source: Source

    def __post_init__(self) -> None:
        for name, unit in (("r_on", "ohm"), ("thickness", "m"), ("k_off", "m/s"), ("a_off", ""),
                           ("a_on", ""), ("v_off", "V")):  # fmt: skip
            positive(name, getattr(self, name), unit)
        for name, unit in (("k_on", "m/s"), ("v_on", "V")):
            if not (math.isfinite(value := getattr(self, name)) and value < 0):
                raise ValueError(f"{name} must be below 0 {unit}, not {value!r}")
        if not self.r_on < self.r_off < math.inf:
            raise ValueError(f"r_off must be above r_on = {self.r_on:g} ohm, not {self.r_off:g}")
        choice("window", self.window, WINDOWS)
        choice("curve", self.curve, CURVES)
        if self.p < 1 or self.p != int(self.p):
            raise ValueError(f"p must be a whole number, 1 or more, not {self.p!r}")

    def resistance(self, x: npt.ArrayLike) -> Floats:
        """Ohm at state ``x``."""
        x = in_range("x", x, 0.0, 1.0)
        if self.curve == "linear":
            return self.r_on + (self.r_off - self.r_on) * x
        return self.r_on * (self.r_off / self.r_on) ** x

    def rate(self, voltage: npt.ArrayLike) -> Floats:
        """dx/dt at ``voltage`` without the window, 1/s."""
        v = in_range("voltage", voltage, -MAX_VOLTS, MAX_VOLTS, "V")
        off = np.maximum(v / self.v_off - 1, 0.0) ** self.a_off
        on = np.maximum(v / self.v_on - 1, 0.0) ** self.a_on
        return (self.k_off * off + self.k_on * on) / self.thickness

    def shape(self, x: float, rising: bool) -> float:
        """The window at ``x``."""
        if self.window == "joglekar":
            return 1 - (2 * x - 1) ** (2 * self.p)
        if self.window == "biolek":
            return 1 - (x - (not rising)) ** (2 * self.p)
        return 1.0

    def current(self, x: npt.ArrayLike, voltage: npt.ArrayLike) -> Floats:
        """Ampere through a device in state ``x``."""
        v = in_range("voltage", voltage, -MAX_VOLTS, MAX_VOLTS, "V")
        return v / self.resistance(x)

    def pulse(self, x: npt.ArrayLike, voltage: float, seconds: float) -> Floats:
        """State after a pulse of constant voltage, exactly.

        Without a window the state moves at a constant rate; with p = 1, Joglekar's window makes it
        a logistic function of time and Biolek's a hyperbolic tangent.

        Raises
        ------
        ValueError
            If the window has another p, for which there is no closed form (use :mod:`waveform`),
            or a number is out of range.
        """
        x = in_range("x", x, 0.0, 1.0)
        seconds = number("seconds", seconds, 0.0, unit="s")
        if self.window != "none" and self.p != 1:
            raise ValueError(
                f"a pulse has a closed form for p = 1, not p = {self.p}; use simulate(...)"
            )
        moved = float(self.rate(voltage)) * seconds
        if self.window == "none":
            return np.clip(x + moved, 0.0, 1.0)
        if self.window == "joglekar":
            # x / (1 - x) grows by e^(4 k t); written so that no exponential overflows.
            decay = math.exp(-4 * abs(moved))
            up, down = (1.0, decay) if moved > 0 else (decay, 1.0)
            return x * up / (x * up + (1 - x) * down)
        tanh = math.tanh(abs(moved))
        still = x if moved >= 0 else 1 - x
        after = (still + tanh) / (1 + still * tanh)
        return after if moved >= 0 else 1 - after


#: Sets A, B and C of the reference numbers.
PRESETS = {
    "vteam2015": Vteam(
        r_on=50, r_off=1e3, thickness=3e-9, k_off=5e-4, k_on=-10, a_off=1, a_on=3, v_off=0.02,
        v_on=-0.2, source=Source("Kvatinsky et al. 2015, IEEE TCAS-II 62(8)", "simulated",
                                 "demonstration of the paper, 1 V sine of 50 MHz"),
    ),
    "magic": Vteam(
        r_on=1e3, r_off=300e3, thickness=3e-9, k_off=0.091, k_on=-216.2, a_off=4, a_on=4,
        v_off=0.3, v_on=-1.5, source=Source("parameters in use for MAGIC logic", "assumed",
                                            "not verified in a publication"),
    ),
    "smooth": Vteam(
        r_on=1e3, r_off=10e3, thickness=3e-9, k_off=1e-3, k_on=-1e-3, a_off=3, a_on=3, v_off=0.3,
        v_on=-0.3, source=Source("hubel", "assumed", "symmetric, for tests of the integration"),
    ),
}  # fmt: skip
