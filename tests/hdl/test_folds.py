# amaranth: UnusedElaboratable=no
"""A core whose neuron update has half the lanes, and takes two cycles, against golden."""

import numpy as np
import pytest

from hubel.hdl.program import Program

from ..programs import random_chain, random_program, random_spikes
from . import core_bench
from .access import resembling
from .graphs import everything
from .test_core import assert_equal
from .test_memory_access import check


@pytest.fixture(autouse=True)
def two_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    params = Program.params
    monkeypatch.setattr(
        Program, "params", lambda self, *, lanes=8, folds=2: params(self, lanes=lanes, folds=folds)
    )


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(6 + i, marks=pytest.mark.long)
                                               for i in range(60))])  # fmt: skip
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(500 + seed)
    lanes = (4, 8, 16)[seed % 3]
    program = random_program(rng, lanes=lanes)
    spikes = random_spikes(rng, program, samples=2, steps=4)
    pace = 0.7 * (seed % 2)
    got = core_bench.run(program, spikes, lanes=lanes, gap=pace, stall=pace, seed=seed)
    assert_equal(program, spikes, got, lanes=lanes)


def test_every_kind_of_everything() -> None:
    rng = np.random.default_rng(1)
    program = everything(rng, weight_width=4, state_width=16)
    spikes = random_spikes(rng, program, samples=1, steps=3)
    assert_equal(program, spikes, core_bench.run(program, spikes, lanes=16), lanes=16)


def test_a_program_is_loaded() -> None:
    rng = np.random.default_rng(2)
    built = random_chain(rng, 20, 33, 7, weight_width=4)
    check(built, resembling(rng, built), lanes=16, seed=2, gap=0.0, spram=True)


def test_needs_four_lanes() -> None:
    program = random_chain(np.random.default_rng(0), 3, 2)
    with pytest.raises(ValueError, match=r"^folds must be 1 or, with 4 lanes or more, 2, not 2$"):
        program.params(lanes=2)
