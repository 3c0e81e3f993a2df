"""The commands that learn: ``hubel learn``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console

from hubel.sim.learning_gateware import learn_in_gateware

from .cli_print import print_json, print_table
from .learn.digits import DigitsSettings, learn_digits
from .learn.features import FeatureSettings, learn_features
from .learn.fields import draw_features, draw_fields, draw_learned
from .learn.hidden_pattern import PatternSettings, draw_pattern, hidden_pattern, judge
from .learn.layer_file import save_layer
from .learn.on_board import learn_on_board
from .learn.window import Window, draw_window, measure
from .stages import Stages

learn_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Learn without labels, as the chip does."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
Seeds = Annotated[int, typer.Option(min=1, help="Repeat with so many seeds.")]
Simulator = Annotated[
    Literal["verilator", "icarus"], typer.Option(help="Which simulator runs the gateware.")
]
Out = Annotated[Path, typer.Option(help="Folder for pictures and weights.")]


@learn_app.command()
def digits(
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds; 5, on the virtual board 1, if not.")
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(min=1, help="Images an epoch; all, on the virtual board 6, if not."),
    ] = None,
    backend: Annotated[
        Literal["golden", "virtual"],
        typer.Option(help="virtual: the gateware with its host link, beside golden."),
    ] = "golden",
    neurons: Annotated[int, typer.Option(min=8, help="Neurons, a multiple of 4.")] = 128,
    weight_width: Annotated[int, typer.Option(help="Bits of a weight: 8 or 16.")] = 8,
    out: Out = Path("build/learn"),
    as_json: Json = False,
) -> None:
    """Learn the digits of scikit-learn without labels, on the golden model of the learning core or
    on a virtual board, whose weights are compared with it after every image."""
    settings = DigitsSettings(neurons=neurons, weight_width=weight_width)
    stages, results = Stages(Console(stderr=as_json)), []
    settings.rates(settings.epochs[0])
    out.mkdir(parents=True, exist_ok=True)
    if backend == "virtual":
        _digits_on_board(settings, seeds or 1, images or 6, out, as_json)
        return
    seeds = seeds or 5
    for seed in range(seeds):
        with stages(f"seed {seed}") as stage:
            result = learn_digits(settings, seed=seed, images=images, progress=stage.advance)
            stage.result = f"{100 * result.test_accuracy:.2f} % of the test images"
        results.append(result)
        caption = f"seed {seed}: {100 * result.test_accuracy:.2f} % of the test images"
        draw_fields(out / f"fields-{seed}.png", result.layer.weights, result.names, caption)
        save_layer(out / f"digits-{seed}.npz", result.layer)
    found = 100 * np.array([result.test_accuracy for result in results])
    if as_json:
        print_json(
            {
                "neurons": neurons,
                "weight_width": weight_width,
                "runs": [result.to_json() for result in results],
                "test_accuracy": [result.test_accuracy for result in results],
                "mean": float(found.mean()) / 100,
                "standard_deviation": float(found.std()) / 100,
                "pictures": [str(out / f"fields-{seed}.png") for seed in range(seeds)],
            }
        )
        return
    console = Console()
    print_table(
        console,
        ("seed", "test %", "train %", "neurons used", "spikes an image"),
        [
            (r.seed, 100 * r.test_accuracy, 100 * r.train_accuracy, r.used_neurons,
             r.spikes_per_image)
            for r in results
        ],
    )  # fmt: skip
    console.print(
        f"test accuracy {found.mean():.2f} % (standard deviation {found.std():.2f}, "
        f"{found.min():.2f} to {found.max():.2f}), {weight_width}-bit weights; "
        f"receptive fields: {out}/fields-0.png",
        highlight=False,
        soft_wrap=True,
    )


def _digits_on_board(
    settings: DigitsSettings, seeds: int, images: int, out: Path, as_json: bool
) -> None:
    stages, runs = Stages(Console(stderr=as_json)), []
    for seed in range(seeds):
        path, picture = out / f"virtual-{seed}.npz", out / f"virtual-{seed}.png"
        with stages(f"seed {seed}") as stage:
            result = learn_on_board(
                settings, path, seed=seed, images=images,
                on_stage=stage.doing, progress=stage.advance,
            )  # fmt: skip
            stage.result = (
                f"{result.images} images, {result.spikes} spikes, {100 * result.changed:.1f} % of "
                f"the weights changed, each one as in golden after every image; read back into "
                f"{path}, and from there into a board that started anew: {result.test_spikes} "
                f"spikes for {result.test_images} test images, all as in golden; {picture}"
            )
        caption = f"seed {seed}: after {result.images} images on the virtual board"
        draw_learned(picture, result.layer.weights, result.before, caption)
        runs.append(result.to_json() | {"file": str(path), "picture": str(picture)})
    if as_json:
        print_json({"neurons": settings.neurons, "weight_width": settings.weight_width,
                    "runs": runs})  # fmt: skip


@learn_app.command()
def features(
    seeds: Seeds = 3,
    images: Annotated[int | None, typer.Option(min=1, help="Images an epoch; all if not.")] = None,
    out: Out = Path("build/learn"),
    as_json: Json = False,
) -> None:
    """Learn features of the digits by convolutional STDP, and compare them with random ones."""
    settings = FeatureSettings()
    stages, results = Stages(Console(stderr=as_json)), []
    out.mkdir(parents=True, exist_ok=True)
    for seed in range(seeds):
        with stages(f"seed {seed}") as stage:
            result = learn_features(settings, seed=seed, images=images, progress=stage.advance)
            stage.result = f"{100 * result.learned:.2f} % of the test images"
        results.append(result)
        caption = f"seed {seed}: {100 * result.learned:.2f} % (random: {100 * result.uniform:.2f})"
        draw_features(out / f"features-{seed}.png", result.weights, result.wins, caption)
    kinds = ("learned", "shuffled", "uniform")
    means = {kind: float(np.mean([getattr(r, kind) for r in results])) for kind in kinds}
    if as_json:
        print_json({"runs": [result.to_json() for result in results], "mean": means})
        return
    console = Console()
    rows = [(r.seed, *(100 * getattr(r, kind) for kind in kinds)) for r in results]
    print_table(console, ("seed", "learned %", "shuffled %", "random %"), rows)
    console.print(
        f"{settings.conv.features} features with a linear readout: learned "
        f"{100 * means['learned']:.2f} %, the same weights shuffled "
        f"{100 * means['shuffled']:.2f} %, random {100 * means['uniform']:.2f} %; "
        f"{out}/features-0.png",
        highlight=False,
        soft_wrap=True,
    )


@learn_app.command()
def window(
    backend: Simulator = "verilator", out: Out = Path("build/learn"), as_json: Json = False
) -> None:
    """Measure the window of pair STDP on the gateware, beside its formula."""
    rule = Window()
    out.mkdir(parents=True, exist_ok=True)
    with Stages(Console(stderr=as_json))("window") as stage:
        times, change = measure(
            rule,
            lambda layer, spikes: (
                learn_in_gateware(layer, spikes, backend=backend, on_stage=stage.doing).weights
            ),
            30,
        )
        off = float(np.abs(change - rule.formula(times)).max())
        picture = out / "window.png"
        draw_window(picture, rule, times, change)
        stage.result = (
            f"{len(times)} times; {off:.2g} of a weight from the formula at most "
            f"(tolerance {rule.tolerance:.2g}); {picture}"
        )
    if as_json:
        print_json(
            {
                "times": times.tolist(),
                "change": change.tolist(),
                "formula": rule.formula(times).tolist(),
                "largest_difference": off,
                "tolerance": rule.tolerance,
                "picture": str(picture),
            }
        )


@learn_app.command()
def pattern(
    backend: Simulator = "verilator",
    seed: Annotated[int, typer.Option(help="Of the noise and the pattern.")] = 0,
    out: Out = Path("build/learn"),
    as_json: Json = False,
) -> None:
    """Let a neuron on the gateware find a pattern that is hidden in noise (Masquelier 2008)."""
    settings = PatternSettings()
    spikes, starts = hidden_pattern(settings, seed)
    out.mkdir(parents=True, exist_ok=True)
    with Stages(Console(stderr=as_json))("pattern") as stage:
        learned = learn_in_gateware(
            settings.layer(), spikes[None], backend=backend, on_stage=stage.doing
        )
        fired = np.array([n for n, neurons in enumerate(learned.fired[0]) if neurons])
        early = judge(fired, starts, 0, 1000)
        late = judge(fired, starts, len(spikes) - 5000, len(spikes))
        picture = out / "pattern.png"
        draw_pattern(picture, settings, fired, starts, learned.weights[-1][:, 0])
        stage.result = (
            f"in the last 5 s it fired in {100 * late.hit_rate:.1f} % of the patterns, "
            f"{late.latency_ms:.1f} ms after they began, and {late.false_alarms:.1f} times a "
            f"second elsewhere (in the first second: {early.false_alarms:.1f}); {picture}"
        )
    if as_json:
        print_json({"early": asdict(early), "late": asdict(late), "picture": str(picture)})
