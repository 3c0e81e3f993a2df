"""What digitises the difference of a pair: as a code, and as the integer that the core takes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Bits after the point of a gain.
GAIN_SHIFT = 16


@dataclass(frozen=True, kw_only=True)
class Adc:
    """A converter of ``bits`` bits, signed, whose full scale is ``range`` times that of a weight.

    What is beyond full scale clips. With as many bits as a weight or more, and a range of 1,
    conductances without error give back the weights that were programmed.
    """

    bits: int
    range: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise ValueError(f"an ADC has 1..16 bits, not {self.bits!r}")
        if not 1 / 64 <= self.range <= 64:
            raise ValueError(f"the range of an ADC must be in 1/64..64, not {self.range!r}")

    def lsb(self, weight_width: int) -> float:
        """One code, in weights."""
        return self.range * 2.0 ** (weight_width - self.bits)

    def codes(self, weights: Floats, weight_width: int) -> Ints:
        """Codes of ``weights``, real numbers; clipped at both ends."""
        half = 1 << (self.bits - 1)
        codes = np.rint(weights / self.lsb(weight_width))
        return np.clip(codes, -half, half - 1).astype(np.int64)


#: More bits than the conductances are exact to: the default, which clips far outside.
FINE = Adc(bits=16, range=2.0)


def integer_gain(gain: npt.ArrayLike) -> Ints:
    """``gain`` as whole 2**-16ths, 1 at least, for :func:`scaled`.

    Raises
    ------
    ValueError
        If a gain is not above 0 or needs more than 24 bits.
    """
    wanted = np.asarray(gain, dtype=np.float64)
    if not (np.isfinite(wanted).all() and (wanted > 0).all() and (wanted < 256).all()):
        raise ValueError(f"a gain must be above 0 and below 256, not {gain!r}")
    return np.maximum(np.rint(wanted * (1 << GAIN_SHIFT)), 1).astype(np.int64)


def scaled(codes: Ints, gain: Ints, weight_width: int) -> Ints:
    """Weights of the core: ``codes`` times ``gain`` / 2**16, rounded to the nearest (ties up), and
    saturated to ``weight_width`` bits. One integer multiplication and a shift a weight."""
    half = 1 << (weight_width - 1)
    weights = (codes * gain + (1 << (GAIN_SHIFT - 1))) >> GAIN_SHIFT
    return np.clip(weights, -half, half - 1)
