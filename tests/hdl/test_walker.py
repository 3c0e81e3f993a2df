"""The walker: which population it starts and when, and every slot, clock by clock."""

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator as AmaranthSimulator

from hubel.hdl.params import WalkKind
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.verilog import to_verilog
from hubel.hdl.walker import SlotLayout, Walker
from hubel.sim import simulator as simulators
from hubel.sim.streams import Packing

from ..programs import random_chain, random_program
from .cocotb_walker import Clock, Outside, names
from .graphs import GRAPHS, everything, graph
from .test_address_tables import Case, case
from .vectors import ports
from .walker_model import SEEN, check


def cases() -> dict[str, Case]:
    """Chains (their parameters differ between neurons, so that a word takes two slots at least)
    and graphs, in which one is enough."""

    def rng() -> np.random.Generator:
        return np.random.default_rng(1)

    even = random_program(np.random.default_rng(8), lanes=2, features={"several", "pool", "planes"})
    found = {
        "three": case(random_chain(rng(), 6, 17, 9, 3), 4),
        "one word": case(random_chain(rng(), 3, 2), 2),
        "one word each": case(random_chain(rng(), 5, 4, 3, 2, 4, 1), 4),
        "everything": case(everything(rng(), weight_width=8, state_width=16), 8),
        "even": case(even, 2),
    }
    return found | {name.replace(",", ""): case(graph(rng(), name), 4) for name in GRAPHS}


CASES = cases()


def walk_in_pysim(found: Case, **outside: Any) -> list[Clock]:
    """What the bench ``cocotb_walker`` gives, from Amaranth's own simulator."""
    dut = Walker(found.params, found.tables)
    port = ports(dut)
    watched = names(found.params)
    clocks: list[Clock] = []

    async def bench(ctx):
        world, idle = Outside(found.params, **outside), 0
        while idle < patience(outside):
            for name, value in world.next_clock().items():
                ctx.set(port[name], value)
            _, _, *values = await ctx.tick().sample(*(Value.cast(port[name]) for name in watched))
            clock = dict(zip(watched, values, strict=True))
            clocks.append(clock)
            world.given(clock["slot"])
            idle = 0 if clock["busy"] or not world.idle else idle + 1
            assert len(clocks) < 50_000, f"stuck with {world.left} packets left"

    simulator = AmaranthSimulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return clocks


def patience(outside: dict) -> int:
    """Clocks without a change after which nothing can change any more."""
    return 100 + 10 * outside["delay"]


PACES = {
    "smooth": {"gap": 0.0, "block": 0.0, "delay": 1},
    "rough": {"gap": 0.0, "block": 0.5, "delay": 25},
    "slow": {"gap": 0.7, "block": 0.2, "delay": 5},
}


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", CASES)
def test_random_packets(name: str, pace: str) -> None:
    found = CASES[name]
    steps = 4 if name == "everything" else 20
    seen = check(found, walk_in_pysim(found, steps=steps, seed=1, **PACES[pace]))
    assert seen["steps"] == steps * len(found.params.populations), seen


def test_the_random_packets_reach_the_corners() -> None:
    total = dict.fromkeys(SEEN, 0)
    for name in ("three", "one word each", "now and later", "a loop of three"):
        seen = check(CASES[name], walk_in_pysim(CASES[name], steps=15, seed=2, **PACES["rough"]))
        total = {what: count + seen[what] for what, count in total.items()}
    assert min(total.values()) >= 5, total
    assert {found.params.minimum_slots for found in CASES.values()} == {1, 2}
    kinds = {p.kind for found in CASES.values() for p in found.params.projections}
    assert kinds == set(WalkKind)
    for what in ("address", "words_in_flight"):
        assert len({getattr(Pipeline(found.params), what) for found in CASES.values()}) > 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lanes = int(rng.choice([2, 4, 8]))
    found = case(random_program(rng, lanes=lanes), lanes)
    pace = PACES[("smooth", "rough", "slow")[seed % 3]]
    seen = check(found, walk_in_pysim(found, steps=6, seed=seed, **pace))
    assert seen["steps"] == 6 * len(found.params.populations), seen


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", ["three", "everything"])
def test_random_packets_in_simulators(simulator, cache_dir, name: str, pace: str) -> None:
    found = CASES[name]
    steps = 8 if name == "everything" else 30
    text = to_verilog(Walker(found.params, found.tables), name="walker")
    outside = {"steps": steps, "seed": 2, **PACES[pace]}
    clocks = simulators.run(
        simulators.build(text, "walker", simulator, cache_dir=cache_dir),
        "hdl.cocotb_walker",
        parameters={
            "params": pickle.dumps(found.params).hex(),
            "outside": outside,
            "patience": patience(outside),
        },
    )
    assert check(found, clocks)["steps"] == steps * len(found.params.populations)


def test_a_population_waits_for_a_list_in_the_next_one() -> None:
    # Words leave slowly, so that steps pile up behind each other.
    found = CASES["one word each"]
    seen = check(found, walk_in_pysim(found, steps=25, gap=0.0, block=0.2, delay=20, seed=3))
    assert seen["no list"] > 0, seen


def test_no_bubble_between_events_and_words() -> None:
    """Words of two events and more follow each other without a clock between them, and the next
    population three clocks after the last slot of the one before."""
    found = CASES["three"]
    slots = Packing(SlotLayout(found.params))
    busy = [
        (number, slot)
        for number, clock in enumerate(
            walk_in_pysim(found, steps=20, gap=0.0, block=0.0, delay=1, seed=4)
        )
        if clock["busy"] and (slot := slots.unpack(clock["slot"]))
    ]
    followed = 0
    for (before, slot), (after, following) in pairwise(busy):
        same = slot["population"] == following["population"]
        if slot["last"] and slot["final"]:
            assert after >= before + 3
            followed += after == before + 3
        else:
            assert after == before + 1 and same, f"clock {after}"
    assert followed > 10
