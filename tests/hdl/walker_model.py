"""What a walker must do, clock by clock, from what it was sent: a model in whole steps."""

from collections import deque
from typing import NamedTuple

import numpy as np

from hubel.hdl.address_tables import JobLayout
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.scatter_walker import ScatterSlotLayout
from hubel.hdl.walker import SlotLayout
from hubel.sim.streams import Packing

from .clockwork import Clockwork
from .cocotb_walker import Clock
from .scatter import Slot, scatter_slots
from .test_address_tables import Case

#: Clocks from ``start`` of a scattered projection to its first slot.
FIRST = 8


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
    load = [Due()] * Pipeline(params).load
    for j in params.scattered(p):
        due += load
        slots = [s for n in spikes(j) for s in scatter_slots(params, found.tables, j, n)]
        due += [Due()] * (FIRST - 1 if slots else 0)
        due += [Due(scatter=slot, scatters=True) for slot in slots]
        due.append(Due())
    due += load
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
