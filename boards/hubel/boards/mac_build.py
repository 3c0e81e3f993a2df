"""From a MacProgram to a bitstream."""

import os
from collections.abc import Callable

from hubel.hdl.mac_core import MacCore
from hubel.hdl.mac_params import MacParams
from hubel.hdl.mac_program import MacProgram
from hubel.hdl.mac_soc import MacSoc

from .build import SerialTop, build_design
from .description import Board
from .report import BuildReport

__all__ = ["build_mac"]


def build_mac(board: Board, params: MacParams, program: MacProgram,
              out_dir: str | os.PathLike[str], *, seed: int = 1, seeds: int = 4,
              progress: Callable[[str], None] = lambda stage: None) -> BuildReport:
    """Bitstream of ``program`` on a MAC core of sizes ``params``, with its serial port; see
    :func:`~hubel.boards.build.build_design`."""
    soc = MacSoc(params, program, divisor=board.divisor)
    return build_design(board, SerialTop(board, soc), out_dir, core=MacCore(params, program),
                        seed=seed, seeds=seeds, progress=progress)
