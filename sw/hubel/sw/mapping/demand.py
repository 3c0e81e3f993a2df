"""What a part of a population takes of a core, without building it."""

from copy import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np

from hubel.hdl.program import Conv2d, Program, Projection, Shape, Sparse, projection_entries
from hubel.hdl.program import channel_words as words_of_channels

from .activity import Rates
from .limits import CoreLimits, Usage
from .load import step_clocks
from .parts import Part, cut_projection


class Demands:
    """What parts of the populations of ``program`` take of a core with ``lanes`` lanes."""

    def __init__(self, program: Program, rates: Rates, *, lanes: int, limits: CoreLimits) -> None:
        self.program = program
        self.lanes = lanes
        self.limits = limits
        self._most_words = limits.weight_words // 4
        self._clocks = step_clocks(program, rates, lanes)
        self._words = lru_cache(maxsize=None)(self._weight_words)
        self._rows = {
            source.name: 2 << (source.shape.neurons - 1).bit_length() for source in program.sources
        }
        self._reads = {p.name: self._sources(p.name) for p in program.populations}

    def without(self, resource: str) -> "Demands":
        """The same for cores that have any amount of ``resource``."""
        other = copy(self)
        other.limits = replace(self.limits, **{resource: 1 << 62})
        return other

    def _sources(self, name: str) -> frozenset[str]:
        """Sources that a part of population ``name`` reads: those of its projections, and the first
        input where it learns from it only that a sample begins."""
        into = self.program.into(name)
        clock = set() if any(p.delay == 0 for p in into) else {self.program.inputs[0].name}
        return frozenset({p.source for p in into} | clock)

    def reads(self, population: int) -> frozenset[str]:
        """Names of the sources that a part of ``population`` reads."""
        return self._reads[self.program.populations[population].name]

    def whole(self, population: int) -> Part:
        """All channels of ``population``."""
        return Part(population, 0, self.program.populations[population].shape.channels)

    def state_words(self, part: Part) -> int:
        """Of the neurons of ``part``."""
        shape = self.program.populations[part.population].shape
        return Shape(part.channels, shape.height, shape.width).words(self.lanes)

    def clocks(self, part: Part) -> float:
        """Clocks a step, the population's shared out over its state words."""
        whole = self.state_words(self.whole(part.population))
        return float(self._clocks[part.population]) * self.state_words(part) / whole

    def weight_words(self, part: Part) -> int:
        """Of all that feeds ``part``."""
        name = self.program.populations[part.population].name
        return sum(
            self._words(number, part)
            for number, projection in enumerate(self.program.projections)
            if projection.target == name
        )

    def _weight_words(self, number: int, part: Part) -> int:
        projection = self.program.projections[number]
        source = self.program.shape_of(projection.source)
        shape = self.program.populations[part.population].shape
        cut = projection
        if isinstance(projection, Sparse) or (
            isinstance(projection, Conv2d) and projection.groups > 1
        ):
            # How these are cut depends on where.
            cut = self.cut(projection, part)
        target = Shape(part.channels, shape.height, shape.width)
        if isinstance(cut, Sparse):
            return int(projection_entries(cut, target, self.lanes).sum())
        if isinstance(cut, Conv2d):
            kernel = int(np.prod(cut.weights.shape[2:]))
            words = words_of_channels(target.channels, cut.groups, self.lanes)
            return source.channels * kernel * words
        return cut.axons(source).neurons * target.words(self.lanes)

    def cut(self, projection: Projection, part: Part) -> Projection:
        """What ``projection`` brings to ``part``; lists of synapses in place of a convolution may
        take a quarter of the weights of a core."""
        return cut_projection(
            self.program,
            projection,
            part,
            lanes=self.lanes,
            most_words=self._most_words,
        )

    def usage(self, parts: tuple[Part, ...]) -> Usage:
        """What a core with ``parts`` takes."""
        heard = frozenset[str]().union(*(self.reads(part.population) for part in parts))
        return Usage(
            weight_words=sum(self.weight_words(part) for part in parts),
            neurons=sum(self.state_words(part) for part in parts) * self.lanes,
            list_rows=sum(self._rows[name] for name in heard),
            populations=len(parts),
        )
