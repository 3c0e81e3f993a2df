"""Pictures of what neurons learned: a tile each."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from ..npz import atomic_file

#: What a tile says.
_COLOURS = "red: bright pixels drive it, blue: dark ones"

_STYLE = {"font.size": 8, "figure.constrained_layout.use": True}


def draw_tiles(
    path: Path,
    tiles: npt.NDArray[np.floating],
    titles: Sequence[str],
    *,
    columns: int,
    caption: str,
    limit: float,
) -> None:
    """Write tiles as a PNG, with the value 0 in white.

    Parameters
    ----------
    path : path
        Replaced when all is drawn.
    tiles : array, shape (tiles, height, width)
    titles : a word above each
    columns : int
    caption : str
    limit : float
        Shown in the strongest colour.
    """
    rows = -(-len(tiles) // columns)
    with matplotlib.style.context(_STYLE):
        drawing = Drawing(figsize=(0.62 * columns, 0.74 * rows + 0.5), dpi=110)
        FigureCanvasAgg(drawing)
        axes = drawing.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, tile, title in zip(axes, tiles, titles, strict=False):
            ax.imshow(tile, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            ax.set_title(title, pad=2)
        # So that it is never wider than the tiles: some seven letters a column.
        drawing.suptitle(fill(caption, 7 * columns))
        with atomic_file(path) as temporary, open(temporary, "wb") as file:
            drawing.savefig(file, format="png", metadata={"Software": None})


def draw_fields(
    path: Path, weights: npt.NDArray[np.int64], names: npt.NDArray[np.int64], caption: str
) -> None:
    """Receptive fields of neurons behind images and their complements, named, in order of names.

    Parameters
    ----------
    weights : array of int, shape (2 * pixels, neurons)
    names : array of int, shape (neurons,)
    """
    order = np.argsort(names, kind="stable")
    titles = ["none" if name < 0 else str(name) for name in names[order]]
    caption += f"; above each neuron the class that it stands for; {_COLOURS}"
    _draw_fields(path, weights[:, order], titles, caption)


def draw_learned(
    path: Path, weights: npt.NDArray[np.int64], before: npt.NDArray[np.int64], caption: str
) -> None:
    """Receptive fields, as :func:`draw_fields`, of the 32 neurons at most whose weights changed
    most since ``before``, with the numbers of the neurons."""
    change = np.abs(weights - before).sum(axis=0)
    order = np.argsort(-change, kind="stable")[:32]
    order = order[change[order] > 0]
    caption += f"; the neurons that changed most, with their numbers; {_COLOURS}"
    _draw_fields(path, weights[:, order], [str(n) for n in order], caption)


def _draw_fields(
    path: Path, weights: npt.NDArray[np.int64], titles: Sequence[str], caption: str
) -> None:
    pixels = len(weights) // 2
    side = int(np.sqrt(pixels))
    fields = (weights[:pixels] - weights[pixels:]).T.reshape(-1, side, side)
    limit = float(np.abs(fields).max(initial=1))
    draw_tiles(path, fields.astype(float), titles, columns=16, caption=caption, limit=limit)


def draw_features(
    path: Path, weights: npt.NDArray[np.int64], wins: list[int], caption: str
) -> None:
    """Kernels with a channel of bright and one of dark pixels, and how often each learned.

    Parameters
    ----------
    weights : array of int, shape (2 * size**2, features)
    """
    bright, dark = weights.T.reshape(weights.shape[1], 2, -1).transpose(1, 0, 2)
    side = int(np.sqrt(bright.shape[1]))
    tiles = (bright - dark).reshape(-1, side, side).astype(float)
    titles = [str(count) for count in wins]
    caption += f"; above each how often it learned; {_COLOURS}"
    draw_tiles(path, tiles, titles, columns=8, caption=caption, limit=255.0)
