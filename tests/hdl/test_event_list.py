"""The event list against Python lists, clock by clock."""

from collections import deque
from random import Random

import pytest

from hubel.hdl.event_list import EventList
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.sim.streams import Packing

from .vectors import Clocks, compare

SIZES = {
    "one population": CoreParams(inputs=(5,), neurons=(1,)),
    "least": CoreParams(inputs=(2,), neurons=(1,), lanes=2),
    "three": CoreParams(inputs=(3, 16, 2), neurons=(16, 2, 9)),
    "five": CoreParams(inputs=(4, 7, 2, 8, 9), neurons=(7, 2, 8, 9, 1)),
}


class Lists:
    """The lists of one population."""

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.filling: list[int] = []
        self.fresh = False
        self.complete: deque[tuple[list[int], bool]] = deque()

    @property
    def ready(self) -> bool:
        return len(self.complete) < 2

    @property
    def full(self) -> bool:
        return len(self.filling) == self.inputs

    def take(self, kind: EventKind, axon: int) -> None:
        if kind is EventKind.SPIKE and not self.full:
            self.filling.append(axon)
        elif kind is EventKind.START:
            self.fresh = True
        elif kind is EventKind.END:
            self.complete.append((self.filling, self.fresh))
            self.filling, self.fresh = [], False


def vectors(
    params: CoreParams, seed: int, *, gap: float, hold: float, clocks: int
) -> tuple[Clocks, Clocks, dict[str, int]]:
    """Inputs, expected outputs, and how often something worth testing happened.

    ``gap`` is the probability of a clock without a packet, ``hold`` that a complete step is not
    released in a clock. A packet that is not taken is offered until it is.
    """
    draw = Random(seed)
    packing = Packing(EventLayout(params))
    lists = [Lists(inputs) for inputs in params.inputs]
    inputs: Clocks = []
    expected: Clocks = [{} for _ in range(clocks + 1)]
    seen = dict.fromkeys(["refused", "dropped", "empty", "exactly full", "both", "fresh"], 0)
    offer: tuple[EventKind, int, int] | None = None
    for clock in range(clocks):
        if offer is None and draw.random() >= gap:
            p = draw.randrange(params.populations)
            [kind] = draw.choices(list(EventKind), weights=[2 + params.inputs[p], 3, 1])
            offer = kind, p, draw.randrange(params.inputs[p])
        # While there is no packet its fields are anything.
        kind, p, index = offer or (
            draw.choice(list(EventKind)),
            draw.randrange(params.populations),
            0,
        )
        used = draw.randrange(params.populations)
        complete = lists[used].complete
        release = bool(complete) and draw.random() >= hold
        position = draw.randrange(params.inputs[used])
        inputs.append(
            {
                "events__valid": int(offer is not None),
                "events__payload": packing.pack(kind=kind.value, population=p, index=index),
                "population": used,
                "position": position,
                "release": int(release),
            }
        )
        taken = offer is not None and lists[p].ready
        spike = taken and kind is EventKind.SPIKE
        expected[clock] |= {
            "events__ready": int(lists[p].ready),
            "complete": sum(bool(each.complete) << i for i, each in enumerate(lists)),
            "full": sum((not each.ready) << i for i, each in enumerate(lists)),
            "accepted": int(spike and not lists[p].full),
            "dropped": int(spike and lists[p].full),
        }
        if complete:
            axons, fresh = complete[0]
            expected[clock] |= {"count": len(axons), "fresh": int(fresh)}
            if position < len(axons):
                expected[clock + 1]["axon"] = axons[position]
            seen["empty"] += not axons
            seen["exactly full"] += len(axons) == params.inputs[used]
            seen["fresh"] += fresh
        seen["refused"] += offer is not None and not taken
        seen["dropped"] += spike and lists[p].full
        seen["both"] += taken and kind is EventKind.END and release and p == used
        if taken:
            lists[p].take(kind, index)
            offer = None
        if release:
            complete.popleft()
    return inputs, expected[:clocks], seen


PACES = [(0.0, 0.9), (0.0, 0.5), (0.0, 0.0), (0.7, 0.7)]


@pytest.mark.parametrize("gap, hold", PACES)
@pytest.mark.parametrize("params", SIZES.values(), ids=SIZES.keys())
def test_random_packets(params: CoreParams, gap: float, hold: float) -> None:
    inputs, expected, _ = vectors(params, 1, gap=gap, hold=hold, clocks=2000)
    compare(EventList(params), inputs, expected)


def test_the_random_packets_reach_the_corners() -> None:
    for name, params in SIZES.items():
        runs = [vectors(params, 1, gap=gap, hold=hold, clocks=2000)[2] for gap, hold in PACES]
        seen = {corner: sum(run[corner] for run in runs) for corner in runs[0]}
        assert min(seen.values()) > 0, (name, seen)


def test_random_packets_in_simulators(play) -> None:
    params = SIZES["three"]
    inputs, expected, seen = vectors(params, 2, gap=0.2, hold=0.8, clocks=3000)
    assert min(seen.values()) > 0, seen
    compare(EventList(params), inputs, expected, play)
