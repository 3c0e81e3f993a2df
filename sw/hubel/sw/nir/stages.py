"""The linear primitives of NIR as stages: what they do to the values they get, and their matrix."""

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import nir
import numpy as np
import scipy.sparse as sp

from ..network import Floats
from .fields import Dims, checked_dims, fitted, numbers, one_each, whole

#: Channels, rows, columns.
Grid = tuple[int, int, int]
Pair = tuple[int, int]
#: ``scipy.sparse.csr_array`` and ``coo_array``, of whose matrices the type checker knows no shape.
Csr = Any
Coo = Any

#: Most synapses of a projection.
MAX_SYNAPSES = 1 << 26


def grid_of(dims: Dims) -> Grid:
    """``dims`` as channels, rows and columns: one row where there is only a length."""
    if len(dims) == 3:
        return dims[0], dims[1], dims[2]
    return (dims[0], 1, dims[1]) if len(dims) == 2 else (math.prod(dims), 1, 1)


@dataclass(frozen=True, eq=False)
class ScaleStage:
    """Multiply each value by one of ``scale``, shape (values,)."""

    scale: Floats

    def matrix(self) -> Csr:
        """Matrix of shape (inputs, outputs)."""
        return sp.csr_array(sp.diags_array(self.scale))


@dataclass(frozen=True, eq=False)
class DenseStage:
    """Multiply by ``weights`` of shape (inputs, outputs)."""

    weights: Floats

    def matrix(self) -> Csr:
        """Matrix of shape (inputs, outputs)."""
        return sp.csr_array(self.weights)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvStage:
    """Cross-correlation: ``weights`` of shape (outputs, inputs / groups, rows, columns);
    ``padding`` is that above and to the left."""

    weights: Floats
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    source: Grid
    target: Grid

    def matrix(self) -> Csr:
        """Matrix of shape (inputs, outputs)."""
        rows, columns = (self._axis(axis) for axis in (0, 1))
        kernel = {
            (y, x): self._channels(y, x) for y in range(len(rows)) for x in range(len(columns))
        }
        count = sum(m.nnz * rows[y].nnz * columns[x].nnz for (y, x), m in kernel.items())
        check_synapses(count)
        parts: list[Coo] = [
            sp.kron(channels, sp.kron(rows[y], columns[x]), format="coo")
            for (y, x), channels in kernel.items()
        ]
        where = [np.concatenate([part.coords[axis] for part in parts]) for axis in (0, 1)]
        values = np.concatenate([part.data for part in parts])
        shape = (math.prod(self.source), math.prod(self.target))
        return sp.csr_array((values, (where[0], where[1])), shape=shape)

    def _axis(self, axis: int) -> list[Coo]:
        """For each kernel element along an axis: which input meets which output."""
        have, want = self.source[1 + axis], self.target[1 + axis]
        output = np.arange(want)
        found = []
        for k in range(self.weights.shape[2 + axis]):
            place = output * self.stride[axis] - self.padding[axis] + k * self.dilation[axis]
            inside = (place >= 0) & (place < have)
            ones = np.ones(np.count_nonzero(inside))
            found.append(sp.coo_array((ones, (place[inside], output[inside])), shape=(have, want)))
        return found

    def _channels(self, y: int, x: int) -> Coo:
        """Weights of one kernel element, shape (input channels, output channels)."""
        parts = np.split(self.weights[:, :, y, x], self.groups)
        return sp.coo_array(sp.block_diag([part.T for part in parts], format="coo"))


@dataclass(frozen=True, eq=False, kw_only=True)
class PoolStage:
    """Sum over windows, times ``factor``."""

    kernel: Pair
    stride: Pair
    padding: Pair
    factor: float
    source: Grid
    target: Grid

    def matrix(self) -> Csr:
        """Matrix of shape (inputs, outputs)."""
        rows, columns = (self._axis(axis) for axis in (0, 1))
        check_synapses(self.source[0] * rows.nnz * columns.nnz)
        plane = sp.kron(rows, columns)
        return sp.csr_array(sp.kron(sp.eye_array(self.source[0]), plane)) * self.factor

    def _axis(self, axis: int) -> Coo:
        have, want = self.source[1 + axis], self.target[1 + axis]
        check_synapses(want * self.kernel[axis])
        output = np.repeat(np.arange(want), self.kernel[axis])
        place = output * self.stride[axis] - self.padding[axis]
        place = place + np.tile(np.arange(self.kernel[axis]), want)
        inside = (place >= 0) & (place < have)
        ones = np.ones(np.count_nonzero(inside))
        return sp.coo_array((ones, (place[inside], output[inside])), shape=(have, want))


Stage = ScaleStage | DenseStage | ConvStage | PoolStage


def check_synapses(count: int) -> None:
    """Raise ValueError if a projection would have more than :data:`MAX_SYNAPSES`."""
    if count > MAX_SYNAPSES:
        raise ValueError(
            f"composed into one projection it would have up to {count} synapses, more than "
            f"{MAX_SYNAPSES}; put neurons between its linear layers, or make it smaller"
        )


def output_dims(node: nir.NIRNode, dims: Dims) -> Dims:
    """Shape of what ``node`` gives when it is fed with ``dims``; ValueError if it cannot be."""
    if isinstance(node, (nir.Linear, nir.Affine)):
        return (_dense(node, dims).shape[1],)
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        channels, rows, columns = _conv(node, dims).target
        return (channels, columns) if isinstance(node, nir.Conv1d) else (channels, rows, columns)
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        return _pool(node, dims).target
    if isinstance(node, nir.Flatten):
        return _flattened(node, dims)
    return dims


