"""How much a mesh of routers carries: packets that arrive against packets that are offered."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from hubel.hdl.router_port import Port
from hubel.sim.mesh_traffic import Phase, TrafficBench
from hubel.sim.router_mesh import Delivery, MeshModel, tree_masks
from hubel.sim.simulator import find_simulator

__all__ = ["LoadCurve", "load_curves"]

#: Packets that arrive at a node in a clock, if all that is offered does.
LOADS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0)

#: Clocks of each load that are measured, after those that are not.
CLOCKS, WARM_UP = 8000, 2000

#: Part of the offered packets that must arrive where a mesh is not saturated. What is made and
#: taken in so many clocks differs by chance: by 0.4 % in one of 400 times at the least load.
CARRIED = 0.98


@dataclass(frozen=True, kw_only=True)
class LoadCurve:
    """One kind of traffic. Loads are packets a node and clock: ``offered`` in those that are to
    arrive, ``arrived`` in those that did, ``latency`` the mean clocks from the making of a packet
    to its arrival, its time in the queue of its source included.

    ``saturation`` is the highest load offered of which 98 % arrived, ``most`` the highest that
    arrived, and ``bound`` what a link or a local port that is never idle would allow.
    """

    traffic: str
    offered: tuple[float, ...]
    arrived: tuple[float, ...]
    latency: tuple[float, ...]
    saturation: float
    most: float
    bound: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def load_curves(
    rows: int,
    columns: int,
    progress: Callable[[str], None] = lambda stage: None,
    *,
    loads: Sequence[float] = LOADS,
    clocks: int = CLOCKS,
) -> list[LoadCurve]:
    """Measure a mesh of default routers in Verilator, each node sending to nodes at random: to one
    at a time, all others as likely; and to sets of four. Every packet is checked.

    Raises
    ------
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    nodes = rows * columns
    bench = TrafficBench(rows=rows, columns=columns, keys=nodes - 1)
    progress(f"compile {rows}x{columns} routers")
    built = bench.build(find_simulator("verilator"))
    draw = Random(1)
    others = [[other for other in range(nodes) if other != node] for node in range(nodes)]
    kinds = {
        "to one node": [[sink] for node in range(nodes) for sink in others[node]],
        "to four nodes": [draw.sample(o, min(4, len(o))) for o in others for _ in others[0]],
    }
    curves = []
    for traffic, sinks in kinds.items():
        progress(f"traffic {traffic}")
        fan_out = len(sinks[0])
        phases = [
            Phase(
                rates=[load / fan_out] * nodes,
                stalls=[0.0] * nodes,
                clocks=clocks,
                warm_up=clocks // (CLOCKS // WARM_UP),
            )
            for load in loads
        ]
        found = bench.run(built, sinks, phases)
        arrived = [result.taken / clocks / nodes for result in found]
        # The offered load as it was, not as it was meant.
        offered = [result.made * fan_out / clocks / nodes for result in found]
        carried = [o for o, a in zip(offered, arrived, strict=True) if a >= CARRIED * o]
        curves.append(
            LoadCurve(
                traffic=traffic,
                offered=tuple(round(load, 4) for load in offered),
                arrived=tuple(round(load, 4) for load in arrived),
                latency=tuple(round(result.latency, 2) for result in found),
                saturation=round(max(carried, default=0.0), 4),
                most=round(max(arrived), 4),
                bound=round(_bound(rows, columns, sinks), 4),
            )
        )
    return curves


def _bound(rows: int, columns: int, sinks: Sequence[Sequence[int]]) -> float:
    """The load at which the busiest link, or local port, has a packet in every clock."""
    nodes = rows * columns
    keys = len(sinks) // nodes
    tables: list[dict[int, int]] = [{} for _ in range(nodes)]
    for key, heard in enumerate(sinks):
        for node, mask in tree_masks(columns, key // keys, heard).items():
            tables[node][key] = mask
    model, delivery = MeshModel(rows, columns, tables), Delivery()
    for key in range(len(sinks)):
        model.send((key // keys, Port.LOCAL), [(key, 0)], delivery)
    arrivals = [0] * nodes
    for (_, (node, _)), packets in delivery.arrived.items():
        arrivals[node] += len(packets)
    busiest = max(*delivery.loads.values(), *arrivals)
    return min(sum(arrivals) / nodes / busiest, len(sinks[0]))
