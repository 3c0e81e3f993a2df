"""Retention: accuracy from one second to one year, without and with compensation and refresh."""

import math
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.device import Device
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.pcm import pcm_hermes1, pcm_nandakumar2019
from hubel.sim.memristor.reram import rram_cmo_falcone2025, rram_wan2022

from ..carbon import intensity
from ..svg import MUTED, pixels
from .bands import floor_line, plot
from .context import Context
from .experiment import Cell as Entry
from .experiment import Experiment, Floor, Table
from .grid import Cell, Point, measure

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MONTH, YEAR = 30 * DAY, 365 * DAY
#: Seconds after programming.
TIMES = (1.0, MINUTE, HOUR, DAY, 2 * DAY, 7 * DAY, MONTH, YEAR)
#: Seconds from one refresh to the next.
REFRESH = 7 * DAY
COUNTRY = "USA"
BOTH = "refresh and global"
_JOULES_A_KWH = 3.6e6
_TICKS = {
    "1 s": 1.0, "1 min": MINUTE, "1 h": HOUR, "1 d": DAY, "1 wk": 7 * DAY, "1 mo": MONTH,
    "1 y": YEAR,
}  # fmt: skip


@dataclass(frozen=True)
class Way:
    """A device and what is done against its drift."""

    device: Device
    against: str

    @property
    def name(self) -> str:
        """For a table."""
        return f"{self.device.name}, {self.against}"

    @property
    def refreshes(self) -> bool:
        """Its devices are programmed again."""
        return self.against in ("refresh", BOTH)

    def point(self, cells: ArrayParams, time: float) -> Point:
        """Where accuracy is measured ``time`` after the first programming."""
        if self.refreshes:
            # The worst moment: just before the refresh that is due.
            gain = "global" if self.against == BOTH else "none"
            return Point(cells=cells, time=min(time, REFRESH), compensation=gain)
        return Point(cells=cells, time=time, compensation=self.against)


def ways() -> tuple[Way, ...]:
    """PCM with everything; the two kinds of ReRAM, which do not drift alike, without."""
    every = ("none", "global", "column", "thresholds", "refresh", BOTH)
    return (
        *(Way(d, a) for d in (pcm_nandakumar2019(), pcm_hermes1()) for a in every),
        Way(rram_cmo_falcone2025(), "none"),
        Way(rram_wan2022(), "none"),
    )


def retention(context: Context) -> Experiment:
    """Run it."""
    task = context.task
    points, at = [], []
    shared: dict[str, ArrayParams] = {}
    for way in ways():
        cells = shared.setdefault(way.device.name, ArrayParams(device=way.device))
        for time in TIMES:
            if way.point(cells, time).time <= way.device.known_until:
                points.append(way.point(cells, time))
                at.append((way, time))
    cells_of = measure(context, points)
    grams_a_joule = (intensity(COUNTRY).value or 0.0) / _JOULES_A_KWH
    rows: list[tuple[Entry, ...]] = []
    curves: dict[str, list[tuple[float, Cell]]] = {}
    for (way, time), seeds in zip(at, cells_of, strict=True):
        band = seeds.band()
        refreshes = math.floor(time / REFRESH) if way.refreshes else 0
        array, periphery = (
            (1 + refreshes) * seeds.mean(of)
            for of in (lambda m: m.array_joules, lambda m: m.periphery_joules)
        )
        rows.append((
            way.device.name, way.against, time, band.mean, band.low, band.high,
            seeds.mean(lambda m: m.error), refreshes, array, periphery,
            (array + periphery) * grams_a_joule,
        ))  # fmt: skip
        curves.setdefault(way.name, []).append((time, seeds))
    year = {name: seeds.band() for name, points in curves.items() for t, seeds in points
            if t == YEAR}  # fmt: skip
    best = max(year, key=lambda name: (year[name].low, year[name].mean))
    lost = [name for name, band in year.items() if band.low < task.floor]
    columns = (
        "device", "against drift", "seconds", "accuracy, %", "accuracy p5, %", "accuracy p95, %",
        "weight error, LSB rms", "refreshes", "array, J since the start",
        "periphery, J since the start", f"programming, g CO2e ({COUNTRY})",
    )  # fmt: skip
    below = ", ".join(lost) if lost else "none"
    return Experiment(
        key="retention",
        name="Retention",
        question="How long does the network work after programming, and what helps?",
        table=Table(columns, tuple(rows)),
        floor=Floor(quantity="accuracy after 1 year, 5th percentile,", value=task.floor, unit="%"),
        met=year[best].low >= task.floor,
        finding=f"best after 1 year is {best} with {year[best].mean:.2f} % "
        f"(5th percentile {year[best].low:.2f} %); below the floor then: {below}",
        figure=partial(_draw, curves, task.floor, task.accuracy()),
        caption="Lines are means over device seeds, shades go from the 5th to the 95th percentile. "
        f"Refresh programs all devices anew every {REFRESH / DAY:g} days and is shown just before "
        "the next one.",
        seeds=context.seeds,
        notes=(
            "Each device has one drift exponent for good; only the noise of a read is new.",
            "global, column: an integer gain on the weights that are read, from all or from each "
            "column; thresholds: thresholds, biases and resets of each population are divided "
            "instead.",
            "rram_wan2022: data end after 2 days; between 1 s, 1 day and 2 days its sigma is "
            "interpolated in log t by hubel.",
            "Energy is that of the first programming and of all refreshes until then, one RESET "
            "and one SET a device.",
        ),
    )


def _draw(curves, floor: float, digital: float, width: int) -> Drawing:
    groups: dict[str, list[str]] = {}
    for name in curves:
        device = name.split(",")[0]
        groups.setdefault(device if device.startswith("pcm") else "ReRAM", []).append(name)
    drawing = pixels(width, 250 * len(groups))
    axes = drawing.subplots(len(groups), sharex=True, squeeze=False)[:, 0]
    for ax, (group, names) in zip(axes, groups.items(), strict=True):
        for number, name in enumerate(names):
            device, against = name.split(", ")
            times, bands = [t for t, _ in curves[name]], [s.band() for _, s in curves[name]]
            plot(ax, times, bands, against if ax is axes[0] else "", number)
            if group == "ReRAM":
                ax.annotate(device, (times[-1], bands[-1].mean), (0, -14), "data", "offset points",
                            ha="right", fontsize=9, zorder=5)  # fmt: skip
        floor_line(ax, floor, digital)
        ax.set_title(group if group != "ReRAM" else "ReRAM, nothing against its drift")
        ax.set_ylabel("correct, %")
        ax.set_xscale("log")
        ax.grid(axis="y")
    ticks = list(_TICKS.items()) if width > 500 else list(_TICKS.items())[::2]
    axes[-1].set_xticks([t for _, t in ticks], [name for name, _ in ticks])
    axes[-1].minorticks_off()
    axes[-1].set_xlabel("after programming", color=MUTED)
    drawing.legend(loc="outside upper left", ncols=6 if width > 500 else 2)
    return drawing
