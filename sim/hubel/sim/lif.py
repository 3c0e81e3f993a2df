"""The neuron update: the arithmetic contract, in numpy.

The gateware twin is :class:`hubel.hdl.lif.LifUpdate`; both name the same values in the same order:
decay, add, bias, saturate, compare, reset, emit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.population import Population, Reset, Values

Ints = npt.NDArray[np.signedinteger]
Bools = npt.NDArray[np.bool_]


class State(NamedTuple):
    """What neurons keep from step to step, arrays of shape (..., neurons): the membrane ``v``, the
    synaptic current ``u``, the adaptation of the threshold ``a``, and the steps ``r`` that are
    still to be silent. None where the population has no such thing."""

    v: Ints
    u: Ints | None = None
    a: Ints | None = None
    r: Ints | None = None


def initial_state(population: Population, shape: tuple[int, ...], dtype: type) -> State:
    """State before the first step of a sample; ``shape`` is (..., neurons)."""

    def filled(value: Values) -> Ints:
        return np.broadcast_to(np.asarray(value, dtype), shape)

    return State(
        v=filled(population.v_init),
        u=None if population.u_decay is None else filled(population.u_init),
        a=None if population.a_decay is None else filled(0),
        r=filled(0) if population.refractory else None,
    )


def decay(x: Ints, factor: Values) -> Ints:
    """Leak: ``sign(x) * ((|x| * factor) >> 12)``, odd-symmetric, dies out at 0.

    Rounding towards zero is what Loihi does (Lava's bit-accurate LIF models).
    """
    if isinstance(factor, int) and factor == 1 << DECAY_SHIFT:
        return x
    return np.sign(x) * ((np.abs(x) * factor) >> DECAY_SHIFT)


def lif_step(
    state: State, current: Ints, population: Population, state_width: int
) -> tuple[State, Bools, Bools]:
    """One step of a population.

    Parameters
    ----------
    state : State
        At the end of the step before.
    current : array of int, shape (..., neurons)
        Sum of the weights of this step's events.
    population : Population
    state_width : int
        Bits of a membrane.

    Returns
    -------
    state, fired, saturated : State, arrays of shape (..., neurons)
        State at the end of the step, which neurons fired, and which membranes were saturated
        (synaptic currents that were are not counted).
    """
    p = population
    high = (1 << (state_width - 1)) - 1
    low = -high - 1
    v, u, a, r = state

    # Decay.
    decayed = decay(v, p.decay)
    # Add.
    drive = current << p.shift if p.shift else current
    if u is not None:
        u = decay(u, p.u_decay) + drive  # pyright: ignore[reportArgumentType]
        u = ((u - low) & (high - low)) + low if p.u_wraps else np.clip(u, low, high)
        drive = u
    total = decayed + drive
    # Bias, and what a late reset subtracts.
    if isinstance(p.bias, np.ndarray) or p.bias:
        total = total + p.bias
    if p.reset is Reset.SOFT_LATE:
        total = total - np.where(v > p.threshold, p.v_reset, 0)
    # Saturate.
    saturated = (total < low) | (total > high)
    v_sat = np.clip(total, low if p.v_min is None else p.v_min, high)
    if r is not None:
        saturated = saturated & (r == 0)
        v_sat = np.where(r == 0, v_sat, v)
    # Compare.
    if a is None:
        fired = v_sat > p.threshold
    else:
        a = decay(a, p.a_decay)  # pyright: ignore[reportArgumentType]
        fired = v_sat > p.threshold + a
    if r is not None:
        fired = fired & (r == 0)
    # Reset.
    if p.reset is Reset.HARD:
        v_next = np.where(fired, p.v_reset, v_sat)
    elif p.reset is Reset.SOFT:
        v_next = np.where(fired, v_sat - p.v_reset, v_sat)
    else:
        v_next = v_sat
    if a is not None:
        a = np.minimum(a + fired * p.a_step, high)
    if r is not None:
        r = np.where(fired, p.refractory, np.maximum(r - 1, 0))
    return State(v_next, u, a, r), fired, saturated
