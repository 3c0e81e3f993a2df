"""E8: SRAM against non-volatile memories: at which activity each takes less, and its carbon."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure as Drawing

from hubel.sim import golden
from hubel.sim.memristor.breakeven import NON_VOLATILE, RRAM, SRAM, break_even
from hubel.sim.memristor.endurance import YEAR

from ..carbon import intensity
from ..svg import INK, pixels
from .bands import STYLES, decades
from .context import Context
from .experiment import Experiment, Floor, Table
from .task import Task

#: Words of 64 bits a second from 1 MB.
RATES = tuple(float(rate) for rate in np.logspace(4, 11, 29))
#: Lifetime for the carbon, and where it is spent.
YEARS, COUNTRY = 5.0, "USA"
#: The operating point of the verdict: inferences a second of each network that 1 MB holds.
INFERENCES = 1000.0
_MB = 2**20


def reads_of(task: Task) -> float:
    """64-bit words of weights that 1 MB, full of copies of the task's network, reads a second at
    :data:`INFERENCES`."""
    program = task.program
    trace = golden.run(program, task.spikes[:50], lanes=64 // program.weight_width)
    words = trace.counters.total()["weight_reads"] / min(50, len(task.spikes))
    held = sum(p.weights.size for p in program.projections) * program.weight_width / 8
    return words * INFERENCES * _MB / held


def sram(context: Context) -> Experiment:
    """Run it."""
    memories = (SRAM, *NON_VOLATILE)
    grams = intensity(COUNTRY)
    assert grams.value is not None
    per_watt = YEARS * YEAR / 3.6e6 * grams.value / 1e3  # kg of CO2e over the lifetime
    rows = tuple(
        (rate, *(m.watts(rate) * 1e3 for m in memories),
         *(m.watts(rate) * per_watt for m in memories))
        for rate in RATES
    )  # fmt: skip
    columns = ("reads of 64 bits a second", *(f"{m.name}, mW" for m in memories),
               *(f"{m.name}, kg CO2e in {YEARS:g} years" for m in memories))  # fmt: skip
    even = {m.name: break_even(SRAM, m) for m in NON_VOLATILE}
    writes = {m.name: break_even(SRAM, m, write_share=1.0) for m in NON_VOLATILE}
    used = reads_of(context.task)
    saved = (SRAM.watts(used) - RRAM.watts(used)) * per_watt

    def told(rates: dict[str, float]) -> str:
        return ", ".join(
            f"{name} {'always' if np.isinf(rate) else f'{rate:.2g}'}"
            for name, rate in rates.items()
        )

    return Experiment(
        key="sram",
        name="SRAM against non-volatile memory",
        question="At which activity does a memory that keeps its weights without power pay?",
        table=Table(columns, rows),
        floor=Floor(quantity="reads a second and MB", value=float(f"{even['RRAM']:.3g}"),
                    at_most=True),
        met=used <= even["RRAM"],
        finding=f"{context.task.name} at {INFERENCES:g} inferences a second reads {used:.2g} words "
        f"a second of 1 MB, where RRAM takes {1e3 * RRAM.watts(used):.2f} mW and SRAM "
        f"{1e3 * SRAM.watts(used):.2f} mW, {saved:.2f} kg CO2e in {YEARS:g} years; below SRAM by "
        f"reads a second: {told(even)}; by writes: {told(writes)}",
        figure=partial(_draw, used),
        caption="Power of 1 MB over its reads; vertical line: the network. Where lines cross is "
        "the break-even.",
        notes=(
            f"{SRAM.source.reference}: {SRAM.source.note}; {SRAM.source.kind}.",
            f"Electricity of {COUNTRY}, {grams.value:g} g/kWh ({grams.source}); what making the "
            "chips emits is not in it.",
            "The memory is powered all the time; a non-volatile one could be switched off between "
            "inferences, which is not counted.",
        ),
    )  # fmt: skip


def _draw(used: float, width: int) -> Drawing:
    drawing = pixels(width, 320)
    ax = drawing.subplots()
    memories = (SRAM, *NON_VOLATILE)
    for memory, (colour, dashes, _) in zip(memories, STYLES, strict=False):
        ax.plot(RATES, [1e3 * memory.watts(r) for r in RATES], color=colour, linestyle=dashes,
                linewidth=1.8, label=memory.name)  # fmt: skip
    ax.axvline(used, color=INK, linewidth=1)
    ax.annotate("this network", (used, 1), (-4, -12), ("data", "axes fraction"), "offset points",
                ha="right", fontsize=9)  # fmt: skip
    decades(ax)
    decades(ax, "y")
    ax.grid(axis="y")
    ax.set_xlabel("reads of 64 bits a second, of 1 MB")
    ax.set_ylabel("mW")
    drawing.legend(loc="outside upper left", ncols=3 if width < 500 else 5)
    return drawing
