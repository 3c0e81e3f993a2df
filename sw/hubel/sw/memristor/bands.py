"""What many device seeds gave, as a mean and a band."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, StrMethodFormatter

from ..svg import INK, MUTED, PAPER, RUST, TEAL, VIOLET

#: Percentiles that a band goes between; its lower end decides whether a floor is met.
LOW, HIGH = 5, 95
_RAISED = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
STYLES = (
    (TEAL, "-", "o"), (RUST, "--", "s"), (VIOLET, ":", "^"), (INK, "-.", "D"), (MUTED, "-", "v"),
    (TEAL, ":", "P"),
)  # fmt: skip


@dataclass(frozen=True)
class Band:
    """Mean of all seeds, and the percentiles :data:`LOW` and :data:`HIGH`."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Band":
        """The band of ``values``, one a seed; at least one."""
        low, high = np.percentile(values, (LOW, HIGH))
        return cls(float(np.mean(values)), float(low), float(high))


def plot(ax: Axes, x: Sequence[float], bands: Sequence[Band], label: str, number: int) -> None:
    """Draw ``bands`` over ``x`` in the ``number``-th style: mean as a line, band as a shade."""
    colour, dashes, marker = STYLES[number % len(STYLES)]
    ax.plot(
        x, [b.mean for b in bands], color=colour, linestyle=dashes, marker=marker, markersize=4.5,
        linewidth=1.7, label=label,
    )  # fmt: skip
    lows, highs = [b.low for b in bands], [b.high for b in bands]
    ax.fill_between(x, lows, highs, color=colour, alpha=0.14, linewidth=0)


def log_x(ax: Axes) -> None:
    """Make the x axis logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def decades(ax: Axes, which: Literal["x", "y"] = "x") -> None:
    """Make an axis logarithmic over many decades."""
    if which == "x":
        ax.set_xscale("log")
    else:
        ax.set_yscale("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_formatter(FuncFormatter(lambda x, _: power_of_ten(x)))
    axis.set_minor_formatter(NullFormatter())


def power_of_ten(x: float) -> str:
    """``x``, a power of ten, in few characters and without markup."""
    exponent = round(np.log10(x))
    if -3 <= exponent <= 3:
        return f"{x:g}"
    return "10" + str(exponent).translate(_RAISED)


def floor_line(ax: Axes, floor: float, best: float, name: str = "digital") -> None:
    """Draw the floor, and what the digital core, or whatever has ``name``, reaches."""
    ax.axhline(best, color=INK, linewidth=1)
    ax.axhline(floor, color=RUST, linewidth=1, linestyle=(0, (3, 2)))
    for value, text in ((floor, f"floor {floor:g} %"), (best, f"{name} {best:.1f} %")):
        ax.annotate(text, (1, value), (-4, -11 if value == floor else 3),
                    ("axes fraction", "data"), "offset points", ha="right", color=MUTED,
                    fontsize=9, zorder=5,
                    bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
                    )  # fmt: skip
