"""The charts of the report: each function draws one at a width in CSS pixels."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .figure import Figure
from .report_data import Curve, Json
from .svg import INK, MUTED, PAPER, RUST, TEAL, VIOLET, pixels
from .units import integer, number, prefix

#: Each line differs in colour, dashes and marker; each kind of figure in colour and pattern.
_LINES = ((TEAL, "-", "o"), (RUST, "--", "s"), (VIOLET, ":", "^"), (INK, "-.", "D"))
_KINDS: dict[str, dict[str, Any]] = {
    "measured": {"facecolor": TEAL, "edgecolor": TEAL},
    "estimated": {"facecolor": "none", "edgecolor": TEAL, "hatch": "////"},
    "assumed": {"facecolor": "none", "edgecolor": RUST, "linestyle": (0, (3, 2))},
}
RESOURCES = {
    "logic": "Logic cells",
    "ff": "Flip-flops",
    "block_ram": "Block RAMs",
    "spram": "SPRAMs",
    "dsp": "Multipliers",
}
#: What a population's integers are, and the name of their limits.
LIMITS = {
    "weights": "weight_limits",
    "bias": "membrane_limits",
    "accumulator": "accumulator_limits",
    "membrane": "membrane_limits",
    "current": "membrane_limits",
}
_ROW = 26  # height of a bar with its room, in pixels


def limits_of(entry: Json) -> dict[str, str]:
    """The part of :data:`LIMITS` that a population has: some have no synaptic current."""
    return {what: limits for what, limits in LIMITS.items() if entry.get(what) is not None}


class Sum(NamedTuple):
    """Figures of one board within one boundary, and what they add up to."""

    label: str
    figures: Sequence[Figure]
    total: Figure


def short(text: str, most: int) -> str:
    """``text`` with at most ``most`` letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def terms(figures: Sequence[Figure]) -> list[str]:
    """Names of ``figures`` without the words that all begin with (the device, as a rule)."""
    words = [figure.name.split() for figure in figures]
    alike = takewhile(
        lambda column: len(set(column)) == 1, zip(*(w[:-1] for w in words), strict=False)
    )
    shared = len(list(alike)) if len(words) > 1 else 0
    return [" ".join(w[shared:]) for w in words]


