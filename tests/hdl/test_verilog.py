"""The Verilog of every component: Verilator's lint has nothing to say, and it is reproducible."""

import numpy as np
import pytest

from hubel.hdl.accumulate import Accumulator
from hubel.hdl.chain import Chain
from hubel.hdl.core import Core
from hubel.hdl.counter_ring import CounterRing
from hubel.hdl.dense_walker import DenseWalker
from hubel.hdl.emitter import SpikeEmitter
from hubel.hdl.event_list import EventList
from hubel.hdl.lif import LifUpdate
from hubel.hdl.verilog import to_verilog
from hubel.hdl.weight_memory import WeightMemory
from hubel.sim.simulator import lint

from .programs import random_program

# Inputs, then neurons of each population; lanes; bits of a weight and of a membrane.
SETS = {
    "one population": ((64, 10), 8, 8, 16),
    "least": ((2, 1), 2, 2, 16),
    "two": ((64, 128, 10), 8, 8, 16),
    "five": ((9, 8, 7, 6, 5, 4), 4, 4, 24),
    "wide": ((20, 40, 33), 32, 8, 24),
    "narrow": ((5, 9, 2, 3), 2, 4, 16),
}


@pytest.mark.parametrize("name", SETS)
def test_lint(name: str) -> None:
    sizes, lanes, weight_width, state_width = SETS[name]
    program = random_program(
        np.random.default_rng(1),
        lanes=lanes,
        sizes=sizes,
        weight_width=weight_width,
        state_width=state_width,
    )
    params = program.params(lanes=lanes)
    components = [
        Accumulator(params),
        Chain(params, program),
        Core(params, program),
        CounterRing(params),
        DenseWalker(params, words_in_flight=8),
        EventList(params),
        LifUpdate(params),
        SpikeEmitter(params, depth=8),
        WeightMemory(params, program),
    ]
    found = {}
    for component in components:
        top = type(component).__name__.lower()
        found[top] = lint(to_verilog(component, name=top), top)
    assert found == {top: [] for top in found}


def test_the_same_text_for_the_same_component() -> None:
    program = random_program(np.random.default_rng(1), lanes=4, sizes=(5, 9, 2))
    first, again = (
        to_verilog(Chain(program.params(lanes=4), program), name="chain") for _ in range(2)
    )
    assert first == again
