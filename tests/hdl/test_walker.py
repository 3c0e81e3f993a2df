"""The walker: which population it starts and when, and every slot, clock by clock."""

import pickle
from collections import deque
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator as AmaranthSimulator

from hubel.hdl.address_tables import JobLayout
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import WalkKind
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.scatter_walker import ScatterSlotLayout
from hubel.hdl.verilog import to_verilog
from hubel.hdl.walker import SlotLayout, Walker
from hubel.sim import simulator as simulators
from hubel.sim.streams import Packing

from ..programs import random_chain, random_program
from .clockwork import Clockwork
from .cocotb_walker import Clock, Outside, names
from .graphs import GRAPHS, everything, graph
from .scatter import Slot, scatter_slots
from .test_address_tables import Case, case
from .vectors import ports

#: Clocks from ``start`` of a scattered projection to its first slot.
FIRST = 7


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


class Due(NamedTuple):
    """What is due in a clock: nothing, a slot of a sweep with its weight address, a slot of a
    scattered projection, or a row to be cleared."""

    sweep: dict[str, int] | None = None
    address: int | None = None
    scatter: Slot = None
    scatters: bool = False
    clear: int | None = None


class Lists:
    """The steps of one source: spikes as neurons, and whether a sample starts."""

    def __init__(self, codes: list[int]):
        self._neuron = {code: neuron for neuron, code in enumerate(codes)}
        self.filling: list[int] = []
        self.fresh = False
        self.steps: list[tuple[list[int], bool]] = []

    @property
    def full(self) -> bool:
        return len(self.filling) == len(self._neuron)

    def take(self, kind: EventKind, code: int) -> None:
        if kind is EventKind.SPIKE and not self.full:
            self.filling.append(self._neuron[code])
        elif kind is EventKind.START:
            self.fresh = True
        elif kind is EventKind.END:
            self.steps.append((self.filling, self.fresh))
            self.filling, self.fresh = [], False


def walk_of(found: Case, p: int, step: int, lists: list[Lists]) -> list[Due]:
    """All that is due from the clock after population ``p`` was chosen until its last slot."""
    params = found.params
    _, fresh = lists[params.clocks[p]].steps[step]

    def spikes(j: int) -> list[int]:
        sizes = params.projections[j]
        if not sizes.delay:
            return lists[sizes.source].steps[step][0]
        return [] if fresh or not step else lists[sizes.source].steps[step - 1][0]

    due: list[Due] = []
    for j in params.scattered(p):
        due.append(Due())
        slots = [s for n in spikes(j) for s in scatter_slots(params, found.tables, j, n)]
        due += [Due()] * (FIRST - 1 if slots else 0)
        due += [Due(scatter=slot, scatters=True) for slot in slots]
        due.append(Due())
    due.append(Due())
    gathered = params.gathered(p)
    axons = [] if gathered is None else [axon_of(found, gathered, n) for n in spikes(gathered)]
    scattered = bool(params.scattered(p))
    shape, words = params.populations[p], params.words[p]
    place_words = words // (shape.height * shape.width)
    for i in range(words):
        count = max(params.minimum_slots, len(axons) + scattered)
        for position in range(count):
            valid = position < len(axons)
            slot = {
                "valid": int(valid),
                "last": int(position == count - 1),
                "first": int(i == 0),
                "final": int(i == words - 1),
                "fresh": int(fresh),
                "population": p,
                "row": params.first_word[p] + i,
            }
            if shape.channels % params.lanes or i % place_words != place_words - 1:
                slot["partial"] = int(i % place_words == place_words - 1)
            if params.current_words:
                slot["take"] = int(scattered and position == len(axons))
                slot["clear"] = 0
                slot |= {"word": i} if slot["take"] else {}
            address = None
            if valid and gathered is not None:
                inputs = params.projections[gathered].weight_words // words
                address = params.first_weight[gathered] + i * inputs + axons[position]
            due.append(Due(sweep=slot, address=address))
    return due


