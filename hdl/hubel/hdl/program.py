"""The Program: integers only, the machine code of the cores."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .params import CoreParams, NeuronParams, ProjectionParams, WalkKind, check_widths
from .population import Population, Reset, Source
from .projection import Conv2d, Dense, Projection, Sparse
from .shape import Shape

__all__ = ["Conv2d", "Dense", "Population", "Program", "Projection", "Reset", "Shape", "Source",
           "Sparse"]

#: Parameters that have a row in the neuron memory where they differ between neurons.
_ROW_PARAMETERS = frozenset({"bias", "threshold", "v_reset", "decay", "u_decay"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """Inputs, populations and the projections between them, as integers, for one core.

    Parameters
    ----------
    inputs : tuple of Source
        What is fed from outside.
    populations : tuple of Population
        In the order of a step: a projection without delay goes from an input or an earlier
        population to a later one.
    projections : tuple of Projection
        A population is fed by one or more; what they bring adds up.
    outputs : tuple of str
        Populations whose spikes leave the core.
    weight_width, state_width : int
        Bits of a weight (2, 4, 8) and of a membrane (16, 24).

    Raises
    ------
    ValueError
        If a number does not fit its width, shapes contradict each other, or a step could
        overflow; the message names the population or projection and the numbers.
    """
    inputs: tuple[Source, ...]
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    outputs: tuple[str, ...]
    weight_width: int = 8
    state_width: int = 16

    def __post_init__(self) -> None:
        check_widths(8, self.weight_width, self.state_width)
        if not self.inputs or not self.populations:
            raise ValueError("a Program needs at least one input and one population")
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two inputs or populations are named {name!r}")
        names = [projection.name for projection in self.projections]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two projections are named {name!r}")
        for population in self.populations:
            population.check(self.state_width)
            if not self.into(population.name):
                raise ValueError(f"population {population.name!r} is fed by no projection")
        for projection in self.projections:
            self._check_projection(projection)
        if not self.outputs or len(set(self.outputs)) != len(self.outputs):
            raise ValueError("a Program needs one or more outputs, each of them once")
        for name in self.outputs:
            if name not in [p.name for p in self.populations]:
                raise ValueError(f"output {name!r} is no population")
        limit = 1 << (self.params().accumulator_width - 1)
        for population in self.populations:
            least, most = self.accumulator_range(population.name)
            if not -limit <= least <= most < limit:
                raise ValueError(f"population {population.name!r}: a step can accumulate "
                                 f"{least}..{most}, more than {limit.bit_length()} bits hold")

    def _check_projection(self, projection: Projection) -> None:
        here = f"projection {projection.name!r}"
        numbers = {source.name: i for i, source in enumerate(self.sources)}
        for name in (projection.source, projection.target):
            if name not in numbers:
                raise ValueError(f"{here}: there is no input or population {name!r}")
        if numbers[projection.target] < len(self.inputs):
            raise ValueError(f"{here} ends in the input {projection.target!r}")
        if projection.delay not in (0, 1):
            raise ValueError(f"{here}: delay must be 0 or 1, not {projection.delay!r}")
        if projection.delay == 0 and numbers[projection.source] >= numbers[projection.target]:
            raise ValueError(f"{here}: without a delay it must go to a later population, not from "
                             f"{projection.source!r} to {projection.target!r}")
        projection.check(self.shape_of(projection.source), self.shape_of(projection.target))
        weights, high = projection.weights, (1 << (self.weight_width - 1)) - 1
        if weights.dtype.kind != "i":
            raise ValueError(f"{here}: weights must be signed integers, not {weights.dtype}")
        if weights.size and not (-high - 1 <= weights.min() and weights.max() <= high):
            raise ValueError(f"{here}: weights must be in {-high - 1}..{high}, not "
                             f"{weights.min()}..{weights.max()}")

    @property
    def sources(self) -> tuple[Source | Population, ...]:
        """All that sends spikes: inputs, then populations."""
        return self.inputs + self.populations

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        return {source.name: source.shape for source in self.sources}

    def shape_of(self, name: str) -> Shape:
        """Shape of an input or population."""
        return self._shapes[name]

    def into(self, name: str) -> tuple[Projection, ...]:
        """Projections that feed population ``name``, in their order."""
        return tuple(p for p in self.projections if p.target == name)

    @property
    def input_neurons(self) -> int:
        """Axons that are fed from outside: those of all inputs, one after the other."""
        return sum(source.shape.neurons for source in self.inputs)

    def accumulator_range(self, name: str) -> tuple[int, int]:
        """Least and largest sum that one step can accumulate in any neuron of population ``name``,
        for any set of events and any order."""
        neurons = self.shape_of(name).neurons
        least, most = np.zeros((2, neurons), dtype=np.int64)
        for projection in self.into(name):
            negative, positive = weight_sums(projection, self.shape_of(projection.source),
                                             self.shape_of(name))
            least, most = least + negative, most + positive
        return int(least.min()), int(most.max())

    def params(self, *, lanes: int = 8, folds: int = 1) -> CoreParams:
        """Sizes of the smallest core with ``lanes`` lanes that runs this Program."""
        numbers = {source.name: i for i, source in enumerate(self.sources)}
        first = len(self.inputs)
        clocks = []
        for population in self.populations:
            sources = [numbers[p.source] for p in self.into(population.name) if p.delay == 0]
            clocks.append(max(sources, default=0))
        return CoreParams(
            inputs=tuple(source.shape for source in self.inputs),
            populations=tuple(p.shape for p in self.populations),
            projections=tuple(self._projection_params(p, numbers, lanes)
                              for p in self.projections),
            outputs=tuple(numbers[name] - first for name in self.outputs),
            clocks=tuple(clocks),
            neuron=self._neuron_params(),
            lanes=lanes, weight_width=self.weight_width, state_width=self.state_width,
            folds=folds)

    def _neuron_params(self) -> NeuronParams:
        all_of = self.populations
        return NeuronParams(
            varied=frozenset().union(*(p.varied() for p in all_of)) & _ROW_PARAMETERS,
            current=any(p.u_decay is not None for p in all_of),
            wraps=any(p.u_decay is not None and p.u_wraps for p in all_of),
            adaptive=any(p.a_decay is not None for p in all_of),
            refractory=any(p.refractory for p in all_of),
            late=any(p.reset is Reset.SOFT_LATE for p in all_of),
            floor=any(p.v_min is not None for p in all_of),
            shifts=tuple(p.shift for p in all_of))

    def gathers(self, projection: Projection) -> bool:
        """``projection`` is the one that its target gathers: the dense one with the most axons, of
        those for which every spike of the source has an axon."""
        dense = [p for p in self.into(projection.target) if isinstance(p, Dense)
                 and self.shape_of(p.source).height % p.pool[0] == 0
                 and self.shape_of(p.source).width % p.pool[1] == 0]
        return bool(dense) and projection is max(dense, key=lambda p: p.weights.shape[0])

    def _projection_params(self, projection: Projection, numbers: dict[str, int],
                           lanes: int) -> ProjectionParams:
        source, target = self.shape_of(projection.source), self.shape_of(projection.target)
        geometry: dict = {}
        if isinstance(projection, Sparse):
            kind = WalkKind.SPARSE
            words = int(projection_entries(projection, target, lanes).sum())
        elif isinstance(projection, Conv2d):
            kind = WalkKind.CONV
            geometry = {"pool": projection.pool, "stride": projection.stride,
                        "padding": projection.padding, "dilation": projection.dilation,
                        "kernel": tuple(projection.weights.shape[2:]), "groups": projection.groups}
            words = source.channels * int(np.prod(projection.weights.shape[2:]))
            words *= channel_words(target.channels, projection.groups, lanes)
        else:
            kind = WalkKind.GATHER if self.gathers(projection) else WalkKind.CONV
            geometry = {"pool": projection.pool}
            words = projection.weights.shape[0] * target.words(lanes)
        return ProjectionParams(
            source=numbers[projection.source],
            target=numbers[projection.target] - len(self.inputs), kind=kind,
            delay=projection.delay, fan_in=projection.fan_in(source), weight_words=int(words),
            **geometry)


def channel_words(channels: int, groups: int, lanes: int) -> int:
    """The most state words of one place that a group of ``channels / groups`` channels spans."""
    size = channels // groups
    return max((group * size + size - 1) // lanes - group * size // lanes + 1
               for group in range(groups))


def projection_entries(projection: Sparse, target: Shape, lanes: int) -> npt.NDArray[np.int64]:
    """Words that hold the synapses of each source neuron: as many as its fullest lane has."""
    lane = np.empty(target.neurons, dtype=np.int64)
    order = target.lane_order(lanes)
    lane[order[order >= 0]] = np.nonzero(order >= 0)[1]
    sources = np.repeat(np.arange(len(projection.first) - 1), np.diff(projection.first))
    table = np.zeros((len(projection.first) - 1, lanes), dtype=np.int64)
    np.add.at(table, (sources, lane[projection.targets]), 1)
    return table.max(axis=1)


def weight_sums(projection: Projection, source: Shape,
                target: Shape) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The sums of the negative and of the positive weights into each neuron of the target (of a
    convolution: bounds of them, the same for all places)."""
    bounds = []
    for part in (np.minimum, np.maximum):
        weights = part(projection.weights, 0).astype(np.int64)
        if isinstance(projection, Sparse):
            sums = np.zeros(target.neurons, dtype=np.int64)
            np.add.at(sums, projection.targets, weights)
        elif isinstance(projection, Conv2d):
            # No more spikes than the fan-in meet, even where the window is larger than the source.
            axes, window = (1, 2, 3), projection.pool[0] * projection.pool[1]
            fan_in = projection.fan_in(source)
            sums = np.clip(weights.sum(axis=axes) * window, weights.min(axis=axes) * fan_in,
                           weights.max(axis=axes) * fan_in)
            sums = np.repeat(sums, target.height * target.width)
        else:
            sums = weights.sum(axis=0) * projection.pool[0] * projection.pool[1]
        bounds.append(sums)
    return bounds[0], bounds[1]
