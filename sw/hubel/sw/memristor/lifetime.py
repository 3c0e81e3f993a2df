"""E7: writes wear devices out: how long a network that is rewritten keeps working."""

from functools import partial

from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.at_program import program_devices
from hubel.sim.memristor.crossbar import SynapseParams
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.endurance import PRESETS, YEAR, UniformWear
from hubel.sim.memristor.reram import generic

from ..svg import pixels
from .bands import Band, floor_line, log_x, plot
from .context import Context
from .experiment import Experiment, Floor, Table
from .task import Task

#: Writes of each device, as a share of the median endurance.
SHARES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
#: Writes of each synapse: seconds between two of them.
EVERY = {"a second": 1.0, "a minute": 60.0, "an hour": 3600.0}
#: The operating point of the verdict: a write a minute has to last so many years.
CHOSEN, YEARS = "rram_best", 5.0
_WEAR = PRESETS["rram_typical"]  # its scatter and slope are those of every preset


def accuracy_when_worn(task: Task, share: float, seed: int) -> float:
    """Percent after ``share`` of the median endurance, with all devices programmed once more."""
    wear = UniformWear(endurance=_WEAR, pulses=share * _WEAR.cycles)
    params = SynapseParams(
        array=ArrayParams(device=generic(on_off=100.0), layers=(wear,)),
        weight_width=task.program.weight_width,
    )
    return task.accuracy(program_devices(task.program, params, seed=seed).at())


def lifetime(context: Context) -> Experiment:
    """Run it."""
    task = context.task
    found = context.sweep(
        accuracy_when_worn,
        [(task, share, seed) for share in SHARES for seed in context.all_seeds],
    )
    bands = [
        Band.of(found[n * context.seeds : (n + 1) * context.seeds]) for n in range(len(SHARES))
    ]
    lasting = 0.0  # the last share before the first that is below the floor
    for share, band in zip(SHARES, bands, strict=True):
        if band.low < task.floor:
            break
        lasting = share

    def years(name: str, share: float, seconds: float) -> float:
        return share * PRESETS[name].cycles * seconds / YEAR

    rows = tuple(
        (share, band.mean, band.low, band.high,
         *(years(name, share, EVERY["a minute"]) for name in PRESETS))
        for share, band in zip(SHARES, bands, strict=True)
    )  # fmt: skip
    columns = (
        "writes a device, of median endurance", "accuracy, %", "accuracy p5, %", "accuracy p95, %",
        *(f"{name} at a write a minute, years" for name in PRESETS),
    )  # fmt: skip
    reached = years(CHOSEN, lasting, EVERY["a minute"])
    others = []
    for name in PRESETS:
        lasts = [f"{years(name, lasting, s):.2g} {every}" for every, s in EVERY.items()]
        others.append(f"{name} {', '.join(lasts)}")
    return Experiment(
        key="lifetime",
        name="Writes and lifetime",
        question="How long does a network last whose synapses are rewritten?",
        table=Table(columns, rows),
        floor=Floor(quantity=f"years at a write a minute, {CHOSEN},", value=YEARS),
        met=reached >= YEARS,
        finding=f"the 5th percentile of the seeds stays above {task.floor:g} % up to {lasting:g} "
        f"of the median endurance, which {CHOSEN} reaches after {reached:.3g} years at a write a "
        f"minute; years by writes: {'; '.join(others)}",
        figure=partial(_draw, bands, task.floor, task.accuracy()),
        caption="Line: mean over device seeds; the shade goes from the 5th to the 95th percentile. "
        "All devices have seen the same number of writes and are then programmed once more.",
        seeds=context.seeds,
        notes=(
            f"Endurance is log-normal with {_WEAR.sigma_decades:g} decades from device to device, "
            f"and beyond it the low resistance rises by {_WEAR.slope:g} decade a decade of writes "
            "(assumed; the form is that of Lammie et al. 2021).",
            *(f"{name}: {e.cycles:g} writes; {e.source.reference}, {e.source.kind}: {e.source.note}"
              for name, e in PRESETS.items()),
        ),
    )  # fmt: skip


def _draw(bands: list[Band], floor: float, digital: float, width: int) -> Drawing:
    drawing = pixels(width, 300)
    ax = drawing.subplots()
    plot(ax, SHARES, bands, "", 0)
    floor_line(ax, floor, digital)
    ax.grid(axis="y")
    log_x(ax)
    ax.set_xlabel("writes a device, of the median endurance")
    ax.set_ylabel("correct, %")
    return drawing
