"""The Network: populations and projections in floating point, before quantisation."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hubel.hdl.population import Reset, Source
from hubel.hdl.projection import Projection
from hubel.hdl.shape import Shape

Floats = npt.NDArray[np.float64]

#: A number that all neurons share, or an array of one each.
Values = float | Floats

_RESERVED = ("", ".", "..")


@dataclass(frozen=True, kw_only=True, eq=False)
class Neurons:
    """Integrate-and-fire neurons, in the terms of the arithmetic contract: the float twin of
    :class:`hubel.hdl.population.Population`, which says what the parameters mean.

    Where ``Values`` is said, a number is shared and an array of shape (neurons,) has one for each.

    Parameters
    ----------
    name : str
        Name in reports and error messages.
    shape : Shape
    threshold : Values
        A neuron fires when its membrane is **greater**; infinite for a readout that only
        integrates.
    at_threshold : bool
        It fires at the threshold, too (``>=``).
    decay : Values
        The membrane is multiplied by it each step, 0..1; 1 is "no leak".
    reset : Reset
    v_reset : Values
        Hard reset: membrane after a spike. Soft: what a spike subtracts, 0 or more.
    bias : Values
        Constant current added to the membrane every step.
    v_init : Values
        Membrane before the first step of a sample.
    v_min : float, optional
        What a step adds up to is not below it; a reset may go below.
    refractory : int
        Steps after a spike in which the membrane stays and the neuron is silent.
    u_decay : Values, optional
        Decay of the synaptic current of CUBA neurons, 0..1; None: there is none.
    u_init : Values
        Synaptic current before the first step.
    u_wraps : bool
        As integers, the synaptic current wraps instead of saturating (Loihi).
    a_decay : float, optional
        Decay of the adaptation of the threshold, 0..1; None: there is none.
    a_step : float
        What a spike adds to it, 0 or more.
    """

    name: str
    shape: Shape
    threshold: Values
    at_threshold: bool = False
    decay: Values = 1.0
    reset: Reset = Reset.SOFT
    v_reset: Values = 0.0
    bias: Values = 0.0
    v_init: Values = 0.0
    v_min: float | None = None
    refractory: int = 0
    u_decay: Values | None = None
    u_init: Values = 0.0
    u_wraps: bool = False
    a_decay: float | None = None
    a_step: float = 0.0

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.shape.neurons

    @property
    def fires(self) -> bool:
        """Some threshold can be reached."""
        return bool(np.isfinite(self.threshold).any())

    def check(self) -> None:
        """Raise ValueError, naming the population, if a parameter is out of its range."""
        here = f"population {self.name!r}: "
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray) and value.shape != (self.neurons,):
                raise ValueError(
                    f"{here}{f.name} must have shape ({self.neurons},), not {value.shape}"
                )
            if isinstance(value, (float, int, np.ndarray)) and np.isnan(value).any():
                raise ValueError(f"{here}{f.name} is NaN")
            if f.name != "threshold" and isinstance(value, (float, np.ndarray)):
                if not np.isfinite(value).all():
                    raise ValueError(f"{here}{f.name} must be finite")
        for what in ("decay", "u_decay", "a_decay"):
            value = getattr(self, what)
            if value is not None and not (0 <= np.min(value) and np.max(value) <= 1):
                raise ValueError(f"{here}{what} must be in 0..1, not {_shown(value)}")
        if self.reset is not Reset.HARD:
            for what in ("threshold", "v_reset"):
                if np.min(getattr(self, what)) < 0:
                    raise ValueError(
                        f"{here}{what} of a soft reset must be 0 or more, not "
                        f"{_shown(getattr(self, what))}"
                    )
        if self.a_step < 0 or self.refractory < 0:
            raise ValueError(f"{here}a_step and refractory must be 0 or more")


def _shown(value: Values) -> str:
    """``value`` for an error message."""
    if isinstance(value, np.ndarray):
        return f"{value.min():.6g}..{value.max():.6g}"
    return f"{value:.6g}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Inputs, populations and the projections between them.

    Parameters
    ----------
    inputs : tuple of Source
        What is fed from outside.
    populations : tuple of Neurons
        In the order of a step: a projection without delay goes from an input or an earlier
        population to a later one.
    projections : tuple of Projection
        With weights in floating point; a population is fed by one or more, which add up.
    outputs : tuple of str
        Populations whose spikes (of readouts: membranes) are the answer.
    profile : str
        Where the discretisation comes from: a name, printed in every report.
    dt : float, optional
        Length of a step in the unit of time of the model that the Network came from.

    Raises
    ------
    ValueError
        If names or shapes contradict each other, or a number is not finite or out of its range;
        the message names the layers and the numbers.
    """

    inputs: tuple[Source, ...]
    populations: tuple[Neurons, ...]
    projections: tuple[Projection, ...]
    outputs: tuple[str, ...]
    profile: str = "hubel"
    dt: float | None = None

    def __post_init__(self) -> None:
        if not self.inputs or not self.populations:
            raise ValueError("a Network needs at least one input and one population")
        self._check_names()
        for population in self.populations:
            population.check()
            if not self.into(population.name):
                raise ValueError(f"population {population.name!r} is fed by no projection")
        order = [source.name for source in (*self.inputs, *self.populations)]
        for projection in self.projections:
            self._check_projection(projection, order)
        for name in self.outputs:
            if name not in order[len(self.inputs) :]:
                raise ValueError(f"output {name!r} is no population")
        if not self.outputs:
            raise ValueError("a Network needs at least one output")

    def _check_names(self) -> None:
        layers = (*self.inputs, *self.populations, *self.projections)
        names = [layer.name for layer in layers]
        for name in names:
            # A name is also a path in a NIR file.
            if name in _RESERVED or "/" in name:
                raise ValueError(f"a layer cannot be named {name!r}: reserved, empty or with '/'")
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two layers are named {twice!r}")

    def _check_projection(self, projection: Projection, order: list[str]) -> None:
        here = f"projection {projection.name!r}"
        for name in (projection.source, projection.target):
            if name not in order:
                raise ValueError(f"{here}: there is no input or population {name!r}")
        if order.index(projection.target) < len(self.inputs):
            raise ValueError(f"{here} ends in the input {projection.target!r}")
        if type(projection.delay) is not int or projection.delay < 0:
            raise ValueError(f"{here}: delay must be 0 or more steps, not {projection.delay!r}")
        forward = order.index(projection.source) < order.index(projection.target)
        if projection.delay == 0 and not forward:
            raise ValueError(
                f"{here}: without a delay it must go to a later population, not from "
                f"{projection.source!r} to {projection.target!r}"
            )
        projection.check(self.shape_of(projection.source), self.shape_of(projection.target))
        bad = np.count_nonzero(~np.isfinite(projection.weights))
        if bad:
            raise ValueError(
                f"{here} to {projection.target!r}: {bad} of {projection.weights.size} weights are "
                f"NaN or infinite"
            )

    def shape_of(self, name: str) -> Shape:
        """Shape of an input or population."""
        return next(s.shape for s in (*self.inputs, *self.populations) if s.name == name)

    def into(self, name: str) -> tuple[Projection, ...]:
        """Projections that feed population ``name``, in their order."""
        return tuple(p for p in self.projections if p.target == name)

    @property
    def input_neurons(self) -> int:
        """Axons that are fed from outside: those of all inputs, one after the other."""
        return sum(source.shape.neurons for source in self.inputs)

    def describe(self) -> str:
        """Shapes of the inputs and populations, as in ``2x34x34-16x16x16-10``."""
        inputs = "+".join(str(source.shape) for source in self.inputs)
        return "-".join([inputs, *(str(p.shape) for p in self.populations)])
