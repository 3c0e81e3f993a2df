"""How weights change: the arithmetic contract of learning, in numpy.

The gateware twin is :class:`hubel.hdl.stdp_update.StdpUpdate`. A weight w in [0, 1] is the integer
``w * weight_max``. A change is computed in LSB with 16 fractional bits, its fraction is rounded by
random bits (up where ``fraction + bits`` carries), and the new weight is clamped.
"""

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.stdp_params import RATE_SHIFT, VALUE_MAX, VALUE_WIDTH, Rule

from .lfsr import advance, random_bits

Ints = npt.NDArray[np.int64]

#: What is added in place of random bits to round to the nearest.
HALF = 1 << (RATE_SHIFT - 1)


def leak(value: Ints, decay: int) -> Ints:
    """``(value * decay) >> 12`` of what is not negative: towards zero, as all decays are."""
    return (value * decay) >> DECAY_SHIFT


def bounded(weights: Ints, width: int) -> Ints:
    """``w * (1 - w)``, of 65536: the factor of :attr:`Rule.FIRED`, 0 where a weight is 0 or 1."""
    return (weights * ((1 << width) - 1 - weights)) >> (2 * width - VALUE_WIDTH)


def change(factor: Ints, rate: Ints | int, width: int, bits: Ints | int) -> Ints:
    """``rate * factor`` in whole LSB; ``factor`` and ``rate`` are of 65536."""
    exact = (factor * rate) >> (2 * VALUE_WIDTH - width - RATE_SHIFT)
    return (exact + bits) >> RATE_SHIFT


def moved(weights: Ints, steps: Ints, up: npt.NDArray[np.bool_] | bool, width: int) -> Ints:
    """Weights after ``steps`` up or down, clamped to [0, 1]."""
    return np.clip(weights + np.where(up, steps, -steps), 0, (1 << width) - 1)


def post_update(
    weights: Ints,
    traces: Ints,
    *,
    rule: Rule,
    a_plus: int,
    a_minus: int,
    sign: int,
    width: int,
    bits: Ints | int,
) -> Ints:
    """The weights of a neuron that spiked.

    Parameters
    ----------
    weights, traces : arrays of int, shape (inputs,)
        Its weights, and the traces of the inputs, those that spike in this very step included
        (equal times are potentiation).
    sign : int
        1, or -1 after a punishment: what would go up goes down, and the other way round.
    bits : array of int, shape (inputs,), or int
        0..65535.
    """
    if rule is Rule.PAIR:
        # The traces of inputs that never spiked are 0.
        return moved(weights, change(traces, a_plus, width, bits), sign > 0, width)
    fired = traces > 0
    steps = change(bounded(weights, width), np.where(fired, a_plus, a_minus), width, bits)
    return moved(weights, steps, fired == (sign > 0), width)


def pre_update(
    weights: Ints, traces: Ints, *, a_minus: int, sign: int, width: int, bits: Ints | int
) -> Ints:
    """The weights of an input that spiked, to all neurons, with the traces of these:
    :attr:`Rule.PAIR`."""
    return moved(weights, change(traces, a_minus, width, bits), sign < 0, width)


class Rounding:
    """The random bits of updates, in their order: the register advances with every word."""

    def __init__(self, state: int, lanes: int, *, nearest: bool = False):
        self.state, self._lanes, self._nearest = state, lanes, nearest

    def take(self, count: int) -> Ints:
        """Bits for ``count`` synapses, a whole number of words."""
        bits = np.full(count, HALF, dtype=np.int64)
        state = self.state
        for first in range(0, count, self._lanes):
            if not self._nearest:
                for lane in range(self._lanes):
                    bits[first + lane] = random_bits(state, lane, self._lanes)
            state = advance(state)
        self.state = state
        return bits


def clipped(value: Ints) -> Ints:
    """``value``, saturated at the largest membrane, trace or adaptation."""
    return np.minimum(value, VALUE_MAX)
