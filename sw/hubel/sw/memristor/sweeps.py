"""One knob against accuracy: levels of a device, stuck cells, noise of reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.device import Device
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.layers import FiniteLevels, Layer, ReadNoise, StuckCells
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import generic

from ..svg import MUTED, pixels
from .bands import Band, floor_line, plot
from .context import Context
from .experiment import Experiment, Floor, Table
from .grid import Point, measure

#: Levels of a device from g_min to g_max.
LEVELS = (2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 64, 128, 256)
#: Percent of stuck cells, and two published arrays.
STUCK = (0.0, 1.0, 2.0, 3.5, 5.0, 7.5, 9.77, 13.48, 16.0, 20.0)
ARRAYS = {9.77: "HfO2 array", 13.48: "OM array"}
#: Percent of the conductance.
NOISES = (0.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0)


@dataclass(frozen=True)
class Line:
    """A curve: a device, and what one value of the knob adds to it."""

    name: str
    device: Device
    layer: Callable[[float], Layer]


@dataclass(frozen=True, kw_only=True)
class Knob:
    """What is turned: its axis, its values, from the worst to the best where ``rising``, and marks
    on the axis."""

    axis: str
    values: Sequence[float]
    rising: bool
    log: bool = False
    marks: dict[float, str] | None = None

    def limit(self, bands: Sequence[Band], floor: float) -> float | None:
        """The worst value that still meets ``floor``, as do all better ones, or None."""
        found = None
        pairs = list(zip(self.values, bands, strict=True))
        for value, band in reversed(pairs) if self.rising else pairs:
            if band.low < floor:
                break
            found = value
        return found


def _run(
    context: Context, knob: Knob, lines: Sequence[Line], *, decides: int, needs: float, **texts
) -> Experiment:
    """Turn ``knob`` on all ``lines``; met if line ``decides`` works at ``needs`` or worse."""
    task = context.task
    points = [
        Point(cells=ArrayParams(device=line.device, layers=(line.layer(value),)))
        for line in lines
        for value in knob.values
    ]
    cells = iter(measure(context, points))
    bands: dict[str, list[Band]] = {}
    rows = []
    for line in lines:
        for value in knob.values:
            cell = next(cells)
            band = cell.band()
            bands.setdefault(line.name, []).append(band)
            error = cell.mean(lambda m: m.error)
            rows.append((line.name, value, error, band.mean, band.low, band.high))
    limits = {name: knob.limit(found, task.floor) for name, found in bands.items()}
    limit = limits[lines[decides].name]
    met = limit is not None and (limit <= needs if knob.rising else limit >= needs)
    told = "; ".join(
        f"{name}: {'nowhere' if v is None else f'{v:g}'}" for name, v in limits.items()
    )
    word = "from" if knob.rising else "up to"
    return Experiment(
        table=Table(
            ("line", knob.axis, "weight error, LSB rms", "accuracy, %", "accuracy p5, %",
             "accuracy p95, %"),
            tuple(rows),
        ),
        floor=Floor(
            quantity=f"accuracy at {knob.axis} = {needs:g}, 5th percentile,", value=task.floor,
            unit="%",
        ),
        met=met,
        finding=f"{knob.axis} that work {word} there on: {told}",
        figure=partial(_draw, knob, bands, task.floor, task.accuracy()),
        seeds=context.seeds,
        **texts,
    )  # fmt: skip


def levels(context: Context) -> Experiment:
    """Levels of a device, ideal ones and those of PCM."""
    return _run(
        context,
        Knob(axis="levels", values=LEVELS, rising=True, log=True),
        [
            Line("ideal", generic(), lambda v: FiniteLevels(int(v))),
            Line("ideal, on/off 10", generic(on_off=10), lambda v: FiniteLevels(int(v))),
            Line("pcm_nandakumar2019", pcm_nandakumar2019(), lambda v: FiniteLevels(int(v))),
        ],
        decides=2,
        needs=8,
        key="levels",
        name="Levels of a device",
        question="How many levels must a device have?",
        caption="Levels are evenly spaced from g_min to g_max; a pair of devices has one sign "
        "more. Lines are means over device seeds, shades the 5th to the 95th percentile.",
        notes=(
            "No retraining: the network was trained without levels.",
            "PCM as programmed, with the noise of programming and of a read. By its own sigma 9 "
            "levels fit at 2 sigma (spacing of at least twice the sum of neighbours' sigmas).",
        ),
    )


def stuck(context: Context) -> Experiment:
    """Stuck cells from 0 to 20 percent."""
    return _run(
        context,
        Knob(axis="stuck cells, %", values=STUCK, rising=False, marks=ARRAYS),
        [
            Line("9 low : 1 high", generic(), lambda v: StuckCells(low=v * 0.009, high=v * 0.001)),
            Line("half low", generic(), lambda v: StuckCells(low=v * 0.005, high=v * 0.005)),
            Line("all low", generic(), lambda v: StuckCells(low=v * 0.01)),
            Line("all high", generic(), lambda v: StuckCells(high=v * 0.01)),
        ],
        decides=0,
        needs=9.77,
        key="stuck",
        name="Yield",
        question="How many stuck cells does the network bear?",
        caption="Ideal devices otherwise. The marks are two arrays that were measured (Gong and "
        "Rasch 2022). Lines are means over device seeds, shades the 5th to the 95th percentile.",
        notes=(
            "low: stuck at g_min; high: stuck at g_max. 9 : 1 is the ratio of SIMBRAIN.",
            "No mapping around faults: the network does not know which cells are stuck.",
        ),
    )


def read_noise(context: Context) -> Experiment:
    """Noise of reads from 0 to 50 percent."""
    return _run(
        context,
        Knob(axis="read noise, %", values=NOISES, rising=False),
        [
            Line("ideal", generic(), lambda v: ReadNoise(v / 100)),
            Line("ideal, on/off 10", generic(on_off=10), lambda v: ReadNoise(v / 100)),
            Line("pcm_nandakumar2019", pcm_nandakumar2019(), lambda v: ReadNoise(v / 100)),
        ],
        decides=2,
        needs=15.0,
        key="read_noise",
        name="Noise of reads",
        question="How noisy may a read be?",
        caption="Sigma as a share of the conductance, drawn once for the read that loads the "
        "weights. Lines are means over device seeds, shades the 5th to the 95th percentile.",
        notes=(
            "Published for an MLP on MNIST (Chen, Peng and Yu 2018): noticeable beyond 15 to 25 %.",
            "One read loads all weights; a read for every use would average the noise out.",
        ),
    )


def _draw(knob: Knob, bands: dict[str, list[Band]], floor: float, digital: float,
          width: int) -> Drawing:  # fmt: skip
    drawing = pixels(width, 330)
    ax = drawing.subplots()
    for number, (name, found) in enumerate(bands.items()):
        plot(ax, knob.values, found, name, number)
    floor_line(ax, floor, digital)
    for value, text in (knob.marks or {}).items():
        ax.axvline(value, color=MUTED, linewidth=1)
        ax.annotate(text, (value, 0), (4, 6), ("data", "axes fraction"), "offset points",
                    color=MUTED, fontsize=9)  # fmt: skip
    if knob.log:
        ax.set_xscale("log", base=2)
        ax.set_xticks(knob.values[:: 2 if width > 500 else 4],
                      [f"{v:g}" for v in knob.values[:: 2 if width > 500 else 4]])  # fmt: skip
        ax.minorticks_off()
    ax.grid(axis="y")
    ax.set_xlabel(knob.axis)
    ax.set_ylabel("correct, %")
    drawing.legend(loc="outside upper left", ncols=1 if width < 500 else 4)
    return drawing
