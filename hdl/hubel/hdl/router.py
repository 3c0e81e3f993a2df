"""A multicast router of a mesh."""

from collections.abc import Collection, Mapping
from functools import reduce
from operator import add
from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .fabric_packet import PacketLayout, RouterParams, TableRowLayout
from .router_input import RouterInput
from .router_output import RouterOutput
from .router_port import Port, sources, targets

__all__ = ["HOP_CLOCKS", "UNROUTED_BITS", "Port", "Router"]

#: From the transfer into a router to the transfer out of it, where nobody is in the way.
HOP_CLOCKS = 4

#: Of the counter of packets that went nowhere.
UNROUTED_BITS = 16


class Router(wiring.Component):
    """Sends packets on to any set of its ports, which the number of their source selects.

    ::

        i[p] --+--> table (block RAM) --+--> buffer -> owed --> round robin -> register --> o[q]
               +--> packet -------------+    (LUT RAM)          of each output

    A packet waits at the head of its input buffer with the set of outputs that it still owes. Each
    of them takes it when it is free; it leaves when all have it. Packets from an input to an
    output stay in order, and none is lost or doubled. Each port takes and gives one packet a clock
    where no two want the same output; all of ``valid``, ``ready`` and the payloads are registers.

    Only the turns of :data:`~hubel.hdl.router_port.TURNS` exist. Other ports in a mask are ignored,
    and so are those that are not in ``ports``. A packet that is left without a port is dropped and
    counted.

    Parameters
    ----------
    params : :class:`RouterParams`
    table : mapping of int to int
        What the table begins with: a mask, the sum of ``1 << port``, for each key. Others are 0.
    ports : collection of Port
        Those that there are. The others take nothing and give nothing.

    Members
    -------
    i, o : :py:`In(stream.Signature(PacketLayout(...))).array(5)`, the same out
        Packets by port: ``router.i[Port.NORTH]``.
    table : :py:`In(stream.Signature(TableRowLayout(key_bits)))`
        Replaces a row; always ready. Packets that are taken up to the clock of its transfer have
        the old mask, later ones the new one. In the clock after it no packet is taken.
    unrouted : :py:`Out(16)`
        Packets that were dropped; stays at the highest number.

    Raises
    ------
    ValueError
        If a key or mask of ``table`` is out of range.
    """
    i: Any
    o: Any
    table: stream.Interface

    def __init__(self, params: RouterParams = RouterParams(),  # noqa: B008 (it is frozen)
                 table: Mapping[int, int] | None = None, *, ports: Collection[Port] = tuple(Port)):
        self.params = params
        self._ports = frozenset(ports)
        self._masks = [0] * params.keys
        for key, mask in dict(table or {}).items():
            params.table_row(key, mask)
            self._masks[key] = mask
        packets = stream.Signature(PacketLayout(params.key_bits, params.payload_bits))
        super().__init__({
            "i":        In(packets).array(len(Port)),
            "o":        Out(packets).array(len(Port)),
            "table":    In(stream.Signature(TableRowLayout(params.key_bits))),
            "unrouted": Out(UNROUTED_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        row, store = Signal(self.table.payload.shape()), Signal()
        m.d.comb += self.table.ready.eq(1)
        m.d.sync += [row.eq(self.table.payload), store.eq(self.table.valid)]

        inputs = {}
        for port in Port:
            outputs = targets(port, self._ports)
            if not outputs:
                continue
            inputs[port] = part = RouterInput(params, outputs, self._masks)
            m.submodules[f"{port.name.lower()}_input"] = part
            wiring.connect(m, wiring.flipped(self.i[port]), part.i)
            m.d.comb += [
                part.pause.eq(self.table.valid),
                part.store.eq(store),
                part.row.eq(row),
            ]
        taken = {port: {} for port in inputs}
        for port in Port:
            users = sources(port, self._ports)
            if not users:
                continue
            part = RouterOutput(params, len(users))
            m.submodules[f"{port.name.lower()}_output"] = part
            wiring.connect(m, part.o, wiring.flipped(self.o[port]))
            m.d.comb += [
                part.packets.eq(Cat(inputs[user].packet for user in users)),
                part.wanted.eq(Cat(
                    inputs[user].owed[targets(user, self._ports).index(port)] for user in users)),
            ]
            for n, user in enumerate(users):
                taken[user][port] = part.taken[n]
        for port, part in inputs.items():
            m.d.comb += part.taken.eq(Cat(
                taken[port][output] for output in targets(port, self._ports)))

        # A clock later, because a sum of five bits is much at the end of a path.
        if inputs:
            dropped = Signal(range(len(inputs) + 1))
            total = Signal(UNROUTED_BITS + 1)
            m.d.sync += dropped.eq(reduce(add, (part.unrouted for part in inputs.values())))
            m.d.comb += total.eq(self.unrouted + dropped)
            m.d.sync += self.unrouted.eq(
                total[:UNROUTED_BITS] | total[UNROUTED_BITS].replicate(UNROUTED_BITS))
        return m
