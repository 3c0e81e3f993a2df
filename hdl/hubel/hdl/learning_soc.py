"""A learning core with a serial port: all that a board needs beside a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .learning_core import LearningCore
from .learning_port import LearningPort
from .stdp_params import LearningParams
from .uart import UartReceiver, UartTransmitter

__all__ = ["LearningSoc"]


class LearningSoc(wiring.Component):
    """:class:`LearningCore` behind a :class:`LearningPort` on a serial line (8N1).

    Parameters
    ----------
    params : :class:`LearningParams`
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

    def __init__(self, params: LearningParams, *, divisor: int):
        self.params = params
        self._divisor = divisor
        super().__init__({
            "rx": In(1, init=1),  # pyright: ignore[reportCallIssue]
            "tx": Out(1, init=1),  # pyright: ignore[reportCallIssue]
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.submodules.port = port = LearningPort(self.params)
        m.submodules.core = core = LearningCore(self.params)
        wiring.connect(m, receiver.bytes, port.i_bytes)
        wiring.connect(m, port.o_bytes, transmitter.bytes)
        wiring.connect(m, port.events, core.events)
        wiring.connect(m, core.spikes, port.spikes)
        wiring.connect(m, port.port, core.port)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            port.bad_byte.eq(receiver.framing_error),
        ]
        return m
