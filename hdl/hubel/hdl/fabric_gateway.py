"""The host's endpoint of a mesh."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .fabric_packet import PacketLayout, RouterParams
from .fabric_port import FabricPort
from .fabric_program import Endpoint
from .params import CoreParams

__all__ = ["FabricGateway"]


class FabricGateway(wiring.Component):
    """Sends the inputs of a network onto the mesh and receives its outputs: towards the host, the
    streams of a :class:`~hubel.hdl.core.Core` that runs the whole network.

    A packet of an input waits until all that read the input have granted its step. What comes out
    must be taken: while it is not, the mesh may fill up, and the inputs too.

    Parameters
    ----------
    endpoint : :class:`Endpoint`
        Its senders are the inputs, its receivers the outputs, in their order.
    params : :class:`CoreParams`
        Of the whole network.
    router : :class:`RouterParams`

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(params)))`
        Packets of the inputs.
    spikes : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets of the populations that are outputs.
    arrives, leaves : :py:`In(stream.Signature(PacketLayout(...)))`, the same out
        From and to the router.
    """

    events: stream.Interface
    spikes: stream.Interface
    arrives: stream.Interface
    leaves: stream.Interface

    def __init__(self, endpoint: Endpoint, params: CoreParams, router: RouterParams):
        self.params = params
        self.endpoint = endpoint
        self.router = router
        packets = stream.Signature(PacketLayout(router.key_bits, router.payload_bits))
        super().__init__({
            "events":  In(stream.Signature(EventLayout(params))),
            "spikes":  Out(stream.Signature(EventLayout(params))),
            "arrives": In(packets),
            "leaves":  Out(packets),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.port = port = FabricPort(
            self.endpoint, params, self.router, sends=tuple(range(len(params.inputs))),
            reads=tuple(params.source_of(p) for p in params.outputs))
        wiring.connect(m, wiring.flipped(self.arrives), port.arrives)
        wiring.connect(m, wiring.flipped(self.leaves), port.leaves)
        wiring.connect(m, wiring.flipped(self.spikes), port.events)
        source, granted, ended = self.events.payload.source, Signal(), Signal()
        m.d.comb += [
            port.may_fill.eq(~0),
            granted.eq((port.room >> source)[0]),
            port.spikes.payload.eq(self.events.payload),
            port.spikes.valid.eq(self.events.valid & granted),
            self.events.ready.eq(port.spikes.ready & granted),
            ended.eq(self.events.valid & self.events.ready
                     & (self.events.payload.kind == EventKind.END)),
            port.starts.eq(ended << source),
        ]
        return m
