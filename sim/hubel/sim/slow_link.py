"""A link that takes its time: for simulation of meshes."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SlowLink", "slow_links"]


class SlowLink(wiring.Component):
    """Holds each packet for a random number of clocks, 1 to ``most + 1``.

    Parameters
    ----------
    layout : :class:`~amaranth.lib.data.StructLayout`
    most : int
        A power of two less one.
    seed : int

    Members
    -------
    i, o : :py:`In(stream.Signature(layout))`, the same out
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, layout: data.StructLayout, *, most: int, seed: int):
        if most < 0 or most & (most + 1):
            raise ValueError(f"most must be a power of two less one, not {most}")
        self._most = most
        self._seed = seed % 0xFFFF + 1
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        # A Galois LFSR of maximal length (taps 16, 14, 13, 11).
        noise = Signal(16, init=self._seed)
        m.d.sync += noise.eq(Mux(noise[0], 0xB400, 0) ^ noise[1:])
        wait = Signal(range(self._most + 2))
        full = Signal()
        m.d.comb += [
            self.o.valid.eq(full & (wait == 0)),
            self.i.ready.eq(~full | (self.o.valid & self.o.ready)),
        ]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(self.i.valid & self.i.ready):
            # Often at once, now and then long after.
            draw = Cat(*noise[3 : 3 + self._most.bit_length()])
            m.d.sync += [
                full.eq(1),
                self.o.payload.eq(self.i.payload),
                wait.eq(Mux(noise[0], draw, 0)),
            ]
        return m


def slow_links(layout: data.StructLayout, *, most: int, seed: int) -> Callable[[], SlowLink]:
    """What makes links, each with a seed of its own."""
    count = 0

    def link() -> SlowLink:
        nonlocal count
        count += 1
        return SlowLink(layout, most=most, seed=seed * 7919 + count * 104729)

    return link
