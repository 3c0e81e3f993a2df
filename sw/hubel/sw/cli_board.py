"""The command line of boards that are not there: ``hubel virtual``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hubel.sim.virtual import DIVISOR, VirtualBoard, build_virtual

from .program_file import load_program
from .stages import Stages


def virtual(
    program: Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")],
    lanes: Annotated[int, typer.Option(help="Neurons side by side: 2, 4, 8, 16 or 32.")] = 8,
    link: Annotated[
        Path | None, typer.Option(help="Symbolic link to the port, for a name that stays.")
    ] = None,
    divisor: Annotated[
        int, typer.Option(min=4, help="Clocks a bit of its serial line; a real one has 36 or more.")
    ] = DIVISOR,
    empty: Annotated[
        bool, typer.Option("--empty", help="Without a Program, until a host loads one.")
    ] = False,
) -> None:
    """Start a virtual board and print its port: the whole SoC, Verilated, until Ctrl-C."""
    loaded, _ = load_program(program)
    with Stages(Console(stderr=True))("virtual") as stage:
        stage.doing("building")
        executable = build_virtual(loaded, lanes=lanes, divisor=divisor, loaded=not empty)
        stage.result = f"hubel run {program} --inputs INPUTS --backend PORT talks to it"
    with VirtualBoard(executable, link=link) as board:
        print(link or board.port, flush=True)
        try:
            board.wait()
        except KeyboardInterrupt:
            pass
    if board.speed is not None:
        rate = board.speed.clocks_per_second
        Console(stderr=True).print(f"{board.speed.clocks:,} clocks, {rate:,.0f} a second")
