"""A core with a serial port: all that a board needs beside a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from .core import Core
from .events import EventLayout
from .flash_boot import FlashBoot, SpiSignature
from .host_link import HostLink
from .identity import Identity
from .memory_access import MemoryKind
from .params import CoreParams
from .program import Program
from .program_tag import program_tag
from .serial_soc import SerialSoc
from .stream_register import StreamRegister

__all__ = ["SpikeSoc"]


class SpikeSoc(SerialSoc):
    """:class:`Core` behind a :class:`HostLink` on a serial line (8N1).

    Parameters
    ----------
    params : :class:`CoreParams`
    program : :class:`Program`
        What the memories have at first.
    divisor : int
        Clocks a bit of the serial line.
    clock_hz : float
        Clocks a second, for the identity; 0 if unknown.
    loaded : bool
        All memories have initial contents, so that ``program`` runs from the start; never so with
        ``spram``.
    spram : bool
        Weights are in the SPRAM of an iCE40UP.
    boot : int or None
        Address in an SPI flash of what to load after reset, before the host is heard.
    contents : dict of MemoryKind to list of int, optional
        Rows of some memories instead of those of ``program``.
    tag : bytes, optional
        Of the Program, instead of that of ``program``.

    Members
    -------
    spi : :py:`Out(SpiSignature())`
        To the flash; only with ``boot``.
    """
    def __init__(self, params: CoreParams, program: Program, *, divisor: int, clock_hz: float = 0,
                 loaded: bool = True, spram: bool = False, boot: int | None = None,
                 contents: dict[MemoryKind, list[int]] | None = None, tag: bytes | None = None):
        self.params = params
        self._contents = contents
        self._program = program
        self._loaded = loaded and not spram
        self._spram = spram
        self._boot = boot
        self.identity = Identity.of(
            params, tag=tag or program_tag(params, program), clock_hz=clock_hz)
        super().__init__(
            divisor=divisor, members={} if boot is None else {"spi": Out(SpiSignature())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = HostLink(self.params, self.identity, loaded=self._loaded)
        core = Core(self.params, self._program, access=True, spram=self._spram,
                    contents=self._contents)
        m.submodules.core = ResetInserter(link.reset)(core)
        if self._boot is None:
            self._connect_line(m, link)
        else:
            self._elaborate_boot(m, link)
        # From the link through the core and back would be the longest path.
        events = ResetInserter(link.reset)(StreamRegister(EventLayout(self.params)))
        m.submodules.events = events
        wiring.connect(m, link.events, events.i)
        wiring.connect(m, events.o, core.events)
        wiring.connect(m, core.spikes, link.spikes)
        wiring.connect(m, core.counters, link.counters)
        wiring.connect(m, link.access, core.memory)
        m.d.comb += link.active.eq(core.active | events.o.valid)
        m.d.sync += self.busy.eq(link.active)
        return m

    def _elaborate_boot(self, m, link):
        """The flash speaks first, and nobody listens to the answers."""
        receiver, transmitter = self._elaborate_line(m, link)
        assert self._boot is not None
        m.submodules.boot = boot = FlashBoot(address=self._boot)
        wiring.connect(m, boot.spi, wiring.flipped(self.spi))
        m.d.comb += [
            boot.ready.eq(link.receives),
            boot.stop.eq(receiver.bytes.valid),
            link.i_bytes.payload.eq(Mux(boot.booting, boot.bytes.payload, receiver.bytes.payload)),
            link.i_bytes.valid.eq(Mux(boot.booting, boot.bytes.valid, receiver.bytes.valid)),
            transmitter.bytes.payload.eq(link.o_bytes.payload),
            transmitter.bytes.valid.eq(link.o_bytes.valid & ~boot.booting),
            link.o_bytes.ready.eq(transmitter.bytes.ready | boot.booting),
        ]
