"""Where on the mesh each core is."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from .traffic import Cost, Flow, cost
from .wiring import Wiring

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
    if placing == "random" or nodes == 1:
        return random_placement(cores, nodes, rng)
    wiring, found = Wiring(flows, rows, columns), []
    for _ in range(_RUNS):
        # Every node has a place in the order, those without a core too.
        order = rng.permutation(nodes)
        order = _anneal(wiring, cores, order, gateway, rng)
        order, value = _descend(wiring, cores, order, gateway)
        found.append((value, order[:cores].tolist()))
    return min(found)[1]


def _placed(order: npt.NDArray[np.int64], cores: int, gateway: int) -> npt.NDArray[np.int64]:
    """Node of each endpoint."""
    return np.append(order[:cores], gateway)


def _anneal(
    wiring: Wiring,
    cores: int,
    order: npt.NDArray[np.int64],
    gateway: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """The order with the fewest hops that was met."""
    now = wiring.hops(_placed(order, cores, gateway))
    best, least = order.copy(), now
    moves = _MOVES * len(order)
    for move in range(moves):
        temperature = wiring.mean_packets * _HOT * (_COLD / _HOT) ** (move / moves)
        # One of the two has a core.
        a, b = int(rng.integers(cores)), int(rng.integers(len(order) - 1))
        b += b >= a
        order[[a, b]] = order[[b, a]]
        change = wiring.hops(_placed(order, cores, gateway)) - now
        if change <= 0 or rng.random() < math.exp(-change / temperature):
            now += change
            if now < least - 1e-9:
                best, least = order.copy(), now
        else:
            order[[a, b]] = order[[b, a]]
    return best


def _descend(
    wiring: Wiring, cores: int, order: npt.NDArray[np.int64], gateway: int
) -> tuple[npt.NDArray[np.int64], float]:
    """Exchange nodes as long as an exchange makes the value less."""
    least = wiring.value(_placed(order, cores, gateway))
    improves = True
    while improves:
        improves = False
        for a in range(cores):
            for b in range(a + 1, len(order)):
                order[[a, b]] = order[[b, a]]
                value = wiring.value(_placed(order, cores, gateway))
                if value < least:
                    least, improves = value, True
                else:
                    order[[a, b]] = order[[b, a]]
    return order, least
