"""``hubel memristor fits``: whether a Program fits on a chip with memristors over CMOS."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hubel.sim.memristor.endurance import PRESETS

from .memristor.fits import EXAMPLE, Fit, fit, mapping_of
from .program_file import load_program


def fits(
    program: Annotated[Path, typer.Argument(help="Program file, of `hubel compile`.")],
    tile: Annotated[int, typer.Option(help="Rows and device columns of a tile.")] = 32,
    area_mm2: Annotated[float, typer.Option(help="Area with memristors.")] = EXAMPLE.area_mm2,
    layers: Annotated[int, typer.Option(help="Layers of memristors.")] = EXAMPLE.layers,
    cell_f2: Annotated[float, typer.Option(help="Cell area, 4..53 F^2.")] = EXAMPLE.cell_f2,
    wire_ohm: Annotated[float, typer.Option(help="Ohm of a wire segment.")] = EXAMPLE.wire_ohm,
    g_on: Annotated[float, typer.Option(help="uS of a device that is on.")] = EXAMPLE.g_on,
    most_ir_drop: Annotated[
        float, typer.Option(help="Share of a current that wires may take.")
    ] = EXAMPLE.most_ir_drop,
    writable: Annotated[
        float, typer.Option(help="Share of the devices that the board can rewrite.")
    ] = EXAMPLE.writable_share,
    writes_per_second: Annotated[
        float, typer.Option(help="Pulses a second that the board gives.")
    ] = EXAMPLE.writes_per_second,
    write_volts: Annotated[float, typer.Option(help="Of a pulse.")] = EXAMPLE.write_volts,
    pump_stages: Annotated[int, typer.Option(help="Of the charge pump.")] = EXAMPLE.pump_stages,
    endurance: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")] = "rram_typical",
    learning: Annotated[float, typer.Option(help="Share of the weights that learn.")] = 0.0,
    updates_per_second: Annotated[
        float, typer.Option(help="Pulses a second of each weight that learns.")
    ] = 0.0,
    years: Annotated[float, typer.Option(help="How long it has to last.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")] = False,
) -> None:
    """Check a Program against a chip's density and on-board programmability; exit status 1 with
    the numbers if it does not fit."""
    if endurance not in PRESETS:
        raise ValueError(f"endurance must be one of {', '.join(PRESETS)}, not {endurance!r}")
    chip = replace(
        EXAMPLE, area_mm2=area_mm2, layers=layers, cell_f2=cell_f2, wire_ohm=wire_ohm, g_on=g_on,
        most_ir_drop=most_ir_drop, writable_share=writable, writes_per_second=writes_per_second,
        write_volts=write_volts, pump_stages=pump_stages, endurance=PRESETS[endurance],
    )  # fmt: skip
    loaded, _ = load_program(program)
    found = fit(
        chip,
        mapping_of(
            loaded, tile=tile, learning_share=learning, updates_per_second=updates_per_second,
            years=years,
        ),
    )  # fmt: skip
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        _show(Console(), found)
    if found.broken:
        raise typer.Exit(1)


def _show(console: Console, found: Fit) -> None:
    for line in (
        f"devices       {found.devices:,} of {found.available:,} in {found.tiles} tiles; "
        f"{found.density:,.0f} a mm^2",
        f"wires         take {100 * found.ir_drop:.1f} % of the current of the worst column",
        f"charge pump   {found.pump_volts:.3g} V",
        *(f"does not fit  {line}" for line in found.broken),
    ):
        console.print(line, highlight=False, soft_wrap=True)
    if not found.broken:
        console.print("fits", highlight=False)
