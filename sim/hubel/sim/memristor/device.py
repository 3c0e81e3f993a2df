"""What every device model answers: errors of programming, what time does, noise of a read.

Conductances are in microsiemens, times in seconds since the end of programming. A model holds
parameters only; what a device drew is held beside it and never drawn again, so that each device
has one history.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .energy import Pulse, ReadPulse
from .source import Source

Floats = npt.NDArray[np.float64]

#: No array is programmed to less than this share of g_max: those are siemens.
_LEAST_SHARE = 1e-3
#: From siemens and from nanosiemens to microsiemens.
_SIEMENS, _NANO = 1e6, 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """What programmed devices hold; all arrays have one shape.

    Parameters
    ----------
    target : array of float
        What they were to become, uS.
    stored : array of float
        What they are at the end of programming, uS.
    frozen : array of float
        What each drew for its retention: a drift exponent, or a standard normal number.
    noise : array of float
        The part of the noise of a read that what is stored fixes.
    """

    target: Floats
    stored: Floats
    frozen: Floats
    noise: Floats

    def rows(self, some: slice) -> "Cells":
        """Those of ``some`` rows."""
        return Cells(
            target=self.target[some],
            stored=self.stored[some],
            frozen=self.frozen[some],
            noise=self.noise[some],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Device:
    """A kind of device without any error; the models add theirs.

    Parameters
    ----------
    name : str
    g_min, g_max : float
        Conductances that it can be programmed to, uS.
    known_until : float
        Seconds for which there are data; a later time is refused.
    set_pulse, reset_pulse : Pulse
        What raises and what lowers the conductance.
    read_pulse : ReadPulse
    sources : tuple of Source
        Of the model's constants.
    """

    name: str
    g_min: float
    g_max: float
    known_until: float = math.inf
    set_pulse: Pulse
    reset_pulse: Pulse
    read_pulse: ReadPulse
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.g_min < self.g_max < math.inf:
            raise ValueError(
                f"{self.name}: conductances must be 0 <= g_min < g_max, not {self.g_min!r} and "
                f"{self.g_max!r} uS"
            )
        if not self.sources:
            raise ValueError(f"{self.name}: a device needs the sources of its constants")

    def check_targets(self, targets: npt.ArrayLike) -> Floats:
        """``targets`` as an array of float, or ValueError if one is no conductance in range."""
        g = np.asarray(targets, dtype=np.float64)
        if not np.isfinite(g).all():
            raise ValueError(
                f"{self.name}: {np.count_nonzero(~np.isfinite(g))} conductances are NaN or infinite"
            )
        if g.size and 0 < np.abs(g).max() < _LEAST_SHARE * self.g_max:
            raise ValueError(
                f"{self.name}: all conductances are below {_LEAST_SHARE * self.g_max:g} of "
                f"{self.g_max:g} uS{self._unit_hint(float(np.abs(g).max()))}"
            )
        # What rounds beyond an end by the last digits is that end.
        slack = 1e-9 * self.g_max
        if g.size and not (self.g_min - slack <= g.min() and g.max() <= self.g_max + slack):
            raise ValueError(
                f"{self.name}: conductances must be in {self.g_min:g}..{self.g_max:g} uS, not "
                f"{g.min():g}..{g.max():g}{self._unit_hint(float(np.abs(g).max()))}"
            )
        return np.clip(g, self.g_min, self.g_max)

    def _unit_hint(self, largest: float) -> str:
        for name, factor in (("S", _SIEMENS), ("nS", _NANO)):
            if self.g_max / 100 <= largest * factor <= self.g_max:
                return f"; they look like {name}, give microsiemens"
        if largest > 0 and self.g_max / 100 <= 1e6 / largest <= self.g_max:
            return "; they look like ohms, give microsiemens"
        return ""

    def check_time(self, time: float) -> float:
        """``time``, or ValueError if it is before programming or beyond all data."""
        if not math.isfinite(time):
            raise ValueError(f"{self.name}: a time must be a number of seconds, not {time!r}")
        if time < 0:
            raise ValueError(
                f"{self.name}: {time:g} s is before the end of programming, which is 0 s"
            )
        if time > self.known_until:
            known = f"data end at {self.known_until:g} s" if self.known_until else (
                "there are no data on retention, only as programmed, 0 s"
            )  # fmt: skip
            raise ValueError(f"{self.name}: {time:g} s cannot be answered: {known}")
        return float(time)

    def program_sigma(self, target: Floats) -> Floats:
        """Standard deviation of programming, uS."""
        return np.zeros_like(target)

    def frozen(self, target: Floats, xi: Floats) -> Floats:
        """What each device draws once for its retention, from standard normal numbers ``xi``."""
        return np.zeros_like(target)

    def clamp(self, g: Floats) -> Floats:
        """``g`` without what a device cannot be: a negative conductance."""
        return np.maximum(g, 0.0)

    def cells(self, target: Floats, stored: Floats, xi: Floats) -> Cells:
        """Devices that were ``stored`` for ``target``, with standard normal numbers ``xi`` for
        their retention."""
        return Cells(
            target=target,
            stored=stored,
            frozen=self.frozen(target, xi),
            noise=self.read_noise(stored),
        )

    def read_noise(self, stored: Floats) -> Floats:
        """The part of the noise of a read that ``stored`` fixes."""
        return np.zeros_like(stored)

    def aged(self, cells: Cells, time: float) -> Floats:
        """Conductance at ``time``, uS."""
        return cells.stored

    def read_sigma(self, cells: Cells, aged: Floats, time: float) -> Floats | None:
        """Standard deviation of a read at ``time``, uS, as a new array; None without noise."""
        return None

    def verify_sigma(self, g: Floats) -> Floats:
        """Standard deviation of the read that verifies right after a pulse, uS."""
        return np.zeros_like(g)
