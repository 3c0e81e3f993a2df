"""Two endpoints at one router."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .fabric_packet import PacketLayout, RouterParams

__all__ = ["FabricShare"]


class FabricShare(wiring.Component):
    """Gives what arrives to both of two endpoints, each of which drops what it does not know; sends
    what leaves them in turns.

    No cycle is lost. Nothing is held in a register.

    Parameters
    ----------
    router : :class:`RouterParams`

    Members
    -------
    arrives, leaves : :py:`In(stream.Signature(PacketLayout(...)))`, the same out
        From and to the router.
    o, i : :py:`Out(stream.Signature(PacketLayout(...))).array(2)`, the same in
        To and from the endpoints.
    """

    arrives: stream.Interface
    leaves: stream.Interface

    def __init__(self, router: RouterParams):
        packets = stream.Signature(PacketLayout(router.key_bits, router.payload_bits))
        super().__init__({
            "arrives": In(packets),
            "leaves":  Out(packets),
            "o":       Out(packets).array(2),
            "i":       In(packets).array(2),
        })

    def elaborate(self, platform):
        m = Module()
        # Who has the packet that arrives already.
        has = Signal(2)
        takes = Cat(has[n] | self.o[n].ready for n in range(2))
        m.d.comb += self.arrives.ready.eq(takes.all())
        with m.If(self.arrives.valid):
            m.d.sync += has.eq(Mux(takes.all(), 0, takes))
        for n in range(2):
            m.d.comb += [
                self.o[n].payload.eq(self.arrives.payload),
                self.o[n].valid.eq(self.arrives.valid & ~has[n]),
            ]
        # Whose turn it is; he keeps it while his packet waits.
        turn, choice = Signal(), Signal()
        m.d.comb += [
            choice.eq(Mux(turn, self.i[1].valid, ~self.i[0].valid & self.i[1].valid)),
            self.leaves.payload.eq(Mux(choice, self.i[1].payload, self.i[0].payload)),
            self.leaves.valid.eq(self.i[0].valid | self.i[1].valid),
            self.i[0].ready.eq(self.leaves.ready & ~choice),
            self.i[1].ready.eq(self.leaves.ready & choice),
        ]
        with m.If(self.leaves.valid):
            m.d.sync += turn.eq(Mux(self.leaves.ready, ~choice, choice))
        return m
