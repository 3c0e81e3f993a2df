"""The Program: integers only, the machine code of the cores."""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .params import DECAY_SHIFT, CoreParams

__all__ = ["Population", "Program", "Reset"]


class Reset(Enum):
    """What a spike does to the membrane."""
    #: The membrane becomes ``v_reset``.
    HARD = "hard"
    #: ``v_reset`` is subtracted from the membrane (the threshold, as a rule).
    SOFT = "soft"


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Leaky integrate-and-fire neurons and the dense projection that feeds them, as integers.

    Parameters
    ----------
    name : str
        Name in reports and error messages.
    weights : array of int, shape (inputs, neurons)
        Synaptic weights, LSB of the membrane.
    bias : array of int, shape (neurons,)
        Constant current added every step, LSB of the membrane.
    v_init : array of int, shape (neurons,)
        Membrane before the first step of a sample.
    threshold : int
        A neuron fires when its membrane is **greater**; 0 or more.
    decay : int
        The membrane is multiplied by ``decay / 4096`` each step (rounded towards zero), 0..4096.
    reset : Reset
        Hard or soft.
    v_reset : int
        Hard: membrane after a spike. Soft: what a spike subtracts, 0 or more.
    """
    name: str
    weights: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int64]
    v_init: npt.NDArray[np.int64]
    threshold: int
    decay: int = 1 << DECAY_SHIFT
    reset: Reset = Reset.SOFT
    v_reset: int = 0

    @property
    def inputs(self) -> int:
        """Fan-in."""
        return self.weights.shape[0]

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.weights.shape[1]


def _refuse_outside(what: str, values: npt.ArrayLike, least: int, most: int) -> None:
    """Raise ValueError unless ``values`` are integers in ``least..most``."""
    array = np.asarray(values)
    if array.dtype.kind != "i":
        raise ValueError(f"{what} must be signed integers, not {array.dtype}")
    if array.size and not (least <= array.min() and array.max() <= most):
        raise ValueError(f"{what} must be in {least}..{most}, not {array.min()}..{array.max()}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A chain of populations for one core: population 0 is fed from outside, population
    ``i + 1`` by the spikes of population ``i``.

    Parameters
    ----------
    populations : tuple of Population
        In the order in which spikes travel.
    weight_width, state_width : int
        Bits of a weight (2, 4, 8) and of a membrane (16, 24).

    Raises
    ------
    ValueError
        If a number does not fit its width, shapes contradict each other, or a step could
        overflow; the message names the population and the numbers.
    """
    populations: tuple[Population, ...]
    weight_width: int = 8
    state_width: int = 16

    def __post_init__(self) -> None:
        if not self.populations:
            raise ValueError("a Program needs at least one population")
        for p in self.populations:
            if p.weights.ndim != 2 or 0 in p.weights.shape:
                raise ValueError(f"population {p.name!r}: weights must have shape "
                                 f"(inputs, neurons), not {p.weights.shape}")
        sizes = self.params()
        for source, p in pairwise(self.populations):
            if p.inputs != source.neurons:
                raise ValueError(f"population {p.name!r} has {p.inputs} inputs, but "
                                 f"{source.name!r} has {source.neurons} neurons")
        for p in self.populations:
            here = f"population {p.name!r}: "
            low, high = sizes.state_min, sizes.state_max
            _refuse_outside(here + "weights", p.weights, sizes.weight_min, sizes.weight_max)
            for what, array in (("bias", p.bias), ("v_init", p.v_init)):
                if array.shape != (p.neurons,):
                    raise ValueError(f"{here}{what} must have shape ({p.neurons},), "
                                     f"not {array.shape}")
                _refuse_outside(here + what, array, low, high)
            for what in ("decay", "threshold", "v_reset"):
                if not isinstance(getattr(p, what), int):
                    raise ValueError(f"{here}{what} must be an int, not {getattr(p, what)!r}")
            _refuse_outside(here + "decay", p.decay, 0, 1 << DECAY_SHIFT)
            _refuse_outside(here + "threshold", p.threshold, 0, high)
            _refuse_outside(here + "v_reset", p.v_reset, 0 if p.reset is Reset.SOFT else low, high)
            least, most = self.accumulator_range(p)
            limit = 1 << (sizes.accumulator_width - 1)
            if not -limit <= least <= most < limit:
                raise ValueError(f"{here}a step can accumulate {least}..{most}, more than "
                                 f"{sizes.accumulator_width} bits hold")

    @staticmethod
    def accumulator_range(population: Population) -> tuple[int, int]:
        """Least and largest sum that one step can accumulate in any neuron, for any set of
        events and any order: the sums of the negative and of the positive weights."""
        negative = np.minimum(population.weights, 0).sum(axis=0, dtype=np.int64)
        positive = np.maximum(population.weights, 0).sum(axis=0, dtype=np.int64)
        return int(negative.min()), int(positive.max())

    @property
    def inputs(self) -> int:
        """Axons that are fed from outside."""
        return self.populations[0].inputs

    def params(self, *, lanes: int = 8) -> CoreParams:
        """Sizes of the smallest core with ``lanes`` lanes that runs this Program."""
        return CoreParams(
            inputs=tuple(p.inputs for p in self.populations),
            neurons=tuple(p.neurons for p in self.populations),
            lanes=lanes, weight_width=self.weight_width, state_width=self.state_width)
