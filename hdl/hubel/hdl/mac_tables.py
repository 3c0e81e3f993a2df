"""Where the outputs of a layer find their activations and weights.

As in :mod:`hubel.hdl.tables`, an address is a sum of a part for the row of an output and one for
its column, so that stride and padding cost no logic. Here outputs gather: an output reads ``count``
lines of ``places`` runs, of which each is contiguous in both memories; what lies in the padding is
never read.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .mac_params import MacParams

__all__ = ["GatherTable", "GatherTables", "gather_tables"]


@dataclass(frozen=True, eq=False)
class GatherTable:
    """One part of the addresses for each output along an axis, arrays of shape (outputs,).

    ``activation`` and ``weight``: addresses of the first. ``count``: lines (of rows), or runs of a
    line (of columns). ``run``: activations of a run.
    """
    activation: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    run: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class GatherTables:
    """The tables of a layer, and by how much the addresses change from a run to the next one to
    the right (``x``) and from a line to the next one below (``y``).

    The part of the rows has the region of the source in it, not the layer's first weight word.
    """
    y: GatherTable
    x: GatherTable
    x_activation: int
    x_weight: int
    y_activation: int
    y_weight: int


def gather_tables(params: MacParams, layer: int) -> GatherTables:
    """The tables of ``layer``.

    Raises
    ------
    ValueError
        If an output would meet nothing but padding.
    """
    sizes, source = params.layers[layer], params.source(layer)
    channels, group = source.channels, params.group_source(layer)
    # Runs of neighbouring places follow each other in both memories.
    merged = sizes.groups == 1 and sizes.dilation[1] == 1
    parts = []
    for axis, (have, outputs) in enumerate(((source.height, sizes.shape.height),
                                            (source.width, sizes.shape.width))):
        at = np.arange(outputs)[:, None] * sizes.stride[axis] - sizes.padding[axis]
        at = at + np.arange(sizes.kernel[axis]) * sizes.dilation[axis]
        met = (at >= 0) & (at < have)
        if not met.any(axis=1).all():
            raise ValueError(f"layer {layer}: an output meets only padding")
        element = met.argmax(axis=1)
        parts.append((at[np.arange(outputs), element], element, met.sum(axis=1)))
    (row, ky, lines), (column, kx, places) = parts
    line = source.width * channels
    kernel_line = sizes.kernel[1] * group
    one = np.ones_like(places)
    return GatherTables(
        y=GatherTable(row * line + params.regions[layer], ky * kernel_line, lines, one[:0]),
        x=GatherTable(column * channels, kx * group, one if merged else places,
                      places * group if merged else one * group),
        x_activation=sizes.dilation[1] * channels, x_weight=group,
        y_activation=sizes.dilation[0] * line, y_weight=kernel_line)
