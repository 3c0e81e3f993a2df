"""Address tables: where the synapses of a spike are, and which state words they meet.

The address of a synapse of a convolution is a sum of three parts: one that depends on the channel
of the spike, one on its row, one on its column. Each part is a row of a table, so that stride,
padding, dilation, groups and pooling cost no logic. A spike then takes a rectangle of steps:
``count`` of Y times ``count`` of X places, and ``count`` of C words at each of them.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

from .params import CoreParams, ProjectionParams, WalkKind
from .program import Dense, Program, Projection, Sparse, projection_entries
from .shape import Shape

__all__ = ["AxisTable", "Steps", "Tables", "tables_of"]


@dataclass(frozen=True, eq=False)
class AxisTable:
    """One part of the addresses for each coordinate of an axis, arrays of shape (coordinates,).

    ``address``: of weight words; ``row``: of state words within the target; ``count``: places (or
    words) that are met, 0 for none.
    """
    address: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """By how much the addresses change from a place to the next one to the right (``x``) and from
    a row of places to the next one below (``y``); from a word to the next both grow by 1."""
    x_address: int = 0
    x_row: int = 0
    y_address: int = 0
    y_row: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """The tables of one projection.

    For a gathered projection, ``address`` is a part of the number of the axon. ``operations`` of
    shape (rows of C,) is the number of synapses at each place. The rows of C are channels; where
    ``by_code`` (sparse projections) they are codes of source neurons, and Y and X have no part.
    """
    c: AxisTable
    y: AxisTable
    x: AxisTable
    operations: npt.NDArray[np.int64]
    steps: Steps
    by_code: bool = False

    def of(self, shape: Shape) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Weight words and synapses of one spike of each neuron of the source, in C order."""
        if self.by_code:
            return self.c.count[shape.codes()], self.operations[shape.codes()]
        places = np.multiply.outer(self.y.count, self.x.count)
        return (np.multiply.outer(self.c.count, places).ravel(),
                np.multiply.outer(self.operations, places).ravel())


def tables_of(params: CoreParams, program: Program) -> tuple[Tables, ...]:
    """The tables of each projection of ``program``."""
    return tuple(_tables(params, p, projection)
                 for p, projection in zip(params.projections, program.projections, strict=True))


def _tables(params: CoreParams, sizes: ProjectionParams, projection: Projection) -> Tables:
    source, target = params.sources[sizes.source], params.populations[sizes.target]
    if isinstance(projection, Sparse):
        return _sparse_tables(projection, source, target, params.lanes)
    pooled = Shape(source.channels, source.height // sizes.pool[0], source.width // sizes.pool[1])
    if sizes.kind is WalkKind.GATHER:
        return _dense_tables(source, pooled, sizes.pool, words=1, count=1, operations=0)
    if isinstance(projection, Dense):
        words = target.words(params.lanes)
        return _dense_tables(source, pooled, sizes.pool, words=words, count=words,
                             operations=target.neurons)
    return _conv_tables(sizes, source, pooled, target, params.lanes)


def _dense_tables(source: Shape, pooled: Shape, pool: tuple[int, int], *, words: int, count: int,
                  operations: int) -> Tables:
    """An axon has ``words`` weight words; axons are numbered in C order after pooling."""
    def axis(size: int, window: int, most: int, step: int, count: int) -> AxisTable:
        place = np.arange(size) // window
        return AxisTable(place * step * words * (place < most), np.zeros(size, dtype=np.int64),
                         np.where(place < most, count, 0))

    return Tables(
        c=axis(source.channels, 1, source.channels, pooled.height * pooled.width, count),
        y=axis(source.height, pool[0], pooled.height, pooled.width, 1),
        x=axis(source.width, pool[1], pooled.width, 1, 1),
        operations=np.full(source.channels, operations), steps=Steps())


def _sparse_tables(projection: Sparse, source: Shape, target: Shape, lanes: int) -> Tables:
    entries = projection_entries(projection, target, lanes)
    codes, rows = source.codes(), 1 << source.code_width
    first, count, operations = np.zeros((3, rows), dtype=np.int64)
    first[codes] = np.cumsum(entries) - entries
    count[codes] = entries
    operations[codes] = np.diff(projection.first)
    zero, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    nothing = AxisTable(zero, zero, one)
    return Tables(c=AxisTable(first, np.zeros_like(first), count), y=nothing, x=nothing,
                  operations=operations, steps=Steps(), by_code=True)


def _conv_tables(sizes: ProjectionParams, source: Shape, pooled: Shape, target: Shape,
                 lanes: int) -> Tables:
    group_sources = source.channels // sizes.groups
    group_targets = target.channels // sizes.groups
    group = np.arange(source.channels) // group_sources
    word = group * group_targets // lanes
    count = (group * group_targets + group_targets - 1) // lanes - word + 1
    most, channel_words = int(count.max()), -(-target.channels // lanes)
    elements = (sizes.kernel[0] * sizes.kernel[1], sizes.kernel[1], 1)
    axes = []
    steps = []
    for axis, (size, have, outputs, row) in enumerate((
            (source.height, pooled.height, target.height, target.width * channel_words),
            (source.width, pooled.width, target.width, channel_words))):
        stride, dilation = sizes.stride[axis], sizes.dilation[axis]
        common = gcd(stride, dilation)
        out_step, element_step = dilation // common, stride // common
        first, element, places = _meetings(
            np.arange(size) // sizes.pool[axis], sizes.padding[axis], stride, dilation,
            sizes.kernel[axis], outputs, have)
        axes.append(AxisTable(element * elements[1 + axis] * most, first * row, places))
        steps.append((-element_step * elements[1 + axis] * most, out_step * row))
    return Tables(
        c=AxisTable(np.arange(source.channels) * elements[0] * most, word, count),
        y=axes[0], x=axes[1], operations=np.full(source.channels, group_targets),
        steps=Steps(y_address=steps[0][0], y_row=steps[0][1],
                    x_address=steps[1][0], x_row=steps[1][1]))


def _meetings(coordinates: npt.NDArray[np.int64], padding: int, stride: int, dilation: int,
              kernel: int, outputs: int, have: int) -> tuple[npt.NDArray[np.int64], ...]:
    """For each coordinate: the first output that it meets, by which kernel element, and how many
    (an arithmetic progression: ``stride * output + dilation * element = coordinate + padding``)."""
    first, element, count = np.zeros((3, len(coordinates)), dtype=np.int64)
    for i, coordinate in enumerate(coordinates):
        met = [(output, (coordinate + padding - stride * output) // dilation)
               for output in range(outputs)
               if (coordinate + padding - stride * output) % dilation == 0
               and 0 <= coordinate + padding - stride * output <= dilation * (kernel - 1)
               and coordinate < have]
        if met:
            (first[i], element[i]), count[i] = met[0], len(met)
    return first, element, count
