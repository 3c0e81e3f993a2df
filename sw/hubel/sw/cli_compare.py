"""The command line of ``hubel compare``."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from hubel.boards import board as find_board

from . import compare_page, compare_tables
from .cli_print import print_json, print_table
from .compare_ann import MARGIN, MOST_STEPS, Settings, compare
from .compare_ladder import System
from .compare_tasks import TASKS, load_task
from .report_tables import Table
from .stages import Stages

_TASKS = "; ".join(f"{name}: {text}" for name, text in TASKS.items())


def compare_command(
    task: Annotated[Literal["digits", "mnist", "cnn"], typer.Option(help=_TASKS)] = "digits",
    board: Annotated[
        str | None, typer.Option(help="Board; icebreaker for digits, ulx3s otherwise.")
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(min=0, max=1, help=f"Least accuracy; {MARGIN:g} below float by default."),
    ] = None,
    lanes: Annotated[int | None, typer.Option(help="Of both cores: 2, 4, 8, 16 or 32.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="The most steps of the SNN.")] = MOST_STEPS,
    images: Annotated[int, typer.Option(min=1, help="Images through Verilator on each side.")] = 4,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of the placer to try.")] = 4,
    build: Annotated[bool, typer.Option(help="Place and route; gives area, clock, joules.")] = True,
    host_watts: Annotated[float, typer.Option(min=0, help="L5: a host that waits.")] = 5.0,
    pue: Annotated[float, typer.Option(min=1, help="L5: power usage effectiveness.")] = 1.0,
    extra_joules: Annotated[
        float, typer.Option(min=0, help="L5: training and search that only the SNN took.")
    ] = 0.0,
    out: Annotated[Path, typer.Option(help="Folder for pages, builds and pictures.")] = Path(
        "build/compare"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")] = False,
) -> None:
    """Spikes against int8: the same task, floor, lanes, memories and board, on both sides."""
    stages = Stages(Console(stderr=as_json))
    # Before minutes of training: a name that there is not.
    where = find_board(board or ("icebreaker" if task == "digits" else "ulx3s"))
    settings = Settings(
        floor=floor, lanes=lanes, images=images, steps=steps, seeds=seeds, build=build,
        system=System(host_watts=host_watts, pue=pue, extra_joules=extra_joules),
    )  # fmt: skip
    with stages("train") as stage:
        loaded = load_task(task, on_epoch=lambda epoch, loss: stage.doing(f"epoch {epoch}"))
        stage.result = f"{TASKS[task]}: {100 * loaded.accuracy:.2f} %"
    folder = out / f"{task}-{where.name}"
    with stages("compare") as stage:
        found = compare(loaded, where, out, settings=settings, on_stage=stage.doing)
        paths = compare_page.write(found, folder)
        stage.result = str(next(path for path in paths if path.suffix == ".html"))
    if as_json:
        print_json(found.to_json())
        return
    console = Console()
    for table in (
        compare_tables.sides(found, where.baud),
        compare_tables.ladder(found),
        compare_tables.break_even(found),
    ):
        _show(console, table)
    console.print(found.verdict, highlight=False, style="bold", soft_wrap=True)


def _show(console: Console, table: Table) -> None:
    console.print(f"\n{table.caption}", highlight=False)
    print_table(console, [head.removeprefix(">") for head in table.head], table.rows)
