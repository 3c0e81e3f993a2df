"""The commands that make integers of a network, and show what the integers hold."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hubel.hdl.program import Reset

from . import commands
from .cli_print import print_json, print_table

NetworkFile = Annotated[
    Path, typer.Argument(help="A NIR file, of hubel or of another tool, or a Loihi .net.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="Tool whose steps are meant, if hubel did not write the file: "
        "nir, norse, snntorch or sinabs."
    ),
]
Dt = Annotated[
    float | None, typer.Option(help="Length of a step, in the file's unit of time; as above.")
]
ResetOption = Annotated[
    Reset | None, typer.Option("--reset", help="What a spike does, if the profile leaves it open.")
]


def configure(
    network: NetworkFile,
    out: Annotated[Path, typer.Option(help="Settings to write.")] = Path("build/config.json"),
    weight_bits: Annotated[int, typer.Option(help="Bits of a weight: 8, 4 or 2.")] = 8,
    state_bits: Annotated[int, typer.Option(help="Bits of a membrane: 16 or 24.")] = 16,
    profile: Profile = None,
    dt: Dt = None,
    reset: ResetOption = None,
) -> None:
    """Write the settings that `compile` would choose, to edit and give to `compile --config`."""
    loaded = commands.load_network(network, profile=profile, dt=dt, reset=reset)
    commands.configure(loaded, out, weight_width=weight_bits, state_width=state_bits)
    print(out)


def compile(
    network: NetworkFile,
    out: Annotated[Path, typer.Option(help="Program to write.")] = Path("build/program.npz"),
    weight_bits: Annotated[
        int | None, typer.Option(help="Bits of a weight: 8, 4 or 2; 8 if nothing is said.")
    ] = None,
    state_bits: Annotated[
        int | None, typer.Option(help="Bits of a membrane: 16 or 24; 16 if nothing is said.")
    ] = None,
    fraction_bits: Annotated[
        int | None,
        typer.Option(help="Bits of a membrane after the weights' point; found if not said."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings that `hubel configure` wrote, edited.")
    ] = None,
    profile: Profile = None,
    dt: Dt = None,
    reset: ResetOption = None,
) -> None:
    """Quantise a network to a Program of integers that cannot overflow."""
    loaded = commands.load_network(network, profile=profile, dt=dt, reset=reset)
    program = commands.compile(
        loaded,
        out,
        source=network,
        weight_width=weight_bits,
        state_width=state_bits,
        fraction_bits=fraction_bits,
        config=None if config is None else commands.load_config(config),
    )
    print(f"profile {loaded.profile}")
    for population in program.populations:
        least, most = program.accumulator_range(population.name)
        bits = program.params().accumulator_width
        print(f"{population.name}: a step adds up {least}..{most}; {bits} bits hold it")
    print(out)


def ranges(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    inputs: Annotated[
        str, typer.Option(help="'digits' or a file of spikes, as for `hubel run`.")
    ] = "digits",
    images: Annotated[int | None, typer.Option(min=1, help="Use only the first samples.")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a digit; a file has its own.")] = 16,
    bin_us: Annotated[int, typer.Option(min=1, help="Microseconds a step of a recording.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")] = False,
) -> None:
    """Numerical profile: what weights, sums and membranes reach, beside what they could."""
    found = commands.ranges(program, inputs=inputs, images=images, steps=steps, bin_us=bin_us)
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in found])
        return

    def beside(reached: tuple[int, int], limits: tuple[int, int]) -> str:
        return f"{reached[0]}..{reached[1]} of {limits[0]}..{limits[1]}"

    columns = ("population", "weights", "sum of a step (any input)", "membrane", "saturations")
    print_table(
        Console(),
        columns,
        [
            (
                entry.population,
                beside(entry.weights, entry.weight_limits),
                beside(entry.accumulator, entry.accumulator_limits),
                beside(entry.membrane, entry.membrane_limits),
                entry.saturations,
            )
            for entry in found
        ],
    )