def axon_of(found: Case, projection: int, neuron: int) -> int:
    """The number of the axon of a neuron of the source: in C order, after pooling."""
    sizes = found.params.projections[projection]
    shape = found.params.sources[sizes.source]
    channel, y, x = (int(i) for i in np.unravel_index(neuron, shape.sizes))
    height, width = shape.height // sizes.pool[0], shape.width // sizes.pool[1]
    return (channel * height + y // sizes.pool[0]) * width + x // sizes.pool[1]


SEEN = ("steps", "held", "blocked", "no list", "dropped", "refused", "empty", "nothing met",
        "delayed", "not yet")  # fmt: skip


def check(found: Case, clocks: list[Clock]) -> dict[str, int]:
    """AssertionError where a clock is not what the walker's contract says. Returns how often
    something worth testing happened."""
    params = found.params
    packing, slots = Packing(EventLayout(params)), Packing(SlotLayout(params))
    scatters = Packing(ScatterSlotLayout(JobLayout(params, found.tables)))
    limit, cycles = Pipeline(params).words_in_flight, Pipeline(params)
    lists = [Lists(shape.codes().tolist()) for shape in params.sources]
    heard = [bool(params.consumers(s)) for s in range(len(lists))]
    steps = Clockwork(params)
    # A reset does not clear memories.
    due: deque[Due] = deque(Due(clear=row) for row in range(params.current_words))
    addresses: deque[int | None] = deque([None] * cycles.address)
    words_out = 0
    seen: dict[str, int] = dict.fromkeys(SEEN, 0)
    for number, clock in enumerate(clocks):
        here = f"clock {number}"
        # Of the populations that may start, the last one starts.
        for p in reversed(range(len(params.populations))) if not due else ():
            blocked = clock["blocked"] >> p & 1
            seen["blocked"] += bool(steps.may_start(p) and blocked)
            source = len(params.inputs) + p
            seen["no list"] += not steps.has_list(source, steps.finished[p])
            if steps.may_start(p) and not blocked:
                # It is loaded in the next clock.
                due.append(Due())
                due += walk_of(found, p, steps.finished[p], lists)
                seen["steps"] += 1
                count_steps(found, p, due, seen)
                break
        now = due[0] if due else Due()
        held = now.sweep is not None and bool(now.sweep["last"]) and words_out == limit
        seen["held"] += held
        if due and not held:
            due.popleft()
        now = Due() if held else now
        busy = now.sweep is not None or now.scatters
        assert clock["busy"] == busy, f"{here}: busy is {clock['busy']}"
        slot = slots.unpack(clock["slot"])
        expected = now.sweep or {"valid": 0, "last": 0}
        if params.current_words:
            expected = {"take": 0, "clear": int(now.clear is not None), **expected}
            expected |= {} if now.clear is None else {"word": now.clear}
            scatter = scatters.unpack(clock["scatter"])
            wanted = now.scatter or {"valid": 0}
            assert scatter | wanted == scatter, f"{here}: {scatter}, expected {wanted}"
        assert slot | expected == slot, f"{here}: {slot}, expected {expected}"
        words_out += slot["last"] - clock["done"]
        assert 0 <= words_out <= limit
        addresses.append(now.address)
        address = addresses.popleft()
        assert address is None or clock["weight_address"] == address, f"{here}: weight address"
        # The packet of this clock, and what is free after it.
        may_fill = sum(steps.may_fill(i) << i for i in range(len(params.inputs)))
        assert clock["may_fill"] == may_fill, f"{here}: may_fill is {clock['may_fill']}"
        seen["refused"] += may_fill != (1 << len(params.inputs)) - 1
        packet = packing.unpack(clock["packet"])
        source, kind = packet["source"], EventKind(packet["kind"])
        spike = full = False
        if clock["take"] and heard[source]:
            spike, full = kind is EventKind.SPIKE, lists[source].full
            seen["dropped"] += spike and full
            lists[source].take(kind, packet["code"])
            steps.completed[source] += kind is EventKind.END
        assert clock["accepted"] == (spike and not full), here
        assert clock["dropped"] == (spike and full), here
        if slot["last"] and slot["final"]:
            steps.finished[slot["population"]] += 1
    assert not due, "something is left to do"
    return seen


def count_steps(found: Case, p: int, due: deque[Due], seen: dict[str, int]) -> None:
    """What of a step is worth testing."""
    seen["nothing met"] += sum(d.scatters and d.scatter is None for d in due)
    seen["empty"] += not any(d.scatters or (d.sweep and d.sweep["valid"]) for d in due)
    later = [j for j in found.params.scattered(p) if found.params.projections[j].delay]
    fresh = any(d.sweep and d.sweep["fresh"] for d in due)
    seen["delayed"] += bool(later) and not fresh
    seen["not yet"] += bool(later) and fresh


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
