"""A reliable stream of packets between two boards, in both directions, over a few wires."""

from typing import Any

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .serial_frames import SerialDeframer, SerialFramer
from .serial_params import SerialLinkParams
from .serial_window import LinkState, SerialWindow
from .uart import UartReceiver, UartTransmitter

__all__ = ["LinkCountersLayout", "SerialLink"]


class LinkCountersLayout(data.StructLayout):
    """Since the reset, modulo ``2 ** width``: frames ``sent``, and those of them with a packet that
    was ``resent``; frames that were ``bad``, by their check sum or their bytes; and packets that
    were ``dropped`` because the other side was reset before it was known to have given them."""
    def __init__(self, width: int = 16):
        super().__init__({"sent": width, "resent": width, "bad": width, "dropped": width})


class SerialLink(wiring.Component):
    """One side of a link. docs/links.md says what goes over the line, and why nothing is lost,
    comes twice or out of order.

    A packet takes ``params.frame_clocks`` on the line. If that is free it comes out of the other
    side as long, and less than 12 cycles, after it went in. Packets are taken only while the link
    is ``up``: from a time-out and some short frames after the reset of the later side on.

    Parameters
    ----------
    shape : shape-like
        Of a packet.
    divisor, lanes, window, timeout : int
        As in :class:`~hubel.hdl.serial_params.SerialLinkParams`.

    Attributes
    ----------
    params : :class:`~hubel.hdl.serial_params.SerialLinkParams`

    Members
    -------
    i : :py:`In(stream.Signature(shape))`
        Packets to send.
    o : :py:`Out(stream.Signature(shape))`
        Packets that came.
    tx : :py:`Out(lanes, init=-1)`, rx : :py:`In(lanes, init=-1)`
        The line; ``rx`` is asynchronous.
    up : :py:`Out(1)`
        Both sides know of each other.
    counters : :py:`Out(LinkCountersLayout())`
    """
    i: stream.Interface
    o: stream.Interface
    tx: Signal
    rx: Signal
    up: Signal
    counters: Any

    def __init__(self, shape, *, divisor: int = 4, lanes: int = 1, window: int = 8,
                 timeout: int = 0):
        width = Shape.cast(shape).width
        self.params = SerialLinkParams(
            width=width, divisor=divisor, lanes=lanes, window=window, timeout=timeout
        )
        idle = (1 << lanes) - 1
        super().__init__({
            "i":        In(stream.Signature(shape)),
            "o":        Out(stream.Signature(shape)),
            "tx":       Out(lanes, init=idle),  # pyright: ignore[reportCallIssue]
            "rx":       In(lanes, init=idle),  # pyright: ignore[reportCallIssue]
            "up":       Out(1),
            "counters": Out(LinkCountersLayout()),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        line = {"divisor": params.divisor, "lanes": params.lanes}
        m.submodules.receiver = receiver = UartReceiver(**line)
        m.submodules.transmitter = transmitter = UartTransmitter(**line)
        m.submodules.framer = framer = SerialFramer(params)
        m.submodules.deframer = deframer = SerialDeframer(params)
        m.submodules.window = window = SerialWindow(params)
        wiring.connect(m, framer.bytes, transmitter.bytes)
        wiring.connect(m, receiver.bytes, deframer.bytes)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            deframer.bad_byte.eq(receiver.framing_error),
            window.i.valid.eq(self.i.valid),
            window.i.payload.eq(Value.cast(self.i.payload)),
            self.i.ready.eq(window.i.ready),
            self.o.valid.eq(window.o.valid),
            Value.cast(self.o.payload).eq(window.o.payload),
            window.o.ready.eq(self.o.ready),
            window.idle.eq(framer.idle),
            framer.start.eq(window.start),
            framer.head.eq(window.head),
            framer.packet.eq(window.packet),
            window.heard.eq(deframer.head),
            window.heard_packet.eq(deframer.packet),
            self.up.eq(window.state == LinkState.UP),
        ]
        # The check of the sum is long enough for a cycle of its own.
        m.d.sync += window.good.eq(deframer.good)

        fields = {
            "sent": window.start,
            "resent": window.resent,
            "bad": deframer.bad,
            "dropped": Mux(window.restart, window.outstanding, 0),
        }
        counts = []
        for name, more in fields.items():
            count = Signal(self.counters[name].shape(), name=name)
            m.d.sync += count.eq(count + more)
            counts.append(count)
        m.d.comb += self.counters.eq(Cat(*counts))
        return m
