"""`hubel energy simulate` and `hubel energy measure`: joules of a core that works."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import commands, idle
from .calibrate import load_table
from .cli_fpga import energy_app, print_figures
from .cli_nature import Json
from .cli_print import print_json
from .figure import total
from .meter_log import save_marks
from .probe_registry import open_probes
from .repeated import LONG_ENOUGH
from .stages import Stages


@energy_app.command("simulate")
def simulate(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    clock_mhz: Annotated[float, typer.Option(min=0, help="Clock of the board.")] = 30.0,
    inputs: Annotated[str, typer.Option(help="As for `hubel sim`.")] = "digits",
    images: Annotated[int, typer.Option(min=1, help="Use only the first samples.")] = 2,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a digit.")] = 16,
    lanes: Annotated[int, typer.Option(help="Neurons side by side.")] = 8,
    netlist: Annotated[
        bool, typer.Option("--netlist", help="Of the netlist after synthesis; takes minutes.")
    ] = False,
    dump: Annotated[Path | None, typer.Option(help="Keep the value change dump (.vcd).")] = None,
    table: Annotated[
        Path | None, typer.Option(help="Coefficients of `hubel energy calibrate`.")
    ] = None,
    device: Annotated[str, typer.Option(help="With a coefficient of a toggle.")] = "iCE40UP5K",
    as_json: Json = False,
) -> None:
    """Run a Program in Verilator with a trace, check it against golden, and charge what its
    registers toggled, with its RAM accesses and multiplications: joules of one inference."""
    with Stages(Console(stderr=as_json))("activity") as stage:
        found = commands.activity(
            program,
            inputs=inputs,
            images=images,
            steps=steps,
            lanes=lanes,
            netlist=netlist,
            dump=dump,
            on_stage=stage.doing,
        )
        stage.result = str(found.check)
    coefficients = None if table is None else load_table(table)
    parts = [
        part.times(1 / images, name=part.name, unit="J")
        for part in found.joules(clock_mhz * 1e6, device=device, table=coefficients)
    ]
    whole, seen = total(parts, "an inference"), found.switching
    if as_json:
        counted = {"toggles": seen.toggles, "cycles": seen.cycles, "registers": seen.nets,
                   "ram_accesses": found.ram_accesses, "dsp_ops": found.dsp_ops}  # fmt: skip
        print_json(
            {"joules": whole.value, "shares": whole.shares, "images": images, **counted,
             "of": found.check.backend, "terms": [part.to_json() for part in parts]}
        )  # fmt: skip
        return
    print_figures(parts)
    print(f"{whole}; {whole.boundary}")
    print(
        f"{found.check.backend}: {seen.nets:,} registers, {seen.toggles:,} toggles in"
        f" {seen.cycles:,} clocks, {seen.per_net_and_cycle:.3f} a register and clock"
    )


@energy_app.command("measure")
def measure(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    port: Annotated[str, typer.Option(help="Serial port of the board.")],
    probe: Annotated[
        list[str],
        typer.Option(help="At the board: joulescope, ppk2:PORT, ina2xx, replay:FILE@BOUNDARY, ..."),
    ],
    seconds: Annotated[float, typer.Option(help="Window of the meter.")] = LONG_ENOUGH,
    inputs: Annotated[str, typer.Option(help="As for `hubel run`.")] = "digits",
    images: Annotated[int, typer.Option(min=1, help="Use only the first samples.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a digit.")] = 16,
    idle_file: Annotated[
        Path | None, typer.Option("--idle", help="A baseline of `hubel nature idle`: print net.")
    ] = None,
    marks: Annotated[
        Path | None,
        typer.Option(help="Write when each run began and ended, for `hubel energy log --marks`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Repeat inferences on a board until the window of the meter is long enough: joules of one, and
    of a synaptic operation, gross and (with --idle) net."""
    baselines = [] if idle_file is None else idle.load_idle(idle_file)
    with Stages(Console(stderr=True))("measure") as stage:
        found, clock_hz = commands.measure(
            program,
            port=port,
            sensors=open_probes(probe),
            seconds=seconds,
            inputs=inputs,
            images=images,
            steps=steps,
            baselines=baselines,
            on_stage=stage.doing,
            on_second=stage.advance,
        )
        stage.result = f"{found.inferences:,} inferences in {found.seconds:.3g} s"
    if marks is not None:
        save_marks(marks, found.windows)
    figures = found.figures()
    busy = found.busy_clocks / clock_hz / found.seconds if clock_hz else None
    if as_json:
        print_json(
            {
                "runs": found.runs,
                "inferences": found.inferences,
                "operations": found.operations,
                "seconds": found.seconds,
                "busy_share": busy,
                "figures": [figure.to_json() for figure in figures],
            }
        )
        return
    print_figures(figures)
    if busy is not None:
        print(f"the core worked in {100 * busy:.3g} % of the window; the rest is the serial line")
