"""The LIF update: the arithmetic contract, in numpy.

The gateware twin is :class:`hubel.hdl.lif.LifUpdate`; both name the same values in the same order:
decay, add, bias, saturate, compare, reset, emit.
"""

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.program import Population, Reset

Ints = npt.NDArray[np.signedinteger]
Bools = npt.NDArray[np.bool_]


def decay(v: Ints, factor: int) -> Ints:
    """Leak: ``sign(v) * ((|v| * factor) >> 12)``, odd-symmetric, dies out at 0.

    Rounding towards zero is what Loihi does (Lava's bit-accurate LIF models).
    """
    return np.sign(v) * ((np.abs(v) * factor) >> DECAY_SHIFT)


def lif_step(
    v: Ints, current: Ints, population: Population, state_width: int
) -> tuple[Ints, Bools, Bools]:
    """One step of a population.

    Parameters
    ----------
    v : array of int, shape (..., neurons)
        Membranes at the end of the step before.
    current : array of int, shape (..., neurons)
        Sum of the weights of this step's events.
    population : Population
        Its decay, bias, threshold and reset.
    state_width : int
        Bits of a membrane.

    Returns
    -------
    v, fired, saturated : arrays, shape (..., neurons)
        Membranes at the end of the step, which neurons fired, and which were saturated.
    """
    high = (1 << (state_width - 1)) - 1
    low = -high - 1
    decayed = decay(v, population.decay)
    biased = decayed + population.bias
    total = biased + current
    saturated = (total < low) | (total > high)
    v_sat = np.clip(total, low, high)
    fired = v_sat > population.threshold
    base = v_sat - population.v_reset if population.reset is Reset.SOFT else population.v_reset
    v_next = np.where(fired, base, v_sat)
    return v_next, fired, saturated
