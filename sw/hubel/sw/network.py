"""The Network: populations and projections in floating point, before quantisation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Reset

Floats = npt.NDArray[np.float64]

#: Name of the axons that are fed from outside, as the source of a projection.
INPUT = "input"

#: Name of where the spikes of the last population go.
OUTPUT = "output"

_RESERVED = (INPUT, OUTPUT, "", ".", "..")


@dataclass(frozen=True, kw_only=True, eq=False)
class LifPopulation:
    """Leaky integrate-and-fire neurons, in the terms of the arithmetic contract.

    Parameters
    ----------
    name : str
        Name in reports and error messages.
    threshold : float
        A neuron fires when its membrane is **greater**; 0 or more.
    v_reset : float
        Hard reset: membrane after a spike. Soft: what a spike subtracts, 0 or more.
    bias : array of float, shape (neurons,)
        Constant current added every step.
    v_init : array of float, shape (neurons,)
        Membrane before the first step of a sample.
    decay : float
        The membrane is multiplied by it each step, 0..1; 1 is "no leak".
    reset : Reset
        Hard or soft.
    """

    name: str
    threshold: float
    v_reset: float
    bias: Floats
    v_init: Floats
    decay: float = 1.0
    reset: Reset = Reset.SOFT

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.bias.shape[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseProjection:
    """Synapses from every neuron of ``source`` to every neuron of ``target``.

    Parameters
    ----------
    name : str
        Name in error messages and files.
    source, target : str
        Names of populations; ``source`` may be :data:`INPUT`.
    weights : array of float, shape (neurons of source, neurons of target)
    """

    name: str
    source: str
    target: str
    weights: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A chain: projection ``i`` feeds population ``i`` from the one before, or from outside.

    Parameters
    ----------
    inputs : int
        Axons that are fed from outside.
    populations : tuple of LifPopulation
        In the order in which spikes travel.
    projections : tuple of DenseProjection
        One for each population, in the same order.
    profile : str
        Where the discretisation comes from: a name, printed in every report.

    Raises
    ------
    ValueError
        If names or shapes contradict each other, or a number is not finite or out of its range;
        the message names the layers and the numbers.
    """

    inputs: int
    populations: tuple[LifPopulation, ...]
    projections: tuple[DenseProjection, ...]
    profile: str = "hubel"

    def __post_init__(self) -> None:
        if not self.populations:
            raise ValueError("a Network needs at least one population")
        if len(self.populations) != len(self.projections):
            raise ValueError(
                f"a chain needs one projection for each population, not {len(self.projections)} "
                f"for {len(self.populations)}"
            )
        self._check_names()
        for population in self.populations:
            _check_population(population)
        source, neurons = INPUT, self.inputs
        for projection, population in zip(self.projections, self.populations, strict=True):
            _check_projection(projection, source, neurons, population)
            source, neurons = population.name, population.neurons

    def _check_names(self) -> None:
        names = [layer.name for layer in (*self.populations, *self.projections)]
        for name in names:
            # A name is also a path in a NIR file.
            if name in _RESERVED or "/" in name:
                raise ValueError(f"a layer cannot be named {name!r}: reserved, empty or with '/'")
            if names.count(name) > 1:
                raise ValueError(f"two layers are named {name!r}")


def _check_population(population: LifPopulation) -> None:
    """Raise ValueError, naming the population, if a parameter is out of its range."""
    here = f"population {population.name!r}: "
    if population.bias.ndim != 1 or not population.bias.size:
        raise ValueError(f"{here}bias must have shape (neurons,), not {population.bias.shape}")
    if population.v_init.shape != population.bias.shape:
        raise ValueError(
            f"{here}v_init must have shape {population.bias.shape}, not {population.v_init.shape}"
        )
    for what in ("bias", "v_init", "threshold", "v_reset", "decay"):
        if not np.isfinite(getattr(population, what)).all():
            raise ValueError(f"{here}{what} must be finite, not NaN or infinite")
    if population.threshold < 0:
        raise ValueError(f"{here}threshold must be 0 or more, not {population.threshold!r}")
    if not 0 <= population.decay <= 1:
        raise ValueError(f"{here}decay must be in 0..1, not {population.decay!r}")
    if population.reset is Reset.SOFT and population.v_reset < 0:
        raise ValueError(
            f"{here}v_reset of a soft reset must be 0 or more, not {population.v_reset!r}"
        )


def _check_projection(
    projection: DenseProjection, source: str, neurons: int, target: LifPopulation
) -> None:
    """Raise ValueError unless ``projection`` goes from ``source`` to ``target`` and fits both."""
    here = f"projection {projection.name!r}"
    if (projection.source, projection.target) != (source, target.name):
        raise ValueError(
            f"{here} goes from {projection.source!r} to {projection.target!r}; in this chain it "
            f"must go from {source!r} to {target.name!r}"
        )
    if projection.weights.ndim != 2:
        raise ValueError(
            f"{here}: weights must have shape (inputs, neurons), not {projection.weights.shape}"
        )
    fan_in, fan_out = projection.weights.shape
    if fan_in != neurons:
        raise ValueError(f"{here} takes {fan_in} inputs, but {source!r} has {neurons}")
    if fan_out != target.neurons:
        raise ValueError(
            f"{here} feeds {fan_out} neurons, but {target.name!r} has {target.neurons}"
        )
    bad = np.count_nonzero(~np.isfinite(projection.weights))
    if bad:
        raise ValueError(
            f"{here} to {target.name!r}: {bad} of {projection.weights.size} weights are NaN or "
            f"infinite"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatTrace:
    """Spikes (bool) and membranes (float, at the end of each step) of each population, arrays of
    shape (samples, steps, neurons)."""

    spikes: tuple[npt.NDArray[np.bool_], ...]
    membrane: tuple[Floats, ...]


def simulate(network: Network, spikes: npt.NDArray[np.bool_]) -> FloatTrace:
    """Run ``network`` in floating point, in the order of the contract: decay, add, bias, compare,
    reset, emit.

    A reference for tests and for what quantisation costs, not for bit-exactness.

    Parameters
    ----------
    network : Network
    spikes : array of bool, shape (samples, steps, inputs)
        Input spikes; each sample starts from ``v_init``.

    Raises
    ------
    ValueError
        If ``spikes`` have the wrong shape.
    """
    if spikes.ndim != 3 or spikes.shape[2] != network.inputs:
        raise ValueError(
            f"spikes must have shape (samples, steps, {network.inputs}), not {spikes.shape}"
        )
    all_spikes, all_membranes = [], []
    for projection, population in zip(network.projections, network.populations, strict=True):
        current = spikes.astype(np.float64) @ projection.weights
        fired = np.empty(current.shape, dtype=np.bool_)
        membrane = np.empty_like(current)
        v = np.broadcast_to(population.v_init, current[:, 0].shape)
        for step in range(current.shape[1]):
            v = v * population.decay + current[:, step] + population.bias
            fired[:, step] = v > population.threshold
            soft = population.reset is Reset.SOFT
            base = v - population.v_reset if soft else population.v_reset
            v = np.where(fired[:, step], base, v)
            membrane[:, step] = v
        all_spikes.append(fired)
        all_membranes.append(membrane)
        spikes = fired
    return FloatTrace(spikes=tuple(all_spikes), membrane=tuple(all_membranes))
