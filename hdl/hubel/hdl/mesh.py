"""The mesh: a core at each router, and the gateway of the host."""

from collections.abc import Callable

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .core import Core, UpdateSignature
from .counter_ring import CounterSignature
from .events import EventLayout
from .fabric_gateway import FabricGateway
from .fabric_packet import PacketLayout, RouterParams
from .fabric_port import FabricPort
from .fabric_program import FabricProgram, NodeProgram
from .fabric_share import FabricShare
from .router import UNROUTED_BITS
from .router_mesh import MeshTableRowLayout, RouterMesh
from .router_port import Port

__all__ = ["Mesh"]


class Mesh(wiring.Component):
    """Runs a Program on the cores of a mesh, or of those of its columns that a chip has.

    ::

        events -> gateway -+                      core <-> port <-> router - router <-> ...
        spikes <-          +- share <-> router -                      |
                     core -+              |

    Bit-exact with :func:`hubel.sim.golden.run` of the whole Program, whatever the delays of its
    links are, and each core with that of its own.

    Parameters
    ----------
    fabric : :class:`FabricProgram`
    router : :class:`RouterParams`
        Its packets hold the keys and codes of ``fabric``.
    lanes : int
        Of each core.
    columns : range, optional
        Those of this chip, one after the other; all if not given.
    link : callable, optional
        Makes what each link between two routers goes through, as in :class:`RouterMesh`.

    Members
    -------
    events, spikes : :py:`In(stream.Signature(EventLayout(fabric.whole.params())))`, the same out
        Of the gateway; only where its node is.
    table : :py:`In(stream.Signature(MeshTableRowLayout(nodes, key_bits)))`
        Replaces a row of the table of a router. Nodes are numbered within this chip.
    counters_0, update_0, ... : :py:`Out(CounterSignature())`, :py:`Out(UpdateSignature(params))`
        Of the core at each node; numbers are those of ``fabric``.
    unrouted_0, ... : :py:`Out(16)`
        Packets that the router at each node dropped.
    west_i, west_o, east_i, east_o : :py:`In(stream.Signature(PacketLayout(...))).array(rows)`
        The links of each row to the columns before and after, where there are any.

    Raises
    ------
    ValueError
        If there are no such columns, or the packets do not hold the keys and codes.
    """

    events: stream.Interface
    spikes: stream.Interface
    table: stream.Interface

    def __init__(self, fabric: FabricProgram, router: RouterParams, *, lanes: int = 8,
                 columns: range | None = None,
                 link: Callable[[], wiring.Component] | None = None):
        columns = range(fabric.columns) if columns is None else columns
        if not columns or columns.step != 1 or not 0 <= columns[0] <= columns[-1] < fabric.columns:
            raise ValueError(f"{columns} are not columns of a mesh of {fabric.columns}")
        if router.key_bits < fabric.key_bits:
            raise ValueError(f"keys of {fabric.key_bits} bits do not fit a router of "
                             f"{router.key_bits}")
        widest = max(source.shape.code_width for source in fabric.whole.sources)
        if widest > router.payload_bits - 2:
            raise ValueError(f"codes of {widest} bits do not fit a payload of "
                             f"{router.payload_bits}, of which 2 are the kind")
        self.fabric, self.router, self.columns = fabric, router, columns
        #: Numbers of the nodes that are here.
        self.nodes = [row * fabric.columns + column
                      for row in range(fabric.rows) for column in columns]
        #: Sizes of the core at each node that has one.
        self.cores = {n: node.program.params(lanes=lanes) for n in self.nodes
                      if (node := fabric.nodes[n]) is not None}
        self._whole = fabric.whole.params(lanes=lanes)
        self._link = link
        packets = stream.Signature(PacketLayout(router.key_bits, router.payload_bits))
        members = {"table": In(stream.Signature(
            MeshTableRowLayout(len(self.nodes), router.key_bits)))}
        if fabric.gateway_node in self.nodes:
            events = stream.Signature(EventLayout(self._whole))
            members |= {"events": In(events), "spikes": Out(events)}
        for n, params in self.cores.items():
            members |= {f"counters_{n}": Out(CounterSignature()),
                        f"update_{n}": Out(UpdateSignature(params))}
        members |= {f"unrouted_{n}": Out(UNROUTED_BITS) for n in self.nodes}
        for side in self._sides():
            members |= {f"{side.name.lower()}_i": In(packets).array(fabric.rows),
                        f"{side.name.lower()}_o": Out(packets).array(fabric.rows)}
        super().__init__(members)

    def _sides(self) -> list[Port]:
        """Where there are more columns."""
        return ([Port.WEST] * (self.columns[0] > 0)
                + [Port.EAST] * (self.columns[-1] < self.fabric.columns - 1))

    def elaborate(self, platform):
        m = Module()
        fabric, width = self.fabric, len(self.columns)
        edges = [(row * width + (0 if side is Port.WEST else width - 1), side)
                 for side in self._sides() for row in range(fabric.rows)]
        m.submodules.routers = routers = RouterMesh(
            fabric.rows, width, self.router, [fabric.tables[n] for n in self.nodes], edges=edges,
            link=self._link)
        wiring.connect(m, wiring.flipped(self.table), routers.table)
        for number, (node, side) in enumerate(edges):
            row, name = node // width, side.name.lower()
            wiring.connect(m, wiring.flipped(getattr(self, f"{name}_i")[row]),
                           routers.edge_i[number])
            wiring.connect(m, routers.edge_o[number],
                           wiring.flipped(getattr(self, f"{name}_o")[row]))
        for local, n in enumerate(self.nodes):
            m.d.comb += getattr(self, f"unrouted_{n}").eq(routers.unrouted[local])
            ends = []
            node = fabric.nodes[n]
            if node is not None:
                ends.append(self._elaborate_core(m, n, node))
            if n == fabric.gateway_node:
                m.submodules.gateway = gateway = FabricGateway(
                    fabric.gateway, self._whole, self.router)
                wiring.connect(m, wiring.flipped(self.events), gateway.events)
                wiring.connect(m, wiring.flipped(self.spikes), gateway.spikes)
                ends.append(gateway)
            if len(ends) == 2:
                m.submodules.share = share = FabricShare(self.router)
                for number, end in enumerate(ends):
                    wiring.connect(m, share.o[number], end.arrives)
                    wiring.connect(m, end.leaves, share.i[number])
                ends = [share]
            if ends:
                wiring.connect(m, routers.o[local], ends[0].arrives)
                wiring.connect(m, ends[0].leaves, routers.i[local])
            else:
                m.d.comb += routers.o[local].ready.eq(1)
        return m

    def _elaborate_core(self, m, n: int, node: NodeProgram) -> FabricPort:
        """The core of node ``n``, and its port."""
        params = self.cores[n]
        m.submodules[f"core_{n}"] = core = Core(params, node.program, credits=True)
        m.submodules[f"port_{n}"] = port = FabricPort(
            node.endpoint, params, self.router,
            sends=tuple(params.source_of(p) for p in params.outputs),
            reads=tuple(range(len(params.inputs))))
        wiring.connect(m, core.spikes, port.spikes)
        wiring.connect(m, port.events, core.events)
        rooms = [C(1, 1)] * len(params.populations)
        for sender, p in enumerate(params.outputs):
            rooms[p] = port.room[sender]
            m.d.comb += port.starts[sender].eq(core.starts[p])
        counters, update = getattr(self, f"counters_{n}"), getattr(self, f"update_{n}")
        m.d.comb += [
            core.room.eq(Cat(rooms)),
            port.may_fill.eq(core.may_fill),
            update.valid.eq(core.update.valid),
            update.payload.eq(core.update.payload),
        ]
        wiring.connect(m, core.counters, wiring.flipped(counters))
        return port
