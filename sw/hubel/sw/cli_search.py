"""The command line of a search: `hubel sweep` and `hubel nature sensitivity`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import footprint, sensitivity_chart
from .cli_nature import Country, Json, nature_app
from .cli_print import print_json, print_table
from .sensitivity import sensitivity as evaluate
from .stages import Stages
from .sweep import sweep as run_sweep
from .trials import parse_axis, points
from .units import quantity

Ledger = Annotated[Path, typer.Option(help="Ledger of attempts.")]


def sweep(
    command: Annotated[
        list[str], typer.Argument(help="What to run, after --, with {name} places.")
    ],
    grid: Annotated[
        list[str] | None, typer.Option(help="An axis, name=value,value,...; may be repeated.")
    ] = None,
    random: Annotated[
        int | None, typer.Option(min=1, help="Only so many points of the grid, at random.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random points.")] = 0,
    ledger: Ledger = Path("build/ledger.jsonl"),
    name: Annotated[str, typer.Option(help="Of the experiment.")] = "sweep",
    probe: Annotated[
        list[str] | None, typer.Option(help="As for `hubel nature run`; may be repeated.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Of the local cluster.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, tcp://host:port.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a training command over a grid of hyper-parameters on a Dask cluster; every attempt,
    those of workers that die included, goes into the ledger."""
    axes: dict[str, list] = {}
    for text in grid or []:
        axis, values = parse_axis(text)
        if axis in axes:
            raise ValueError(f"axis {axis!r} is given twice")
        axes[axis] = values
    trials = points(axes, most=random, seed=seed) if axes else []
    with Stages(Console(stderr=True))(name) as stage:
        attempts = run_sweep(
            command,
            trials,
            ledger=ledger,
            name=name,
            probes=probe or ["auto"],
            scheduler=scheduler,
            workers=workers,
            on_trial=stage.advance,
        )
        stage.result = f"{len(attempts)} of {len(trials)} trials came back; {ledger}"
    if as_json:
        print_json([attempt.to_json() for attempt in attempts])
    else:
        names = list(axes)
        rows = [
            (*(a.config.get(n) for n in names), a.status, "none" if a.score is None else a.score)
            for a in attempts
        ]
        print_table(Console(), (*names, "status", "score"), rows)
    if len(attempts) < len(trials) or any(a.status in ("failed", "killed") for a in attempts):
        raise typer.Exit(1)


@nature_app.command("sensitivity")
def sensitivity(
    ledger: Ledger = Path("build/ledger.jsonl"),
    name: Annotated[str | None, typer.Option(help="Only attempts of this experiment.")] = None,
    target: Annotated[
        float | None, typer.Option(help="Score to reach; the best one by default.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write the picture there: .png, .svg or .pdf.")
    ] = None,
    country: Country = "USA",
    as_json: Json = False,
) -> None:
    """What a search cost and found: best score against joules, joules to a target, importance."""
    attempts = footprint.read_attempts(ledger)
    if name is not None:
        attempts = [attempt for attempt in attempts if attempt.name == name]
        if not attempts:
            raise ValueError(f"{ledger}: no attempt of {name!r}")
    found = evaluate(attempts, footprint.site(country), target=target)
    if picture is not None:
        sensitivity_chart.save(found, picture)
    if as_json:
        print_json(found.to_json())
        return
    console = Console()
    reach = "no attempt reached it"
    if found.joules_to_target is not None:
        median, low, high = (quantity(value, "J") for value in found.joules_to_target)
        reach = f"{median} median, 90 % of orders: {low} to {high}"
    rows = [
        ("attempts", f"{found.attempts}, {found.scored} with a score"),
        ("best score", f"{found.best_score:.4g}"),
        ("search factor", f"{found.search_factor:.4g}: {quantity(found.joules, 'J')} over"
         f" {quantity(found.best_joules, 'J')} of the best run"),
        (f"joules to {found.target:.4g}", reach),
        ("interquartile range", f"{found.iqr:.4g}"),
    ]  # fmt: skip
    shown = {1, 2, 4, 8, 16, 32, 64, 128, len(found.curve)}
    rows += [
        (f"best of {n}", f"{score:.4g} expected after {quantity(joules, 'J')}")
        for n, (joules, score) in enumerate(found.curve, 1)
        if n in shown
    ]
    rows += [
        (f"importance of {parameter}", f"{row['pawn']:.2f}; noise {row['noise']:.2f}")
        for parameter, row in found.importance.items()
    ]
    rows.append(("importance", found.importance_note))
    print_table(console, ("", ""), rows)
    if picture is not None:
        print(picture)