def rows(ax: Axes, labels: Sequence[str], values: Sequence[str] = ()) -> None:
    """Make ``ax`` a list of bars: ``labels`` at the left, ``values`` at the right."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    for row, value in enumerate(values):
        ax.annotate(
            value,
            (1, row),
            (8, 0),
            ("axes fraction", "data"),
            "offset points",
            va="center_baseline",
        )


def _few_ticks(ax: Axes, width: int) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(8 if width > 500 else 4))


def accuracy(curves: Sequence[Curve], ann: float | None, used: int | None, width: int) -> Drawing:
    """Accuracy after 1, 2, ... steps, of which the hardware takes ``used``."""
    drawing = pixels(width, 300 if width > 500 else 290)
    ax = drawing.subplots()
    if ann is not None:
        ax.axhline(100 * ann, color=INK, linewidth=1, label=f"ANN, {100 * ann:.1f} %")
    if used is not None:
        ax.axvline(used, color=MUTED, linewidth=1)
        ax.annotate(f"{used} steps", (used, 0), (5, 6), ("data", "axes fraction"), "offset points",
                    color=MUTED)  # fmt: skip
    # The first curve is drawn last: where several agree it is the one that shows.
    for order, curve in enumerate(curves):
        colour, dashes, marker = _LINES[order % len(_LINES)]
        steps = np.arange(1, len(curve.accuracy) + 1)
        ax.plot(
            steps, 100 * np.asarray(curve.accuracy), color=colour, linestyle=dashes, marker=marker,
            markersize=5.5, markerfacecolor=PAPER, linewidth=1.8, label=short(curve.label, 40),
            zorder=4 - order / len(curves),
        )  # fmt: skip
    ax.grid(axis="y")
    ax.xaxis.set_major_locator(MaxNLocator(17 if width > 500 else 9, integer=True, min_n_ticks=1))
    ax.set_xlim(0.5, max(len(curve.accuracy) for curve in curves) + 0.5)
    ax.set_xlabel("steps")
    ax.set_ylabel("correct, %")
    longest = max(len(str(line.get_label())) for line in ax.lines)
    drawing.legend(loc="outside upper left", ncols=max(1, width // (60 + 7 * longest)))
    return drawing


def ranges(populations: Sequence[Json], width: int) -> Drawing:
    """What the integers reach, in percent of what their widths hold."""
    kinds = [limits_of(entry) for entry in populations]
    drawing = pixels(width, 60 + sum(50 + _ROW * len(shown) for shown in kinds))
    axes = drawing.subplots(
        len(populations), sharex=True, squeeze=False, height_ratios=[len(k) for k in kinds]
    )[:, 0]
    for ax, entry, shown in zip(axes, populations, kinds, strict=True):
        used = []
        for row, (what, limits) in enumerate(shown.items()):
            low, high = (100 * v / abs(m) for v, m in zip(entry[what], entry[limits], strict=True))
            # A bar of one value would be nothing to see.
            style = _KINDS["estimated" if what == "accumulator" else "measured"]
            ax.barh(row, max(high - low, 0.5), left=low, height=0.55, **style)
            used.append(f"{max(abs(low), abs(high)):.1f} %")
        rows(ax, list(shown), used)
        ax.set_title(short(entry["population"], 30))
        ax.set_xlim(-100, 100)
        ax.axvline(0, color=MUTED, linewidth=1)
    axes[-1].set_xlabel("percent of full scale")
    return drawing


def utilisation(builds: Sequence[Json], width: int) -> Drawing:
    """Used of available resources."""
    shown = [[r for r in RESOURCES if b["utilisation"].get(r, {}).get("available")] for b in builds]
    drawing = pixels(width, 50 + sum(30 + _ROW * len(names) for names in shown))
    ratios = [len(names) + 0.01 for names in shown]
    axes = drawing.subplots(len(builds), sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for ax, build, names in zip(axes, builds, shown, strict=True):
        counts = [build["utilisation"][name] for name in names]
        shares = [100 * c["used"] / c["available"] for c in counts]
        ax.barh(range(len(names)), shares, height=0.55, color=TEAL)
        texts = [f"{integer(c['used'])} of {integer(c['available'])}" for c in counts]
        rows(ax, [RESOURCES[name] for name in names], texts)
        ax.set_title(f"{short(build['board'], 20)}, {short(build['device'], 24)}")
        ax.set_xlim(0, 100)
    axes[-1].set_xlabel("used, %")
    return drawing


def clocks(builds: Sequence[Json], width: int) -> Drawing:
    """Clock of every place and route against what the board needs."""
    drawing = pixels(width, 90 + 34 * len(builds))
    ax = drawing.subplots()
    for row, build in enumerate(builds):
        tried = [attempt["mhz"] for attempt in build["attempts"]]
        ax.plot(tried, [row] * len(tried), "o", color=MUTED, markersize=7, markerfacecolor="none")
        ax.plot(build["fmax_mhz"], row, "o", color=TEAL, markersize=8)
        needed = build["clock_mhz"]
        ax.plot([needed, needed], [row - 0.32, row + 0.32], color=RUST, linewidth=2.6)
    ax.plot([], [], "o", color=TEAL, markersize=8, label="used")
    ax.plot([], [], "o", color=MUTED, markersize=7, markerfacecolor="none", label="other seeds")
    ax.plot([], [], "|", color=RUST, markersize=13, markeredgewidth=2.6, label="needed")
    texts = [f"{number(b['fmax_mhz'], 4)} of {number(b['clock_mhz'], 4)}" for b in builds]
    rows(ax, [short(b["board"], 14) for b in builds], texts)
    ax.set_xlim(left=0)
    _few_ticks(ax, width)
    ax.set_xlabel("clock in the slowest corner, MHz")
    drawing.legend(loc="outside upper left", ncols=3)
    return drawing


def energy(sums: Sequence[Sum], width: int) -> Drawing:
    """Joules an inference within one boundary: the terms of each board and their sum."""
    drawing = pixels(width, 70 + sum(30 + _ROW * (len(s.figures) + 1) for s in sums))
    ratios = [len(s.figures) + 1 for s in sums]
    axes = drawing.subplots(len(sums), sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    every = [figure for s in sums for figure in (*s.figures, s.total)]
    factor, letter = prefix(
        end for f in every if f.value is not None for end in (f.value, *(f.interval or ()))
    )
    for ax, (label, figures, whole) in zip(axes, sums, strict=True):
        left = 0.0
        for row, figure in enumerate((*figures, whole)):
            value = (figure.value or 0.0) / factor
            if figure is not whole:
                ax.barh(row, value, height=0.6, linewidth=1, **_KINDS[figure.kind])
                ax.barh(len(figures), value, left=left, height=0.6, linewidth=1,
                        **_KINDS[figure.kind])  # fmt: skip
                left += value
            if figure.interval is not None:
                low, high = (end / factor for end in figure.interval)
                ax.errorbar(value, row, xerr=[[value - low], [high - value]], fmt="none", color=INK,
                            ecolor=INK, elinewidth=1.3, capsize=3.5)  # fmt: skip
        texts = ["unknown" if f.value is None else number(f.value / factor)
                 for f in (*figures, whole)]  # fmt: skip
        names = [short(name, 30 if width > 500 else 15) for name in terms(figures)]
        rows(ax, [*names, "sum"], texts)
        ax.axhline(len(figures) - 0.5, color=MUTED, linewidth=1)
        ax.set_title(short(label, 40))
    axes[-1].set_xlim(left=0)
    _few_ticks(axes[-1], width)
    axes[-1].set_xlabel(f"{letter}J an inference")
    _kind_legend(drawing, dict.fromkeys(f.kind for s in sums for f in s.figures))
    return drawing


def _kind_legend(drawing: Drawing, kinds: dict[str, None]) -> None:
    handles = [Patch(label=kind, **style) for kind, style in _KINDS.items() if kind in kinds]
    drawing.legend(handles=handles, loc="outside upper left", ncols=3)


def nature(record: Json, width: int) -> Drawing:
    """The exact sum with its interval, what it rests on, and where its uncertainty comes from."""
    figure = Figure.from_json(record["energy"])
    assert figure.value is not None
    points = [("exact sum", figure.value, figure.interval or (figure.value, figure.value))]
    if (closed := record.get("closed_form_joules")) is not None:
        points.append(("closed form", closed, (closed, closed)))
    blames = record["contributors"]
    heights = [len(points) + 1.6, 2.2, len(blames) + 1.4][: 3 if blames else 2]
    drawing = pixels(width, 40 + _ROW * sum(heights))
    axes = drawing.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    factor, letter = prefix(end / 3600 for _, _, ends in points for end in ends)
    watt_hours = 1 / 3600 / factor
    for row, (_, value, (low, high)) in enumerate(points):
        ends = [[(value - low) * watt_hours], [(high - value) * watt_hours]]
        axes[0].errorbar(value * watt_hours, row, xerr=ends, fmt="o", color=INK,
                         capsize=4, markersize=8)  # fmt: skip
    rows(axes[0], [name for name, *_ in points], [number(v * watt_hours) for _, v, _ in points])
    axes[0].set_xlim(left=0)
    _few_ticks(axes[0], width)
    axes[0].set_title(f"energy, {letter}Wh")
    left = 0.0
    for kind, share in record["shares"].items():
        axes[1].barh(0, 100 * share, left=left, height=0.6, **_KINDS[kind])
        left += 100 * share
    rows(axes[1], ["joules"])
    axes[1].set_title("what the joules rest on, %")
    if blames:
        shares = [100 * share for _, share in blames]
        axes[2].barh(range(len(blames)), shares, height=0.55, color=MUTED)
        most = 30 if width > 500 else 16
        rows(axes[2], [short(name, most) for name, _ in blames], [f"{s:.1f} %" for s in shares])
        axes[2].set_title("where the variance comes from, %")
    for ax in axes[1:]:
        ax.set_xlim(0, 100)
    _kind_legend(drawing, dict.fromkeys(record["shares"]))
    return drawing
