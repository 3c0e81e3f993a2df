"""What a projection brings to its target: the sum of the weights of each step's events.

Dense projections are matrix products in floating point, because that is what a CPU does fastest.
With integer weights they are exact: every partial sum is an integer that the type holds without
rounding. Convolutions and sparse projections touch only the synapses of events.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from hubel.hdl.program import Conv2d, Dense, Projection, Shape, Sparse

#: Spikes of shape (rows, source neurons) to currents of shape (rows, target neurons).
Linear = Callable[[npt.NDArray[np.bool_]], npt.NDArray]

# A sparse projection of at most this many pairs is kept as a matrix.
_MATRIX_PAIRS = 1 << 23
# By how much a product of matrices is faster, for each pair, than one of sparse ones.
_MATRIX_SPEEDUP = 32
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
    axons = projection.axons(source)
    rows, columns = projection.pool

    def currents(spikes: npt.NDArray[np.bool_]) -> npt.NDArray:
        places = spikes.reshape(-1, *source.sizes)
        places = places[:, :, : axons.height * rows, : axons.width * columns]
        windows = places.reshape(-1, axons.channels, axons.height, rows, axons.width, columns)
        return windows.sum(axis=(3, 5), dtype=dtype).reshape(len(spikes), -1) @ weights

    return currents


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


def places(
    coordinates: npt.NDArray[np.int64], offset: int, stride: int, padding: int, most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Where a kernel element that lies ``offset`` from the window's corner puts inputs at
    ``coordinates`` along one axis, and which of them meet one of the ``most`` outputs."""
    shifted = coordinates + padding - offset
    output = shifted // stride
    return output, (shifted % stride == 0) & (output >= 0) & (output < most)


def _convolution(projection: Conv2d, source: Shape, target: Shape, dtype: type) -> Linear:
    """Events become a sparse matrix (row and place of the output) x (channel and kernel element),
    which meets the kernel."""
    pooled = projection.axons(source)
    _, group_channels, kernel_rows, kernel_columns = projection.weights.shape
    elements = kernel_rows * kernel_columns
    outputs = target.height * target.width
    group_targets = target.channels // projection.groups
    kernels = [
        projection.weights[group * group_targets : (group + 1) * group_targets]
        .reshape(group_targets, -1)
        .T.astype(dtype)
        for group in range(projection.groups)
    ]

    def currents(spikes: npt.NDArray[np.bool_]) -> npt.NDArray:
        row, neuron = np.nonzero(spikes)
        channel, y, x = np.unravel_index(neuron, source.sizes)
        y, x = y // projection.pool[0], x // projection.pool[1]
        inside = (y < pooled.height) & (x < pooled.width)
        row, channel, y, x = row[inside], channel[inside], y[inside], x[inside]
        total = np.zeros((len(spikes) * outputs, target.channels), dtype=dtype)
        rows, columns, groups = [], [], []
        for ky in range(kernel_rows):
            oy, meets_y = places(
                y,
                ky * projection.dilation[0],
                projection.stride[0],
                projection.padding[0],
                target.height,
            )
            for kx in range(kernel_columns):
                ox, meets_x = places(
                    x,
                    kx * projection.dilation[1],
                    projection.stride[1],
                    projection.padding[1],
                    target.width,
                )
                meets = meets_y & meets_x
                rows.append((row * outputs + oy * target.width + ox)[meets])
                columns.append(
                    (channel % group_channels * elements + ky * kernel_columns + kx)[meets]
                )
                groups.append((channel // group_channels)[meets])
        row, column, group = map(np.concatenate, (rows, columns, groups))
        for g, kernel in enumerate(kernels):
            mine = group == g
            events = sp.csr_array(
                (np.ones(np.count_nonzero(mine), dtype), (row[mine], column[mine])),
                shape=(len(total), len(kernel)),
            )
            total[:, g * group_targets : (g + 1) * group_targets] = events @ kernel
        by_place = total.reshape(len(spikes), outputs, target.channels)
        return by_place.transpose(0, 2, 1).reshape(len(spikes), -1)

    return currents
