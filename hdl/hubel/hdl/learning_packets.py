"""The events of the host link for a learning core: the same link serves it and a spiking core."""

from dataclasses import replace

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .identity import Identity, configuration_hash
from .learning_events import LearningKind, LearningPacket
from .params import CoreParams
from .shape import Shape
from .stdp_params import LearningParams

__all__ = ["INPUTS", "NEURONS", "REWARDS", "TEACHER", "LearningPackets", "learning_identity",
           "learning_sizes"]

#: Numbers of the sources: what spikes, what rewards (its codes are those of
#: :class:`~hubel.hdl.learning_events.Reward`), what names neurons that learn; and the neurons.
INPUTS, REWARDS, TEACHER, NEURONS = range(4)


def learning_sizes(params: LearningParams) -> CoreParams:
    """Sizes of a core with these sources: what :class:`~hubel.hdl.host_link.HostLink` has to
    know."""
    return CoreParams(
        inputs=(Shape(params.inputs), Shape(4), Shape(params.neurons)),
        populations=(Shape(params.neurons),), projections=(), outputs=(0,), clocks=(0,),
        lanes=params.lanes)


def learning_identity(params: LearningParams, *, clock_hz: float = 0) -> Identity:
    """What a learning core says of itself."""
    text = (f"{params.inputs}-{params.neurons}, learning, {params.lanes} lanes, "
            f"{params.weight_width} bit weights")
    return replace(
        Identity.of(learning_sizes(params), clock_hz=clock_hz), text=text,
        configuration=configuration_hash(params), weight_width=params.weight_width)


class LearningPackets(wiring.Component):
    """Events of the link become packets of a learning core, and its packets events.

    A spike of :data:`REWARDS` is a reward, one of :data:`TEACHER` makes a neuron learn; other
    events of these two are taken and mean nothing. A sample that STARTed is answered by a START
    before its first spike or END.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(learning_sizes(params))))`
        From the host.
    packets : :py:`Out(stream.Signature(LearningPacket(params)))`
        To the core.
    answers : :py:`In(stream.Signature(LearningPacket(params)))`
        From the core.
    spikes : :py:`Out(stream.Signature(EventLayout(learning_sizes(params))))`
        To the host.
    """
    events: stream.Interface
    packets: stream.Interface
    answers: stream.Interface
    spikes: stream.Interface

    def __init__(self, params: LearningParams):
        self.params = params
        events = stream.Signature(EventLayout(learning_sizes(params)))
        packets = stream.Signature(LearningPacket(params))
        super().__init__({
            "events": In(events), "packets": Out(packets),
            "answers": In(packets), "spikes": Out(events),
        })

    def elaborate(self, platform):
        m = Module()
        event, answer = self.events.payload, self.answers.payload
        kind, means = Signal(LearningKind), Signal()
        with m.Switch(event.source):
            with m.Case(INPUTS):
                # Both kinds have the same numbers.
                m.d.comb += [kind.eq(LearningKind(Cat(event.kind.as_value(), C(0, 1)))),
                             means.eq(1)]
            with m.Case(REWARDS):
                m.d.comb += [kind.eq(LearningKind.REWARD), means.eq(event.kind == EventKind.SPIKE)]
            with m.Case(TEACHER):
                m.d.comb += [kind.eq(LearningKind.LEARN), means.eq(event.kind == EventKind.SPIKE)]
        m.d.comb += [
            self.packets.payload.eq(Cat(kind, event.code[:self.params.code_width])),
            self.packets.valid.eq(self.events.valid & means),
            self.events.ready.eq(self.packets.ready | ~means),
        ]
        # The START that is owed goes before the first answer of the sample.
        owed, sent, code = Signal(), Signal(EventKind), Signal(len(event.code))
        with m.If(self.packets.valid & self.packets.ready & (kind == LearningKind.START)):
            m.d.sync += owed.eq(1)
        with m.Elif(self.spikes.valid & self.spikes.ready):
            m.d.sync += owed.eq(0)
        with m.If(owed):
            m.d.comb += sent.eq(EventKind.START)
        with m.Else():
            m.d.comb += [sent.eq(EventKind(answer.kind.as_value()[:2])), code.eq(answer.code)]
        m.d.comb += [
            self.spikes.payload.eq(Cat(sent, C(NEURONS, 2), code)),
            self.spikes.valid.eq(self.answers.valid),
            self.answers.ready.eq(self.spikes.ready & ~owed),
        ]
        return m
