"""The packets of a spiking core for a MAC core: the same serial port serves both."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .mac_core import InputLayout
from .mac_drain import LogitLayout
from .mac_params import MacParams
from .params import CoreParams
from .shape import Shape

__all__ = ["MacPackets", "packet_params"]


# More samples than a core can hold.
_SAMPLES = 8

# Two turns of the counters: the last events are counted then.
_SETTLE = 16


def packet_params(params: MacParams) -> CoreParams:
    """Sizes of a core whose axons are the values of an activation, and whose neurons the classes:
    what :class:`~hubel.hdl.host_link.HostLink` has to know."""
    return CoreParams(
        inputs=(Shape(1 << params.activation_width),), populations=(Shape(max(2, params.classes)),),
        projections=(), outputs=(0,), clocks=(0,), lanes=params.lanes)


class MacPackets(wiring.Component):
    """Packets become activations, and the class becomes packets.

    A sample is START, a SPIKE for each activation, whose code is its value, and END. The answer is
    a SPIKE whose code is the class, and END; only the END, if the sample had too few activations.

    Parameters
    ----------
    params : :class:`MacParams`

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(packet_params(params))))`
        From the host.
    inputs : :py:`Out(stream.Signature(InputLayout(params)))`
        To the core.
    logits : :py:`In(stream.Signature(LogitLayout(params)))`
        From the core.
    spikes : :py:`Out(stream.Signature(EventLayout(packet_params(params))))`
        To the host.
    active : :py:`Out(1)`
        A sample is not answered yet, or was a few cycles ago: the counters may still change.
    """
    events: stream.Interface
    inputs: stream.Interface
    logits: stream.Interface
    spikes: stream.Interface
    active: Signal

    def __init__(self, params: MacParams):
        self.params = params
        packets = stream.Signature(EventLayout(packet_params(params)))
        super().__init__({
            "events": In(packets),
            "inputs": Out(stream.Signature(InputLayout(params))),
            "logits": In(stream.Signature(LogitLayout(params))),
            "spikes": Out(packets),
            "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        packet, logit = self.events.payload, self.logits.payload
        neurons = self.params.inputs.neurons
        fresh, count, missing = Signal(init=1), Signal(range(neurons + 1)), Signal()
        is_value = Signal()
        m.d.comb += [
            is_value.eq(packet.kind == EventKind.SPIKE),
            self.inputs.valid.eq(self.events.valid & is_value),
            self.inputs.payload.eq(Cat(packet.code[:self.params.activation_width], fresh)),
            self.events.ready.eq(Mux(is_value, self.inputs.ready, ~missing)),
        ]
        with m.If(self.events.valid & self.events.ready):
            with m.Switch(packet.kind):
                with m.Case(EventKind.SPIKE):
                    m.d.sync += fresh.eq(0)
                    with m.If(count != neurons):
                        m.d.sync += count.eq(count + 1)
                with m.Case(EventKind.START):
                    m.d.sync += [fresh.eq(1), count.eq(0)]
                with m.Case(EventKind.END):
                    m.d.sync += [fresh.eq(1), count.eq(0), missing.eq(count != neurons)]

        kind = Signal(EventKind)
        code = Signal(len(packet.code))
        self._elaborate_active(m, packet, kind)
        m.d.comb += [
            code.eq(Mux(kind == EventKind.SPIKE, logit.best, 0)),
            self.spikes.payload.eq(Cat(kind, C(1, len(packet.source)), code)),
        ]
        with m.FSM():
            with m.State("Class"):
                m.d.comb += [
                    kind.eq(EventKind.SPIKE),
                    self.spikes.valid.eq(self.logits.valid & logit.last),
                    self.logits.ready.eq(~logit.last),
                ]
                with m.If(self.spikes.valid & self.spikes.ready):
                    m.next = "End"
                with m.Elif(missing & ~self.logits.valid):
                    m.next = "Missing"
            with m.State("End"):
                m.d.comb += [
                    kind.eq(EventKind.END),
                    self.spikes.valid.eq(1),
                    self.logits.ready.eq(self.spikes.ready),
                ]
                with m.If(self.spikes.ready):
                    m.next = "Class"
            with m.State("Missing"):
                m.d.comb += [kind.eq(EventKind.END), self.spikes.valid.eq(1)]
                with m.If(self.spikes.ready):
                    m.d.sync += missing.eq(0)
                    m.next = "Class"
        return m

    def _elaborate_active(self, m, packet, kind):
        samples, quiet = Signal(range(_SAMPLES)), Signal(range(_SETTLE + 1))
        came, left, working = Signal(), Signal(), Signal()
        m.d.comb += [
            came.eq(self.events.valid & self.events.ready & (packet.kind == EventKind.END)),
            left.eq(self.spikes.valid & self.spikes.ready & (kind == EventKind.END)),
            working.eq(self.events.valid | (samples != 0)),
            self.active.eq(working | (quiet != 0)),
        ]
        m.d.sync += samples.eq(samples + came - left)
        with m.If(working):
            m.d.sync += quiet.eq(_SETTLE)
        with m.Elif(quiet != 0):
            m.d.sync += quiet.eq(quiet - 1)
