"""The Verilog of every component: Verilator's lint has nothing to say, and it is reproducible."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.lib import wiring

from hubel.hdl.accumulate import Accumulator
from hubel.hdl.chain import Chain
from hubel.hdl.core import Core
from hubel.hdl.counter_ring import CounterRing
from hubel.hdl.dense_walker import DenseWalker
from hubel.hdl.emitter import SpikeEmitter
from hubel.hdl.event_list import EventList
from hubel.hdl.lif import LifUpdate
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
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


def network(name: str) -> tuple[CoreParams, Program]:
    sizes, lanes, weight_width, state_width = SETS[name]
    program = random_program(
        np.random.default_rng(1),
        lanes=lanes,
        sizes=sizes,
        weight_width=weight_width,
        state_width=state_width,
    )
    return program.params(lanes=lanes), program


def assert_clean(component: wiring.Component) -> None:
    top = type(component).__name__.lower()
    assert lint(to_verilog(component, name=top), top) == []


@pytest.mark.parametrize("name", SETS)
def test_lint_of_a_chain_and_all_that_is_in_it(name: str) -> None:
    assert_clean(Chain(*network(name)))


@pytest.mark.parametrize(
    "component",
    [Accumulator, Core, CounterRing, DenseWalker, EventList, LifUpdate, SpikeEmitter, WeightMemory],
)
def test_lint_of_a_component(component: Callable[..., wiring.Component]) -> None:
    params, program = network("two")
    more: dict[Callable, dict[str, Any]] = {
        Core: {"program": program},
        DenseWalker: {"words_in_flight": 8},
        SpikeEmitter: {"depth": 8},
        WeightMemory: {"program": program},
    }
    assert_clean(component(params, **more.get(component, {})))


def test_the_same_text_for_the_same_component() -> None:
    program = random_program(np.random.default_rng(1), lanes=4, sizes=(5, 9, 2))
    first, again = (
        to_verilog(Chain(program.params(lanes=4), program), name="chain") for _ in range(2)
    )
    assert first == again
