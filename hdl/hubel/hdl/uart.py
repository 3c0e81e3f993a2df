"""Serial port: 8 data bits, no parity, one stop bit (8N1)."""

from amaranth import *
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out


__all__ = ["UartReceiver", "UartTransmitter"]


def _check(divisor: int) -> None:
    if divisor < 4:
        raise ValueError(f"divisor must be at least 4, not {divisor!r}")


class UartReceiver(wiring.Component):
    """Receives bytes, LSB first. It cannot wait: a byte must be taken when it is given.

    Each bit is sampled once, in its middle. A byte is given half a bit after its stop bit began
    plus two cycles (the synchroniser), and the next start bit is looked for at once: with a
    divisor of 12 or more, a sender may be 4 % faster or slower.

    Parameters
    ----------
    divisor : int
        Clocks a bit, at least 4.

    Members
    -------
    rx : :py:`In(1, init=1)`
        The line; asynchronous.
    bytes : :py:`Out(stream.Signature(8, always_ready=True))`
        Received bytes.
    framing_error : :py:`Out(1)`
        A byte had no stop bit in this cycle. It is not given.
    """
    bytes: stream.Interface

    def __init__(self, *, divisor: int):
        _check(divisor)
        self._divisor = divisor
        super().__init__({
            "rx":            In(1, init=1),
            "bytes":         Out(stream.Signature(8, always_ready=True)),
            "framing_error": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.rx_sync = cdc.FFSynchronizer(self.rx, rx, init=1)

        # Start, data and stop bits enter from the left; when the start bit, which is zero,
        # leaves on the right, the frame is complete.
        timer = Signal(range(self._divisor))
        frame = Signal(9)
        m.d.comb += self.bytes.payload.eq(frame[1:])
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [
                    timer.eq(self._divisor // 2 - 1),
                    frame.eq(-1),
                ]
                with m.If(~rx):
                    m.next = "Frame"
            with m.State("Frame"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [
                        timer.eq(self._divisor - 1),
                        frame.eq(Cat(frame[1:], rx)),
                    ]
                    with m.If(frame.all() & rx):
                        m.next = "Idle"  # a glitch, not a start bit
                    with m.If(~frame[0]):
                        m.d.comb += [
                            self.bytes.valid.eq(rx),
                            self.framing_error.eq(~rx),
                        ]
                        m.next = "Stop"
            with m.State("Stop"):
                with m.If(rx):
                    m.next = "Idle"
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes, LSB first, without a gap while there are bytes.

    The start bit begins one cycle after a byte is taken; a byte takes ``10 * divisor`` cycles.

    Parameters
    ----------
    divisor : int
        Clocks a bit, at least 4.

    Members
    -------
    bytes : :py:`In(stream.Signature(8))`
        Bytes to send.
    tx : :py:`Out(1, init=1)`
        The line, straight from a flip-flop.
    """
    bytes: stream.Interface

    def __init__(self, *, divisor: int):
        _check(divisor)
        self._divisor = divisor
        super().__init__({
            "bytes": In(stream.Signature(8)),
            "tx":    Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self._divisor))
        # The bits that are still to be sent, below a one that marks their end.
        frame = Signal(10, init=1)
        last = Signal()
        m.d.comb += [last.eq(frame == 1), self.bytes.ready.eq(last & (timer == 0))]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(~last):
            m.d.sync += [
                self.tx.eq(frame[0]),
                frame.eq(frame >> 1),
                timer.eq(self._divisor - 1),
            ]
        with m.Elif(self.bytes.valid):
            m.d.sync += [
                self.tx.eq(0),
                frame.eq(Cat(self.bytes.payload, C(1, 1), C(1, 1))),
                timer.eq(self._divisor - 1),
            ]
        return m
