"""The dense walker: which population it starts and when, and every slot, clock by clock."""

from collections import deque
from dataclasses import asdict
from random import Random

import pytest
from amaranth.sim import Simulator as AmaranthSimulator

from hubel.hdl.dense_walker import DenseWalker, SlotLayout
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.verilog import to_verilog
from hubel.sim import simulator as simulators
from hubel.sim.streams import Packing

from .cocotb_walker import INPUTS, OUTPUTS, Words
from .vectors import ports

LIMIT = 4
Clock = dict[str, int]
Clocks = list[Clock]
Packet = tuple[EventKind, int, int]

SIZES = {
    "three": CoreParams(inputs=(6, 17, 9), neurons=(17, 9, 3), lanes=4),
    "one word": CoreParams(inputs=(3,), neurons=(2,), lanes=2),
    "one word each": CoreParams(inputs=(5, 4, 3, 2, 4), neurons=(4, 3, 2, 4, 1), lanes=4),
}


def step_packets(draw: Random, params: CoreParams, p: int, *, fresh: bool, count: int) -> list:
    """A step of population ``p`` with ``count`` events on any of its axons."""
    start = [(EventKind.START, p, 0)] if fresh else []
    axons = [draw.randrange(params.inputs[p]) for _ in range(count)]
    return [*start, *((EventKind.SPIKE, p, axon) for axon in axons), (EventKind.END, p, 0)]


def random_packets(params: CoreParams, steps: int, seed: int) -> list[Packet]:
    """``steps`` steps of each population, with none to more than all axons: the populations in
    turn, and within a turn in any order."""
    draw = Random(seed)
    packets = []
    for _ in range(steps):
        turn = []
        for p, inputs in enumerate(params.inputs):
            count = draw.choice([0, 1, 2, 3, inputs, inputs, inputs + 2, draw.randrange(inputs)])
            turn.append(
                deque(step_packets(draw, params, p, fresh=draw.random() < 0.3, count=count))
            )
        while any(turn):
            packets.append(draw.choice([part for part in turn if part]).popleft())
    return packets


def check(params: CoreParams, clocks: Clocks) -> dict[str, int]:
    """AssertionError where a clock is not what the walker's contract says. Returns how often
    something worth testing happened."""
    packing, slots = Packing(EventLayout(params)), Packing(SlotLayout(params))
    populations = range(params.populations)
    filling: list[list[int]] = [[] for _ in populations]
    fresh = [False for _ in populations]
    complete: list[deque[tuple[list[int], bool]]] = [deque() for _ in populations]
    # Steps that each population was started for and whose END has not left.
    leaving = [0 for _ in populations]
    # Slots that are still to come in this walk, and the clock of the first.
    walk: deque[tuple[dict[str, int], int | None]] = deque()
    begins = words_out = 0
    addresses: deque[int | None] = deque([None] * 3)
    seen = dict.fromkeys(["steps", "held", "blocked", "no room", "dropped", "refused"], 0)
    for number, clock in enumerate(clocks):
        here = f"clock {number}"
        idle, walking = not walk, bool(walk) and number >= begins
        # Slots are given one a clock; only the last one of a word may have to wait.
        held = walking and bool(walk[0][0]["last"]) and words_out == LIMIT
        seen["held"] += held
        assert clock["busy"] == (walking and not held), f"{here}: busy is {clock['busy']}"
        slot = slots.unpack(clock["slot"])
        address = walked = None
        if clock["busy"]:
            expected, address = walk.popleft()
            assert slot == expected, f"{here}: {slot}, expected {expected}"
            walked = slot["population"] if not walk else None
        else:
            assert not slot["valid"] and not slot["last"], f"{here}: {slot}, but none is due"
        words_out += slot["last"] - clock["done"]
        addresses.append(address)
        address = addresses.popleft()
        assert address is None or clock["weight_address"] == address, f"{here}: weight address"
        # Of the populations that may start, the last one starts.
        for p in reversed(populations) if idle else ():
            blocked = clock["blocked"] >> p & 1
            room = p == populations[-1] or leaving[p] + len(complete[p + 1]) < 2
            seen["blocked"] += bool(complete[p] and blocked)
            seen["no room"] += bool(complete[p] and not room)
            if complete[p] and room and not blocked:
                walk, begins = walk_of(params, p, *complete[p][0]), number + 2
                leaving[p] += 1
                seen["steps"] += 1
                break
        for p in populations:
            leaving[p] -= clock["ended"] >> p & 1
        # The packet of this clock, then the release of what was walked.
        packet = packing.unpack(clock["events__payload"])
        p = packet["population"]
        spike = end = full = False
        if clock["events__valid"]:
            ready = len(complete[p]) < 2
            assert clock["events__ready"] == ready, f"{here}: events.ready is {not ready}"
            seen["refused"] += not ready
            kind = EventKind(packet["kind"])
            spike, end = ready and kind is EventKind.SPIKE, ready and kind is EventKind.END
            fresh[p] |= ready and kind is EventKind.START
            full = spike and len(filling[p]) == params.inputs[p]
            seen["dropped"] += full
        assert (clock["accepted"], clock["dropped"]) == (spike and not full, full), here
        if walked is not None:
            complete[walked].popleft()
        if spike and not full:
            filling[p].append(packet["index"])
        if end:
            complete[p].append((filling[p], fresh[p]))
            filling[p], fresh[p] = [], False
    assert not walk and not any(complete), "something is left to do"
    return seen


