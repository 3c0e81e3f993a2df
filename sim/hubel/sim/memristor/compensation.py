"""Global drift compensation: one gain for all that has drifted, in integers of the core.

The gain is alpha = mean |y(0)| / mean |y(t)| of a read with one input at a time (aihwkit,
compensation/drift.py). The core applies it to weights, as an integer gain when they are read
(:func:`hubel.sim.memristor.adc.scaled`), or the other way round to what the sums are compared with:
weights that shrank by alpha are as good with thresholds, biases and resets that shrink with them.
"""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Population, Program

Floats = npt.NDArray[np.float64]

Scope = Literal["none", "global", "column"]
SCOPES: tuple[Scope, ...] = ("none", "global", "column")

#: Below this mean there is nothing left to divide by.
_FLOOR = 1e-4

#: What a population counts in LSB of its weights.
_SCALES_WITH_WEIGHTS = ("threshold", "v_reset", "bias", "v_init", "u_init")


def alpha(first: npt.NDArray, now: npt.NDArray, scope: Scope) -> Floats:
    """Gain that brings ``now`` back to ``first``, both weights of shape (rows, columns): of shape
    () for ``"global"``, (columns,) for ``"column"``.

    Where nothing was, or nothing is left, it is 1.
    """
    if scope not in ("global", "column"):
        raise ValueError(f"a compensation is 'global' or by 'column', not {scope!r}")
    axis = None if scope == "global" else 0
    before, after = (np.asarray(np.abs(x).mean(axis=axis)) for x in (first, now))
    known = (before > _FLOOR) & (after > _FLOOR)
    gain = np.where(known, before / np.maximum(after, _FLOOR), 1.0)
    # No weight needs more: a saturated one is 127 times the least.
    return np.clip(gain, 2**-7, 2.0**7)


def scale_thresholds(program: Program, alphas: dict[str, float]) -> Program:
    """``program`` with the numbers of each population divided by its ``alphas``, rounded: what a
    drift of all weights into it by 1 / alpha asks for.

    A threshold that is never reached stays so. Populations that are not named stay as they are.
    """
    limit = (1 << (program.state_width - 1)) - 1
    populations = []
    for population in program.populations:
        gain = alphas.get(population.name, 1.0)
        if not (np.isfinite(gain) and gain > 0):
            raise ValueError(f"population {population.name!r}: alpha must be above 0, not {gain!r}")
        populations.append(population if gain == 1.0 else _scaled(population, gain, limit))
    return replace(program, populations=tuple(populations))


def _scaled(population: Population, gain: float, limit: int) -> Population:
    changed: dict[str, Any] = {}
    for name in _SCALES_WITH_WEIGHTS:
        value = np.asarray(getattr(population, name))
        scaled = np.clip(np.rint(value / gain), -limit - 1, limit).astype(np.int64)
        if name == "threshold":
            scaled = np.where(value == limit, limit, scaled)
        changed[name] = scaled if value.ndim else int(scaled)
    if population.v_min is not None:
        changed["v_min"] = max(-limit - 1, round(population.v_min / gain))
    if population.a_decay is not None:
        changed["a_step"] = min(limit, round(population.a_step / gain))
    return replace(population, **changed)
