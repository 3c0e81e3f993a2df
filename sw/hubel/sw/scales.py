"""What one LSB of a population stands for, and how many bits its membrane has after the point."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT

from .network import Floats, Neurons, Values

# Shares of the largest weight that the search tries as the largest integer. With 2 bits the best
# is near 0.3; with 8 bits it is 0.9 to 1. The largest comes first and wins a tie.
_SHARES = np.linspace(1.0, 0.1, 91)

#: The most fraction bits that are chosen.
MOST_FRACTION_BITS = 8


def best_scale(weights: Floats, weight_width: int) -> float:
    """What one LSB stands for such that rounding (and clipping) ``weights`` to ``weight_width``
    bits costs the least squared error."""
    most = (1 << (weight_width - 1)) - 1
    largest = float(np.abs(weights).max(initial=0.0))
    if largest == 0:
        return 1.0 / most
    scales = largest / most * _SHARES
    errors = [
        float(np.square(to_grid(weights, scale, most) * scale - weights).sum()) for scale in scales
    ]
    return float(scales[int(np.argmin(errors))])


def to_grid(weights: Floats, scale: float, most: int) -> Floats:
    """Whole numbers of ``scale``, half to even, clipped to -``most``..``most``."""
    return np.clip(np.rint(weights / scale), -most, most)


def common_shift(weights: Iterable[npt.NDArray], most: int) -> int:
    """The largest power of two, up to 2**``most``, that divides all ``weights``, as an exponent;
    0 where they are no whole numbers or all 0."""
    together = 0
    for array in weights:
        if (array != np.rint(array)).any() or np.abs(array).max(initial=0.0) >= 1 << 53:
            return 0
        together |= int(np.bitwise_or.reduce(np.abs(array).astype(np.int64).ravel(), initial=0))
    return min(most, (together & -together).bit_length() - 1) if together else 0


def leaks(neurons: Neurons) -> bool:
    """Some decay takes a part of a value, so that bits after the point are worth having."""
    factors = [f for f in (neurons.decay, neurons.u_decay, neurons.a_decay) if f is not None]
    one = 1 << DECAY_SHIFT
    return any(not np.isin(np.rint(np.asarray(f) * one), (0, one)).all() for f in factors)


def best_fraction_bits(
    neurons: Neurons, scale: float, accumulator: tuple[int, int], state_width: int
) -> int:
    """Bits after the point of the weights that leave enough room in a state of ``state_width``
    bits; 0 for neurons without leak, whose sums are exact.

    A decay rounds towards zero and so takes up to 1 LSB more than it should in each step; each
    bit halves that. What must fit is all parameters, and as headroom for the input

    - the largest threshold and the largest sum of a step on top of it, but no less than 4 and no
      more than 16 thresholds: the sum is a bound for the worst input, and a membrane so far above
      the threshold spikes every step whether it saturates or not;
    - for neurons that never fire, 4 times that sum: their membrane is the answer.

    Parameters
    ----------
    neurons : Neurons
    scale : float
        What one LSB of a weight stands for.
    accumulator : pair of int
        Least and largest sum of a step, in LSB of a weight.
    state_width : int
    """
    if not leaks(neurons):
        return 0
    reach = max(-accumulator[0], accumulator[1])
    threshold = _largest(neurons.threshold) / scale
    headroom = max(4 * threshold, min(threshold + reach, 16 * threshold))
    if threshold == 0:
        headroom = 4 * reach
    numbers = (neurons.v_reset, neurons.bias, neurons.v_init, neurons.u_init, neurons.a_step)
    most = max(headroom, *(_largest(value) / scale for value in (*numbers, neurons.v_min or 0.0)))
    high = (1 << (state_width - 1)) - 1
    fitting = [bits for bits in range(1, MOST_FRACTION_BITS + 1) if most * (1 << bits) <= high]
    return max(fitting, default=0)


def _largest(value: Values) -> float:
    """The largest magnitude of what is finite, 0 where nothing is."""
    finite = np.abs(np.asarray(value, dtype=np.float64))
    return float(finite[np.isfinite(finite)].max(initial=0.0))
