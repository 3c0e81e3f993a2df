"""Events as bytes and back."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .link_protocol import event_bytes
from .params import CoreParams

__all__ = ["EventPacker", "EventUnpacker"]


class EventUnpacker(wiring.Component):
    """Bytes to the events of the inputs, the low byte of each first.

    An event takes a cycle a byte and two more. It is given only if there are such an input and
    such an axon; others are dropped and reported.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    i : :py:`In(stream.Signature(8))`
        Bytes.
    o : :py:`Out(stream.Signature(EventLayout(params)))`
        Events.
    bad : :py:`Out(1)`
        An event is dropped in this cycle.
    first : :py:`Out(1)`
        The next byte is the first of an event.
    flush : :py:`In(1)`
        Forget the part of an event that has come.
    """
    i: stream.Interface
    o: stream.Interface

    def __init__(self, params: CoreParams):
        self.params = params
        super().__init__({
            "i":     In(stream.Signature(8)),
            "o":     Out(stream.Signature(EventLayout(params))),
            "bad":   Out(1),
            "first": Out(1),
            "flush": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        count = event_bytes(self.params)
        word = Signal(8 * count)
        # A one that a byte more shifts on: at the end the word is complete.
        place = Signal(count + 1, init=1)
        full, known = place[count], Signal()
        # What is known of it a cycle later, because both answers go far.
        valid, bad = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            self.first.eq(place[0]),
            self.o.payload.eq(word),
            self.o.valid.eq(valid),
            self.bad.eq(bad),
        ]
        m.d.sync += [valid.eq(full & known), bad.eq(full & ~known)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [word.eq(Cat(word, self.i.payload)[8:]), place.eq(place << 1)]
        with m.If(self.bad | (self.o.valid & self.o.ready) | (self.flush & ~full)):
            m.d.sync += [place.eq(1), valid.eq(0), bad.eq(0)]

        event = self.o.payload
        kind, code = Value.cast(event.kind), event.code
        with m.Switch(event.source):
            for i, shape in enumerate(self.params.inputs):
                with m.Case(i):
                    there, at = C(1), 0
                    sizes = (shape.channels, shape.width, shape.height)
                    for width, size in zip(shape.field_widths, sizes, strict=True):
                        if size != 1 << width:
                            there = there & (code[at:at + width] < size)
                        at += width
                    there = there & (code[at:] == 0)
                    m.d.comb += known.eq(Mux(kind == EventKind.SPIKE.value, there, kind != 3))
        return m


class EventPacker(wiring.Component):
    """Events to bytes, the low byte of each first: a byte a cycle, and a cycle to take an event,
    which then waits here.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    i : :py:`In(stream.Signature(EventLayout(params)))`
        Events. ``ready`` comes from a flip-flop.
    o : :py:`Out(stream.Signature(8))`
        Bytes.
    first : :py:`Out(1)`
        The next byte is the first of an event.
    """
    i: stream.Interface
    o: stream.Interface

    def __init__(self, params: CoreParams):
        self.params = params
        super().__init__({
            "i":     In(stream.Signature(EventLayout(params))),
            "o":     Out(stream.Signature(8)),
            "first": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        count = event_bytes(self.params)
        word = Signal(8 * count)
        # A one that a byte less shifts down: at 0 there is none.
        place = Signal(count + 1, init=1)
        m.d.comb += [
            self.i.ready.eq(place[0]),
            self.o.payload.eq(word),
            self.o.valid.eq(~place[0]),
            self.first.eq(place[0] | place[count]),
        ]
        with m.If(self.i.ready):
            m.d.sync += word.eq(self.i.payload)
            with m.If(self.i.valid):
                m.d.sync += place.eq(1 << count)
        with m.Elif(self.o.ready):
            m.d.sync += [word.eq(word >> 8), place.eq(place >> 1)]
        return m
