# pyright: reportAttributeAccessIssue=false
# (ports that are declared by a dict)
"""Gateware that fills a mesh of routers with random packets and checks each one that arrives.

It is part of the design that a simulator compiles, so that millions of packets take minutes.
"""

from functools import reduce
from operator import add

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hubel.hdl.fabric_packet import PacketLayout, RouterParams
from hubel.hdl.router_mesh import MeshTableRowLayout, RouterMesh
from hubel.hdl.router_port import Port

__all__ = ["ALWAYS", "TrafficMesh", "TrafficSink", "TrafficSource"]

#: A rate is a number of clocks of so many.
ALWAYS = 1 << 16

_RATE_BITS = 17
_COUNT_BITS = 48


def _random(m: Module, seed: int) -> Signal:
    """32 new bits each clock: the xorshift of Marsaglia, "Xorshift RNGs", 2003, p. 4."""
    state = Signal(32, init=(seed * 2654435761 + 1) % (1 << 32) or 1)
    value = state
    for shift in (13, -17, 5):
        moved = Signal(32, name=f"moved_{abs(shift)}")
        m.d.comb += moved.eq(value ^ (value << shift if shift > 0 else value >> -shift))
        value = moved
    m.d.sync += state.eq(value)
    return state


class TrafficSource(wiring.Component):
    """Makes packets at random and sends them in turn; they wait in a queue that is never full.

    The keys are ``first`` and the next ``keys - 1``, all as likely. A packet's payload says how
    many of its key were sent before.

    Parameters
    ----------
    params : RouterParams
    first, keys, seed : int

    Members
    -------
    rate : In(17)
        Of 65,536 clocks, in how many a packet is made.
    run : In(1)
        If it is 0, nothing is made and the queue is emptied; what is offered stays.
    made : Out(1)
        A packet is made in this clock.
    o : Out(stream.Signature(PacketLayout(...)))
    ask, sent : In(key_bits), Out(payload_bits)
        How many packets of that key were sent.
    """

    o: stream.Interface

    def __init__(self, params: RouterParams, *, first: int, keys: int, seed: int):
        self._params, self._first, self._keys, self._seed = params, first, keys, seed
        layout = PacketLayout(params.key_bits, params.payload_bits)
        super().__init__(
            {
                "rate": In(_RATE_BITS),
                "run": In(1),
                "made": Out(1),
                "o": Out(stream.Signature(layout)),
                "ask": In(params.key_bits),
                "sent": Out(params.payload_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.counts = counts = memory.Memory(
            shape=self._params.payload_bits, depth=self._params.keys, init=[]
        )
        count, asked = (counts.read_port(domain="comb") for _ in range(2))
        write = counts.write_port()
        bits = _random(m, 2 * self._seed)
        queue, offer, key = Signal(32), Signal(), Signal(self._params.key_bits)
        m.d.comb += [
            self.made.eq(self.run & (bits[:16] < self.rate)),
            offer.eq((~self.o.valid | self.o.ready) & self.run & (self.made | (queue != 0))),
            key.eq(self._first + ((bits[16:] * self._keys) >> 16)),
            count.addr.eq(key),
            write.addr.eq(key),
            write.data.eq(count.data + 1),
            write.en.eq(offer),
            asked.addr.eq(self.ask),
            self.sent.eq(asked.data),
        ]
        m.d.sync += queue.eq(Mux(self.run, queue + self.made - offer, 0))
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                self.o.valid.eq(offer),
                Value.cast(self.o.payload).eq(Cat(key, count.data)),
            ]
        return m


class TrafficSink(wiring.Component):
    """Takes packets at random clocks and checks each: its key is to come here, and as many of that
    key came before as its payload says.

    Parameters
    ----------
    params : RouterParams
    seed : int

    Members
    -------
    stall : In(17)
        Of 65,536 clocks, in how many nothing is taken.
    i : In(stream.Signature(PacketLayout(...)))
    store, key, hears : In(1), In(key_bits), In(1)
        Whether ``key`` is to come here.
    taken : Out(1)
        A packet is taken in this clock.
    wrong : Out(16)
        How many were wrong.
    ask, arrived : In(key_bits), Out(payload_bits)
        How many packets of that key were taken.
    """

    i: stream.Interface

    def __init__(self, params: RouterParams, *, seed: int):
        self._params, self._seed = params, seed
        layout = PacketLayout(params.key_bits, params.payload_bits)
        super().__init__(
            {
                "stall": In(_RATE_BITS),
                "i": In(stream.Signature(layout)),
                "store": In(1),
                "key": In(params.key_bits),
                "hears": In(1),
                "taken": Out(1),
                "wrong": Out(16),
                "ask": In(params.key_bits),
                "arrived": Out(params.payload_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        params, packet = self._params, self.i.payload
        m.submodules.counts = counts = memory.Memory(
            shape=params.payload_bits, depth=params.keys, init=[]
        )
        m.submodules.heard = heard = memory.Memory(shape=1, depth=params.keys, init=[])
        count, asked = (counts.read_port(domain="comb") for _ in range(2))
        counted, hears, learns = (
            counts.write_port(), heard.read_port(domain="comb"), heard.write_port(),
        )  # fmt: skip
        bits = _random(m, 2 * self._seed + 1)
        right = Signal()
        m.d.sync += self.i.ready.eq(bits[:16] >= self.stall)
        m.d.comb += [
            self.taken.eq(self.i.valid & self.i.ready),
            count.addr.eq(packet.key),
            hears.addr.eq(packet.key),
            right.eq(hears.data & (count.data == packet.payload)),
            counted.addr.eq(packet.key),
            counted.data.eq(count.data + 1),
            counted.en.eq(self.taken),
            learns.addr.eq(self.key),
            learns.data.eq(self.hears),
            learns.en.eq(self.store),
            asked.addr.eq(self.ask),
            self.arrived.eq(asked.data),
        ]
        with m.If(self.taken & ~right & ~self.wrong.all()):
            m.d.sync += self.wrong.eq(self.wrong + 1)
        return m


class TrafficMesh(wiring.Component):
    """A mesh with a :class:`TrafficSource` and a :class:`TrafficSink` at each node.

    Node ``n`` sends the keys ``n * keys`` to ``n * keys + keys - 1``.

    Parameters
    ----------
    rows, columns : int
    params : RouterParams
    keys : int
        Of each node.

    Members
    -------
    table : In(stream.Signature(MeshTableRowLayout(...)))
        Rows of the tables; the sink of a node learns from the bit of LOCAL what is to come there.
    run, rate, stall : In(1), In(17).array(nodes), In(17).array(nodes)
    fan_out : In(8)
        To how many sinks each packet goes, for ``waited``.
    ask, sent, arrived : In(key_bits), Out(payload_bits), Out(payload_bits).array(nodes)
        Of that key, how many were sent by its source and came to each sink.
    wrong, unrouted : Out(16).array(nodes)
    made, taken : Out(48)
        Packets that were made, and taken by sinks.
    waited : Out(64)
        The sum over all clocks of how many packets (for each sink that hears one) were made and
        not yet taken. Divided by those taken it is the mean time that one waits (Little's law).
    """

    table: stream.Interface

    def __init__(self, rows: int, columns: int, params: RouterParams, *, keys: int):
        nodes = rows * columns
        if nodes * keys > params.keys:
            raise ValueError(f"{nodes} nodes with {keys} keys each need more than {params.keys}")
        self._mesh = RouterMesh(rows, columns, params)
        self._params, self._nodes, self._keys = params, nodes, keys
        super().__init__(
            {
                "table": In(stream.Signature(MeshTableRowLayout(nodes, params.key_bits))),
                "run": In(1),
                "rate": In(_RATE_BITS).array(nodes),
                "stall": In(_RATE_BITS).array(nodes),
                "fan_out": In(8),
                "ask": In(params.key_bits),
                "sent": Out(params.payload_bits),
                "arrived": Out(params.payload_bits).array(nodes),
                "wrong": Out(16).array(nodes),
                "unrouted": Out(16).array(nodes),
                "made": Out(_COUNT_BITS),
                "taken": Out(_COUNT_BITS),
                "waited": Out(64),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.mesh = mesh = self._mesh
        wiring.connect(m, wiring.flipped(self.table), mesh.table)
        sources, sinks = [], []
        row = self.table.payload
        for node in range(self._nodes):
            source = TrafficSource(
                self._params, first=node * self._keys, keys=self._keys, seed=2 * node + 1
            )
            sink = TrafficSink(self._params, seed=2 * node + 2)
            m.submodules[f"source_{node}"], m.submodules[f"sink_{node}"] = source, sink
            wiring.connect(m, source.o, mesh.i[node])
            wiring.connect(m, mesh.o[node], sink.i)
            m.d.comb += [
                source.rate.eq(self.rate[node]),
                source.run.eq(self.run),
                source.ask.eq(self.ask),
                sink.stall.eq(self.stall[node]),
                sink.store.eq(self.table.valid & (row.node == node)),
                sink.key.eq(row.key),
                sink.hears.eq(row.mask[Port.LOCAL]),
                sink.ask.eq(self.ask),
                self.arrived[node].eq(sink.arrived),
                self.wrong[node].eq(sink.wrong),
                self.unrouted[node].eq(mesh.unrouted[node]),
            ]
            sources.append(source)
            sinks.append(sink)
        asked = Array(source.sent for source in sources)[self.ask // self._keys]
        made, taken = (
            reduce(add, pulses) for pulses in ([s.made for s in sources], [s.taken for s in sinks])
        )
        m.d.comb += self.sent.eq(asked)
        m.d.sync += [
            self.made.eq(self.made + made),
            self.taken.eq(self.taken + taken),
            self.waited.eq(self.waited + self.made * self.fan_out - self.taken),
        ]
        return m
