"""Fields of the layers in a file of lava-dl, checked; every error is a ValueError of one line."""

import numpy as np

from hubel.hdl.shape import Shape

from .hdf5 import Tree
from .network import Floats


def shape_of(layer: Tree) -> Shape:
    """Channels, rows and columns of a layer."""
    sizes = [int(size) for size in integers(layer, "shape").reshape(-1)]
    if len(sizes) not in (1, 3):
        raise ValueError(f"shape must have 1 or 3 sizes, not {sizes}")
    return Shape(*sizes)


def pair(layer: Tree, what: str, least: int) -> tuple[int, int]:
    values = [int(v) for v in integers(layer, what).reshape(-1)]
    if len(values) not in (1, 2) or min(values) < least or max(values) > 1 << 16:
        raise ValueError(f"{what} must be 2 numbers of {least} or more, not {values}")
    return values[0], values[-1]


def type_of(tree: Tree) -> str:
    """The type of a layer or of its neurons."""
    kind = tree.get("type")
    return str(kind.flat[0]) if isinstance(kind, np.ndarray) and kind.size else str(kind)


def whole(tree: Tree, what: str, *, default: int | None = None) -> int:
    """A whole number."""
    if what not in tree and default is not None:
        return default
    values = integers(tree, what)
    if values.size != 1:
        raise ValueError(f"{what} must be one number, not {values.size}")
    return int(values.flat[0])


def integers(tree: Tree, what: str) -> Floats:
    """An array of whole numbers, as float64, which holds them exactly."""
    if what not in tree:
        raise ValueError(f"has no {what!r}")
    values = np.asarray(tree[what])
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be numbers")
    values = values.astype(np.float64)
    if not np.isfinite(values).all() or (np.mod(values, 1) != 0).any():
        raise ValueError(f"{what} must be whole numbers")
    if np.abs(values).max(initial=0) >= 1 << 31:
        raise ValueError(f"{what} is out of range")
    return values
