"""Populations of a Program: neurons, as integers."""

from dataclasses import dataclass, fields
from enum import Enum

import numpy as np
import numpy.typing as npt

from .params import DECAY_SHIFT
from .shape import Shape

__all__ = ["Population", "Reset", "Source"]

#: A number that all neurons share, or an array of one each.
Values = int | npt.NDArray[np.int64]


class Reset(Enum):
    """What a spike does to the membrane."""
    #: The membrane becomes ``v_reset``.
    HARD = "hard"
    #: ``v_reset`` is subtracted from the membrane (the threshold, as a rule).
    SOFT = "soft"
    #: As soft, but in the next step: where the membrane was above the threshold at its end.
    SOFT_LATE = "soft-late"


@dataclass(frozen=True)
class Source:
    """Axons that are fed from outside: a ``name``, and their ``shape``."""
    name: str
    shape: Shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Integrate-and-fire neurons; :mod:`hubel.sim.lif` says what they compute.

    Where ``Values`` is said, a number is shared and an array of shape (neurons,) has one for each.

    Parameters
    ----------
    name : str
        Name in reports and error messages.
    shape : Shape
    threshold : Values
        A neuron fires when its membrane is **greater**. ``state_max`` is never reached: a readout
        that only integrates. Negative ones are for hard resets.
    decay : Values
        The membrane is multiplied by ``decay / 4096`` each step (rounded towards zero), 0..4096.
    reset : Reset
    v_reset : Values
        Hard: membrane after a spike. Soft: what a spike subtracts, 0 or more.
    bias : Values
        Constant current added to the membrane every step.
    v_init : Values
        Membrane before the first step of a sample.
    v_min : int, optional
        What a step adds up to is not below it (a reset may go below); None: only the width of the
        state limits it.
    shift : int
        The sum of a step's weights counts ``2**shift`` times: bits after the weights' point.
    refractory : int
        Steps after a spike in which the membrane stays and the neuron is silent, 0..255.
    u_decay : Values, optional
        CUBA neurons: the sum of the weights goes into a synaptic current ``u``, which decays by
        this factor and drives the membrane. None: there is no ``u``.
    u_init : Values
        Synaptic current before the first step.
    u_wraps : bool
        ``u`` wraps instead of saturating, as on Loihi.
    a_decay : int, optional
        Adaptive threshold: ``a``, which decays by this factor, is added to the threshold. None:
        there is no ``a``.
    a_step : int
        What a spike adds to ``a``, 0 or more.
    """
    name: str
    shape: Shape
    threshold: Values
    decay: Values = 1 << DECAY_SHIFT
    reset: Reset = Reset.SOFT
    v_reset: Values = 0
    bias: Values = 0
    v_init: Values = 0
    v_min: int | None = None
    shift: int = 0
    refractory: int = 0
    u_decay: Values | None = None
    u_init: Values = 0
    u_wraps: bool = False
    a_decay: int | None = None
    a_step: int = 0

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.shape.neurons

    def varied(self) -> frozenset[str]:
        """Names of the parameters that differ between neurons."""
        return frozenset(f.name for f in fields(self)
                         if isinstance(getattr(self, f.name), np.ndarray))

    def check(self, state_width: int) -> None:
        """Raise ValueError, naming the population and the numbers, unless all numbers fit
        ``state_width`` bits."""
        high = (1 << (state_width - 1)) - 1
        low, one = -high - 1, 1 << DECAY_SHIFT
        hard = self.reset is Reset.HARD
        self._check("threshold", low if hard else 0, high)
        self._check("decay", 0, one)
        self._check("v_reset", low if hard else 0, high)
        for what in ("bias", "v_init", "u_init"):
            self._check(what, low, high)
        self._check("shift", 0, state_width - 2, shared=True)
        self._check("refractory", 0, 255, shared=True)
        self._check("a_step", 0, high, shared=True)
        if self.v_min is not None:
            self._check("v_min", low, 0, shared=True)
        if self.u_decay is not None:
            self._check("u_decay", 0, one)
        if self.a_decay is not None:
            self._check("a_decay", 0, one, shared=True)
        if self.reset is Reset.SOFT_LATE and (self.refractory or self.a_decay is not None):
            raise ValueError(f"population {self.name!r}: a late reset goes neither with a "
                             f"refractory period nor with an adaptive threshold")

    def _check(self, what: str, least: int, most: int, *, shared: bool = False) -> None:
        here, value = f"population {self.name!r}: {what}", getattr(self, what)
        if isinstance(value, np.ndarray) and not shared:
            if value.shape != (self.neurons,):
                raise ValueError(f"{here} must have shape ({self.neurons},), not {value.shape}")
            if value.dtype.kind != "i":
                raise ValueError(f"{here} must be signed integers, not {value.dtype}")
        elif type(value) is not int:
            raise ValueError(f"{here} must be an int, not {value!r}")
        if np.min(value) < least or np.max(value) > most:
            found = value if isinstance(value, int) else f"{value.min()}..{value.max()}"
            raise ValueError(f"{here} must be in {least}..{most}, not {found}")
