"""Yakopcic's model: a memristor with a hyperbolic sine for a current (Yakopcic et al. 2011).

The state ``x`` is 0 where the device conducts least and 1 where it conducts best::

    I     = a1 x sinh(b v)    v >= 0        dx/dt = eta g(v) f(x, eta v >= 0)
            a2 x sinh(b v)    v < 0
    g     = Ap (e^v - e^Vp)    v > Vp       f = exp(-ap (x - xp)) wp    up, x >= xp
            -An (e^-v - e^Vn)  v < -Vn          exp(an (x + xn - 1)) wn down, x <= 1 - xn
            0                  between          1                       elsewhere
    wp    = (xp - x)/(1 - xp) + 1           wn = x / (1 - xn)
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .source import Source
from .validate import in_range, number, positive
from .waveform import Floats

#: Beyond, an exponential of the voltage is no longer a model of anything.
MAX_VOLTS = 10.0


@dataclass(frozen=True, kw_only=True)
class Yakopcic:
    """Parameters of a device, named as in the paper.

    ``a1``, ``a2`` in A, ``b`` in 1/V, ``rate_up`` and ``rate_down`` (Ap, An) in 1/s, ``v_up`` and
    ``v_down`` (Vp, Vn) in V, all above 0; ``decay_up``, ``decay_down`` (ap, an) 0 or more;
    ``x_up``, ``x_down`` (xp, xn) in 0..1, 1 excluded; ``eta`` is 1 or -1; ``x0`` is the state of a
    fresh device, 0..1.
    """

    a1: float
    a2: float
    b: float
    rate_up: float
    rate_down: float
    v_up: float
    v_down: float
    decay_up: float
    decay_down: float
    x_up: float
    x_down: float
    x0: float = 0.0
    eta: int = 1
    source: Source

    def __post_init__(self) -> None:
        for name in ("a1", "a2", "b", "rate_up", "rate_down", "v_up", "v_down"):
            positive(name, getattr(self, name))
        for name in ("decay_up", "decay_down"):
            number(name, getattr(self, name), 0.0)
        for name in ("x_up", "x_down"):
            if number(name, getattr(self, name), 0.0) >= 1:
                raise ValueError(f"{name} must be below 1, not {getattr(self, name)!r}")
        number("x0", self.x0, 0.0, 1.0)
        if self.eta not in (1, -1):
            raise ValueError(f"eta must be 1 or -1, not {self.eta!r}")

    def current(self, x: npt.ArrayLike, voltage: npt.ArrayLike) -> Floats:
        """Ampere through a device in state ``x``."""
        x = in_range("x", x, 0.0, 1.0)
        v = in_range("voltage", voltage, -MAX_VOLTS, MAX_VOLTS, "V")
        return np.where(v >= 0, self.a1, self.a2) * x * np.sinh(self.b * v)

    def rate(self, voltage: npt.ArrayLike) -> Floats:
        """``eta g(v)``: dx/dt without the window, 1/s."""
        v = in_range("voltage", voltage, -MAX_VOLTS, MAX_VOLTS, "V")
        up = np.maximum(np.exp(v) - math.exp(self.v_up), 0.0)
        down = np.maximum(np.exp(-v) - math.exp(self.v_down), 0.0)
        return self.eta * (self.rate_up * up - self.rate_down * down)

    def shape(self, x: float, rising: bool) -> float:
        """The window at ``x``."""
        if rising:
            if x < self.x_up:
                return 1.0
            weight = (self.x_up - x) / (1 - self.x_up) + 1
            return math.exp(-self.decay_up * (x - self.x_up)) * weight
        if x > 1 - self.x_down:
            return 1.0
        return math.exp(self.decay_down * (x + self.x_down - 1)) * x / (1 - self.x_down)


def _preset(reference: str, *values: float) -> Yakopcic:
    names = ("a1", "a2", "b", "rate_up", "rate_down", "v_up", "v_down", "decay_up", "decay_down",
             "x_up", "x_down", "x0")  # fmt: skip
    fields = dict(zip(names, values, strict=False))
    return Yakopcic(**fields, source=Source(reference, "measured", "fit by Yakopcic et al."))


PRESETS = {
    "oblea2010": _preset("Oblea et al. 2010, IJCNN", .17, .17, .05, 4000, 4000, .16, .15, 1, 5,
                         .3, .5, .11),
    "miao2011": _preset("Miao et al. 2011, Adv. Mater. 23", .11, .11, .5, 7.5, 2, .09, .75, 1, 5,
                        .3, .5),
    "jo2010": _preset("Jo et al. 2010, Nano Lett. 10", 3.7e-7, 4.35e-7, .7, .005, .08, 1.5, .5,
                      1.2, 3, .2, .5),
}  # fmt: skip
