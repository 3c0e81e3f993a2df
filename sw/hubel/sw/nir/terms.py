"""What flows along the edges of a NIR graph: sums of what its sources bring."""

import math
from dataclasses import dataclass

from hubel.hdl.shape import Shape

from ..network import Floats
from .compose import Layer, Operator, grid_after, summed
from .fields import Dims
from .stages import grid_of


@dataclass(frozen=True, eq=False)
class Term:
    """What one source brings to a node: its spikes, ``delay`` steps later, through ``operator``;
    ``labels`` are the layers with weights on the way."""

    source: str
    operator: Operator
    delay: int = 0
    delayed: bool = False
    labels: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, int, bool]:
        """Terms with the same key can be added up."""
        return self.source, self.delay, self.delayed


@dataclass(frozen=True, eq=False)
class Signal:
    """What flows along an edge: the sum of ``terms``, and a constant of shape (values,)."""

    terms: tuple[Term, ...]
    bias: Floats | None = None


def merged(terms: tuple[Term, ...], *, keep_layers: bool = False) -> list[Term]:
    """``terms`` with those of the same source and delay added up; with ``keep_layers`` only those
    that are neither convolutions nor dense layers, which are more compact apart."""
    groups: dict[tuple, list[Term]] = {}
    for number, term in enumerate(terms):
        alone = keep_layers and isinstance(term.operator, Layer)
        groups.setdefault((*term.key, number if alone else -1), []).append(term)
    return [
        Term(
            group[0].source,
            summed([term.operator for term in group]),
            group[0].delay,
            group[0].delayed,
            group[0].labels if len(group) == 1 else (),
        )
        for group in groups.values()
    ]


def shape_of(dims: Dims, terms: tuple[Term, ...]) -> Shape:
    """Shape of a population; rows and columns that were flattened on the way are kept, so that a
    convolution stays one."""
    if len(dims) == 1:
        grids = {grid for term in terms if (grid := grid_after(term.operator)) is not None}
        if len(grids) == 1:
            return Shape(*grids.pop())
        return Shape(dims[0])
    return Shape(*grid_of(dims)) if len(dims) <= 3 else Shape(math.prod(dims))
