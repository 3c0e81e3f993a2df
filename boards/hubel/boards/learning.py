"""Learning cores on boards: what they take, and how fast they are."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from hubel.hdl.learning_core import LearningCore
from hubel.hdl.learning_soc import LearningSoc
from hubel.hdl.stdp_params import LearningParams

from .build import SerialTop, build_design
from .description import Board
from .icebreaker import BOARD as ICEBREAKER
from .pll import Ecp5Pll, Ice40Pll
from .report import BuildReport
from .ulx3s import BOARD as ULX3S

__all__ = ["LEARNING_BUILDS", "LEARNING_VARIANTS", "LearningBuild", "build_learning"]


@dataclass(frozen=True, kw_only=True)
class LearningBuild:
    """A learning core on a board, with the clock that it is to meet."""
    board: Board
    params: LearningParams

    def __str__(self) -> str:
        return f"{self.board.name}, {self.params.lanes} lanes, {self.params.weight_width} bits"


_ECP5 = replace(ULX3S, pll=Ecp5Pll.search(25_000_000, 62.5e6))
_UP5K = replace(ICEBREAKER, pll=Ice40Pll.search(12_000_000, 24e6))


def _build(board: Board, *, lanes: int = 4, weight_width: int = 8) -> LearningBuild:
    """256 neurons with 64 k synapses."""
    return LearningBuild(board=board, params=LearningParams(
        inputs=256, neurons=256, lanes=lanes, weight_width=weight_width,
        single_port=board.family == "ice40"))


#: 4 lanes, 8 bits.
LEARNING_BUILDS = (_build(_ECP5), _build(_UP5K))

#: The same with 8 lanes, for which a UP5K has too few multipliers, and with 16 bits.
LEARNING_VARIANTS = (
    _build(_ECP5, lanes=8), _build(_ECP5, weight_width=16),
    _build(_ECP5, lanes=8, weight_width=16), _build(_UP5K, weight_width=16),
)


def build_learning(which: LearningBuild, out_dir: str | os.PathLike[str], *, seed: int = 1,
                   seeds: int = 4,
                   progress: Callable[[str], None] = lambda stage: None) -> BuildReport:
    """Bitstream of a learning core; see :func:`~hubel.boards.build.build_design`."""
    soc = LearningSoc(which.params, divisor=which.board.divisor,
                      clock_hz=which.board.clock_hz)
    return build_design(which.board, SerialTop(which.board, soc), out_dir,
                        core=LearningCore(which.params), seed=seed, seeds=seeds, progress=progress)
