"""The command line of memristive synapses: ``hubel memristor``."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from hubel.sim.memristor.at_program import program_devices
from hubel.sim.memristor.crossbar import SynapseParams
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.presets import PRESETS, device_named

from .bench_memristor import bench_memristor
from .cli_bench import bench_app
from .cli_memristor_fits import fits
from .cli_print import print_json, print_table
from .memristor.catalogue import CATALOGUE, experiment_named
from .memristor.cnn import cnn_task
from .memristor.context import Context
from .memristor.experiment import Experiment
from .memristor.grid import Point, program_at
from .memristor.report import write_all
from .memristor.sweep import Sweep
from .memristor.task import Task, digits_task, program_task
from .memristor_energy import source_text
from .program_file import load_program, save_program
from .stages import Stages

memristor_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Synapses in memristive devices: what programming costs, and what the network bears.",
)

memristor_app.command("fits")(fits)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
Network = Literal["digits", "cnn"]


def _task(
    network: Network,
    weight_bits: int,
    images: int | None,
    folder: Path,
    program: Path | None,
    inputs: str | None,
    bin_us: int,
) -> Task:
    if (program is None) != (inputs is None):
        raise ValueError("--program and --inputs go together: a network and what it is judged by")
    if program is not None and inputs is not None:
        return program_task(program, inputs, images=images, bin_us=bin_us)
    if network == "cnn":
        return cnn_task(folder, weight_width=weight_bits, images=images or 200)
    return digits_task(weight_width=weight_bits, images=images)


@memristor_app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Experiments; all by default. `hubel memristor list` has them."),
    ] = None,
    network: Annotated[Network, typer.Option(help="What must keep working.")] = "digits",
    weight_bits: Annotated[
        int, typer.Option(help="Bits of a weight, 8, 4 or 2; a Program has its own.")
    ] = 8,
    program: Annotated[
        Path | None, typer.Option(help="Instead of --network: a Program, of `hubel compile`.")
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(help="With --program: spikes with labels, as `hubel sim` takes them."),
    ] = None,
    bin_us: Annotated[int, typer.Option(min=1, help="Microseconds a step of a recording.")] = 1000,
    images: Annotated[
        int | None, typer.Option(min=10, help="Test images; all digits, 200 of the CNN.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Device seeds.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of a local Dask cluster.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that runs.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for tables, pictures and the page.")] = Path(
        "build/memristor"
    ),
    pixels: Annotated[
        bool, typer.Option("--png", help="Write a PNG of each picture, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run experiments: a CSV and a picture each, and one page with a verdict on each."""
    console = Console(stderr=as_json)
    stages = Stages(console)
    runs = {name: experiment_named(name) for name in names or CATALOGUE}
    with stages("network") as stage:
        stage.doing("training")
        task = _task(network, weight_bits, images, out, program, inputs, bin_us)
        digital = task.accuracy()
        stage.result = f"{task.name}, {digital:.2f} % of {len(task.labels)} samples, floor "
        stage.result += f"{task.floor:g} %"
    results: list[Experiment] = []
    for name, run_it in runs.items():
        with stages(name) as stage:
            sweep = Sweep(
                workers=workers,
                scheduler=scheduler,
                say=lambda text: console.print(text, highlight=False),
                progress=stage.advance,
            )
            results.append(run_it(Context(task=task, seeds=seeds, seed=seed, sweep=sweep)))
            stage.result = results[-1].verdict
    facts = (
        task.name,
        f"{task.program.weight_width}-bit weights",
        f"{len(task.labels)} test samples",
        f"digital core {digital:.2f} %",
        f"floor {task.floor:g} %",
        f"{seeds} device seeds",
    )
    page = write_all(out, results, facts, pixels=pixels)
    if as_json:
        print_json([result.to_json() for result in results])
    else:
        console.print(f"{page}", highlight=False)


@memristor_app.command("list")
def list_all(as_json: Json = False) -> None:
    """Experiments, and devices with the sources of their constants."""
    devices = [PRESETS[name]() for name in PRESETS]
    if as_json:
        print_json({
            "experiments": list(CATALOGUE),
            "devices": {
                name: {
                    "g_min_us": d.g_min,
                    "g_max_us": d.g_max,
                    "sources": [source_text(s) for s in d.sources],
                }
                for name, d in zip(PRESETS, devices, strict=True)
            },
        })  # fmt: skip
        return
    console = Console()
    console.print(f"experiments: {', '.join(CATALOGUE)}", highlight=False)
    rows = [
        (name, f"{d.g_min:g}..{d.g_max:g}", _until(d.known_until), source_text(d.sources[0]))
        for name, d in zip(PRESETS, devices, strict=True)
    ]
    print_table(console, ("device", "uS", "data until", "statistics"), rows)


def _until(seconds: float) -> str:
    if seconds == float("inf"):
        return "any time"
    return f"{seconds:g} s" if seconds else "as programmed"


@memristor_app.command()
def apply(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    out: Annotated[Path, typer.Option(help="The Program with the weights of devices.")],
    device: Annotated[str, typer.Option(help="A preset.")] = "pcm_nandakumar2019",
    seconds: Annotated[float, typer.Option(help="Time since programming.")] = 0.0,
    compensation: Annotated[
        Literal["none", "global", "column", "thresholds"], typer.Option(help="Against drift.")
    ] = "none",
    seed: Annotated[int, typer.Option(min=0, help="Of the devices.")] = 0,
) -> None:
    """Write the Program that a core would run from devices; `hubel sim` takes it like any other."""
    loaded, note = load_program(program)
    cells = ArrayParams(device=device_named(device))
    params = SynapseParams(array=cells, weight_width=loaded.weight_width)
    devices = program_devices(loaded, params, seed=seed)
    made = program_at(devices, Point(cells=cells, time=seconds, compensation=compensation))
    out.parent.mkdir(parents=True, exist_ok=True)
    save_program(out, made, {**note, "device": device, "seconds": seconds, "seed": seed})
    changed = sum(
        int((new.weights != old.weights).sum())
        for new, old in zip(made.projections, loaded.projections, strict=True)
    )
    Console().print(
        f"{out}: {changed} of {devices.synapses} weights differ; programming: {devices.ledger}",
        highlight=False,
        soft_wrap=True,
    )


@bench_app.command("memristor")
def bench(as_json: Json = False) -> None:
    """Seconds to program and read 1,000 x 1,000 devices, and to solve the wires of a tile."""
    with Stages(Console(stderr=as_json))("bench") as stage:
        timings = bench_memristor(stage.doing)
        stage.result = "best of several"
    if as_json:
        print_json([timing.to_json() for timing in timings])
        return
    rows = [
        (t.job, t.seconds, t.processor, t.limit, "yes" if t.seconds < t.limit else "no")
        for t in timings
    ]
    print_table(Console(), ("job", "seconds", "of processor", "limit", "met"), rows)
