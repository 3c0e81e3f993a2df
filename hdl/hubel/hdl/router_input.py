"""An input of a router: its copy of the table, and its buffer."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .fabric_packet import PacketLayout, RouterParams, TableRowLayout
from .router_port import Port

__all__ = ["RouterInput"]


class RouterInput(wiring.Component):
    """Looks up where packets go, and holds each until every output that it owes has taken it.

    Takes a packet a clock while there is room: a row of the buffer is reserved before its packet
    comes, so that the lookup never waits. The packet is at ``packet`` three clocks after its
    transfer, in the order of arrival.

    Parameters
    ----------
    params : :class:`RouterParams`
    outputs : tuple of Port
        Where packets may go from here. Bits of other ports in a mask are ignored.
    masks : list of int
        What the table begins with, a mask for each key.

    Members
    -------
    i : :py:`In(stream.Signature(PacketLayout(...)))`
    pause : :py:`In(1)`
        Take no packet in the next clock.
    store, row : :py:`In(1)`, :py:`In(TableRowLayout(key_bits))`
        Write a row of the table, in a clock after ``pause``.
    packet : :py:`Out(PacketLayout(...))`
        The first in the buffer.
    owed : :py:`Out(len(outputs))`
        Outputs, in the order of ``outputs``, that have still to take it.
    taken : :py:`In(len(outputs))`
        They take it in this clock; only of those in ``owed``.
    unrouted : :py:`Out(1)`
        A packet that goes nowhere was dropped in the clock before.

    Attributes
    ----------
    reserved, filled, emptied : Signal
        How many packets were taken, are in the buffer or have been, and have left it, modulo
        ``2 * depth``.
    """
    i: stream.Interface

    def __init__(self, params: RouterParams, outputs: tuple[Port, ...], masks: list[int]):
        self.params = params
        self._outputs = outputs
        self._masks = masks
        layout = PacketLayout(params.key_bits, params.payload_bits)
        super().__init__({
            "i":        In(stream.Signature(layout)),
            "pause":    In(1),
            "store":    In(1),
            "row":      In(TableRowLayout(params.key_bits)),
            "packet":   Out(layout),
            "owed":     Out(len(outputs)),
            "taken":    In(len(outputs)),
            "unrouted": Out(1),
        })
        # Of packets, one bit longer than the numbers of rows.
        self.reserved, self.filled, self.emptied = (
            Signal(range(2 * params.depth), name=name)
            for name in ("reserved", "filled", "emptied"))

    def elaborate(self, platform):
        m = Module()
        params, i = self.params, self.i
        ports = len(self._outputs)

        # The key goes into the block RAM, its packet waits beside it. No packet comes while a row
        # is written, so that nothing is read that is about to change.
        m.submodules.table = table = memory.Memory(
            shape=ports, depth=params.keys,
            init=[sum((mask >> port & 1) << n for n, port in enumerate(self._outputs))
                  for mask in self._masks])
        lookup, write = table.read_port(), table.write_port()
        accept, looked_up, waiting = Signal(), Signal(), Signal(self.packet.shape())
        m.d.comb += [
            accept.eq(i.valid & i.ready),
            lookup.addr.eq(i.payload.key),
            write.addr.eq(self.row.key),
            write.data.eq(Cat(self.row.mask[port] for port in self._outputs)),
            write.en.eq(self.store),
        ]
        m.d.sync += [looked_up.eq(accept), waiting.eq(i.payload)]

        # Then both go into the buffer, whose rows were reserved by the packets on the way.
        reserved, filled, emptied = self.reserved, self.filled, self.emptied
        reserved_next, fetch = Signal.like(reserved), Signal()
        m.d.comb += reserved_next.eq(_step(reserved, accept))
        m.d.sync += [
            reserved.eq(reserved_next),
            filled.eq(reserved),
            emptied.eq(_step(emptied, fetch)),
            i.ready.eq((reserved_next != (emptied ^ params.depth)) & ~self.pause),
        ]
        m.submodules.buffer = buffer = memory.Memory(
            shape=self.packet.shape(), depth=params.depth, init=[])
        m.submodules.masks = masks = memory.Memory(shape=ports, depth=params.depth, init=[])
        stores = buffer.write_port(), masks.write_port()
        first, mask = buffer.read_port(), masks.read_port(domain="comb")
        for store, what in zip(stores, (waiting, lookup.data), strict=True):
            m.d.comb += [
                store.addr.eq(filled[:-1]),
                store.data.eq(what),
                store.en.eq(looked_up),
            ]

        # The first packet, and who has not taken it.
        m.d.comb += [
            first.addr.eq(emptied[:-1]),
            first.en.eq(fetch),
            mask.addr.eq(emptied[:-1]),
            self.packet.eq(first.data),
            fetch.eq((filled != emptied) & ~(self.owed & ~self.taken).any()),
        ]
        m.d.sync += [
            self.owed.eq(Mux(fetch, mask.data, self.owed & ~self.taken)),
            self.unrouted.eq(fetch & ~mask.data.any()),
        ]
        return m


def _step(number, by):
    """``number + by``, ``by`` of one bit, without the carry chain that costs more than it helps."""
    return Cat(bit ^ (by & number[:n].all()) for n, bit in enumerate(number))
