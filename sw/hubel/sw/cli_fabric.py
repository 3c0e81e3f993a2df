"""The command line of the mesh: `hubel map`, and `hubel sim` with ``--mesh``."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from . import commands
from .cli_nature import Json
from .cli_print import print_json, print_table
from .mapping import CoreLimits, map_program
from .mapping.activity import Rates
from .mapping.fabric_file import save_fabric
from .mapping.mapper import rates_of
from .mapping.picture import check_name, save_picture
from .mapping.report import MappingReport, mapping_report
from .mesh_check import check_mesh
from .program_file import load_program
from .stages import Stages


def mesh_sizes(text: str) -> tuple[int, int]:
    """Rows and columns of ``2x3``.

    Raises
    ------
    ValueError
        If it is something else.
    """
    found = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text)
    if found is None:
        raise ValueError(f"a mesh is rows x columns, as in 2x3, not {text!r}")
    return int(found[1]), int(found[2])


def map_command(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    mesh: Annotated[str, typer.Option(help="Rows x columns, as in 2x3.")],
    place: Annotated[
        Literal["best", "random"], typer.Option(help="Few hops, or anywhere.")
    ] = "best",
    seed: Annotated[int, typer.Option(min=0, help="Of the placement.")] = 0,
    parts: Annotated[
        Literal["spread", "fewest"],
        typer.Option(help="Share the load among all cores, or use as few as possible."),
    ] = "spread",
    spikes: Annotated[
        str | None,
        typer.Option(help="'digits', or a file of spikes: their activity says load and traffic."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Use only the first samples.")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a digit; a file has its own.")] = 16,
    bin_us: Annotated[int, typer.Option(min=1, help="Microseconds a step of a recording.")] = 1000,
    lanes: Annotated[int, typer.Option(help="Neurons side by side: 2, 4, 8, 16 or 32.")] = 8,
    gateway: Annotated[int, typer.Option(min=0, help="Node that the host is at.")] = 0,
    weight_words: Annotated[int | None, typer.Option(min=1, help="Of a core.")] = None,
    neurons: Annotated[int | None, typer.Option(min=1, help="Of a core.")] = None,
    list_rows: Annotated[
        int | None, typer.Option(min=1, help="Rows of the event lists of a core.")
    ] = None,
    populations: Annotated[int | None, typer.Option(min=1, help="Of a core.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Picture to write, .svg.")] = None,
    as_json: Json = False,
) -> None:
    """Map a Program to a mesh of cores: parts, places, routes; what each core and link has to do,
    next to random placements."""
    rows, columns = mesh_sizes(mesh)
    if picture is not None:
        check_name(picture)
    given = {
        "weight_words": weight_words,
        "neurons": neurons,
        "list_rows": list_rows,
        "populations": populations,
    }
    limits = replace(
        CoreLimits.for_nodes(rows * columns), **{k: v for k, v in given.items() if v is not None}
    )
    loaded, metadata = load_program(program)
    fired = None
    if spikes is not None:
        fired = commands.input_spikes(loaded, spikes, steps, images, bin_us)
    with Stages(Console(stderr=as_json))("map") as stage:
        stage.doing("activity")
        rates = rates_of(loaded, fired)
        stage.doing("parts, places and routes")
        fabric = map_program(
            loaded, rows=rows, columns=columns, lanes=lanes, limits=limits, parts=parts,
            placing=place, seed=seed, rates=rates, gateway_node=gateway,
        )  # fmt: skip
        report = mapping_report(fabric, rates, lanes=lanes, seed=seed)
        stage.result = (
            f"{mesh}: {len(report.nodes)} cores, {report.keys} keys, largest load "
            f"{report.clocks:,.0f} clocks a step, {report.speed_up:.2f} times less than one core's"
        )
    for path in (out, picture):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if out is not None:
        save_fabric(out, fabric, {**metadata, "lanes": lanes, "seed": seed, "placing": place})
    if picture is not None:
        save_picture(picture, report)
    if as_json:
        print_json(report.to_json() | {"assumed_activity": fired is None})
        return
    _print(report, limits, rates if fired is None else None)
    for path in (out, picture):
        if path is not None:
            print(path)


def _print(report: MappingReport, limits: CoreLimits, assumed: Rates | None) -> None:
    console = Console()
    rows: list[tuple[Any, ...]] = []
    for node in report.nodes:
        usage = node.usage
        shares = (
            f"{used:,} ({used / most:.0%})"
            for used, most in (
                (usage.weight_words, limits.weight_words),
                (usage.neurons, limits.neurons),
                (usage.list_rows, limits.list_rows),
            )
        )
        rows.append(
            (node.node, ", ".join(node.populations), *shares, round(node.clocks),
             f"{node.sent:,.1f}", f"{node.received:,.1f}")
        )  # fmt: skip
    columns = ("node", "populations", "weights", "neurons", "lists", "clocks", "sent",
               "received")  # fmt: skip
    print_table(console, columns, rows)
    placed, random = report.placed, report.random
    link = f"busiest link ({report.link_name(placed.link)})"
    print_table(
        console,
        ("packets a step", "placed", "random"),
        [("hops", placed.hops, random.hops), (link, placed.busiest, random.busiest)],
    )
    if assumed is not None:
        share = float(next(iter(assumed.values()))[0])
        console.print(
            f"activity: assumed, {share:.0%} of all neurons in a step; --spikes measures it",
            highlight=False,
        )


def sim_mesh(
    program: Path,
    mesh: str,
    *,
    inputs: str,
    backend: str,
    images: int | None,
    steps: int,
    bin_us: int,
    lanes: int,
    as_json: bool,
) -> None:
    """Map a Program to a mesh, run that in a simulator, and compare all that each core does with
    golden; exit code 1 where something differs."""
    rows, columns = mesh_sizes(mesh)
    if backend not in ("verilator", "icarus"):
        raise ValueError(f"a mesh runs in verilator or icarus, not in {backend!r}")
    loaded, _ = load_program(program)
    spikes = commands.input_spikes(loaded, inputs, steps, images, bin_us)
    with Stages(Console(stderr=as_json))(backend) as stage:
        stage.doing("mapping")
        fabric = map_program(loaded, rows=rows, columns=columns, lanes=lanes, spikes=spikes)
        check = check_mesh(
            fabric, spikes, backend="icarus" if backend == "icarus" else "verilator", lanes=lanes,
            on_stage=stage.doing,
        )  # fmt: skip
        stage.result = str(check)
    if as_json:
        print_json(check.to_json())
    else:
        print_table(Console(), ("counter", "total of all cores"), check.totals.items())
        print(f"busiest core: {check.busiest / max(1, check.cycles):.0%} of all clocks")
    if not check.equal:
        raise typer.Exit(1)
