"""A core with a serial port: all that a board needs beside a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .core import Core
from .params import CoreParams
from .program import Program
from .spike_port import SpikePort
from .uart import UartReceiver, UartTransmitter

__all__ = ["SpikeSoc"]


class SpikeSoc(wiring.Component):
    """:class:`Core` behind a :class:`SpikePort` on a serial line (8N1).

    Parameters
    ----------
    params : :class:`CoreParams`
    program : :class:`Program`
    divisor : int
        Clocks a bit of the serial line.

    Members
    -------
    rx : :py:`In(1, init=1)`
        From the host; asynchronous.
    tx : :py:`Out(1, init=1)`
        To the host.
    """
    rx: Signal
    tx: Signal

    def __init__(self, params: CoreParams, program: Program, *, divisor: int):
        self.params = params
        self._program = program
        self._divisor = divisor
        super().__init__({
            "rx": In(1, init=1),  # pyright: ignore[reportCallIssue]
            "tx": Out(1, init=1),  # pyright: ignore[reportCallIssue]
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.submodules.port = port = SpikePort(self.params)
        m.submodules.core = core = Core(self.params, self._program)
        wiring.connect(m, receiver.bytes, port.i_bytes)
        wiring.connect(m, port.o_bytes, transmitter.bytes)
        wiring.connect(m, port.events, core.events)
        wiring.connect(m, core.spikes, port.spikes)
        wiring.connect(m, core.counters, port.counters)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            port.bad_byte.eq(receiver.framing_error),
        ]
        return m
