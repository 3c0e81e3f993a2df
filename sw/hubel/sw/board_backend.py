"""Boards as back ends: the same contract as golden, over a serial line."""

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import Counters
from hubel.hdl.program import Program
from hubel.sim.golden import Trace
from hubel.sim.virtual import VirtualBoard, build_virtual

from .board import Board
from .board_run import BoardRun

Advance = Callable[[int, int], None]


def is_port(name: str) -> bool:
    """``name`` is that of a serial port, or a URL of pyserial."""
    return "/" in name or name.upper().startswith("COM")


def observed(program: Program) -> Program:
    """``program`` with all its populations as outputs, so that all spikes leave the core."""
    return replace(program, outputs=tuple(p.name for p in program.populations))


def run_virtual(
    program: Program,
    spikes: npt.ArrayLike,
    *,
    lanes: int = 8,
    states: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
    on_step: Advance = lambda done, total: None,
) -> Trace:
    """Run ``program`` on a virtual board; the same contract as :func:`hubel.sim.golden.run`.

    The board is that of :func:`observed`, which has the same states and counters and shows the
    spikes of all populations.
    """
    seen = observed(program)
    on_stage("building the virtual board")
    executable = build_virtual(seen, lanes=lanes, cache_dir=cache_dir)
    on_stage("running on the virtual board")
    with VirtualBoard(executable) as virtual, Board(virtual.port) as board:
        board.program(seen)
        return _trace(seen, board.run(spikes, states=states, on_progress=on_step))


def run_port(
    program: Program,
    spikes: npt.ArrayLike,
    port: str,
    *,
    states: bool = False,
    on_stage: Callable[[str], None] = lambda _: None,
    on_step: Advance = lambda done, total: None,
) -> Trace:
    """Run ``program`` on the board at ``port``, which is programmed if it has another Program; the
    spikes of populations that are no outputs are None."""
    on_stage(f"connecting to {port}")
    with Board(port) as board:
        on_stage("loading")
        board.program(program, on_progress=on_step)
        on_stage("running")
        return _trace(program, board.run(spikes, states=states, on_progress=on_step))


def _trace(program: Program, run: BoardRun) -> Trace:
    states = run.states or {}
    names = [p.name for p in program.populations]

    def of(name: str) -> tuple[npt.NDArray[np.int32], ...] | None:
        return tuple(states[name]) if name in states else None

    return Trace(
        spikes=tuple(run.spikes.get(name) for name in names),  # pyright: ignore[reportArgumentType]
        membrane=of("v"),
        current=of("u"),
        adaptation=of("a"),
        counters=Counters(**{name: np.array([n]) for name, n in run.counters.items()}),
    )
