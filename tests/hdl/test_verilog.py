"""The Verilog of every component: Verilator's lint has nothing to say, and it is reproducible."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hubel.hdl.accumulate import Accumulator
from hubel.hdl.address_tables import AddressTables
from hubel.hdl.core import Core
from hubel.hdl.counter_ring import CounterRing
from hubel.hdl.current_memory import CurrentMemory
from hubel.hdl.emitter import SpikeEmitter
from hubel.hdl.event_list import EventList
from hubel.hdl.image import weight_rows
from hubel.hdl.lif import LifUpdate
from hubel.hdl.program import Program
from hubel.hdl.scatter_walker import ScatterWalker
from hubel.hdl.schedule import Schedule
from hubel.hdl.tables import tables_of
from hubel.hdl.verilog import to_verilog
from hubel.hdl.walker import Walker
from hubel.hdl.word_memory import WordMemory
from hubel.sim.simulator import lint

from ..programs import KINDS, NEURON_FEATURES, random_chain, random_program
from .graphs import GRAPHS, everything, graph
from .vectors import Player, compare

# Axons, then neurons of each population; lanes; bits of a weight and of a membrane.
CHAINS = {
    "one population": ((64, 10), 8, 8, 16),
    "least": ((2, 1), 2, 2, 16),
    "one axon": ((1, 1), 2, 2, 16),
    "two": ((64, 128, 10), 8, 8, 16),
    "five": ((9, 8, 7, 6, 5, 4), 4, 4, 24),
    "wide": ((20, 40, 33), 32, 8, 24),
    "narrow": ((5, 9, 2, 3), 2, 4, 16),
}


def assert_clean(component: wiring.Component) -> None:
    top = type(component).__name__.lower()
    assert lint(to_verilog(component, name=top), top) == []


def core(program: Program, lanes: int) -> Core:
    return Core(program.params(lanes=lanes), program)


@pytest.mark.parametrize("name", CHAINS)
def test_lint_of_a_chain(name: str) -> None:
    sizes, lanes, weight_width, state_width = CHAINS[name]
    rng = np.random.default_rng(1)
    program = random_chain(rng, *sizes, weight_width=weight_width, state_width=state_width)
    assert_clean(core(program, lanes))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("features", [{"planes"}, {"planes", "pool", "several", "loops", "delay"}])
def test_lint_of_each_kind(kind: str, features: set[str]) -> None:
    rng = np.random.default_rng(2)
    assert_clean(core(random_program(rng, lanes=4, kinds=[kind], features=features), 4))


@pytest.mark.parametrize("feature", sorted(NEURON_FEATURES))
def test_lint_of_each_feature(feature: str) -> None:
    features = {feature, "cuba"} if feature == "wrap" else {feature}
    rng = np.random.default_rng(3)
    program = random_program(rng, lanes=2, kinds=["dense"], features=features, populations=5)
    assert_clean(core(program, 2))


@pytest.mark.parametrize("name", GRAPHS)
def test_lint_of_graphs(name: str) -> None:
    assert_clean(core(graph(np.random.default_rng(1), name), 4))


@pytest.mark.parametrize("lanes", [2, 8, 32])
def test_lint_of_everything(lanes: int) -> None:
    rng = np.random.default_rng(1)
    assert_clean(core(everything(rng, weight_width=8, state_width=24), lanes))


@pytest.mark.parametrize(
    "component",
    [
        Accumulator,
        AddressTables,
        CounterRing,
        CurrentMemory,
        EventList,
        LifUpdate,
        ScatterWalker,
        Schedule,
        SpikeEmitter,
        Walker,
        WordMemory,
    ],
)
def test_lint_of_a_component(component: Callable[..., wiring.Component]) -> None:
    program = everything(np.random.default_rng(1), weight_width=8, state_width=16)
    params = program.params(lanes=4)
    tables = {"params": params, "tables": tables_of(params, program)}
    arguments: dict = {
        AddressTables: tables,
        CounterRing: {"params": params, "most": 4},
        LifUpdate: {"params": params, "program": program},
        ScatterWalker: tables,
        SpikeEmitter: {"params": params, "depth": 8},
        Walker: tables,
        WordMemory: {"width": 32, "rows": weight_rows(params, program)},
    }
    assert_clean(component(**arguments.get(component, {"params": params})))


def test_the_same_text_for_the_same_component() -> None:
    program = everything(np.random.default_rng(1), weight_width=4, state_width=16)
    first, again = (to_verilog(core(program, 4), name="core") for _ in range(2))
    assert first == again


class Halves(wiring.Component):
    """A port of which one half is a constant: a block of a single assignment in Verilog."""

    def __init__(self):
        super().__init__({"a": In(4), "b": In(1), "o": Out(8), "last": Out(4)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o[:4].eq(5)
        with m.If(self.b):
            m.d.comb += self.o[4:].eq(self.a)
        m.d.sync += self.last.eq(self.a)
        return m


def started_blocks(text: str) -> int:
    """How many ``always @*`` there are in ``text``; AssertionError unless each looks at a signal of
    its module that an ``initial`` statement sets."""
    blocks = 0
    for module in re.split(r"^module ", text, flags=re.MULTILINE)[1:]:
        starts = re.findall(r"always @\*.*\n +if \((\S+) ?\) begin end\n", module)
        assert module.count("always @*") == len(starts)
        assert len(set(starts)) <= 1
        for start in set(starts):
            assert f"  reg {start} ;\n  initial {start} = 0;\n" in module
            assert module.count(f"{start} =") == 1
        blocks += len(starts)
    return blocks


def test_every_block_starts_at_time_0() -> None:
    """The writer of the Verilog leaves the start out of blocks of a single assignment."""
    written = verilog.convert(Halves(), name="halves", emit_src=False)
    assert re.search(r"always @\*\n +o.* = 4'h5;\n", written), "no block of a single assignment"
    blocks = written.count("always @*")
    assert started_blocks(to_verilog(Halves(), name="halves")) == blocks >= 2
    program = everything(np.random.default_rng(1), weight_width=4, state_width=16)
    assert started_blocks(to_verilog(core(program, 4), name="core")) > 300


def test_a_block_of_constants_in_simulators(play: Player) -> None:
    inputs = [{"a": 9, "b": 0}, {"a": 9, "b": 1}, {"a": 2, "b": 1}]
    compare(Halves(), inputs, [{"o": 0x05}, {"o": 0x95}, {"o": 0x25}], play)
