"""A part of a population: its neurons and their synapses, cut out by channels."""

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hubel.hdl.fabric_parts import part_name
from hubel.hdl.program import Conv2d, Dense, Population, Program, Projection, Shape, Sparse
from hubel.hdl.program import projection_entries as sparse_entries


@dataclass(frozen=True, order=True)
class Part:
    """Channels ``first`` up to and without ``stop`` of population number ``population``."""

    population: int
    first: int
    stop: int

    @property
    def channels(self) -> int:
        """How many."""
        return self.stop - self.first

    def is_whole(self, program: Program) -> bool:
        """It has all channels of its population."""
        return self.channels == program.populations[self.population].shape.channels

    def name(self, program: Program) -> str:
        """Of the population that a core has of it; the population's own if it is the whole."""
        population = program.populations[self.population]
        if self.is_whole(program):
            return population.name
        taken = [source.name for source in program.sources]
        return part_name(population.name, self.first, self.stop, taken)

    def neurons(self, program: Program) -> slice:
        """Its neurons among those of the population."""
        shape = program.populations[self.population].shape
        places = shape.height * shape.width
        return slice(self.first * places, self.stop * places)


def cut_population(program: Program, part: Part) -> Population:
    """The population of ``part``: numbers that differ between neurons are those of its neurons."""
    population = program.populations[part.population]
    if part.is_whole(program):
        return population
    own = part.neurons(program)
    values = {
        f.name: value[own]
        for f in fields(population)
        if isinstance(value := getattr(population, f.name), np.ndarray)
    }
    shape = Shape(part.channels, population.shape.height, population.shape.width)
    return replace(population, name=part.name(program), shape=shape, **values)


def cut_projection(
    program: Program, projection: Projection, part: Part, *, lanes: int, most_words: int
) -> Projection:
    """What ``projection`` brings to ``part`` of its target: the same synapses.

    A convolution with groups, cut, reads some channels of its source only, which a convolution over
    the whole source cannot say. It becomes a list of synapses, which is exact in every count, where
    that takes ``most_words`` weight words or less; otherwise a convolution without groups, whose
    weights from channels of other groups are 0: these count as synaptic operations.
    """
    if part.is_whole(program):
        return projection
    taken = [p.name for p in program.projections]
    name = part_name(projection.name, part.first, part.stop, taken)
    named = replace(projection, name=name, target=part.name(program))
    own = part.neurons(program)
    if isinstance(named, Dense):
        return replace(named, weights=named.weights[:, own])
    if isinstance(named, Sparse):
        return _cut_sparse(named, own)
    if named.groups == 1:
        return replace(named, weights=named.weights[part.first : part.stop])
    source = program.shape_of(projection.source)
    target = program.populations[part.population].shape
    sparse = _cut_sparse(as_sparse(named, source, target), own)
    shape = Shape(part.channels, target.height, target.width)
    if int(sparse_entries(sparse, shape, lanes).sum()) <= most_words:
        return sparse
    weights = np.zeros((target.channels, source.channels, *named.weights.shape[2:]), dtype=np.int64)
    inside, outside = source.channels // named.groups, target.channels // named.groups
    for group in range(named.groups):
        to = slice(group * outside, (group + 1) * outside)
        weights[to, group * inside : (group + 1) * inside] = named.weights[to]
    return replace(named, groups=1, weights=weights[part.first : part.stop])


def _cut_sparse(projection: Sparse, own: slice) -> Sparse:
    """The synapses that end in the neurons ``own``, which are numbered from 0."""
    kept = (projection.targets >= own.start) & (projection.targets < own.stop)
    before = np.concatenate([[0], np.cumsum(kept)])
    return replace(
        projection,
        first=before[projection.first].astype(np.int64),
        targets=projection.targets[kept] - own.start,
        weights=projection.weights[kept],
    )


@lru_cache(maxsize=4)
def as_sparse(projection: Conv2d, source: Shape, target: Shape) -> Sparse:
    """The synapses of a convolution, one by one; those whose weight is 0 included. Kept, because
    it is cut in many ways before one is chosen."""
    inside = source.channels // projection.groups
    outside = target.channels // projection.groups
    pooled = projection.axons(source)
    rows, columns = projection.weights.shape[2:]
    channel, y, x = np.unravel_index(np.arange(target.neurons), target.sizes)
    sources: list[npt.NDArray] = []
    targets: list[npt.NDArray] = []
    weights: list[npt.NDArray] = []
    for row, column, window_y, window_x, of_group in np.ndindex(
        rows, columns, *projection.pool, inside
    ):
        at_y = y * projection.stride[0] - projection.padding[0] + row * projection.dilation[0]
        at_x = x * projection.stride[1] - projection.padding[1] + column * projection.dilation[1]
        met = (at_y >= 0) & (at_y < pooled.height) & (at_x >= 0) & (at_x < pooled.width)
        from_channel = channel[met] // outside * inside + of_group
        from_y = at_y[met] * projection.pool[0] + window_y
        from_x = at_x[met] * projection.pool[1] + window_x
        sources.append((from_channel * source.height + from_y) * source.width + from_x)
        targets.append(np.flatnonzero(met))
        weights.append(projection.weights[channel[met], of_group, row, column])
    all_sources, all_targets = np.concatenate(sources), np.concatenate(targets)
    order = np.lexsort((all_targets, all_sources))
    counts = np.bincount(all_sources, minlength=source.neurons)
    return Sparse(
        name=projection.name,
        source=projection.source,
        target=projection.target,
        delay=projection.delay,
        weights=np.concatenate(weights)[order].astype(np.int64),
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        targets=all_targets[order].astype(np.int64),
    )
