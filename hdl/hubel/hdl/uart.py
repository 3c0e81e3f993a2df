"""Serial port: 8 data bits, no parity, one stop bit (8N1); or the same on several wires."""

from typing import Any

from amaranth import *
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ByteSignature", "UartReceiver", "UartTransmitter"]


class ByteSignature(wiring.Signature):
    """Bytes that cannot wait: a stream without ``ready``, to be taken when ``valid``."""
    def __init__(self):
        super().__init__({"payload": Out(8), "valid": Out(1)})


def _check(divisor: int, lanes: int) -> None:
    if divisor < 4:
        raise ValueError(f"divisor must be at least 4, not {divisor!r}")
    if lanes not in (1, 2, 4, 8):
        raise ValueError(f"lanes must be 1, 2, 4 or 8, not {lanes!r}")


class UartReceiver(wiring.Component):
    """Receives bytes, LSB first.

    With several lanes each has a start bit, ``8 // lanes`` bits of the byte and a stop bit, all at
    the same time: lane ``i`` has bits ``i``, ``i + lanes``, ... of the byte.

    Each bit is sampled once, in its middle. A byte is given half a bit after its stop bit began
    plus three cycles (the synchroniser, and flip-flops from which it comes), and the next start
    bit is looked for at once: with a divisor of 12 or more, a sender may be 3 % faster or slower.

    Parameters
    ----------
    divisor : int
        Clocks a bit, at least 4.
    lanes : int
        Wires, 1, 2, 4 or 8.

    Members
    -------
    rx : :py:`In(lanes, init=-1)`
        The line; asynchronous.
    bytes : :py:`Out(ByteSignature())`
        Received bytes.
    framing_error : :py:`Out(1)`
        A byte ended without a stop bit in this cycle. It is not given.
    """
    rx: Signal
    bytes: Any
    framing_error: Signal

    def __init__(self, *, divisor: int, lanes: int = 1):
        _check(divisor, lanes)
        self._divisor, self._lanes = divisor, lanes
        idle = (1 << lanes) - 1
        super().__init__({
            "rx":            In(lanes, init=idle),  # pyright: ignore[reportCallIssue]
            "bytes":         Out(ByteSignature()),
            "framing_error": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, idle = self._lanes, (1 << self._lanes) - 1
        rx, stop = Signal(lanes, init=idle), Signal()
        m.submodules.rx_sync = cdc.FFSynchronizer(self.rx, rx, init=idle)
        m.d.comb += stop.eq(rx.all())

        # Start, data and stop bits enter from the left; when the start bit, which is zero,
        # leaves on the right, the frame is complete.
        timer = Signal(range(self._divisor))
        frame = Signal(8 + lanes)
        m.d.sync += [self.bytes.valid.eq(0), self.framing_error.eq(0)]
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [
                    timer.eq(self._divisor // 2 - 1),
                    frame.eq(-1),
                ]
                with m.If(~rx[0]):
                    m.next = "Frame"
            with m.State("Frame"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [
                        timer.eq(self._divisor - 1),
                        frame.eq(Cat(frame[lanes:], rx)),
                    ]
                    with m.If(frame.all() & rx[0]):
                        m.next = "Idle"  # a glitch, not a start bit
                    with m.If(~frame[0]):
                        m.d.sync += [
                            self.bytes.payload.eq(frame[lanes:]),
                            self.bytes.valid.eq(stop),
                            self.framing_error.eq(~stop),
                        ]
                        m.next = "Break"
                        with m.If(stop):
                            m.next = "Idle"
            with m.State("Break"):
                with m.If(stop):
                    m.next = "Idle"
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes, LSB first, without a gap while there are bytes.

    The start bit begins one cycle after a byte is taken; a byte takes ``(8 // lanes + 2) *
    divisor`` cycles. Several lanes are as in :class:`UartReceiver`.
    Both ``tx`` and ``bytes.ready`` come straight from flip-flops.

    Parameters
    ----------
    divisor : int
        Clocks a bit, at least 4.
    lanes : int
        Wires, 1, 2, 4 or 8.

    Members
    -------
    bytes : :py:`In(stream.Signature(8))`
        Bytes to send.
    tx : :py:`Out(lanes, init=-1)`
        The line.
    """
    bytes: stream.Interface
    tx: Signal

    def __init__(self, *, divisor: int, lanes: int = 1):
        _check(divisor, lanes)
        self._divisor, self._lanes = divisor, lanes
        idle = (1 << lanes) - 1
        super().__init__({
            "bytes": In(stream.Signature(8)),
            "tx":    Out(lanes, init=idle),  # pyright: ignore[reportCallIssue]
        })

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self._divisor))
        # The bits that are still to be sent, below a one that marks their end.
        lanes = self._lanes
        frame = Signal(9 + lanes, init=1)
        last = Signal()
        ready = Signal(init=1)
        m.d.comb += [last.eq(frame == 1), self.bytes.ready.eq(ready)]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
            with m.If(last & (timer == 1)):
                m.d.sync += ready.eq(1)
        with m.Elif(~last):
            m.d.sync += [
                self.tx.eq(frame[:lanes]),
                frame.eq(frame >> lanes),
                timer.eq(self._divisor - 1),
            ]
        with m.Elif(self.bytes.valid):
            m.d.sync += [
                ready.eq(0),
                self.tx.eq(0),
                frame.eq(Cat(self.bytes.payload, C(-1, lanes), 1)),
                timer.eq(self._divisor - 1),
            ]
        return m
