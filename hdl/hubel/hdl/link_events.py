"""Events between a link and a core: what a request brings, and what goes into its answer."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .event_bytes import EventPacker, EventUnpacker
from .events import EventLayout
from .link_protocol import ANSWER_MOST, event_bytes
from .params import CoreParams
from .uart import ByteSignature

__all__ = ["LinkEvents"]


class LinkEvents(wiring.Component):
    """While ``enable``, events go in and come out until all are in and no more is to be waited for,
    or until there is no room for another one, or for too long.

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    enable : :py:`In(1)`
        Go on, until ``done``.
    data, there : :py:`In(8)`, :py:`In(1)`
        The byte of the request that is next.
    used : :py:`In(1)`
        There is none left.
    take : :py:`Out(1)`
        Take it.
    put : :py:`Out(ByteSignature())`
        A byte for the answer; only if not ``written``.
    written, place : :py:`In(1)`, :py:`In(8)`
        There was one in the cycle before; where it, or else the next one, will be.
    brings : :py:`In(1)`
        The request has a payload: its answer waits for nothing but that it is taken.
    idle, late : :py:`In(1)`
        The core has nothing to do; it takes too long.
    done : :py:`Out(1)`
        All is done in this cycle.
    bad : :py:`Out(1)`
        What was taken last is no event. In this cycle or before ``done``; then it ends.
    waiting : :py:`Out(1)`
        An event waits to be put.
    events, spikes : :py:`Out(stream.Signature(EventLayout(params)))`, :py:`In(...)`
        To and from the core.
    """
    put: Any
    events: stream.Interface
    spikes: stream.Interface

    def __init__(self, params: CoreParams):
        self.params = params
        layout = EventLayout(params)
        super().__init__({
            "enable":  In(1),
            "data":    In(8),
            "there":   In(1),
            "used":    In(1),
            "take":    Out(1),
            "put":     Out(ByteSignature()),
            "written": In(1),
            "place":   In(8),
            "brings":  In(1),
            "idle":    In(1),
            "late":    In(1),
            "done":    Out(1),
            "bad":     Out(1),
            "waiting": Out(1),
            "events":  Out(stream.Signature(layout)),
            "spikes":  In(stream.Signature(layout)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.unpacker = unpacker = EventUnpacker(self.params)
        m.submodules.packer = packer = EventPacker(self.params)
        wiring.connect(m, unpacker.o, wiring.flipped(self.events))
        wiring.connect(m, wiring.flipped(self.spikes), packer.i)
        full, stop = Signal(), Signal()
        # Room for an event and for the number of bytes that were used, and known a byte late.
        put_most = ANSWER_MOST - event_bytes(self.params) - 2
        m.d.sync += [
            # The head, below 0, is no byte of the payload.
            full.eq((put_most < self.place) & ~self.place[7]),
            # Once it is so, it stays so until it is done.
            stop.eq(self.enable & (stop | full | self.late | unpacker.bad
                                   | (self.used & (self.brings | self.idle)))),
        ]
        rest = Signal()
        m.d.comb += [
            # What is half in or half out goes on.
            unpacker.i.payload.eq(self.data),
            unpacker.i.valid.eq(self.enable & self.there & ~self.used
                                & ~(stop & unpacker.first)),
            self.take.eq(unpacker.i.valid & unpacker.i.ready),
            self.put.payload.eq(packer.o.payload),
            packer.o.ready.eq(self.enable & ~self.written & ~(stop & packer.first)),
            self.put.valid.eq(packer.o.valid & packer.o.ready),
            # A part of an event is left.
            rest.eq(self.used & ~unpacker.first & unpacker.i.ready),
            self.done.eq(stop & packer.first
                         & (self.used | unpacker.first | ~unpacker.i.ready)),
            unpacker.flush.eq(self.done & rest),
            self.bad.eq(unpacker.bad | unpacker.flush),
            self.waiting.eq(packer.o.valid),
        ]
        return m
