"""Bitstreams whose joules no ledger misses, and the netlist for a simulation."""

import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hubel.boards import Board
from hubel.boards.build import build
from hubel.boards.netlist import cell_models, ice40_netlist
from hubel.boards.report import BuildReport
from hubel.boards.toolchain import ToolMissing
from hubel.hdl.core import Core
from hubel.hdl.program import Program

from .attempt import Attempt
from .fit import check_fit
from .ledger import Ledger
from .probes import PowerWindow

__all__ = ["ToolMissing", "build_recorded", "netlist"]


def build_recorded(
    board: Board,
    program: Program,
    folder: str | os.PathLike[str],
    *,
    ledger: str | os.PathLike[str],
    lanes: int | None = None,
    seed: int = 1,
    seeds: int = 4,
    progress: Callable[[str], None] = lambda stage: None,
) -> tuple[BuildReport, bool]:
    """Bitstream of ``program`` for ``board``; what the tools drew goes into ``ledger`` as set-up
    energy, a record of tools alone, also if they fail or are interrupted.

    Parameters
    ----------
    board, program : Board, Program
    folder : path
        Where :func:`hubel.boards.build.build` makes its folder.
    ledger : path
        Appended to.
    lanes : int, optional
        Lanes of the core; the board's own number by default.
    seed, seeds, progress
        As for :func:`hubel.boards.build.build`.

    Returns
    -------
    report, made : BuildReport, bool
        The build, and whether a tool ran for it; otherwise an earlier one was reused.

    Raises
    ------
    ValueError
        If the core does not fit the board.
    ToolMissing, BuildFailed
        From the build.
    """
    stages: list[str] = []

    def ran(stage: str) -> None:
        stages.append(stage)
        progress(stage)

    params = board.core_params(program, lanes)
    check_fit(board, params, program)
    Path(ledger).parent.mkdir(parents=True, exist_ok=True)
    start = datetime.now(UTC).isoformat(timespec="seconds")
    status = "killed"
    window = PowerWindow()
    try:
        with window:
            report = build(board, params, program, folder, seed=seed, seeds=seeds, progress=ran)
        status = "completed"
    except Exception:
        status = "failed"
        raise
    finally:
        if stages:
            Ledger(ledger).add(
                Attempt(
                    id=str(uuid.uuid4()),
                    name=f"build {board.name}",
                    start=start,
                    status=status,
                    epochs=0,
                    seconds=0.0,
                    tools=(window.energy,),
                )
            )
    return report, bool(stages)


def netlist(core: Core) -> str:
    """``core`` after synthesis for an iCE40, with the models of its cells, as Verilog."""
    return ice40_netlist(core, name="hubel_core") + cell_models()
