"""Weights in the SPRAM of an iCE40UP5K: the whole iCEBreaker, its clock and its cells."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.boards import board
from hubel.boards.build import build

from ..programs import random_chain


@pytest.mark.long
@pytest.mark.parametrize(
    "weight_width, lanes, mhz, cells, rate", [(8, 8, 36, 4000, 280), (4, 16, 36, 4500, 500)]
)
def test_784_128_10_on_the_icebreaker(
    weight_width: int, lanes: int, mhz: float, cells: int, rate: float, tmp_path: Path
) -> None:
    """With host link, boot and loadable memories; ``rate`` is in M synaptic operations a second."""
    program = random_chain(np.random.default_rng(0), 784, 128, 10, weight_width=weight_width)
    target = board("icebreaker")
    target = replace(target, pll=target.pll.at(1e6 * mhz))
    params = target.core_params(program)
    assert params.lanes == lanes
    report = build(target, params, program, tmp_path)
    print(report, report.cells, report.core_cells, sep="\n")
    assert report.met and report.utilisation["spram"].used == 4
    assert report.utilisation["logic"].used <= cells
    assert lanes * report.clock_mhz >= rate
