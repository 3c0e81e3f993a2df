"""The pictures of a comparison, each drawn at a width in CSS pixels."""

from matplotlib.figure import Figure as Drawing
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .charts import rows, short
from .compare_ann import Comparison
from .compare_ladder import Step
from .svg import INK, MUTED, RUST, TEAL, pixels
from .units import integer, number, prefix

_ROW = 26
#: In CSS pixels: above it is the drawing for a wide window.
_WIDE = 500


def overview(found: Comparison, width: int) -> Drawing:
    """Accuracy by steps, and what an inference takes on each side: clocks and joules."""
    placed = bool(found.placed)
    heights = [7, len(found.sides) + 1.2] + [len(found.sides) + 1.2] * placed
    drawing = pixels(width, 110 + _ROW * sum(heights))
    axes = drawing.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    # Room between the numbers of an axis and the title below.
    engine, wide = drawing.get_layout_engine(), width > _WIDE
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(h_pad=0.12)
    _accuracy(axes[0], found, columns=3 if wide else 1)
    names = [short(_label(found, i), 40 if wide else 18) for i in range(len(found.sides))]
    colours = [TEAL if i == 0 else MUTED for i in range(len(found.sides))]
    clocks = [side.clocks for side in found.sides]
    axes[1].barh(range(len(clocks)), clocks, height=0.6, color=colours)
    rows(axes[1], names, [integer(count) for count in clocks])
    axes[1].set_title("clocks an inference")
    if placed:
        figures = [p.energy for p in found.placed]
        ends = [end for f in figures for end in (f.value or 0.0, *(f.interval or ()))]
        factor, letter = prefix(ends)
        values = [(f.value or 0.0) / factor for f in figures]
        axes[2].barh(range(len(values)), values, height=0.6, color=colours)
        for row, figure in enumerate(figures):
            if figure.interval is not None:
                low, high = (end / factor for end in figure.interval)
                error = [[values[row] - low], [high - values[row]]]
                axes[2].errorbar(values[row], row, xerr=error, fmt="none", ecolor=INK, capsize=4)
        rows(axes[2], names, [number(value) for value in values])
        boundary = f": {figures[0].boundary}" if wide else ""
        axes[2].set_title(f"{letter}J an inference, {figures[0].kind}{boundary}")
    return drawing


def _label(found: Comparison, number_of: int) -> str:
    side = found.sides[number_of]
    return f"{side.name}, T = {side.steps}" if side.steps else side.name


def _accuracy(ax, found: Comparison, *, columns: int) -> None:
    steps = range(1, len(found.accuracy_by_steps) + 1)
    ax.plot(steps, [100 * a for a in found.accuracy_by_steps], "-o", color=TEAL, markersize=4,
            label="SNN")  # fmt: skip
    ax.axhline(100 * found.sides[1].accuracy, color=INK, linewidth=1, label="ANN int8")
    ax.axhline(100 * found.floor, color=RUST, linewidth=1, linestyle="--", label="floor")
    ax.axvline(found.sides[0].steps, color=MUTED, linewidth=1)
    ax.grid(axis="y")
    ax.set_xlabel("steps")
    ax.set_title("correct, %")
    # What is far below the floor would only flatten the rest.
    ax.set_ylim(bottom=max(0.0, 100 * found.floor - 12))
    ax.legend(loc="lower right", ncols=columns)


def ladder(found: Comparison, width: int) -> Drawing:
    """Joules of the ANN by those of the SNN at each level, on a logarithmic axis."""
    steps = [step for step in found.rungs if 0 < step.ratio < float("inf")]
    drawing = pixels(width, 70 + _ROW * (len(steps) + 1))
    ax = drawing.subplots()
    for row, step in enumerate(steps):
        colour = TEAL if step.ratio >= 1 else RUST
        ax.plot([1, step.ratio], [row, row], color=colour, linewidth=2)
        ax.plot(step.ratio, row, "o" if step.ratio >= 1 else "s", color=colour, markersize=8)
    labels = [_rung(step) if width > _WIDE else f"{step.level} {_set(step)[0]}" for step in steps]
    rows(ax, labels, [number(step.ratio) for step in steps])
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if width > _WIDE else (1,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.axvline(1, color=INK, linewidth=1)
    ax.set_xlabel(f"ANN / SNN at s = {number(found.spikes_per_synapse)}; right of 1 the SNN wins")
    return drawing


def _set(step: Step) -> list[str]:
    """What the constants of ``step`` are, without their numbers, which the table has."""
    return step.constants.partition(":")[0].partition(", reuse")[0].split(", ")


def _rung(step: Step) -> str:
    return short(", ".join([f"{step.level} {step.adds}", *_set(step)]), 44)
