"""The chart of one sample: its pixels, its spikes and what the network decided."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import HashableList

from .charts import rows, short
from .report_data import Raster, Sample
from .svg import INK, MUTED, TEAL, pixels
from .units import integer


def spikes(sample: Sample, steps: int, width: int) -> Drawing:
    """One sample: its pixels, its spikes from the input to the output, and its class counts."""
    names = [f"raster {row}" for row in range(len(sample.rasters))]
    heights = [_raster_height(raster) for raster in sample.rasters]
    layout: list[HashableList[str]]
    if width > 500:
        layout = [*(["image", name] for name in names[:-1]), ["counts", names[-1]]]
        ratios = [1.0, 3.4]
    else:
        layout = [["image", "counts"], *([name, name] for name in names)]
        heights, ratios = [heights[-1], *heights], [1.0, 1.2]
    drawing = pixels(width, sum(heights) + 45)
    axes = drawing.subplot_mosaic(layout, height_ratios=heights, width_ratios=ratios)
    if "image" in axes:
        _image(axes["image"], np.asarray(sample.image))
    _counts(axes["counts"], sample)
    for name, raster in zip(names, sample.rasters, strict=True):
        last = raster is sample.rasters[-1]
        _raster(axes[name], raster, steps, sample.decided if last else None)
        axes[name].tick_params(labelbottom=last)
    axes[names[-1]].set_xlabel("step")
    return drawing


def _few(raster: Raster) -> bool:
    """So few neurons that each has a line of its own, as classes do."""
    return raster.neurons <= 24


def _raster_height(raster: Raster) -> float:
    return 30 + (16 * raster.neurons if _few(raster) else min(max(raster.neurons, 80), 160))


def _image(ax: Axes, image: npt.NDArray[np.float64]) -> None:
    """Pixels in nine strengths of the ink, one path each: no bitmap to carry."""
    levels = np.rint(8 * image / (image.max() or 1)).astype(int)
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    for level in range(1, 9):
        corners = np.argwhere(levels == level)[:, ::-1]
        if len(corners):
            path = Path.make_compound_path_from_polys(corners[:, None] + square)
            ax.add_patch(PathPatch(path, facecolor=INK, alpha=level / 8, linewidth=0))
    ax.set(xlim=(0, image.shape[1]), ylim=(image.shape[0], 0), xticks=[], yticks=[])
    ax.set_aspect("equal", anchor="NW")
    ax.spines[["top", "right"]].set_visible(True)


def _counts(ax: Axes, sample: Sample) -> None:
    colours = [TEAL if c == sample.decided else MUTED for c in range(len(sample.counts))]
    ax.barh(range(len(sample.counts)), sample.counts, height=0.6, color=colours)
    rows(ax, [str(c) for c in range(len(sample.counts))], [integer(c) for c in sample.counts])
    ax.set_title("spikes of each class", weight="normal")
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.margins(x=0)


def _raster(ax: Axes, raster: Raster, steps: int, decided: int | None) -> None:
    """A tick for each spike; those of the class that was decided for in the accent colour."""
    pairs = np.array(raster.spikes, dtype=float).reshape(-1, 2)
    chosen = np.zeros(len(pairs), bool) if decided is None else pairs[:, 1] == decided
    half = 0.36 if _few(raster) else 0.5
    for part, colour, linewidth in ((~chosen, INK, 2.2), (chosen, TEAL, 3.2)):
        step, neuron = pairs[part].T
        # One line for all, with gaps: a path instead of an element for each spike.
        x = np.column_stack([step + 1, step + 1, np.full(len(step), np.nan)])
        y = np.column_stack([neuron - half, neuron + half, np.full(len(step), np.nan)])
        ax.plot(x.ravel(), y.ravel(), color=colour, linewidth=linewidth, solid_capstyle="butt")
    ax.set_yticks(range(raster.neurons) if _few(raster) else [0, raster.neurons - 1])
    ax.set(xlim=(0.4, steps + 0.6), ylim=(raster.neurons - 0.4, -0.6))
    ax.xaxis.set_major_locator(MaxNLocator(9, integer=True, min_n_ticks=1))
    ax.grid(axis="x")
    ax.set_title(f"{short(raster.name, 20)}: {raster.neurons} neurons", weight="normal")
