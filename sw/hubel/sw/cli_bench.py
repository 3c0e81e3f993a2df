"""The commands that measure: ``hubel bench``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import commands
from .bench_conversion import bench_conversion
from .bench_fabric import bench_fabric
from .bench_simulators import Row, bench_simulators
from .bench_stdp import bench_stdp
from .bench_virtual import bench_virtual
from .cli_print import print_json, print_table
from .stages import Stages

bench_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]


@bench_app.command()
def golden(as_json: Json = False) -> None:
    """Synaptic operations a second of the golden model, beside a plain C loop."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        speeds = commands.bench(stage.doing)
        stage.result = "millions of synaptic operations a second, one thread, best of 5"
    if as_json:
        print_json([speed.to_json() for speed in speeds])
        return
    rows = [
        (s.network, s.golden, s.single, s.c or "no compiler", s.golden / s.c if s.c else "")
        for s in speeds
    ]
    columns = ("network", f"golden, {speeds[0].samples} samples", "1 sample", "C", "golden / C")
    print_table(Console(), columns, rows)


@bench_app.command()
def simulators(
    gateware: Annotated[bool, typer.Option(help="Run Verilator, too.")] = True,
    as_json: Json = False,
) -> None:
    """Golden, the gateware in Verilator, and other simulators that are installed, side by side."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        rows = bench_simulators(
            lambda row: stage.doing(f"{row.network}, {row.tool}"), with_gateware=gateware
        )
        stage.result = "one sample on one thread, best of 3"
    if as_json:
        print_json([row.to_json() for row in rows])
        return

    def values(row: Row) -> tuple[float | int | str | None, ...]:
        return row.rate, row.step_us, row.spikes, row.clocks, row.note

    columns = ("network", "tool", "M synaptic events/s", "us a step", "spikes", "clocks", "note")
    print_table(
        Console(),
        columns,
        [(r.network, r.tool, *("" if x is None else x for x in values(r))) for r in rows],
    )


@bench_app.command()
def conversion(as_json: Json = False) -> None:
    """Accuracy of a CNN after its conversion to spikes, by setting and number of steps."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        rows = bench_conversion(lambda row: stage.doing(f"{row.inputs}, {row.weights}"))
        stage.result = f"{rows[0].parameters:,} parameters, ANN {rows[0].ann:.2f} %"
    if as_json:
        print_json([row.to_json() for row in rows])
        return
    steps = list(rows[0].accuracy)
    print_table(
        Console(),
        ("inputs", "percentile", "reset", "v_init", "weights", *(f"T = {n}" for n in steps)),
        [
            (r.inputs, r.percentile, r.reset, r.v_init, r.weights, *(r.accuracy[n] for n in steps))
            for r in rows
        ],
    )


@bench_app.command()
def virtual(as_json: Json = False) -> None:
    """Clocks a second of the virtual board while a driver keeps it busy."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        rows = bench_virtual(stage.doing)
        stage.result = "one virtual board, its serial line and the driver included"
    if as_json:
        print_json([row.to_json() for row in rows])
        return
    print_table(
        Console(),
        ("network", "clocks/s", "clocks/CPU s", "steps/s", "M synaptic operations/s", "build s"),
        [
            (
                r.network,
                f"{r.clocks_per_second:,.0f}",
                f"{r.clocks_per_cpu_second:,.0f}",
                f"{r.steps_per_second:,.0f}",
                f"{r.operations_per_second / 1e6:.2f}",
                f"{r.build_seconds:.0f}",
            )
            for r in rows
        ],
    )


@bench_app.command()
def stdp(
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of the placer to try.")] = 4,
    as_json: Json = False,
) -> None:
    """Size and clock of a learning core of 256 neurons and 64 k synapses, on ECP5 and iCE40UP5K."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        rows = bench_stdp(stage.doing, seeds=seeds)
        stage.result = (
            "learning on, with a serial port; clocks: what a spike of a neuron that learns costs"
        )
    if as_json:
        print_json([row.to_json() for row in rows])
        return
    print_table(
        Console(),
        ("board", "MHz", "wanted", "cells", "LUT4", "FF", "RAM", "SPRAM", "DSP", "clocks"),
        [
            (r.board, r.fmax_mhz, r.clock_mhz, r.logic, r.lut4, r.ff, r.block_ram, r.spram, r.dsp,
             r.learning_clocks)
            for r in rows
        ],
    )  # fmt: skip


@bench_app.command()
def fabric(
    only: Annotated[
        list[str] | None, typer.Option(help="Only this figure, by its name; may be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pictures.")] = Path("build/bench-fabric"),
    as_json: Json = False,
) -> None:
    """Size, clock and latency of a router, and how much a mesh of routers carries."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        rows = bench_fabric(stage.doing, names=only or (), out_dir=out)
        stage.result = ", ".join(row.name for row in rows)
    if as_json:
        print_json([row.to_json() for row in rows])
        return
    print_table(
        Console(),
        ("measured", "figure", ""),
        [
            (row.name, what, f"{much:,.4g}" if isinstance(much, float) else str(much))
            for row in rows
            for what, much in row.figures
        ],
    )
