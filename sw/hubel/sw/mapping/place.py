"""Where on the mesh each core is."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from .routes import tree_links
from .traffic import Cost, Flow, cost

#: Best: as few hops as annealing finds. Random: anywhere.
Placing = Literal["best", "random"]

#: Moves that are tried for each place, and the temperatures between which they are, in units of the
#: mean packets of a flow.
_MOVES, _HOT, _COLD = 200, 1.0, 0.005

#: Runs of which the best is taken.
_RUNS = 3

#: Random placements whose mean is what a placement is compared with.
_SAMPLES = 32


def random_placement(cores: int, nodes: int, rng: np.random.Generator) -> list[int]:
    """Node of each core."""
    return [int(node) for node in rng.permutation(nodes)[:cores]]


def mean_random(
    flows: Sequence[Flow], cores: int, *, rows: int, columns: int, gateway: int, seed: int
) -> Cost:
    """The mean cost of random placements."""
    rng = np.random.default_rng(seed)
    found = [
        cost(flows, [*random_placement(cores, rows * columns, rng), gateway], columns)
        for _ in range(_SAMPLES)
    ]
    return Cost(
        hops=float(np.mean([c.hops for c in found])),
        busiest=float(np.mean([c.busiest for c in found])),
    )


def place(
    flows: Sequence[Flow],
    cores: int,
    *,
    rows: int,
    columns: int,
    gateway: int,
    placing: Placing = "best",
    seed: int = 0,
) -> list[int]:
    """Node of each core: endpoint ``c`` of ``flows`` is core ``c``, endpoint ``cores`` the gateway,
    which is at node ``gateway``.

    ``best`` is simulated annealing, two nodes exchanged at a time, on the hops of all packets, from
    a random placement; then exchanges as long as one helps, on the hops and the packets over the
    busiest link together. The best of a few such runs is taken. The same seed gives the same
    placement.
    """
    if placing not in ("best", "random"):
        raise ValueError(f"a placement is 'best' or 'random', not {placing!r}")
    rng = np.random.default_rng(seed)
    nodes = rows * columns
    at = random_placement(cores, nodes, rng)
    if placing == "random" or nodes == 1:
        return at
    found = []
    for _ in range(_RUNS):
        # Every node has a place in the order, those without a core too.
        order = random_placement(nodes, nodes, rng)
        order = _anneal(flows, cores, order, columns, gateway, rng)
        order = _descend(flows, cores, order, columns, gateway)
        found.append((_value(flows, cores, order, columns, gateway), order[:cores]))
    return min(found)[1]


class _Hops:
    """Hops of each flow, kept up to date when nodes are exchanged."""

    def __init__(
        self, flows: Sequence[Flow], cores: int, order: list[int], columns: int, gateway: int
    ) -> None:
        self.flows, self.cores, self.columns, self.gateway = flows, cores, columns, gateway
        self.order = list(order)
        self.touching: list[list[int]] = [[] for _ in order]
        for number, flow in enumerate(flows):
            for end in {flow.start, *flow.ends} - {cores}:
                self.touching[end].append(number)
        self.each = [self._hops(flow) for flow in flows]

    def _hops(self, flow: Flow) -> float:
        node = [*self.order[: self.cores], self.gateway]
        ends = [node[end] for end in flow.ends]
        return flow.packets * tree_links(node[flow.start], ends, self.columns)

    def exchange(self, a: int, b: int) -> dict[int, float]:
        """Exchange two places; the hops before of all flows that this may have changed."""
        self.order[a], self.order[b] = self.order[b], self.order[a]
        before = {}
        for number in {*self.touching[a], *self.touching[b]}:
            before[number] = self.each[number]
            self.each[number] = self._hops(self.flows[number])
        return before

    def undo(self, a: int, b: int, before: dict[int, float]) -> None:
        """Take an exchange back."""
        self.order[a], self.order[b] = self.order[b], self.order[a]
        for number, hops in before.items():
            self.each[number] = hops


def _anneal(
    flows: Sequence[Flow],
    cores: int,
    order: list[int],
    columns: int,
    gateway: int,
    rng: np.random.Generator,
) -> list[int]:
    state = _Hops(flows, cores, order, columns, gateway)
    total = sum(state.each)
    best, least = list(state.order), total
    scale = sum(flow.packets for flow in flows) / len(flows)
    moves = _MOVES * len(order)
    for move in range(moves):
        temperature = scale * _HOT * (_COLD / _HOT) ** (move / moves)
        # One of the two has a core.
        a, b = int(rng.integers(cores)), int(rng.integers(len(order) - 1))
        b += b >= a
        before = state.exchange(a, b)
        change = sum(state.each[number] - hops for number, hops in before.items())
        if change <= 0 or rng.random() < math.exp(-change / temperature):
            total += change
            if total < least - 1e-9:
                best, least = list(state.order), total
        else:
            state.undo(a, b, before)
    return best


def _value(
    flows: Sequence[Flow], cores: int, order: list[int], columns: int, gateway: int
) -> float:
    """Hops, and the packets over the busiest link once more."""
    found = cost(flows, [*order[:cores], gateway], columns)
    return round(found.hops + found.busiest, 9)


def _descend(
    flows: Sequence[Flow], cores: int, order: list[int], columns: int, gateway: int
) -> list[int]:
    """Exchange nodes as long as one exchange makes :func:`_value` less."""
    least = _value(flows, cores, order, columns, gateway)
    while True:
        found = None
        for a in range(cores):
            for b in range(a + 1, len(order)):
                other = list(order)
                other[a], other[b] = other[b], other[a]
                if (now := _value(flows, cores, other, columns, gateway)) < least:
                    found, least = other, now
        if found is None:
            return order
        order = found
