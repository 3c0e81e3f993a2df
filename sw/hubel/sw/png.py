"""Drawings as PNG, with the colours of the SVG files."""

from collections.abc import Callable
from io import BytesIO

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure as Drawing
from matplotlib.text import Text

from .svg import LIGHT, PAPER, STYLE, WIDTHS

#: Dots of a CSS pixel.
_SCALE = 2
#: What an artist can have a colour of.
_PARTS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def png(draw: Callable[[int], Drawing]) -> bytes:
    """What ``draw`` makes for the larger of :data:`.svg.WIDTHS`, as the bytes of a PNG file on
    white paper, two dots a CSS pixel."""
    with matplotlib.style.context(["default", STYLE]):
        drawing = draw(WIDTHS["wide"])
        FigureCanvasAgg(drawing)
        # Ticks are made when they are needed.
        drawing.draw_without_rendering()
        for artist in drawing.findobj():
            # What is behind a text is not found by itself.
            behind = artist.get_bbox_patch() if isinstance(artist, Text) else None
            for part in _PARTS:
                _recolour(artist, part)
                _recolour(behind, part)
        file = BytesIO()
        drawing.savefig(file, format="png", dpi=72 * _SCALE, facecolor=LIGHT[PAPER])
    return file.getvalue()


def _recolour(artist: object, part: str) -> None:
    """Replace the colours that stand for a variable of the page."""
    value = getattr(artist, f"get_{part}", lambda: None)()
    if value is None or (isinstance(value, str) and value in ("none", "auto")):
        return
    colours = to_rgba_array(value)  # a copy
    changed = False
    for colour in colours:
        found = LIGHT.get(to_hex(colour))
        if found is not None:
            colour[:3] = to_rgba_array(found)[0, :3]
            changed = True
    if changed:
        getattr(artist, f"set_{part}")(colours if len(colours) > 1 else tuple(colours[0]))