def walk_of(
    params: CoreParams, p: int, axons: list[int], fresh: bool
) -> deque[tuple[dict[str, int], int | None]]:
    """The slots of a step of population ``p`` and their weight addresses."""
    walk: deque[tuple[dict[str, int], int | None]] = deque()
    for i in range(params.words[p]):
        count = max(2, len(axons))
        for position in range(count):
            valid = position < len(axons)
            slot = {
                "valid": int(valid),
                "last": int(position == count - 1),
                "first": int(i == 0),
                "final": int(i == params.words[p] - 1),
                "fresh": int(fresh),
                "population": p,
                "row": params.first_word[p] + i,
            }
            weight = params.first_weight[p] + i * params.inputs[p]
            walk.append((slot, weight + axons[position] if valid else None))
    return walk


def packed_packets(params: CoreParams, packets: list[Packet]) -> list[int]:
    packing = Packing(EventLayout(params))
    return [packing.pack(kind=k.value, population=p, index=i) for k, p, i in packets]


def walk_in_pysim(
    params: CoreParams, packets: list[Packet], *, gap: float, block: float, delay: int, seed: int
) -> Clocks:
    """What the bench ``cocotb_walker`` gives, from Amaranth's own simulator."""
    dut = DenseWalker(params, words_in_flight=LIMIT)
    draw = Random(seed)
    port = ports(dut)
    names = [*INPUTS, *OUTPUTS]
    clocks: Clocks = []
    left = deque(packed_packets(params, packets))

    async def bench(ctx):
        words = Words(Packing(SlotLayout(params)), delay, draw)
        idle = 0
        valid = False
        while idle < 50 + 10 * delay:
            valid = bool(left) and (valid or draw.random() >= gap)
            done, ended = words.next_clock()
            ctx.set(port["events__valid"], valid)
            ctx.set(port["events__payload"], left[0] if valid else 0)
            ctx.set(port["done"], done)
            ctx.set(port["ended"], ended)
            ctx.set(port["blocked"], sum((draw.random() < block) << p for p in range(len(blocked))))
            _, _, *values = await ctx.tick().sample(*(port[name] for name in names))
            clock = dict(zip(names, values, strict=True))
            clocks.append(clock)
            if valid and clock["events__ready"]:
                left.popleft()
                valid = False
            words.given(clock["slot"])
            idle = 0 if clock["busy"] or words or left else idle + 1
            assert len(clocks) < 50_000, f"stuck with {len(left)} packets left"

    blocked = port["blocked"]
    simulator = AmaranthSimulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return clocks


PACES = [
    {"gap": 0.0, "block": 0.0, "delay": 1},
    {"gap": 0.0, "block": 0.5, "delay": 25},
    {"gap": 0.7, "block": 0.2, "delay": 5},
]


@pytest.mark.parametrize("pace", PACES, ids=["smooth", "rough", "slow"])
@pytest.mark.parametrize("name", SIZES)
def test_random_packets(name: str, pace: dict) -> None:
    params = SIZES[name]
    seen = check(params, walk_in_pysim(params, random_packets(params, 25, 1), **pace, seed=1))
    assert seen["steps"] == 25 * params.populations
    assert seen["dropped"] > 0
    if pace["delay"] > 20:
        assert seen["held"] > 0 and seen["blocked"] > 0 and seen["refused"] > 0, seen


@pytest.mark.parametrize("pace", PACES, ids=["smooth", "rough", "slow"])
def test_random_packets_in_simulators(simulator, cache_dir, pace: dict) -> None:
    params = SIZES["three"]
    text = to_verilog(DenseWalker(params, words_in_flight=LIMIT), name="walker")
    packets = packed_packets(params, random_packets(params, 30, seed=2))
    clocks = simulators.run(
        simulators.build(text, "walker", simulator, cache_dir=cache_dir),
        "hdl.cocotb_walker",
        parameters={"packets": packets, "params": asdict(params), "seed": 2, **pace},
    )
    assert check(params, clocks)["steps"] == 30 * 3


def test_a_population_waits_for_a_list_in_the_next_one() -> None:
    params = SIZES["one word each"]
    # Words leave slowly, so that steps pile up behind each other.
    packets = random_packets(params, 25, seed=3)
    seen = check(params, walk_in_pysim(params, packets, gap=0.0, block=0.2, delay=20, seed=3))
    assert seen["no room"] > 0, seen


def test_no_bubble_between_events_and_words() -> None:
    """Words of two events and more follow each other without a clock between them, and the next
    population three clocks after the last slot of the one before."""
    params = SIZES["three"]
    draw = Random(4)
    packets = [
        packet
        for p in (1, 0)
        for packet in step_packets(draw, params, p, fresh=True, count=params.inputs[p] - 1)
    ]
    clocks = walk_in_pysim(params, packets, gap=0.0, block=0.0, delay=1, seed=4)
    slots = Packing(SlotLayout(params))
    busy = [
        (number, slots.unpack(clock["slot"])["population"])
        for number, clock in enumerate(clocks)
        if clock["busy"]
    ]
    for p in (0, 1):
        numbers = [number for number, population in busy if population == p]
        assert len(numbers) == params.words[p] * (params.inputs[p] - 1)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    last = max(number for number, population in busy if population == 1)
    assert min(number for number, population in busy if population == 0) == last + 3
