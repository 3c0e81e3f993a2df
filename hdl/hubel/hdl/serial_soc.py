"""What every core with a serial port has in common: its two wires, and one for a meter."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .uart import UartReceiver, UartTransmitter

__all__ = ["SerialSoc"]


class SerialSoc(wiring.Component):
    """A serial line (8N1) for what is built on it: all that a board needs beside a clock.

    Parameters
    ----------
    divisor : int
        Clocks a bit of the serial line.
    members : dict
        Members beside these.

    Members
    -------
    rx : :py:`In(1, init=1)`
        From the host; asynchronous.
    tx : :py:`Out(1, init=1)`
        To the host.
    busy : :py:`Out(1)`
        A clock ago the core worked, or its spikes waited for the line: a meter trims its window
        with it.
    """
    rx: Signal
    tx: Signal
    busy: Signal

    def __init__(self, *, divisor: int, members: dict[str, Any] | None = None):
        self._divisor = divisor
        super().__init__({
            "rx": In(1, init=1),  # pyright: ignore[reportCallIssue]
            "tx": Out(1, init=1),  # pyright: ignore[reportCallIssue]
            "busy": Out(1),
            **(members or {}),
        })

    def _elaborate_line(self, m: Module, port: Any) -> tuple[UartReceiver, UartTransmitter]:
        """The two ends of the line; ``port`` hears of bytes that were lost on it."""
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            port.bad_byte.eq(receiver.framing_error),
        ]
        return receiver, transmitter

    def _connect_line(self, m: Module, port: Any) -> None:
        """All bytes of the line to and from ``port``."""
        receiver, transmitter = self._elaborate_line(m, port)
        wiring.connect(m, receiver.bytes, port.i_bytes)
        wiring.connect(m, port.o_bytes, transmitter.bytes)
