"""The command line of NATURE."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import footprint
from .cli_print import print_nature
from .nature import nature_closed_form

nature_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Joules and CO2e of everything that it took: training, synthesis, place and route.",
)

Country = Annotated[str | None, typer.Option(help="For CO2e: ISO code of three letters.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]


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
    as_json: Json = False,
) -> None:
    """NATURE of every attempt in a ledger, with the paper's closed form beside it."""
    place = footprint.site(country, pue=pue, grid_loss=grid_loss)
    _show(footprint.ledger_nature(ledger, place, country), as_json)


@nature_app.command("compute")
def compute(
    power_w: Annotated[float, typer.Option(min=0, help="E: mean IT power.")],
    seconds: Annotated[float, typer.Option(min=0, help="T: seconds an epoch.")],
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of an experiment.")] = 1,
    n_exp: Annotated[int, typer.Option(min=1, help="Number of experiments.")] = 1,
    setup_j: Annotated[
        float, typer.Option(min=0, help="A: joules of an experiment beside it.")
    ] = 0.0,
    pue: Annotated[float, typer.Option(help="Power usage effectiveness.")] = 1.0,
    grid_loss: Annotated[float, typer.Option(help="Lost fraction of the grid.")] = 0.0,
    intensity_g_per_kwh: Annotated[
        float | None, typer.Option(help="Carbon intensity, instead of a country.")
    ] = None,
    country: Country = None,
    as_json: Json = False,
) -> None:
    """NATURE by the closed form, from numbers that you declare."""
    place = footprint.site(
        country, pue=pue, grid_loss=grid_loss, intensity_g_per_kwh=intensity_g_per_kwh
    )
    nature = nature_closed_form(
        n_exp=n_exp,
        power=[footprint.declared("power", power_w, "W", "IT")],
        seconds=footprint.declared("seconds", seconds, "s/epoch", "training"),
        epochs=epochs,
        site=place,
        setup=[footprint.declared("set-up", setup_j, "J", "IT")],
    )
    _show(footprint.nature_json(nature, place, country), as_json)
