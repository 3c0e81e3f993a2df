"""The command line of `hubel nature export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from . import footprint
from .cli_nature import Country, IntensityFile, nature_app
from .exports import Context
from .exports import export as write
from .npz import atomic_file


@nature_app.command("export")
def export(
    form: Annotated[
        Literal["json", "markdown", "latex", "boamps", "sci", "codecarbon"],
        typer.Option("--format", help="A card, or the format of another tool."),
    ] = "markdown",
    ledger: Annotated[Path, typer.Option(help="Ledger of attempts to read.")] = Path(
        "build/ledger.jsonl"
    ),
    out: Annotated[Path | None, typer.Option(help="File to write; printed otherwise.")] = None,
    country: Country = "USA",
    pue: Annotated[
        float | None, typer.Option(help="Power usage effectiveness; 1.0, a desk, by default.")
    ] = None,
    grid_loss: Annotated[
        float | None, typer.Option(help="Lost fraction of the grid; the country's by default.")
    ] = None,
    intensity_file: IntensityFile = None,
    embodied_kg: Annotated[
        float | None, typer.Option(help="M of SCI: kg CO2e of the hardware used; else unknown.")
    ] = None,
    units: Annotated[float, typer.Option(help="R of SCI: how many functional units.")] = 1.0,
    unit: Annotated[str, typer.Option(help="What a functional unit is.")] = "training",
) -> None:
    """Write NATURE of a ledger as JSON, Markdown, LaTeX, BoAmps, SCI or CodeCarbon's CSV."""
    place = footprint.site(country, pue=pue, grid_loss=grid_loss, intensity_file=intensity_file)
    context = Context(place=place, country=country, embodied_kg=embodied_kg, units=units, unit=unit)
    text = write(ledger, form, context)
    if out is None:
        print(text, end="")
        return
    with atomic_file(out) as temporary:
        temporary.write_text(text, "utf-8")
