"""E6: wires with a resistance, against the size of a tile and the resistance of a device."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.at_program import program_devices
from hubel.sim.memristor.crossbar import SynapseParams
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.ir_drop import column_currents
from hubel.sim.memristor.reram import generic

from ..svg import pixels
from .bands import Band, floor_line, plot
from .context import Context
from .experiment import Experiment, Floor, Table
from .task import Task

#: Rows, and device columns, of a tile.
SIZES = (16, 32, 64, 128)
#: Kilo-ohm of a device that is on, and ohm of a segment.
WIRINGS = ((10.0, 2.93), (10.0, 10.0), (10.0, 30.0), (100.0, 30.0))
#: Sigma of programming, as a share of the conductance: what makes seeds differ.
SIGMA = 0.02
#: The operating point of the verdict: size, wire, device.
CHOSEN = (64, 2.93, 10.0)


def accuracy_with_wires(task: Task, size: int, ohm: float, kilo_ohm: float, seed: int) -> float:
    """Percent that the task reaches with devices and wires of one seed."""
    device = generic(g_max=1e3 / kilo_ohm, on_off=100.0, sigma_rel=SIGMA)
    params = SynapseParams(
        array=ArrayParams(device=device),
        weight_width=task.program.weight_width,
        tile=(size, size),
        wire_resistance=ohm,
    )
    return task.accuracy(program_devices(task.program, params, seed=seed).at())


def worst_column(size: int, ohm: float, kilo_ohm: float) -> float:
    """Percent of its current that is left in the last column, with every device and input on."""
    g = np.full((size, size), 1e3 / kilo_ohm)
    left = column_currents(g, np.ones(size), ohm) / (size * 1e3 / kilo_ohm)
    return 100 * float(left[-1])


def wires(context: Context) -> Experiment:
    """Run it."""
    task = context.task
    grid = [(size, ohm, on) for on, ohm in WIRINGS for size in SIZES]
    found = context.sweep(
        accuracy_with_wires, [(task, *point, seed) for point in grid for seed in context.all_seeds]
    )
    bands = {
        point: Band.of(found[n * context.seeds : (n + 1) * context.seeds])
        for n, point in enumerate(grid)
    }
    left = {point: worst_column(*point) for point in grid}
    rows = tuple(
        (size, ohm, on, left[size, ohm, on], band.mean, band.low, band.high)
        for (size, ohm, on), band in bands.items()
    )
    columns = ("tile rows and columns", "wire, ohm a segment", "device on, kohm",
               "current left in the last column, all on, %", "accuracy, %", "accuracy p5, %",
               "accuracy p95, %")  # fmt: skip
    chosen = bands[CHOSEN]
    heights = [p.weights.shape[0] for p in task.program.projections]
    largest = []
    for on, ohm in WIRINGS:
        good = [size for size in SIZES if bands[size, ohm, on].low >= task.floor]
        most = f"{max(good)}x{max(good)}" if good else "none"
        largest.append(f"{on:g} kohm with {ohm:g} ohm: {most}")
    return Experiment(
        key="wires",
        name="IR drop against tile size",
        question="How large may a tile be before its wires spoil the network?",
        table=Table(columns, rows),
        floor=Floor(quantity="accuracy, 5th percentile,", value=task.floor, unit="%"),
        met=chosen.low >= task.floor,
        finding=f"a {CHOSEN[0]}x{CHOSEN[0]} tile of {CHOSEN[2]:g} kohm devices on {CHOSEN[1]:g} "
        f"ohm wires keeps {left[CHOSEN]:.1f} % of a full column's current and reaches "
        f"{chosen.mean:.2f} % ({chosen.low:.2f}..{chosen.high:.2f}); largest tiles above the "
        f"floor: {'; '.join(largest)}",
        figure=partial(_draw, bands, task.floor, task.accuracy()),
        caption="Lines are means over device seeds, shades go from the 5th to the 95th percentile.",
        seeds=context.seeds,
        notes=(
            "The circuit of each tile is solved exactly; nothing corrects for the wires.",
            f"Devices with an on/off ratio of 100 that are programmed with a sigma of "
            f"{100 * SIGMA:g} %.",
            f"The network has {' and '.join(map(str, heights))} rows; a larger tile is filled "
            "that far.",
        ),
    )  # fmt: skip


def _draw(bands: dict, floor: float, digital: float, width: int) -> Drawing:
    drawing = pixels(width, 330)
    ax = drawing.subplots()
    for number, (on, ohm) in enumerate(WIRINGS):
        plot(ax, SIZES, [bands[size, ohm, on] for size in SIZES],
             f"{on:g} kohm, {ohm:g} ohm", number)  # fmt: skip
    floor_line(ax, floor, digital)
    ax.grid(axis="y")
    ax.set_xscale("log", base=2)
    ax.set_xticks(SIZES, [str(size) for size in SIZES])
    ax.set_xlabel("rows and columns of a tile")
    ax.set_ylabel("correct, %")
    drawing.legend(loc="outside upper left", ncols=1 if width < 500 else 2)
    return drawing
