"""A core with a serial port: all that a board needs beside a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .core import Core
from .host_link import HostLink
from .identity import Identity
from .params import CoreParams
from .program import Program
from .program_tag import program_tag
from .uart import UartReceiver, UartTransmitter

__all__ = ["SpikeSoc"]


class SpikeSoc(wiring.Component):
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
        All memories have initial contents, so that ``program`` runs from the start.

    Members
    -------
    rx : :py:`In(1, init=1)`
        From the host; asynchronous.
    tx : :py:`Out(1, init=1)`
        To the host.
    """
    rx: Signal
    tx: Signal

    def __init__(self, params: CoreParams, program: Program, *, divisor: int, clock_hz: float = 0,
                 loaded: bool = True):
        self.params = params
        self._program = program
        self._divisor = divisor
        self._loaded = loaded
        tag = program_tag(params, program)
        self.identity = Identity.of(params, tag=tag, clock_hz=clock_hz)
        super().__init__({
            "rx": In(1, init=1),  # pyright: ignore[reportCallIssue]
            "tx": Out(1, init=1),  # pyright: ignore[reportCallIssue]
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.submodules.link = link = HostLink(self.params, self.identity, loaded=self._loaded)
        core = Core(self.params, self._program, access=True)
        m.submodules.core = ResetInserter(link.reset)(core)
        wiring.connect(m, receiver.bytes, link.i_bytes)
        wiring.connect(m, link.o_bytes, transmitter.bytes)
        wiring.connect(m, link.events, core.events)
        wiring.connect(m, core.spikes, link.spikes)
        wiring.connect(m, core.counters, link.counters)
        wiring.connect(m, link.access, core.memory)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            link.bad_byte.eq(receiver.framing_error),
            link.active.eq(core.active),
        ]
        return m
