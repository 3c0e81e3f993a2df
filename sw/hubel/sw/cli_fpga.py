"""The command line of FPGA energy: `hubel energy estimate`, `calibrate`, `log`."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from .calibrate import calibrate as refit
from .calibrate import load_table
from .cli_nature import Json
from .cli_print import print_json, print_table
from .energy import estimate as model
from .figure import CORE_RAIL, USB_BOARD, Figure, total
from .meter_log import load_log, load_marks
from .switching import read_activity
from .units import quantity

energy_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Joules of an FPGA: estimated from its activity, or taken from the log of a meter.",
)

#: Where a meter was.
_BOUNDARIES = {"rail": CORE_RAIL, "board": USB_BOARD}
Boundary = Annotated[
    Literal["rail", "board"], typer.Option(help="Where the meter was: core rail, or USB 5 V.")
]
Device = Annotated[str, typer.Option(help="Such as iCE40UP5K or LFE5U-85F.")]


@energy_app.command("estimate")
def estimate(
    clock_mhz: Annotated[float, typer.Option(min=0, help="Clock.")],
    device: Device = "iCE40UP5K",
    cycles: Annotated[int | None, typer.Option(min=0, help="Clock cycles.")] = None,
    logic_cells: Annotated[int, typer.Option(min=0, help="Of the placed design.")] = 0,
    flip_flops: Annotated[int, typer.Option(min=0, help="Of the placed design.")] = 0,
    dsp_ops: Annotated[int, typer.Option(min=0, help="Multiplications in DSP blocks.")] = 0,
    ram_accesses: Annotated[int, typer.Option(min=0, help="Reads and writes of block RAM.")] = 0,
    wall_s: Annotated[float | None, typer.Option(min=0, help="Seconds with power on.")] = None,
    activity: Annotated[
        Path | None, typer.Option(help="Switching of a simulated netlist: .vcd or .saif.")
    ] = None,
    clock_net: Annotated[str, typer.Option(help="Name of the clock in it.")] = "clk",
    only: Annotated[str, typer.Option(help="Count nets whose name has this pattern.")] = "",
    table: Annotated[
        Path | None, typer.Option(help="Coefficients of `hubel energy calibrate`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Static, clock, switching and RAM joules of a run, term by term."""
    switching = None if activity is None else read_activity(activity, clock=clock_net, only=only)
    if cycles is None:
        if switching is None:
            raise ValueError("give --cycles, or --activity, which counts them")
        cycles = switching.cycles
    parts = model(
        device,
        cycles,
        clock_mhz * 1e6,
        logic_cells,
        flip_flops,
        dsp_ops,
        ram_accesses,
        wall_s,
        None if switching is None else switching.toggles,
        None if table is None else load_table(table),
    )
    whole = total(parts, "sum")
    if as_json:
        shares = whole.shares
        print_json({"joules": whole.value, "shares": shares, "terms": [p.to_json() for p in parts]})
        return
    print_figures(parts)
    print(f"{whole}; {whole.boundary}")


@energy_app.command("calibrate")
def calibrate(
    rows: Annotated[Path, typer.Argument(help="CSV: clock_mhz, watts or log, logic_cells, ...")],
    device: Annotated[str, typer.Option(help="Name of the device in the table.")],
    boundary: Boundary,
    out: Annotated[Path, typer.Option(help="Table to write.")] = Path("build/coefficients.json"),
    as_json: Json = False,
) -> None:
    """Fit the coefficients of a device to your own meter, with the leave-one-out error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    found = refit(rows, out, device=device, boundary=_BOUNDARIES[boundary])
    worst = max(abs(error) for error in found.loo_errors)
    if as_json:
        terms = dict(zip(found.terms, map(float, found.joules), strict=True))
        print_json({"file": str(out), "joules": terms, "loo_error": float(worst)})
        return
    shown = [
        (name, f"{quantity(j, 'J')}/{per}", quantity(half, "J"))
        for name, per, j, half in zip(
            found.terms, found.per, map(float, found.joules), map(float, found.half_widths),
            strict=True,
        )
    ]  # fmt: skip
    print_table(Console(), ("term", "fitted", "95 % +-"), shown)
    print(f"largest error of a row that the fit did not see: {100 * worst:.2g} %; {out}")


@energy_app.command("log")
def log(
    file: Annotated[Path, typer.Argument(help="CSV: time_s, power_w, busy.")],
    boundary: Boundary,
    operations: Annotated[
        int | None, typer.Option(min=1, help="Synaptic operations while busy.")
    ] = None,
    marks: Annotated[
        Path | None,
        typer.Option(help="Without a busy pin: windows of `hubel energy measure --marks`."),
    ] = None,
    gain: Annotated[float, typer.Option(min=0, help="Of the meter: 95 % half width, of 1.")] = 0.01,
    as_json: Json = False,
) -> None:
    """Joules while the busy pin was high (with --marks: while a host waited for the board), gross
    and net of the idle power of the same log."""
    meter = load_log(file, boundary=_BOUNDARIES[boundary], gain=gain)
    if marks is not None:
        meter = meter.marked(load_marks(marks))
    figures = [meter.gross(), meter.net()]
    if operations is not None:
        figures += meter.per_operation(operations)
    if as_json:
        print_json([figure.to_json() for figure in figures])
    else:
        print_figures(figures)


def print_figures(figures: list[Figure]) -> None:
    """Print figures, one a row."""
    rows = [
        (
            f.name,
            "unknown" if f.value is None else quantity(f.value, f.unit),
            "" if f.interval is None else " to ".join(quantity(x, f.unit) for x in f.interval),
            f.kind,
            f.boundary,
        )
        for f in figures
    ]
    print_table(Console(), ("", "value", "interval", "kind", "boundary"), rows)
