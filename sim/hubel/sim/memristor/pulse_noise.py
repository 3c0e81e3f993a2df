"""Noise of a read pulse by its voltage and length: what physics and the amplifier add.

The charge of a read of V volts and t seconds has the noise of the current (shot and thermal in one
formula, S = 2 q I coth(q V / 2 k T) of a tunnel junction: Blanter and Buettiker 2000, "Shot noise
in mesoscopic conductors"), over a bandwidth of 1 / (2 t); the amplifier that holds the bit line
adds its own voltage. At low voltages this is Nyquist's: (sigma / G)^2 = 2 k T / (V^2 G t), so that
the energy of the read decides.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.constants import elementary_charge, k

from .layers import Layer
from .random import Purpose, Where
from .validate import number, positive

Floats = npt.NDArray[np.float64]

#: Input noise of the amplifier, V per square root of Hz: an ordinary CMOS one; assumed.
AMPLIFIER = 20e-9
#: Microsiemens to siemens.
_MICRO = 1e-6


@dataclass(frozen=True, kw_only=True)
class PulseNoise(Layer):
    """A read of ``volts`` for ``seconds``; its noise shrinks with both.

    Parameters
    ----------
    volts, seconds : float
        Above 0; volts at most 5.
    kelvin : float
        Temperature, 0 or more.
    amplifier : float
        Of the amplifier's input, V per square root of Hz, 0 or more.
    """

    volts: float
    seconds: float
    kelvin: float = 300.0
    amplifier: float = AMPLIFIER

    def __post_init__(self) -> None:
        positive("volts of a read", self.volts, "V")
        if self.volts > 5:
            raise ValueError(
                f"a read takes at most 5 V, not {self.volts:g}; give volts, not millivolts"
            )
        positive("seconds of a read", self.seconds, "s")
        number("kelvin", self.kelvin, 0.0, unit="K")
        number("amplifier", self.amplifier, 0.0, unit="V per square root of Hz")

    def sigma(self, g: npt.ArrayLike) -> Floats:
        """Standard deviation of a read of ``g``, both uS."""
        siemens = _MICRO * np.asarray(g, dtype=np.float64)
        # Next to 0 K it underflows.
        thermal = 2 * k * self.kelvin
        coth = 1 / math.tanh(elementary_charge * self.volts / thermal) if thermal else 1.0
        current = elementary_charge * siemens * self.volts * coth / self.seconds
        amplifier = (self.amplifier * siemens) ** 2 / (2 * self.seconds)
        return np.sqrt(current + amplifier) / (self.volts * _MICRO)

    def read(self, g: Floats, where: Where, event: int) -> Floats:
        return np.maximum(g + self.sigma(g) * where.normal(Purpose.PULSE_NOISE, event), 0.0)
