"""Golden model of a mesh of routers: which packets arrive where, and over how many links.

It knows no clock. Packets from one place to another arrive in the order in which they were sent,
because there is one way only between two places; between packets of different places there is no
order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubel.hdl.router_mesh import neighbour
from hubel.hdl.router_port import Port, targets

__all__ = ["Delivery", "MeshModel", "Packet", "Place", "tree_masks"]

#: A node, and the port by which packets come in and go out there: LOCAL, or at an edge.
Place = tuple[int, Port]

#: Key and payload.
Packet = tuple[int, int]


@dataclass(frozen=True)
class Delivery:
    """What became of packets.

    ``arrived`` has, for each (place sent from, place of arrival), the packets in their order;
    ``dropped`` the packets without a port, for each router; ``hops`` how many links between
    routers were passed; ``loads`` how often each: by node and output port.
    """

    arrived: dict[tuple[Place, Place], list[Packet]] = field(
        default_factory=lambda: defaultdict(list)
    )
    dropped: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    loads: dict[tuple[int, Port], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def hops(self) -> int:
        """Links that were passed, all packets and branches together."""
        return sum(self.loads.values())


class MeshModel:
    """Golden twin of :class:`hubel.hdl.router_mesh.RouterMesh`, with the same parameters.

    Parameters
    ----------
    rows, columns : int
    tables : sequence of mapping of int to int
        For each node the mask of each key; may be changed between packets.
    edges : sequence of (int, Port)
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        tables: Sequence[Mapping[int, int]],
        *,
        edges: Sequence[Place] = (),
    ):
        self.rows, self.columns = rows, columns
        self.tables = [dict(table) for table in tables]
        self.ports = [
            frozenset(
                port
                for port in Port
                if port is Port.LOCAL
                or (node, port) in edges
                or neighbour(rows, columns, node, port) is not None
            )
            for node in range(rows * columns)
        ]

    def send(self, place: Place, packets: Iterable[Packet], delivery: Delivery) -> None:
        """Send ``packets`` in at ``place`` and add to ``delivery`` what becomes of them."""
        for packet in packets:
            going = [place]
            while going:
                node, came = going.pop()
                mask = self.tables[node].get(packet[0], 0)
                turns = [p for p in targets(came, self.ports[node]) if mask & p.bit]
                delivery.dropped[node] += not turns
                for port in turns:
                    other = neighbour(self.rows, self.columns, node, port)
                    if other is None:
                        delivery.arrived[place, (node, port)].append(packet)
                    else:
                        delivery.loads[node, port] += 1
                        going.append((other, port.opposite))


def tree_masks(columns: int, source: int, sinks: Iterable[int]) -> dict[int, int]:
    """Masks, by node, that bring packets of node ``source`` to the local ports of nodes ``sinks``,
    of which it may be one: along the row first, then along columns."""
    masks: dict[int, int] = defaultdict(int)
    row, column = divmod(source, columns)
    for sink in sinks:
        to_row, to_column = divmod(sink, columns)
        step = 1 if to_column > column else -1
        for x in range(column, to_column, step):
            masks[row * columns + x] |= (Port.EAST if step > 0 else Port.WEST).bit
        step = 1 if to_row > row else -1
        for y in range(row, to_row, step):
            masks[y * columns + to_column] |= (Port.SOUTH if step > 0 else Port.NORTH).bit
        masks[sink] |= Port.LOCAL.bit
    return dict(masks)