def stage_of(node: nir.NIRNode, dims: Dims) -> Stage | None:
    """``node`` fed with ``dims`` as a stage; None if it leaves all values as they are."""
    if isinstance(node, (nir.Linear, nir.Affine)):
        return DenseStage(_dense(node, dims))
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        return _conv(node, dims)
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        return _pool(node, dims)
    if isinstance(node, nir.Scale):
        return ScaleStage(fitted(node, "scale", dims))
    return None


def bias_of(node: nir.NIRNode, out: Dims) -> Floats | None:
    """What ``node`` adds to its output of shape ``out``, shape (values,); None if nothing."""
    if not isinstance(node, (nir.Affine, nir.Conv1d, nir.Conv2d)) or node.bias is None:
        return None
    bias = fitted(node, "bias", out if isinstance(node, nir.Affine) else out[:1])
    return np.repeat(bias, math.prod(out) // len(bias))


def _dense(node: nir.Linear | nir.Affine, dims: Dims) -> Floats:
    weight = numbers(node, "weight")
    if weight.ndim != 2 or not weight.size:
        raise ValueError(f"weight must have shape (outputs, inputs), not {weight.shape}")
    if weight.shape[1] != math.prod(dims):
        raise ValueError(f"weight of shape {weight.shape} does not fit an input of {dims}")
    return np.ascontiguousarray(weight.T)


def _conv(node: nir.Conv1d | nir.Conv2d, dims: Dims) -> ConvStage:
    axes = 1 if isinstance(node, nir.Conv1d) else 2
    if len(dims) != axes + 1:
        raise ValueError(f"needs an input of {axes + 1} dimensions, channels first, not {dims}")
    weight = numbers(node, "weight")
    if weight.ndim != axes + 2 or not weight.size:
        raise ValueError(f"weight must have {axes + 2} dimensions, not shape {weight.shape}")
    groups = one_each(node, "groups", 1, 1)[0]
    if dims[0] % groups or weight.shape[0] % groups or weight.shape[1] * groups != dims[0]:
        raise ValueError(
            f"weight of shape {weight.shape} in {groups} groups does not fit {dims[0]} channels"
        )
    stride, dilation = (one_each(node, what, axes, 1) for what in ("stride", "dilation"))
    padding: Any = node.padding
    padding = padding.decode() if isinstance(padding, bytes) else padding
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding must be numbers, 'same' or 'valid', not {padding!r}")
        if padding == "same" and stride != (1,) * axes:
            raise ValueError(f"padding 'same' with stride {stride} means nothing; give numbers")
        # As torch: the odd one goes below and to the right.
        total = [r - 1 if padding == "same" else 0 for r in reach]
        near = tuple(t // 2 for t in total)
    else:
        near = one_each(node, "padding", axes, 0)
        total = [2 * p for p in near]
    out = [
        (have + t - r) // s + 1
        for have, t, r, s in zip(dims[1:], total, reach, stride, strict=True)
    ]
    if min(out) < 1:
        raise ValueError(f"a kernel that reaches {tuple(reach)} does not fit an input of {dims}")
    target = checked_dims("its output", (weight.shape[0], *out))
    if axes == 1:
        weight = weight[:, :, None]
        stride, dilation, near = (1, *stride), (1, *dilation), (0, *near)
    return ConvStage(
        weights=weight, stride=_pair(stride), padding=_pair(near), dilation=_pair(dilation),
        groups=groups, source=grid_of(dims), target=grid_of(target),
    )  # fmt: skip


def _pool(node: nir.SumPool2d | nir.AvgPool2d, dims: Dims) -> PoolStage:
    if len(dims) != 3:
        raise ValueError(f"needs an input of (channels, rows, columns), not {dims}")
    kernel, stride = (_pair(one_each(node, what, 2, 1)) for what in ("kernel_size", "stride"))
    padding = _pair(one_each(node, "padding", 2, 0))
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding {padding} is more than half of the kernel {kernel}")
    target = [
        (have + 2 * p - k) // s + 1
        for have, p, k, s in zip(dims[1:], padding, kernel, stride, strict=True)
    ]
    if min(target) < 1:
        raise ValueError(f"a kernel of {kernel} does not fit an input of {dims}")
    # torch divides by the whole window, padding included.
    factor = 1.0 if isinstance(node, nir.SumPool2d) else 1 / math.prod(kernel)
    return PoolStage(
        kernel=kernel, stride=stride, padding=padding, factor=factor,
        source=grid_of(dims), target=(dims[0], target[0], target[1]),
    )  # fmt: skip


def _flattened(node: nir.Flatten, dims: Dims) -> Dims:
    first, last = (whole(node, what)[0] for what in ("start_dim", "end_dim"))
    first, last = (i + len(dims) if i < 0 else i for i in (first, last))
    # A start after the last dimension of a plain input is meant for one with a batch.
    if len(dims) == 1 and 0 <= first <= 1:
        return dims
    if not 0 <= first <= last < len(dims):
        raise ValueError(
            f"start_dim {node.start_dim} and end_dim {node.end_dim} do not fit an input of {dims}"
        )
    return (*dims[:first], reduce(int.__mul__, dims[first : last + 1]), *dims[last + 1 :])


def _pair(values: tuple[int, ...]) -> Pair:
    return values[0], values[1]
