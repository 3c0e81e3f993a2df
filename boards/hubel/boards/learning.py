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

__all__ = ["LEARNING_BUILDS", "LearningBuild", "build_learning"]


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
    soc = LearningSoc(which.params, divisor=which.board.divisor)
    return build_design(which.board, SerialTop(which.board, soc), out_dir,
                        core=LearningCore(which.params), seed=seed, seeds=seeds, progress=progress)
