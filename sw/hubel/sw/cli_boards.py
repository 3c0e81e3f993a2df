"""The command line of boards: ``hubel build``, ``hubel boards``, ``hubel flash``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hubel.boards import boards as known_boards
from hubel.boards.build import BuildFailed

from . import board_table, commands
from .cli_print import print_json, print_table
from .stages import Stages

Folder = Annotated[Path, typer.Option(help="Folder of builds.")]
BUILDS = Path("build/boards")


def build(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    board: Annotated[str, typer.Option(help="A board of `hubel boards`, or all.")],
    out: Annotated[Path, typer.Option(help="Folder for builds.")] = BUILDS,
    lanes: Annotated[int | None, typer.Option(help="Lanes; the board's own by default.")] = None,
    clock: Annotated[
        float | None, typer.Option(help="Clock in MHz; the board's own by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=1, help="First seed of the placer.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds to try while the clock is missed.")] = 4,
    ledger: Annotated[
        Path, typer.Option(help="Ledger of attempts, which is appended to.")
    ] = commands.LEDGER,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")] = False,
) -> None:
    """Make a bitstream; the answer is no (exit code 1) if its clock is not met."""
    reports, stages, failed = [], Stages(Console(stderr=as_json)), False
    for name in known_boards() if board == "all" else [board]:
        with stages(name) as stage:
            try:
                report = commands.build(
                    program,
                    board=name,
                    out=out,
                    ledger=ledger,
                    lanes=lanes,
                    clock_mhz=clock,
                    seed=seed,
                    seeds=seeds,
                    progress=stage.doing,
                )
            except (BuildFailed, ValueError) as error:
                if board != "all":
                    raise
                failed |= isinstance(error, BuildFailed)
                stage.result = str(error)
                continue
            stage.result = str(report)
        reports.append(report)
    if as_json:
        found = [report.to_json() for report in reports]
        print_json(found if board == "all" else found[0])
    else:
        for report in reports:
            print(report.bitstream)
    if failed or not reports or not all(report.met for report in reports):
        raise typer.Exit(1)


def boards(
    folder: Folder = BUILDS,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print all of it, for a README.")
    ] = False,
) -> None:
    """Show all boards and what their newest builds take."""
    lines = board_table.table(folder)
    if markdown:
        print(board_table.markdown(lines))
    else:
        # What fits 80 columns.
        shown = [board_table.COLUMNS.index(column) for column in board_table.SHORT]
        print_table(
            Console(),
            ("name", *board_table.SHORT),
            [
                (name, *(line[i] for i in shown))
                for name, line in zip(known_boards(), lines, strict=True)
            ],
        )


def flash(
    board: Annotated[str, typer.Argument(help="Board that is plugged in, see `hubel boards`.")],
    bitstream: Annotated[Path | None, typer.Option(help="File to load.")] = None,
    program: Annotated[
        Path | None,
        typer.Option(help="Load no bitstream but this Program, for a board that boots by itself."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Otherwise the newest build for the board in this folder.")
    ] = BUILDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the command.")] = False,
) -> None:
    """Load a bitstream into a board."""
    done = commands.flash(
        board, bitstream=bitstream, program=program, folder=folder, dry_run=dry_run
    )
    print(" ".join(done))
