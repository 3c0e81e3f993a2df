"""Fields of NIR nodes: numbers that are checked, and fitted to the shape they are for."""

import math
from typing import Any

import nir
import numpy as np

from ..network import Floats, Values

#: Sizes of what an edge carries, without batch and time: (neurons,), (channels, length) or
#: (channels, height, width).
Dims = tuple[int, ...]

#: Most values that an edge carries.
MAX_VALUES = 1 << 22


def shown(value: Any) -> str:
    """Any value for an error message: in one line, cut where it is long."""
    text = " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())
    return text if len(text) <= 60 else f"{text[:60]}..."


def whole(node: nir.NIRNode, what: str) -> tuple[int, ...]:
    """A field of whole numbers: ``(5,)`` for 5."""
    value = np.asarray(getattr(node, what))
    plain = value.dtype.kind in "iuf" and value.ndim <= 1 and value.size > 0
    if not plain or not np.isfinite(value).all() or (np.mod(value, 1) != 0).any():
        said = value if value.ndim <= 1 and value.size <= 8 else f"{value.dtype} {value.shape}"
        raise ValueError(f"{what} must be whole numbers, not {said}")
    if np.abs(value).max(initial=0) >= 1 << 31:
        raise ValueError(f"{what} must be less than {1 << 31}, not {np.abs(value).max()}")
    return tuple(int(v) for v in np.atleast_1d(value))


def one_each(node: nir.NIRNode, what: str, axes: int, least: int) -> tuple[int, ...]:
    """A field of one whole number for each of ``axes``, or of one for all; ``least`` or more."""
    values = whole(node, what)
    if len(values) not in (1, axes) or min(values) < least:
        raise ValueError(f"{what} must be {axes} numbers of {least} or more, not {values}")
    return values * axes if len(values) == 1 else values


def checked_dims(what: str, dims: Any) -> Dims:
    """``dims`` if they are a shape of 1 to :data:`MAX_VALUES` values."""
    try:
        found = tuple(int(size) for size in np.asarray(dims).reshape(-1))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what} must be whole numbers, not {shown(dims)}") from None
    if not found or min(found) < 1 or math.prod(found) > MAX_VALUES or len(found) > 8:
        raise ValueError(f"{what} must have 1 to {MAX_VALUES} values, not {found}")
    return found


def numbers(node: nir.NIRNode, what: str, *, infinite: bool = False) -> Floats:
    """A field as float64."""
    value = np.asarray(getattr(node, what))
    if value.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be numbers, not {value.dtype}")
    value = value.astype(np.float64)
    bad = np.isnan(value) if infinite else ~np.isfinite(value)
    if bad.any():
        raise ValueError(
            f"{what}: {np.count_nonzero(bad)} of {value.size} values are NaN or infinite"
        )
    return value


def same(a: Dims, b: Dims) -> bool:
    """Whether ``a`` and ``b`` number the same values in the same order: sizes of 1 and flattening
    make no difference."""
    if math.prod(a) != math.prod(b):
        return False
    squeezed = [[size for size in dims if size != 1] for dims in (a, b)]
    return squeezed[0] == squeezed[1] or min(map(len, squeezed)) <= 1


def fitted(node: nir.NIRNode, what: str, dims: Dims, *, infinite: bool = False) -> Floats:
    """A field with one value for each of ``dims``, in C order; single values are repeated."""
    value = numbers(node, what, infinite=infinite)
    if same(value.shape or (1,), dims):
        return value.reshape(-1)
    try:
        return np.broadcast_to(value, dims).reshape(-1)
    except ValueError:
        raise ValueError(f"{what} of shape {value.shape} does not fit an input of {dims}") from None


def shared(values: Floats) -> Values:
    """``values`` as one number if they are all the same."""
    return float(values[0]) if (values == values[0]).all() else np.ascontiguousarray(values)
