# pyright: reportCallIssue=false
"""Two sides of a serial link on clocks of their own, and two lines that spoil what they carry."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.hdl import DomainRenamer as Renamed
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hubel.hdl.serial_link import LinkCountersLayout, SerialLink

#: Cycles of the lines that a line delays at most.
LONGEST = 4096


class Line(wiring.Component):
    """Gives ``i`` again ``delay`` cycles later, with the lanes of ``flip`` inverted.

    A delay that grows by a bit repeats one; a delay that shrinks by a bit swallows one.
    """

    def __init__(self, lanes: int):
        idle = (1 << lanes) - 1
        super().__init__(
            {
                "i": In(lanes, init=idle),
                "o": Out(lanes, init=idle),
                "delay": In(range(LONGEST), init=1),
                "flip": In(lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = len(self.i)
        kept = memory.Memory(shape=lanes, depth=LONGEST, init=[(1 << lanes) - 1] * LONGEST)
        m.submodules.kept = kept
        write, read = kept.write_port(), kept.read_port()
        place = Signal(range(LONGEST))
        m.d.sync += [place.eq(place + 1), self.o.eq(read.data ^ self.flip)]
        m.d.comb += [
            write.en.eq(1),
            write.addr.eq(place),
            write.data.eq(self.i),
            read.addr.eq(place - self.delay),
        ]
        return m


class LinkPair(wiring.Component):
    """Sides "a" and "b", each with its clock and reset, and ``gate``, which holds up the packets
    that come; the lines "ab" and "ba" have the clock ``clk`` of the whole."""

    def __init__(self, width: int, **sizes: Any):
        self._sides = {name: SerialLink(width, **sizes) for name in "ab"}
        lanes = self._sides["a"].params.lanes
        self._lanes = lanes
        ports = {}
        for name in "ab":
            ports |= {
                f"{name}_clk": In(1),
                f"{name}_rst": In(1),
                f"{name}_i": In(stream.Signature(width)),
                f"{name}_o": Out(stream.Signature(width)),
                f"{name}_gate": In(1),
                f"{name}_up": Out(1),
                f"{name}_counters": Out(LinkCountersLayout()),
            }
        for name in ("ab", "ba"):
            ports |= {f"{name}_delay": In(range(LONGEST), init=1), f"{name}_flip": In(lanes)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        for name, link in self._sides.items():
            domain = ClockDomain(name)
            m.domains += domain
            m.submodules[name] = Renamed(name)(link)
            port = {key: getattr(self, f"{name}_{key}") for key in ("i", "o", "gate")}
            m.d.comb += [
                ClockSignal(name).eq(getattr(self, f"{name}_clk")),
                ResetSignal(name).eq(getattr(self, f"{name}_rst")),
                link.i.valid.eq(port["i"].valid),
                link.i.payload.eq(port["i"].payload),
                port["i"].ready.eq(link.i.ready),
                port["o"].valid.eq(link.o.valid & port["gate"]),
                port["o"].payload.eq(link.o.payload),
                link.o.ready.eq(port["o"].ready & port["gate"]),
                getattr(self, f"{name}_up").eq(link.up),
                getattr(self, f"{name}_counters").eq(link.counters),
            ]
        for name in ("ab", "ba"):
            m.submodules[name] = line = Line(self._lanes)
            m.d.comb += [
                line.i.eq(self._sides[name[0]].tx),
                self._sides[name[1]].rx.eq(line.o),
                line.delay.eq(getattr(self, f"{name}_delay")),
                line.flip.eq(getattr(self, f"{name}_flip")),
            ]
        return m
