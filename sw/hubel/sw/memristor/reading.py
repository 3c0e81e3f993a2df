"""Read energy against error: how low the voltage and how short the pulse of a read may be."""

from dataclasses import dataclass, replace
from functools import partial

from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.device import Device
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.layers import CubicIV, Layer
from hubel.sim.memristor.pcm import Pcm, pcm_nandakumar2019
from hubel.sim.memristor.pulse_noise import AMPLIFIER, PulseNoise
from hubel.sim.memristor.reram import rram_milo2021

from ..svg import INK, RUST, pixels
from .bands import decades, floor_line, plot
from .context import Context
from .experiment import Experiment, Floor, Table
from .grid import Cell, Point, measure
from .knee import knee

#: Voltages of a read; the I-V fit of RRAM ends at 0.5 V.
VOLTS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 0.2, 0.5)
#: Lengths of a read: NVSim's for RRAM, that of the published PCM statistics, and a slow one.
SECONDS = (10e-9, 250e-9, 10e-6)
FEMTO = 1e15


def read_with(device: Device, volts: float, seconds: float) -> ArrayParams:
    """Cells of ``device`` that are read with another pulse; what that changes of its 1/f noise
    (PCM) and along its I-V curve (RRAM of Milo et al.) is in it."""
    pulse = replace(device.read_pulse, volts=volts, seconds=seconds)
    layers: tuple[Layer, ...] = (PulseNoise(volts=volts, seconds=seconds),)
    if isinstance(device, Pcm):
        return ArrayParams(device=replace(device, read_pulse=pulse, t_read=seconds), layers=layers)
    return ArrayParams(device=replace(device, read_pulse=pulse), layers=(CubicIV(volts), *layers))


@dataclass(frozen=True)
class Read:
    """One point of the trade-off."""

    device: str
    seconds: float
    volts: float
    cell: Cell
    synapses: int

    @property
    def array(self) -> float:
        """Joules of a read of a synapse in the array."""
        return self.cell.mean(lambda m: m.read_array_joules) / self.synapses

    @property
    def periphery(self) -> float:
        """Joules around it; the same at every voltage and length."""
        return self.cell.mean(lambda m: m.read_periphery_joules) / self.synapses

    @property
    def error(self) -> float:
        """Of the weights, LSB rms."""
        return self.cell.mean(lambda m: m.error)

    def __str__(self) -> str:
        return (
            f"{self.volts:g} V for {1e9 * self.seconds:g} ns, array {self.array * FEMTO:.3g} fJ "
            f"and periphery {self.periphery * FEMTO:,.0f} fJ a synapse"
        )


def reading(context: Context) -> Experiment:
    """Run it."""
    task = context.task
    synapses = sum(p.weights.size for p in task.program.projections)
    wanted = [
        (device, seconds, volts)
        for device in (pcm_nandakumar2019(), rram_milo2021())
        for seconds in SECONDS
        for volts in VOLTS
    ]
    cells = measure(context, [Point(cells=read_with(d, v, s)) for d, s, v in wanted])
    curves: dict[tuple[str, float], list[Read]] = {}
    for (device, seconds, volts), cell in zip(wanted, cells, strict=True):
        read = Read(device.name, seconds, volts, cell, synapses)
        curves.setdefault((device.name, seconds), []).append(read)
    knees = {
        curve: points[knee([r.array for r in points], [r.error for r in points])]
        for curve, points in curves.items()
    }
    cheap_of = {
        curve: min(
            (r for r in points if r.cell.band().low >= task.floor),
            key=lambda r: r.array, default=None,
        )
        for curve, points in curves.items()
    }  # fmt: skip
    good = [read for read in cheap_of.values() if read is not None]
    cheapest = min(good, key=lambda r: r.array) if good else None
    rows = []
    for curve, points in curves.items():
        for r in points:
            band = r.cell.band()
            marks = [
                name
                for name, chosen in (
                    ("knee", knees[curve]), ("cheapest above the floor", cheap_of[curve]),
                )
                if r is chosen
            ]  # fmt: skip
            rows.append((
                r.device, r.volts, r.seconds, r.array * FEMTO, r.periphery * FEMTO, r.error,
                band.mean, band.low, band.high, ", ".join(marks) or None,
            ))  # fmt: skip
    columns = (
        "device", "read, V", "read, s", "array, fJ a synapse", "periphery, fJ a synapse",
        "weight error, LSB rms", "accuracy, %", "accuracy p5, %", "accuracy p95, %", "mark",
    )  # fmt: skip
    if cheapest is None:
        finding = "no read of any device keeps the 5th percentile of the seeds above it"
    else:
        at = knees[cheapest.device, cheapest.seconds]
        finding = (
            f"cheapest is {cheapest.device} read with {cheapest}, accuracy "
            f"{cheapest.cell.band().mean:.2f} %; the knee of its curve is at {at}"
        )
    return Experiment(
        key="reading",
        name="Read energy against error",
        question="How low may the voltage of a read be, and how short its pulse?",
        table=Table(columns, tuple(rows)),
        floor=Floor(quantity="accuracy, 5th percentile,", value=task.floor, unit="%"),
        met=cheapest is not None,
        finding=finding,
        figure=partial(_draw, curves, knees, cheap_of, task.floor, task.accuracy()),
        caption="Above: accuracy; below: error of the weights; along each line the voltage rises. "
        "Lines are means over device seeds, shades go from the 5th to the 95th percentile. "
        "Circles: knee; squares: cheapest point whose 5th percentile is above the floor. Energy is "
        "that of the array; the periphery takes the same at every point and is in the table.",
        seeds=context.seeds,
        notes=(
            "Noise of a read: thermal and shot noise at 300 K over 1 / (2 t), and an amplifier of "
            f"{1e9 * AMPLIFIER:g} nV per square root of Hz (assumed), whose offset "
            "is not counted; a converter of 16 bits.",
            "pcm_nandakumar2019 has 1/f noise, less the longer a read takes; rram_milo2021 an I-V "
            "curve that bends at high voltage (fit to 0.5 V). Both have the noise of programming.",
            "The periphery's joules are those of one published system (Yao 2020), which reads at "
            "0.2 V; what it would save with a lower voltage is not known and not counted.",
        ),
    )  # fmt: skip


def _draw(curves, knees, cheap_of, floor: float, digital: float, width: int) -> Drawing:
    drawing = pixels(width, 520)
    top, bottom = drawing.subplots(2, sharex=True)
    for number, ((device, seconds), reads) in enumerate(curves.items()):
        x = [r.array * FEMTO for r in reads]
        label = f"{device}, {1e9 * seconds:,.0f} ns"
        plot(top, x, [r.cell.band() for r in reads], label, number)
        plot(bottom, x, [r.cell.band(lambda m: m.error) for r in reads], "", number)
        for chosen, marker, colour in (
            (knees[device, seconds], "o", INK), (cheap_of[device, seconds], "s", RUST),
        ):  # fmt: skip
            if chosen is not None:
                top.plot(chosen.array * FEMTO, chosen.cell.band().mean, marker, color=colour,
                         markersize=12, markerfacecolor="none", markeredgewidth=1.6)  # fmt: skip
    floor_line(top, floor, digital)
    top.set_ylabel("correct, %")
    bottom.set_ylabel("weight error, LSB rms")
    decades(bottom)
    bottom.set_xlabel("a read, fJ a synapse (array alone)")
    for ax in (top, bottom):
        ax.grid(axis="y")
    drawing.legend(loc="outside upper left", ncols=1 if width < 500 else 2)
    return drawing
