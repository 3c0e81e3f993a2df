# pyright: reportWildcardImportFromLibrary=false
"""Learning cores on boards: what they take, and how fast they are."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from amaranth import *
from amaranth.lib import io

from hubel.hdl.learning_core import LearningCore
from hubel.hdl.learning_soc import LearningSoc
from hubel.hdl.stdp_params import LearningParams

from .build import build_design
from .description import Board
from .icebreaker import BOARD as ICEBREAKER
from .pll import Ecp5Pll, Ice40Pll, PllClock
from .report import BuildReport
from .ulx3s import BOARD as ULX3S

__all__ = ["LEARNING_BUILDS", "LearningBuild", "LearningTop", "build_learning"]


class LearningTop(Elaboratable):
    """The top level on ``board``: clock, serial port and :class:`LearningSoc`."""
    def __init__(self, board: Board, params: LearningParams):
        self._board = board
        self._params = params

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.clock = PllClock(self._board.pll)
        m.submodules.soc = soc = LearningSoc(self._params, divisor=self._board.divisor)
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.comb += [soc.rx.eq(rx.i), tx.o.eq(soc.tx)]
        return m


@dataclass(frozen=True, kw_only=True)
class LearningBuild:
    """A learning core on a board, with the clock that it is to meet."""
    board: Board
    params: LearningParams


#: 256 neurons with 64 k synapses of 8 bits each.
LEARNING_BUILDS = (
    LearningBuild(
        board=replace(ULX3S, pll=Ecp5Pll.search(25_000_000, 62.5e6)),
        params=LearningParams(inputs=256, neurons=256)),
    LearningBuild(
        board=replace(ICEBREAKER, pll=Ice40Pll.search(12_000_000, 24e6)),
        params=LearningParams(inputs=256, neurons=256, single_port=True)),
)


def build_learning(which: LearningBuild, out_dir: str | os.PathLike[str], *, seed: int = 1,
                   seeds: int = 4,
                   progress: Callable[[str], None] = lambda stage: None) -> BuildReport:
    """Bitstream of a learning core; see :func:`~hubel.boards.build.build_design`."""
    return build_design(which.board, LearningTop(which.board, which.params), out_dir,
                        core=LearningCore(which.params), seed=seed, seeds=seeds, progress=progress)
