"""The picture of a mesh that is loaded."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Drawing

from .mesh_load import LoadCurve
from .svg import MUTED, RUST, TEAL, pixels

_LINES = ((TEAL, "-", "o"), (RUST, "--", "s"))


def mesh_load(curves: Sequence[LoadCurve], width: int) -> Drawing:
    """Packets that arrive, and how long they take, by packets offered."""
    drawing = pixels(width, 300 if width > 500 else 520)
    panels = drawing.subplots(1, 2) if width > 500 else drawing.subplots(2, 1)
    for curve, (colour, dashes, marker) in zip(curves, _LINES, strict=True):
        style = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4}
        panels[0].plot(curve.offered, curve.arrived, label=curve.traffic, **style)
        panels[0].axvline(curve.saturation, color=colour, linewidth=0.8, linestyle=dashes)
        panels[1].plot(curve.offered, curve.latency, label=curve.traffic, **style)
    most = max(max(curve.offered) for curve in curves)
    panels[0].plot([0, most], [0, most], color=MUTED, linewidth=0.8)
    panels[0].set_title("Packets that arrive, a node and clock")
    panels[0].set_ylim(bottom=0)
    panels[0].legend(loc="upper left")
    panels[1].set_title("Clocks until they do, queue included")
    panels[1].set_yscale("log")
    for panel in panels:
        panel.set_xlabel("offered, a node and clock")
        panel.set_xlim(left=0)
        panel.grid(axis="y")
    return drawing
