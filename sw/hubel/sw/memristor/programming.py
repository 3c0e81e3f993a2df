"""Programming energy against error: what a narrower band of a verify costs, and what it buys."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.device import Device
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import generic
from hubel.sim.memristor.write_verify import WriteVerify

from ..svg import INK, RUST, pixels
from .bands import Band, floor_line, log_x, plot
from .context import Context
from .experiment import Experiment, Floor, Table
from .grid import Cell, Point, measure
from .knee import knee

#: Half bands, as shares of g_max - g_min, from wide to narrow.
BANDS = (0.6, 0.4, 0.28, 0.2, 0.14, 0.1, 0.07, 0.05, 0.035, 0.025)
PULSES = 200
PICO = 1e12


def devices() -> tuple[Device, ...]:
    """A generic RRAM whose single pulses are poor, and PCM by its published sigma."""
    return (
        generic(g_max=25.0, on_off=10, sigma_abs=6.0, sigma_rel=0.1, read_rel=0.01),
        pcm_nandakumar2019(),
    )


@dataclass(frozen=True)
class Trade:
    """One point of the trade-off."""

    device: str
    policy: str
    band: float
    cell: Cell
    synapses: int

    @property
    def array(self) -> float:
        """Joules of a synapse in the array, pulses and verify reads."""
        return self.cell.mean(lambda m: m.array_joules) / self.synapses

    @property
    def periphery(self) -> float:
        """Joules of a synapse around it."""
        return self.cell.mean(lambda m: m.periphery_joules) / self.synapses

    @property
    def total(self) -> float:
        """Joules of a synapse."""
        return self.array + self.periphery

    @property
    def error(self) -> float:
        """Of the weights, LSB rms."""
        return self.cell.mean(lambda m: m.error)


def programming(context: Context) -> Experiment:
    """Run it."""
    task = context.task
    synapses = sum(p.weights.size for p in task.program.projections)
    wanted: list[tuple[Device, str, float, Point]] = []
    skipped = 0
    for device in devices():
        span = device.g_max - device.g_min
        worst = float(device.verify_sigma(np.linspace(device.g_min, device.g_max, 50)).max())
        for policy in ("memoryless", "incremental"):
            for share in BANDS:
                if share * span < worst:
                    skipped += 1
                    continue
                how = WriteVerify(
                    tolerance=share * span,
                    pulses=PULSES,
                    policy="memoryless" if policy == "memoryless" else "incremental",
                )
                point = Point(cells=ArrayParams(device=device, write=how))
                wanted.append((device, policy, share, point))
    cells = measure(context, [point for *_, point in wanted])
    trades = [
        Trade(device.name, policy, share, cell, synapses)
        for (device, policy, share, _), cell in zip(wanted, cells, strict=True)
    ]
    curves = {
        (d, p): [t for t in trades if (t.device, t.policy) == (d, p)]
        for d, p in dict.fromkeys((t.device, t.policy) for t in trades)
    }
    knees = {
        curve: points[knee([t.total for t in points], [t.error for t in points])]
        for curve, points in curves.items()
    }
    good = [t for t in trades if t.cell.band().low >= task.floor]
    cheapest = min(good, key=lambda t: t.total) if good else None
    cheap_of = {
        curve: min((t for t in points if t in good), key=lambda t: t.total, default=None)
        for curve, points in curves.items()
    }
    rows = []
    for t in trades:
        band = t.cell.band()
        mark = ", ".join(
            name
            for name, is_it in (
                ("knee", t is knees[t.device, t.policy]),
                ("cheapest above the floor", t is cheap_of[t.device, t.policy]),
            )
            if is_it
        )
        rows.append((
            t.device, t.policy, t.band, t.array * PICO, t.periphery * PICO,
            t.cell.mean(lambda m: m.pulses), t.cell.mean(lambda m: m.failed),
            t.error, band.mean, band.low, band.high, mark or None,
        ))  # fmt: skip
    columns = (
        "device", "policy", "half band, share of range", "array, pJ a synapse",
        "periphery, pJ a synapse", "pulses a device", "failed", "weight error, LSB rms",
        "accuracy, %", "accuracy p5, %", "accuracy p95, %", "mark",
    )  # fmt: skip
    if cheapest is None:
        finding = "no band of any device keeps the 5th percentile of the seeds above it"
    else:
        at = knees[cheapest.device, cheapest.policy]
        finding = (
            f"cheapest is {cheapest.device}, {cheapest.policy}, with a half band of "
            f"{100 * cheapest.band:g} % of its range: array {cheapest.array * PICO:.3g} pJ and "
            f"periphery {cheapest.periphery * PICO:.3g} pJ a synapse, accuracy "
            f"{cheapest.cell.band().mean:.2f} %; the knee of its curve is at "
            f"{100 * at.band:g} %, array {at.array * PICO:.3g} pJ and periphery "
            f"{at.periphery * PICO:.3g} pJ"
        )
    return Experiment(
        key="programming",
        name="Programming energy against error",
        question="How many joules does a synapse need before the network works?",
        table=Table(columns, tuple(rows)),
        floor=Floor(quantity="accuracy, 5th percentile,", value=task.floor, unit="%"),
        met=cheapest is not None,
        finding=finding,
        figure=partial(_draw, curves, knees, cheap_of, task.floor, task.accuracy()),
        caption="Above: accuracy; below: error of the weights. Lines are means over device seeds, "
        "shades go from the 5th to the 95th percentile. Circles: knee; squares: cheapest point "
        "whose 5th percentile is above the floor. Energy is array and periphery; the table has "
        "both apart.",
        seeds=context.seeds,
        notes=(
            "generic: declared, 25 uS, on/off 10, a single pulse lands with 6 uS and 10 %, a "
            "verify read has 1 %; pulses of 2 V 10 ns (NVSim).",
            "pcm_nandakumar2019: a pulse lands with the sigma that was published for a whole "
            "programming, which flatters the first pulse; RESET 19.2 pJ, SET 13.5 pJ (Lee 2009).",
            "A memoryless pulse is a RESET and a SET; an incremental one moves the device by the "
            "error that was read, with a scatter of 30 % (assumed).",
            *(
                [f"{skipped} bands are narrower than the noise of a verify read and are refused."]
                if skipped
                else []
            ),
        ),
    )


def _draw(curves, knees, cheap_of, floor: float, digital: float, width: int) -> Drawing:
    drawing = pixels(width, 520)
    top, bottom = drawing.subplots(2, sharex=True)
    for number, (curve, trades) in enumerate(curves.items()):
        ordered = sorted(trades, key=lambda t: t.total)
        x = [t.total * PICO for t in ordered]
        plot(top, x, [t.cell.band() for t in ordered], f"{curve[0]}, {curve[1]}", number)
        error: list[Band] = [t.cell.band(lambda m: m.error) for t in ordered]
        plot(bottom, x, error, "", number)
        for chosen, marker, colour in ((knees[curve], "o", INK), (cheap_of[curve], "s", RUST)):
            if chosen is not None:
                top.plot(chosen.total * PICO, chosen.cell.band().mean, marker, color=colour,
                         markersize=12, markerfacecolor="none", markeredgewidth=1.6)  # fmt: skip
    floor_line(top, floor, digital)
    top.set_ylabel("correct, %")
    bottom.set_ylabel("weight error, LSB rms")
    log_x(bottom)
    bottom.set_xlabel("programming, pJ a synapse (array and periphery)")
    for ax in (top, bottom):
        ax.grid(axis="y")
    drawing.legend(loc="outside upper left", ncols=1 if width < 500 else 2)
    return drawing
