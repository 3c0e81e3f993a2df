"""What a projection brings to its target: the sum of the weights of each step's events.

Dense projections are matrix products in floating point, because that is what a CPU does fastest.
With integer weights they are exact: every partial sum is an integer that the type holds without
rounding. Sparse projections touch only the synapses of events.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numpy.lib.stride_tricks import sliding_window_view

from hubel.hdl.program import Conv2d, Dense, Projection, Shape, Sparse

#: Spikes of shape (rows, source neurons) to currents of shape (rows, target neurons).
Linear = Callable[[npt.NDArray[np.bool_]], npt.NDArray]

# A sparse projection of at most this many pairs is kept as a matrix.
_MATRIX_PAIRS = 1 << 23
# By how much a product of matrices is faster, for each pair, than one of sparse ones.
_MATRIX_SPEEDUP = 32
# Values that the windows of a convolution may hold at once; keeps them in the cache's reach.
_WINDOW_VALUES = 1 << 20
# Rows up to which only the weights of the events are touched.
_FEW_ROWS = 4


def exact_type(least: int, most: int) -> type:
    """Floating-point type that holds every partial sum of integers with this range."""
    return np.float32 if max(-least, most) < 1 << 24 else np.float64


def linear(projection: Projection, source: Shape, target: Shape, dtype: type) -> Linear:
    """The function that computes currents of ``projection``, in ``dtype``."""
    if isinstance(projection, Conv2d):
        return _convolution(projection, source, target, dtype)
    if isinstance(projection, Dense):
        return _pooled_product(projection, source, dtype)
    return _sparse(projection, source, target, dtype)


def _product(weights: npt.NDArray) -> Linear:
    """Rows of spikes times a matrix; by events where there are few rows."""

    def currents(spikes: npt.NDArray[np.bool_]) -> npt.NDArray:
        if len(spikes) > _FEW_ROWS:
            return spikes.astype(weights.dtype) @ weights
        result = np.empty((len(spikes), weights.shape[1]), dtype=weights.dtype)
        for row, total in zip(spikes, result, strict=True):
            np.add.reduce(weights.take(row.nonzero()[0], axis=0), axis=0, out=total)
        return result

    return currents


def _pooled_product(projection: Dense, source: Shape, dtype: type) -> Linear:
    weights = projection.weights.astype(dtype)
    if projection.pool == (1, 1):
        return _product(weights)

    def currents(spikes: npt.NDArray[np.bool_]) -> npt.NDArray:
        return _pooled(spikes, projection, source, dtype).reshape(len(spikes), -1) @ weights

    return currents


def _pooled(
    spikes: npt.NDArray[np.bool_], projection: Dense | Conv2d, source: Shape, dtype: type
) -> npt.NDArray:
    """Spikes of each window of the projection's pool: (rows, channels, height, width)."""
    axons, (rows, columns) = projection.axons(source), projection.pool
    maps = spikes.reshape(len(spikes), *source.sizes)
    if projection.pool == (1, 1):
        return maps
    total = np.zeros((len(spikes), *axons.sizes), dtype)
    for y in range(rows):
        for x in range(columns):
            total += maps[:, :, y::rows, x::columns][:, :, : axons.height, : axons.width]
    return total


def _sparse(projection: Sparse, source: Shape, target: Shape, dtype: type) -> Linear:
    shape = (source.neurons, target.neurons)
    matrix = sp.csr_array(
        (projection.weights.astype(dtype), projection.targets, projection.first), shape=shape
    )
    pairs = source.neurons * target.neurons
    by_events = _product(matrix.toarray()) if pairs <= _MATRIX_PAIRS else None
    few_synapses = matrix.nnz * _MATRIX_SPEEDUP < pairs

    def currents(spikes: npt.NDArray[np.bool_]) -> npt.NDArray:
        if by_events is not None and (len(spikes) <= _FEW_ROWS or not few_synapses):
            return by_events(spikes)
        total: Any = sp.csr_array(spikes, dtype=dtype) @ matrix
        return total.toarray()

    return currents


def _convolution(projection: Conv2d, source: Shape, target: Shape, dtype: type) -> Linear:
    """The windows of all places side by side (im2col) meet the kernels."""
    pooled = projection.axons(source)
    kernel = projection.weights.shape[2:]
    groups, outputs = projection.groups, target.height * target.width
    reach = [d * (k - 1) + 1 for d, k in zip(projection.dilation, kernel, strict=True)]
    # From the first window's corner to the last one's: some may lie behind the source.
    spans = [
        (size - 1) * stride + length
        for size, stride, length in zip(
            (target.height, target.width), projection.stride, reach, strict=True
        )
    ]
    kernels = projection.weights.reshape(groups, target.channels // groups, -1).astype(dtype)
    top, left = projection.padding
    inside = max(0, spans[0] - top), max(0, spans[1] - left)
    chunk = max(1, _WINDOW_VALUES // (groups * kernels.shape[2] * outputs))

    def currents(spikes: npt.NDArray[np.bool_]) -> npt.NDArray:
        total = np.empty((len(spikes), groups, kernels.shape[1], outputs), dtype)
        for first in range(0, len(spikes), chunk):
            maps = _pooled(spikes[first : first + chunk], projection, source, dtype)
            maps = maps[:, :, : inside[0], : inside[1]]
            padded = np.zeros((len(maps), pooled.channels, *spans), dtype)
            padded[:, :, top : top + maps.shape[2], left : left + maps.shape[3]] = maps
            windows = sliding_window_view(padded, reach, axis=(2, 3))[
                :, :, :: projection.stride[0], :: projection.stride[1],
                :: projection.dilation[0], :: projection.dilation[1],
            ]  # fmt: skip
            columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(len(maps), groups, -1, outputs)
            np.matmul(kernels, columns, out=total[first : first + chunk])
        return total.reshape(len(spikes), -1)

    return currents
