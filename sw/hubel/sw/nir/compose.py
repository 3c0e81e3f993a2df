"""What lies between two populations: linear stages, composed into one projection.

As long as the stages allow it they stay what gateware does compactly: a convolution or a dense
layer, after a sum pooling without overlap. Otherwise they become one matrix, exactly.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from hubel.hdl.projection import Conv2d, Dense, Projection, Sparse
from hubel.hdl.shape import Shape

from ..network import Floats
from .stages import (
    ConvStage,
    Csr,
    DenseStage,
    Grid,
    Pair,
    PoolStage,
    ScaleStage,
    Stage,
    check_synapses,
)

# From this share of pairs on a matrix is stored whole: a sparse synapse costs its address too.
_DENSE_SHARE = 0.5


@dataclass(frozen=True, eq=False, kw_only=True)
class Pooled:
    """Nothing yet but a sum pooling without overlap, of (1, 1) at first, and a factor for each
    channel: ``scale`` of shape (channels,)."""

    source: Grid
    pool: Pair
    scale: Floats

    @property
    def grid(self) -> Grid:
        """Channels, rows and columns after pooling."""
        return self.source[0], self.source[1] // self.pool[0], self.source[2] // self.pool[1]

    def matrix(self) -> Csr:
        """Matrix of shape (source neurons, values)."""
        stage = PoolStage(
            kernel=self.pool, stride=self.pool, padding=(0, 0), factor=1.0,
            source=self.source, target=self.grid,
        )  # fmt: skip
        scale = np.repeat(self.scale, math.prod(self.grid[1:]))
        return sp.csr_array(stage.matrix() @ ScaleStage(scale).matrix())


@dataclass(frozen=True, eq=False)
class Layer:
    """A pooling, whose scale is spent, and then a convolution or a dense layer."""

    pooled: Pooled
    stage: ConvStage | DenseStage

    def matrix(self) -> Csr:
        """Matrix of shape (source neurons, values)."""
        return product(self.pooled.matrix(), self.stage.matrix())


@dataclass(frozen=True, eq=False)
class Matrix:
    """Any linear map, of shape (source neurons, values)."""

    values: Csr

    def matrix(self) -> Csr:
        """Matrix of shape (source neurons, values)."""
        return self.values


Operator = Pooled | Layer | Matrix


def identity(source: Grid) -> Operator:
    """The spikes of a source, as they are."""
    return Pooled(source=source, pool=(1, 1), scale=np.ones(source[0]))


def product(a: Csr, b: Csr) -> Csr:
    """``a @ b``, or ValueError if it has too many entries."""
    rows, columns = np.bincount(a.indices, minlength=a.shape[1]), np.diff(b.indptr)
    # Each row of the product has at most as many entries as there are pairs, or columns.
    pairs = int(rows.astype(np.int64) @ columns.astype(np.int64))
    check_synapses(min(pairs, a.shape[0] * b.shape[1]))
    if 4 * a.nnz > math.prod(a.shape) and 4 * b.nnz > math.prod(b.shape):
        return sp.csr_array(a.toarray() @ b.toarray())
    return sp.csr_array(a @ b)


def then(operator: Operator, stage: Stage) -> Operator:
    """``operator``, and after it ``stage``."""
    if isinstance(operator, Pooled):
        done = _then_pooled(operator, stage)
    elif isinstance(operator, Layer) and isinstance(stage, ScaleStage):
        done = scaled(operator, stage.scale)
    elif isinstance(operator, Layer) and isinstance(operator.stage, DenseStage):
        done = None
        if isinstance(stage, DenseStage):
            check_synapses(operator.stage.weights.shape[0] * stage.weights.shape[1])
            weights = operator.stage.weights @ stage.weights
            done = Layer(operator.pooled, DenseStage(weights))
    else:
        done = None
    return done or Matrix(product(operator.matrix(), stage.matrix()))


def _then_pooled(operator: Pooled, stage: Stage) -> Operator | None:
    unit = replace(operator, scale=np.ones_like(operator.scale))
    if isinstance(stage, ScaleStage):
        scale = _by_channel(stage.scale, operator.grid[0])
        return None if scale is None else replace(operator, scale=operator.scale * scale)
    if isinstance(stage, PoolStage):
        if stage.kernel != stage.stride or stage.padding != (0, 0):
            return None
        pool = (operator.pool[0] * stage.kernel[0], operator.pool[1] * stage.kernel[1])
        return replace(operator, pool=pool, scale=operator.scale * stage.factor)
    if isinstance(stage, DenseStage):
        scale = np.repeat(operator.scale, len(stage.weights) // len(operator.scale))
        return Layer(unit, DenseStage(stage.weights * scale[:, None]))
    by_group = operator.scale.reshape(stage.groups, -1)
    by_target = np.repeat(by_group, len(stage.weights) // stage.groups, axis=0)
    weights = stage.weights * by_target[:, :, None, None]
    return Layer(unit, replace(stage, weights=weights))


def scaled(operator: Operator, scale: Floats) -> Operator:
    """``operator``, each of its values multiplied by one of ``scale``, shape (values,)."""
    if (scale == 1).all():
        return operator
    if isinstance(operator, Layer) and isinstance(operator.stage, DenseStage):
        return Layer(operator.pooled, DenseStage(operator.stage.weights * scale))
    if isinstance(operator, Layer) and isinstance(operator.stage, ConvStage):
        by_channel = _by_channel(scale, operator.stage.target[0])
        if by_channel is not None:
            weights = operator.stage.weights * by_channel[:, None, None, None]
            return Layer(operator.pooled, replace(operator.stage, weights=weights))
    if isinstance(operator, Pooled):
        by_channel = _by_channel(scale, operator.grid[0])
        if by_channel is not None:
            return replace(operator, scale=operator.scale * by_channel)
    return Matrix(product(operator.matrix(), ScaleStage(scale).matrix()))


def _by_channel(scale: Floats, channels: int) -> Floats | None:
    """``scale`` as one number a channel, None if it differs within one."""
    grid = scale.reshape(channels, -1)
    return grid[:, 0].copy() if (grid == grid[:, :1]).all() else None


def summed(operators: list[Operator]) -> Operator:
    """The sum of ``operators`` from the same source."""
    if len(operators) == 1:
        return operators[0]
    return Matrix(sp.csr_array(sum(op.matrix() for op in operators[1:]) + operators[0].matrix()))


def grid_after(operator: Operator) -> Grid | None:
    """Channels, rows and columns of a convolution's output; None for everything else."""
    if isinstance(operator, Layer) and isinstance(operator.stage, ConvStage):
        return operator.stage.target
    return None


def projection(operator: Operator, shape: Shape, **common: Any) -> Projection:
    """``operator`` as a projection to a population of shape ``shape``."""
    if isinstance(operator, Layer):
        stage, pool = operator.stage, operator.pooled.pool
        if isinstance(stage, DenseStage):
            return Dense(**common, weights=stage.weights, pool=pool)
        if stage.target == shape.sizes:
            return Conv2d(
                **common, weights=stage.weights, stride=stage.stride, padding=stage.padding,
                dilation=stage.dilation, groups=stage.groups, pool=pool,
            )  # fmt: skip
    matrix = operator.matrix()
    check_synapses(matrix.nnz)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if matrix.nnz > _DENSE_SHARE * math.prod(matrix.shape):
        return Dense(**common, weights=matrix.toarray())
    return Sparse(
        **common,
        weights=matrix.data.astype(np.float64),
        first=matrix.indptr.astype(np.int64),
        targets=matrix.indices.astype(np.int64),
    )
