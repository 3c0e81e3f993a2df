"""The command line of NATURE."""

import json
import math
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import footprint
from .claim import claim as decompose
from .cli_print import print_json, print_nature, print_table
from .nature import nature_closed_form

_QUANTITY = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z][A-Za-z0-9/]*)?\s*")


def _in(unit: str, role: str, text: str) -> float:
    """The number in ``text``, which may name its unit and then must name ``unit``."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{role} must be a number in {unit!r}, not {text!r}")
    value = float(found[1])
    if found[2] not in (None, unit):
        footprint.refuse_unit(role, value, found[2], unit)
    if not 0 <= value < math.inf:
        raise ValueError(f"{role} must be at least 0 in {unit!r}, not {value:g}")
    return value


nature_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Joules and CO2e of everything that it took: training, synthesis, place and route.",
)

Country = Annotated[str | None, typer.Option(help="For CO2e: ISO code of three letters.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]

IntensityFile = Annotated[
    Path | None,
    typer.Option(help="Carbon intensity from a CSV: rows, or an emissions.csv of CodeCarbon."),
]


def _show(nature: dict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(nature, indent=2))
    else:
        print_nature(Console(), nature)


@nature_app.command("report")
def report(
    ledger: Annotated[Path, typer.Option(help="Ledger of attempts to read.")] = Path(
        "build/ledger.jsonl"
    ),
    country: Country = "USA",
    pue: Annotated[
        float | None, typer.Option(help="Power usage effectiveness; 1.0, a desk, by default.")
    ] = None,
    grid_loss: Annotated[
        float | None, typer.Option(help="Lost fraction of the grid; the country's by default.")
    ] = None,
    intensity_file: IntensityFile = None,
    as_json: Json = False,
) -> None:
    """NATURE of every attempt in a ledger, with the paper's closed form beside it."""
    place = footprint.site(country, pue=pue, grid_loss=grid_loss, intensity_file=intensity_file)
    _show(footprint.ledger_nature(ledger, place, country), as_json)


@nature_app.command("compute")
def compute(
    power_w: Annotated[str, typer.Option(metavar="W", help="E: mean IT power.")],
    seconds: Annotated[str, typer.Option(metavar="S", help="T: seconds an epoch.")],
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of an experiment.")] = 1,
    n_exp: Annotated[int, typer.Option(min=1, help="Number of experiments.")] = 1,
    setup_j: Annotated[
        str, typer.Option(metavar="J", help="A: joules of an experiment beside it.")
    ] = "0",
    pue: Annotated[float, typer.Option(help="Power usage effectiveness.")] = 1.0,
    grid_loss: Annotated[float, typer.Option(help="Lost fraction of the grid.")] = 0.0,
    intensity_g_per_kwh: Annotated[
        str | None,
        typer.Option(metavar="G/KWH", help="Intensity at generation, instead of a country."),
    ] = None,
    country: Country = None,
    as_json: Json = False,
) -> None:
    """NATURE by the closed form, from numbers that you declare."""
    grams = None
    if intensity_g_per_kwh is not None:
        grams = _in("g/kWh", "carbon intensity", intensity_g_per_kwh)
    place = footprint.site(country, pue=pue, grid_loss=grid_loss, intensity_g_per_kwh=grams)
    nature = nature_closed_form(
        n_exp=n_exp,
        power=[footprint.declared("power", _in("W", "E", power_w), "W", "IT")],
        seconds=footprint.declared("seconds", _in("s", "T", seconds), "s/epoch", "training"),
        epochs=epochs,
        site=place,
        setup=[footprint.declared("set-up", _in("J", "A", setup_j), "J", "IT")],
    )
    _show(footprint.nature_json(nature, place, country), as_json)


@nature_app.command("claim")
def claim(
    ratio: Annotated[float, typer.Argument(help="N of a claim, N times less energy than an ANN.")],
    s: Annotated[
        float | None, typer.Option(min=0, help="Spikes per synapse and inference, if known.")
    ] = None,
    reuse: Annotated[
        float, typer.Option(min=1, help="MACs of the ANN that a fetched word serves.")
    ] = 16.0,
    steps: Annotated[int, typer.Option(min=1, help="Time steps of an inference.")] = 8,
    fan_in: Annotated[float, typer.Option(min=1, help="Synapses of a neuron.")] = 512.0,
    memory: Annotated[str, typer.Option(help="Of the operands: 8 KB, 32 KB, 1 MB or DRAM.")] = (
        "8 KB"
    ),
    as_json: Json = False,
) -> None:
    """Take "N times better" apart: spikes per synapse, constants and level (L0, L1, L2, L4)."""
    found = decompose(ratio, s=s, reuse=reuse, steps=steps, fan_in=fan_in, memory=memory)
    if as_json:
        print_json(found.to_json())
        return
    console = Console()
    console.print(f"s = {found.s:.4g} spikes per synapse and inference ({found.s_source})",
                  highlight=False)  # fmt: skip
    rows = [
        (r.level, r.constants, f"{r.reuse:g}", f"{r.ratio:.3g}x", _spikes(r.needed),
         _spikes(r.break_even))
        for r in found.readings
    ]  # fmt: skip
    columns = ("level", "constants", "reuse", "ANN/SNN", f"s for {ratio:g}x", "break-even s")
    print_table(console, columns, rows)
    low, high = (1e12 * x for x in found.platform["joules_per_sop_at_least"])
    lines = [
        f"L4 {found.platform['board']}: {found.platform['ratio']:.3g}x;"
        f" a synaptic operation takes {low:.3g} to {high:.3g} pJ at least",
        found.verdict,
        *(f"published: {limit['text']} ({limit['source']})" for limit in found.limits),
    ]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _spikes(s: float | None) -> str:
    return "never" if s is None else f"{s:.3g}"
