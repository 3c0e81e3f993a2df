"""Plays packets into gateware of routers and compares all that comes out with golden."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hubel.hdl.fabric_packet import PacketLayout, RouterParams, TableRowLayout
from hubel.hdl.router import Router
from hubel.hdl.router_mesh import MeshTableRowLayout, RouterMesh
from hubel.hdl.router_port import Port
from hubel.hdl.verilog import to_verilog
from hubel.sim import simulator
from hubel.sim.router_mesh import Delivery, MeshModel, Packet, Place
from hubel.sim.simulator import Build, Simulator
from hubel.sim.streams import Packing


@dataclass(frozen=True)
class Fabric:
    """A router alone, or a mesh: its sizes, what its tables begin with, and its edges."""

    rows: int
    columns: int
    params: RouterParams
    tables: tuple[tuple[tuple[int, int], ...], ...]
    edges: tuple[Place, ...] = ()
    alone: bool = False

    @property
    def places(self) -> dict[Place, str]:
        """What the streams of each place end with."""
        if self.alone:
            return {(0, port): f"i__{int(port)}" for port in Port}
        nodes = range(self.rows * self.columns)
        return {(node, Port.LOCAL): f"i__{node}" for node in nodes} | {
            edge: f"edge_i__{n}" for n, edge in enumerate(self.edges)
        }

    def model(self) -> MeshModel:
        edges = [(0, port) for port in Port if port is not Port.LOCAL]
        return MeshModel(
            self.rows,
            self.columns,
            [dict(table) for table in self.tables],
            edges=edges if self.alone else self.edges,
        )

    def component(self) -> Router | RouterMesh:
        tables = [dict(table) for table in self.tables]
        if self.alone:
            return Router(self.params, tables[0])
        return RouterMesh(self.rows, self.columns, self.params, tables, edges=self.edges)

    def build(self, tool: Simulator, cache_dir: Path) -> Build:
        return simulator.build(_verilog(self), "fabric", tool, cache_dir=cache_dir)


@cache
def _verilog(fabric: Fabric) -> str:
    return to_verilog(fabric.component(), name="fabric")


@dataclass
class Phase:
    """Rows (node, key, mask) that are written, then packets that are sent from each place."""

    packets: dict[Place, list[Packet]]
    rows: list[tuple[int, int, int]] = field(default_factory=list)
    #: Written while packets pass.
    meanwhile: list[tuple[int, int, int]] = field(default_factory=list)


def random_tables(
    draw: Random, nodes: int, params: RouterParams, *, empty: float = 0.1
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Any masks, with impossible turns in them and some that are 0."""
    return tuple(
        tuple(
            (key, 0 if draw.random() < empty else draw.randrange(32)) for key in range(params.keys)
        )
        for _ in range(nodes)
    )


def random_packets(
    draw: Random, fabric: Fabric, count: int, keys: Mapping[Place, Sequence[int]]
) -> dict[Place, list[Packet]]:
    """So many packets from each place, with any of its keys."""
    payloads = 1 << fabric.params.payload_bits
    return {
        place: [(draw.choice(keys[place]), draw.randrange(payloads)) for _ in range(count)]
        for place in fabric.places
    }


def share_keys(draw: Random, fabric: Fabric) -> dict[Place, list[int]]:
    """All keys, dealt to the places: a key tells where a packet comes from."""
    keys = draw.sample(range(fabric.params.keys), fabric.params.keys)
    places = list(fabric.places)
    return {place: keys[n :: len(places)] for n, place in enumerate(places)}


def run(
    fabric: Fabric,
    phases: list[Phase],
    tool: Simulator,
    cache_dir: Path,
    *,
    gap: float = 0.0,
    stall: float = 0.0,
    stalls: dict[Place, float] | None = None,
    seed: int = 0,
) -> float:
    """Play ``phases`` and compare with golden every packet, its order for each pair of places, and
    the counters; returns clocks."""
    params = fabric.params
    packing = Packing(PacketLayout(params.key_bits, params.payload_bits))
    nodes = fabric.rows * fabric.columns
    row_packing = Packing(
        TableRowLayout(params.key_bits)
        if fabric.alone
        else MeshTableRowLayout(nodes, params.key_bits)
    )

    def packed_rows(rows: list[tuple[int, int, int]]) -> list[int]:
        node = [] if fabric.alone else ["node"]
        return [row_packing.pack(key=k, mask=mask, **dict.fromkeys(node, n)) for n, k, mask in rows]

    model, total = fabric.model(), Delivery()
    out = {place: name.replace("i__", "o__") for place, name in fabric.places.items()}
    tasks: list[dict[str, Any]] = []
    for phase in phases:
        for node, key, mask in phase.rows:
            model.tables[node][key] = mask
        here = Delivery()
        for place, packets in phase.packets.items():
            model.send(place, packets, here)
        counts: dict[str, int] = defaultdict(int)
        for (source, sink), packets in here.arrived.items():
            counts[out[sink]] += len(packets)
            total.arrived[source, sink] += packets
        for node, count in here.dropped.items():
            total.dropped[node] += count
        for node, key, mask in phase.meanwhile:
            assert model.tables[node][key] == mask, "a row that changes something"
        tasks.append(
            {
                "rows": packed_rows(phase.rows),
                "meanwhile": packed_rows(phase.meanwhile),
                "packets": {
                    fabric.places[place]: [packing.pack(key=k, payload=p) for k, p in packets]
                    for place, packets in phase.packets.items()
                },
                "counts": counts,
            }
        )
    answer = simulator.run(
        fabric.build(tool, cache_dir),
        "hdl.cocotb_fabric",
        seed=seed,
        parameters={
            "phases": tasks,
            "seed": seed,
            "gaps": [(name, gap) for name in fabric.places.values()],
            "stalls": [(out[p], (stalls or {}).get(p, stall)) for p in fabric.places],
            "row_gap": 0.3,
            "settle": nodes + 4,
            "clocks": 400_000,
            "unrouted": ["unrouted"] if fabric.alone else [f"unrouted__{n}" for n in range(nodes)],
        },
    )
    source_of = {
        key: place for phase in phases for place, ps in phase.packets.items() for key, _ in ps
    }
    for sink, name in out.items():
        got: dict[Place, list[Packet]] = defaultdict(list)
        for value in answer["packets"][name]:
            fields = packing.unpack(value)
            assert fields["key"] in source_of, f"{name}: a key that nobody sent: {fields}"
            got[source_of[fields["key"]]].append((fields["key"], fields["payload"]))
        for source in fabric.places:
            expected = total.arrived.get((source, sink), [])
            assert got[source] == expected, f"from {source} to {sink}"
    assert answer["unrouted"] == [total.dropped[node] for node in range(nodes)]
    return answer["clocks"]
