"""The event list against Python lists, clock by clock."""

from random import Random

import pytest

from hubel.hdl.event_list import EventList
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.pipeline import uses_tables
from hubel.hdl.shape import Shape
from hubel.sim.streams import Packing

from .sizes import chain, sizes
from .vectors import Clocks, compare

SIZES = {
    "one population": chain(5, 1),
    "least": chain(2, 1, lanes=2),
    "one axon": chain(1, 1),
    "three": chain(3, 16, 2, 9),
    "five": chain(4, 7, 2, 8, 9, 1),
    # Nobody reads the second input and the last population. Codes have gaps.
    "planes": sizes(
        (Shape(3, 5, 2), Shape(7), Shape(1, 3, 3)),
        (Shape(5, 1, 3), Shape(4), Shape(2, 2, 2)),
        [(0, 0, 0), (3, 1, 1), (2, 1, 0), (4, 2, 0), (0, 2, 1)],
    ),
}


class Lists:
    """The two lists of one source."""

    def __init__(self, neurons: int):
        self.neurons = neurons
        self.rows: list[dict[int, int]] = [{}, {}]
        self.filled = self.ended = 0
        self.fresh = False
        # Of the last complete step in each list: spikes, and whether a sample starts with it.
        self.steps: list[tuple[int, bool] | None] = [None, None]

    @property
    def full(self) -> bool:
        return self.filled == self.neurons

    def take(self, kind: EventKind, code: int) -> None:
        if kind is EventKind.SPIKE and not self.full:
            self.rows[self.ended % 2][self.filled] = code
            self.filled += 1
        elif kind is EventKind.START:
            self.fresh = True
        elif kind is EventKind.END:
            self.steps[self.ended % 2] = self.filled, self.fresh
            self.ended += 1
            self.filled, self.fresh = 0, False


CORNERS = ("waits", "dropped", "empty", "exactly full", "fresh", "unread", "both", "met", "old")


def vectors(
    params: CoreParams, seed: int, *, gap: float, busy: float, clocks: int
) -> tuple[Clocks, Clocks, dict[str, int]]:
    """Inputs, expected outputs, and how often something worth testing happened.

    ``gap`` is the probability of a clock without a packet, ``busy`` that a packet that is there is
    not taken in a clock. Any row of any list is read, if it was ever filled.
    """
    draw = Random(seed)
    packing = Packing(EventLayout(params))
    lists = [Lists(shape.neurons) for shape in params.sources]
    codes = [shape.codes().tolist() for shape in params.sources]
    read = [s for s in range(len(lists)) if params.consumers(s)]
    inputs: Clocks = []
    expected: Clocks = [{} for _ in range(clocks + 2)]
    seen: dict[str, int] = dict.fromkeys(CORNERS, 0)
    before: tuple[int, int, int] | None = None
    # A position is in the list of this clock, or of the one before (0, 0 after the reset).
    late = uses_tables(params)
    chosen = 0, 0
    for clock in range(clocks):
        s = draw.randrange(len(lists))
        offered, taken = draw.random() >= gap, draw.random() >= busy
        taken = taken and offered
        weights = [2 + params.sources[s].neurons, 3, 1]
        # While there is no packet its fields are anything.
        [kind] = draw.choices(list(EventKind), weights=weights if offered else [1, 1, 1])
        code = draw.choice(codes[s])
        previous, chosen = chosen, (draw.choice(read), draw.randrange(2))
        source, parity = previous if late else chosen
        asked, asked_parity = draw.choice(read), draw.randrange(2)
        known = lists[source].rows[parity]
        position = draw.choice([*known, 0]) if draw.random() < 0.9 else 0
        inputs.append(
            {
                "packet": packing.pack(kind=kind.value, source=s, code=code),
                "take": int(taken),
                "source": chosen[0],
                "parity": chosen[1],
                "clock": asked,
                "clock_parity": asked_parity,
                "position": position,
            }
        )
        heard = taken and s in read
        spike, end = heard and kind is EventKind.SPIKE, heard and kind is EventKind.END
        expected[clock] |= {
            "accepted": int(spike and not lists[s].full),
            "dropped": int(spike and lists[s].full),
            "ended": int(end) << s,
        }
        mine, other = lists[chosen[0]].steps[chosen[1]], lists[asked].steps[asked_parity]
        if mine is not None:
            expected[clock]["count"] = mine[0]
            seen["empty"] += mine[0] == 0
            seen["exactly full"] += mine[0] == params.sources[chosen[0]].neurons
        if other is not None:
            expected[clock]["fresh"] = int(other[1])
            seen["fresh"] += other[1]
        # A row that is written while it is read, a clock after its spike was taken, is anybody's
        # guess.
        row = (s, lists[s].ended % 2, lists[s].filled) if spike and not lists[s].full else None
        written = (source, parity, position) == before
        if position in known and not written and (source, parity, position) != row:
            expected[clock + 2]["code"] = known[position]
            seen["old"] += parity != lists[source].ended % 2
        seen["met"] += written
        seen["waits"] += offered and not taken
        seen["dropped"] += spike and lists[s].full
        seen["unread"] += taken and s not in read
        seen["both"] += end and chosen == (s, lists[s].ended % 2)
        if heard:
            lists[s].take(kind, code)
        before = row
    return inputs, expected[:clocks], seen


