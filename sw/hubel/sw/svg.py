"""Matplotlib drawings as inline SVG: text stays text, colours come from the page."""

import re
import warnings
from collections.abc import Callable
from io import StringIO

import matplotlib.style
import numpy as np
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

#: Colours that stand for a variable of the page's style sheet, which knows light and dark.
INK, MUTED, RULE, PAPER = "#010101", "#020202", "#030303", "#040404"
TEAL, RUST, VIOLET = "#050505", "#060606", "#070707"
_VARIABLES = {
    INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper",
    TEAL: "teal", RUST: "rust", VIOLET: "violet",
}  # fmt: skip

#: The same in a file of its own: those of report.css on white paper.
LIGHT = {
    INK: "#1c2226", MUTED: "#5c676e", RULE: "#d8dcdd", PAPER: "#ffffff",
    TEAL: "#0a6a73", RUST: "#b04a12", VIOLET: "#6554a0",
}  # fmt: skip

#: Widths in CSS pixels: a drawing is made once for each, and the page shows the one that fits.
WIDTHS = {"wide": 720, "narrow": 350}

#: Of all drawings.
STYLE = {
    "svg.fonttype": "none",
    # Comes with matplotlib, so that the layout is the same everywhere; the browser's font is
    # narrower, as a rule.
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.wspace": 0.08,
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "hatch.linewidth": 1.4,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
}


def pixels(width: int, height: float) -> Drawing:
    """An empty drawing; one unit of its SVG, and one point of its fonts, is one CSS pixel."""
    drawing = Drawing(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasSVG(drawing)
    return drawing


def _settle(drawing: Drawing) -> None:
    """Lay ``drawing`` out for good, without the last digits, in which two runs can differ."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine("none")
    for ax in drawing.axes:
        left, bottom, width, height = np.round(ax.get_position(original=True).bounds, 6)
        ax.set_position((left, bottom, width, height))


def responsive(draw: Callable[[int], Drawing], *, name: str, title: str) -> Markup:
    """What ``draw`` makes for each of :data:`WIDTHS`, as inline SVG.

    Parameters
    ----------
    draw : callable
        Takes a width in CSS pixels, returns a drawing made by :func:`pixels`.
    name : str
        Unique in the page; begins every id.
    title : str
        What a screen reader says.
    """
    parts = []
    for kind, width in WIDTHS.items():
        unique = f"{name}-{kind}"
        parts.append(_inline(_svg(draw, width, unique), unique, kind, title))
    return Markup("\n").join(parts)


def picture(draw: Callable[[int], Drawing], *, name: str) -> str:
    """What ``draw`` makes for the larger of :data:`WIDTHS`, as an SVG file that needs no page."""
    text = _svg(draw, WIDTHS["wide"], name)
    for placeholder, colour in LIGHT.items():
        text = text.replace(placeholder, colour)
    head = re.search(r"<svg[^>]*>", text)
    assert head is not None
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return text.replace(head[0], head[0] + paper, 1).replace("'DejaVu Sans'", "sans-serif")


def _svg(draw: Callable[[int], Drawing], width: int, salt: str) -> str:
    """The file that matplotlib writes, the same in every run."""
    style = STYLE | {"svg.hashsalt": salt}
    with matplotlib.style.context(["default", style]), warnings.catch_warnings():
        # The browser's fonts have glyphs that the font of the layout lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        drawing = draw(width)
        _settle(drawing)
        file = StringIO()
        drawing.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _inline(svg: str, name: str, kind: str, title: str) -> Markup:
    """The ``<svg>`` element alone, for an HTML page with other drawings in it."""
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.S)
    match = re.search(r'<svg[^>]*viewBox="([^"]*)"[^>]*>', body)
    assert match is not None
    body = body[match.end() :]
    # Only what is referred to keeps an id: a number, unique in the page.
    used = dict.fromkeys(re.findall(r'(?:href="|url\()#([^")]+)', body))
    ids = {old: f"{name}-{number}" for number, old in enumerate(used)}
    body = re.sub(r' id="([^"]*)"', lambda m: f' id="{ids[m[1]]}"' if m[1] in ids else "", body)
    body = re.sub(r'xlink:href="#([^"]+)"', lambda m: f'href="#{ids[m[1]]}"', body)
    body = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{ids[m[1]]})", body)
    body = body.replace("'DejaVu Sans'", "var(--sans)")
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    body = re.sub(r"\s*\n\s*", "\n", body)
    label = escape(title)
    return Markup(
        f'<svg class="chart {kind}" viewBox="{match[1]}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{body.strip()}"
    )
