"""The picture of a mapping: the load of each core, and what goes over each link."""

import os
from functools import partial

from matplotlib.figure import Figure as Drawing
from matplotlib.patches import FancyArrowPatch, Rectangle

from ..npz import atomic_file
from ..svg import INK, MUTED, PAPER, RULE, RUST, TEAL, picture, pixels
from .report import MappingReport
from .routes import EAST, NORTH, SOUTH, WEST

#: Half of the side of a node, and how far the two directions of a link are apart, of the distance
#: of two nodes.
_HALF, _APART = 0.33, 0.09
#: Width of the busiest link, in CSS pixels.
_WIDEST = 7.0
#: Populations that are named in a node.
_NAMES = 3
#: Direction of a port, rows downwards.
_STEP = {NORTH: (0, -1), EAST: (1, 0), SOUTH: (0, 1), WEST: (-1, 0)}


def save_picture(path: str | os.PathLike[str], report: MappingReport) -> None:
    """Write the picture as an SVG file, whole or not at all.

    Raises
    ------
    ValueError
        If ``path`` does not end in .svg.
    """
    check_name(path)
    with atomic_file(path) as temporary:
        temporary.write_text(picture(partial(draw, report), name="mesh"))


def check_name(path: str | os.PathLike[str]) -> None:
    """Raise ValueError unless ``path`` ends in .svg."""
    if os.path.splitext(path)[1] != ".svg":
        raise ValueError(f"{path}: the picture of a mesh is an .svg file")


def draw(report: MappingReport, width: int) -> Drawing:
    """The mesh, north up: nodes are filled as high as their load is of the largest one; links are
    as wide as their traffic is of the busiest one's."""
    side = (width - 20) / report.columns
    drawing = pixels(width, min(side, 180) * report.rows + 64)
    ax = drawing.add_subplot()
    ax.set_xlim(-0.5, report.columns - 0.5)
    ax.set_ylim(report.rows - 0.5, -0.5)
    ax.set_axis_off()
    nodes = {node.node: node for node in report.nodes}
    for number in range(report.rows * report.columns):
        row, column = divmod(number, report.columns)
        corner, full = (column - _HALF, row - _HALF), 2 * _HALF
        node = nodes.get(number)
        ax.add_patch(Rectangle(corner, full, full, facecolor=PAPER, edgecolor=RULE, zorder=2))
        if node is not None:
            share = node.clocks / report.clocks
            load = Rectangle((corner[0], corner[1] + full * (1 - share)), full, full * share,
                             facecolor=TEAL, alpha=0.18, zorder=3)  # fmt: skip
            ax.add_patch(load)
        lines = [str(number) + (" host" if number == report.gateway_node else "")]
        if node is not None:
            lines += [f"{node.clocks:,.0f} clocks", *node.populations[:_NAMES]]
            if len(node.populations) > _NAMES:
                lines.append(f"and {len(node.populations) - _NAMES} more")
        ax.text(column, row, "\n".join(lines), ha="center", va="center", fontsize=9, zorder=4,
                color=INK)  # fmt: skip
    for (number, port), packets in report.links.items():
        row, column = divmod(number, report.columns)
        across, down = _STEP[port]
        # The two directions lie side by side, each on its right.
        x, y = column - down * _APART, row + across * _APART
        is_busiest = (number, port) == report.placed.link
        arrow = FancyArrowPatch(
            (x + across * _HALF, y + down * _HALF),
            (x + across * (1 - _HALF), y + down * (1 - _HALF)),
            arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0, zorder=1,
            linewidth=max(0.8, _WIDEST * packets / report.placed.busiest),
            color=RUST if is_busiest else MUTED,
        )  # fmt: skip
        ax.add_patch(arrow)
        ax.text(x + across / 2 - down * 0.02, y + down / 2 + across * 0.02, f"{packets:,.1f}",
                fontsize=8, color=INK, zorder=5,
                ha="center" if across else ("right" if down > 0 else "left"),
                va="center" if down else ("top" if across > 0 else "bottom"))  # fmt: skip
    ax.set_title(
        f"{report.placed.hops:,.1f} hops a step (random placement: {report.random.hops:,.1f}), "
        f"busiest link {report.link_name(report.placed.link)}: "
        f"{report.placed.busiest:,.1f} ({report.random.busiest:,.1f})",
        fontsize=10, fontweight="normal",
    )  # fmt: skip
    return drawing