PACES = [(0.0, 0.9), (0.0, 0.5), (0.0, 0.0), (0.7, 0.3)]


@pytest.mark.parametrize("gap, busy", PACES)
@pytest.mark.parametrize("params", SIZES.values(), ids=SIZES.keys())
def test_random_packets(params: CoreParams, gap: float, busy: float) -> None:
    inputs, expected, _ = vectors(params, 1, gap=gap, busy=busy, clocks=2000)
    compare(EventList(params), inputs, expected)


def test_the_random_packets_reach_the_corners() -> None:
    for name, params in SIZES.items():
        runs = [vectors(params, 1, gap=gap, busy=busy, clocks=2000)[2] for gap, busy in PACES]
        seen = {corner: sum(run[corner] for run in runs) for corner in runs[0]}
        assert min(seen.values()) > 0, (name, seen)


def test_random_packets_in_simulators(play) -> None:
    params = SIZES["planes"]
    inputs, expected, seen = vectors(params, 2, gap=0.2, busy=0.2, clocks=4000)
    assert min(seen.values()) > 0, seen
    compare(EventList(params), inputs, expected, play)


def test_one_step_is_read_while_the_next_is_collected() -> None:
    """Two full steps one after the other, the first chosen in the clock after its END."""
    params = SIZES["planes"]
    packing = Packing(EventLayout(params))
    codes = params.sources[0].codes().tolist()
    first, second = codes, codes[::-1]
    packets = [(EventKind.START, 0), *((EventKind.SPIKE, c) for c in first), (EventKind.END, 0)]
    packets += [*((EventKind.SPIKE, c) for c in second), (EventKind.END, 0)]
    end = len(first) + 1
    inputs: Clocks = []
    expected: Clocks = [{} for _ in range(len(packets) + len(codes) + 3)]
    for clock in range(len(packets) + len(codes) + 1):
        kind, code = packets[clock] if clock < len(packets) else (EventKind.SPIKE, 0)
        inputs.append(
            {
                "packet": packing.pack(kind=kind.value, source=0, code=code),
                "take": int(clock < len(packets)),
                "source": 0,
                "parity": int(clock >= len(packets)),
                "clock": 0,
                "clock_parity": int(clock >= len(packets)),
                "position": 0,
            }
        )
        step, begin = (second, len(packets)) if clock >= len(packets) else (first, end + 1)
        begin += uses_tables(params)
        if begin <= clock < begin + len(codes):
            inputs[-1]["position"] = clock - begin
            expected[clock] |= {"count": len(codes), "fresh": int(step is first)}
            expected[clock + 2]["code"] = step[clock - begin]
    compare(EventList(params), inputs, expected[:-2])
