"""A core whose populations start only where others allow it: the golden model's results, whatever
they allow and when."""

import numpy as np
import pytest

from hubel.hdl.core import Core

from ..programs import random_program, random_spikes
from . import core_bench
from .test_core import assert_equal


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(8 + i, marks=pytest.mark.long) for i in range(60))]
)
def test_random_programs(seed: int) -> None:
    """Each population starts once a step, in a clock in which it has room; and nothing is taken of
    an input that must not be filled."""
    rng = np.random.default_rng(seed)
    lanes = (2, 4, 8)[seed % 3]
    program = random_program(rng, lanes=lanes)
    spikes = random_spikes(rng, program, samples=2, steps=4)
    closed = float(rng.choice([0.0, 0.6, 0.95]))
    starts = [0] * len(program.populations)
    refused = 0

    def watch(core: Core) -> core_bench.Watch:
        def tell(started: int, room: int, taken: int, source: int, may_fill: int) -> None:
            nonlocal refused
            assert started & ~room == 0 and started.bit_count() <= 1
            assert not taken or may_fill >> source & 1
            for p in range(len(starts)):
                starts[p] += started >> p & 1
            refused += may_fill != (1 << len(program.inputs)) - 1

        events = core.events
        return (
            [core.starts, core.room, events.valid & events.ready, events.payload.source,
             core.may_fill],
            tell,
        )  # fmt: skip

    got = core_bench.run(
        program, spikes, lanes=lanes, stall=0.5, seed=seed, closed=closed, watch=watch
    )
    assert_equal(program, spikes, got, lanes=lanes)
    assert starts == [spikes.shape[0] * spikes.shape[1]] * len(starts)
    assert refused
