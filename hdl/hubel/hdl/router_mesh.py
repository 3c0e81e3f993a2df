"""Routers in rows and columns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .fabric_packet import MASK_BITS, PacketLayout, RouterParams
from .router import UNROUTED_BITS, Router
from .router_port import Port

__all__ = ["MeshTableRowLayout", "RouterMesh", "neighbour"]


def neighbour(rows: int, columns: int, node: int, port: Port) -> int | None:
    """The node that ``port`` of ``node`` is joined to; None at an edge and for LOCAL."""
    row, column = divmod(node, columns)
    row += {Port.SOUTH: 1, Port.NORTH: -1}.get(port, 0)
    column += {Port.EAST: 1, Port.WEST: -1}.get(port, 0)
    inside = 0 <= row < rows and 0 <= column < columns and port is not Port.LOCAL
    return row * columns + column if inside else None


class MeshTableRowLayout(data.StructLayout):
    """A row of the table of the router at ``node``: ``key`` and ``mask``.

    Parameters
    ----------
    nodes, key_bits : int
    """
    def __init__(self, nodes: int, key_bits: int):
        super().__init__({
            "node": max(1, (nodes - 1).bit_length()),
            "key":  key_bits,
            "mask": MASK_BITS,
        })


class RouterMesh(wiring.Component):
    """A router at each node, numbered row by row from the north west, each joined to its
    neighbours.

    ::

        0 - 1 - 2     columns = 3, rows = 2: NORTH of node 4 is SOUTH of node 1
        |   |   |
        3 - 4 - 5

    Parameters
    ----------
    rows, columns : int
    params : :class:`RouterParams`
    tables : sequence of mapping of int to int
        For each node what its table begins with; all are 0 if it is empty.
    edges : sequence of (int, Port)
        Ports at the edge of the mesh, of a node each, that are brought out. The others do not
        exist: what a table sends there is ignored (:class:`Router`).
    link : callable, optional
        Makes what each link between two routers goes through, one in each direction: a component
        with streams ``i`` and ``o`` of packets.

    Members
    -------
    i, o : :py:`In(stream.Signature(PacketLayout(...))).array(nodes)`, the same out
        To and from the routers' local ports.
    edge_i, edge_o : the same, ``.array(len(edges))``
        Into and out of the ports of ``edges``, in their order. Only if there are any.
    table : :py:`In(stream.Signature(MeshTableRowLayout(nodes, key_bits)))`
        Replaces a row of a router's table; always ready. It passes the nodes one after the other,
        a clock each.
    unrouted : :py:`Out(16).array(nodes)`
        Packets that each router dropped.

    Raises
    ------
    ValueError
        If there is no such mesh, edge, or row of a table.
    """
    i: Any
    o: Any
    edge_i: Any
    edge_o: Any
    unrouted: Any
    table: stream.Interface

    def __init__(self, rows: int, columns: int, params: RouterParams = RouterParams(),  # noqa: B008
                 tables: Sequence[Mapping[int, int]] = (), *,
                 edges: Sequence[tuple[int, Port]] = (),
                 link: Callable[[], wiring.Component] | None = None):
        if rows < 1 or columns < 1:
            raise ValueError(f"a mesh has 1 row and column at least, not {rows}x{columns}")
        nodes = rows * columns
        if len(tables) not in (0, nodes):
            raise ValueError(f"a mesh of {rows}x{columns} has {nodes} tables, not {len(tables)}")
        for node, port in edges:
            if not 0 <= node < nodes:
                raise ValueError(f"edge at node {node} of {nodes}")
            if port is Port.LOCAL or neighbour(rows, columns, node, port) is not None:
                raise ValueError(f"{port.name} of node {node} is not at the edge of the mesh")
        if len(set(edges)) < len(edges):
            raise ValueError("an edge is named twice")
        self._link = link
        self.rows, self.columns, self.params, self.edges = rows, columns, params, tuple(edges)
        for node, table in enumerate(tables):
            for key, mask in table.items():
                try:
                    params.table_row(key, mask)
                except ValueError as error:
                    raise ValueError(f"table of node {node}: {error}") from None
        self._tables = list(tables) or [{}] * nodes
        packets = stream.Signature(PacketLayout(params.key_bits, params.payload_bits))
        row = stream.Signature(MeshTableRowLayout(nodes, params.key_bits))
        members = {
            "i":        In(packets).array(nodes),
            "o":        Out(packets).array(nodes),
            "table":    In(row),
            "unrouted": Out(UNROUTED_BITS).array(nodes),
        }
        if edges:
            members |= {"edge_i": In(packets).array(len(edges)),
                        "edge_o": Out(packets).array(len(edges))}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        rows, columns = self.rows, self.columns
        routers = []
        valid, row = self.table.valid, self.table.payload
        m.d.comb += self.table.ready.eq(1)
        for node, table in enumerate(self._tables):
            ports = [port for port in Port if port is Port.LOCAL or (node, port) in self.edges
                     or neighbour(rows, columns, node, port) is not None]
            m.submodules[f"router_{node}"] = router = Router(self.params, table, ports=ports)
            routers.append(router)
            there = Signal(name=f"row_valid_{node}")
            passing = Signal(row.shape(), name=f"row_{node}")
            m.d.sync += [there.eq(valid), passing.eq(row)]
            m.d.comb += [
                router.table.valid.eq(there & (passing.node == node)),
                Value.cast(router.table.payload).eq(Cat(passing.key, passing.mask)),
                self.unrouted[node].eq(router.unrouted),
            ]
            valid, row = there, passing
            wiring.connect(m, wiring.flipped(self.i[node]), router.i[Port.LOCAL])
            wiring.connect(m, router.o[Port.LOCAL], wiring.flipped(self.o[node]))
        for node, router in enumerate(routers):
            for port in Port:
                other = neighbour(rows, columns, node, port)
                if other is None:
                    continue
                target = routers[other].i[port.opposite]
                if self._link is None:
                    wiring.connect(m, router.o[port], target)
                    continue
                link: Any = self._link()
                m.submodules[f"link_{node}_{port.name.lower()}"] = link
                wiring.connect(m, router.o[port], link.i)
                wiring.connect(m, link.o, target)
        for number, (node, port) in enumerate(self.edges):
            wiring.connect(m, wiring.flipped(self.edge_i[number]), routers[node].i[port])
            wiring.connect(m, routers[node].o[port], wiring.flipped(self.edge_o[number]))
        return m
