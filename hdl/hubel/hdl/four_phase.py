"""The asynchronous interface of AER chips and sensors: address, request, acknowledgement."""

from amaranth import *
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FourPhaseIn", "FourPhaseLink", "FourPhaseOut"]


def _check(width: int, name: str, clocks: int, least: int) -> None:
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width!r}")
    if clocks < least:
        raise ValueError(f"{name} must be at least {least}, not {clocks!r}")


class FourPhaseIn(wiring.Component):
    """Takes events from an asynchronous sender; all lines are active high.

    The four phases: the sender puts an address on the bus and raises ``req``; ``ack`` rises; the
    sender lowers ``req``; ``ack`` falls. The address is bundled with ``req``: it must be valid when
    ``req`` rises, and stay until ``ack`` rises. It is read ``settle`` cycles after ``req`` was
    seen, two or three cycles after it rose; where the wires of the bus are slower than that of
    ``req`` by more than two cycles, a larger ``settle`` makes up for it.

    ``ack`` rises only when the stream took the event: while the stream waits, the sender does. An
    event takes 15 cycles plus ``settle`` from :class:`FourPhaseOut` on the same clock.

    After a reset ``ack`` is low, and a ``req`` that is high is an event. A reset in the middle of a
    handshake may therefore double the event that was taken last; reset both sides together.

    Parameters
    ----------
    width : int
        Bits of the address.
    settle : int
        Cycles to wait before the address is read, from 0.

    Members
    -------
    address : :py:`In(width)`, req : :py:`In(1)`
        From the sender; asynchronous.
    ack : :py:`Out(1)`
        To the sender; from a flip-flop.
    o : :py:`Out(stream.Signature(width))`
        The events.
    """
    address: Signal
    req: Signal
    ack: Signal
    o: stream.Interface

    def __init__(self, width: int, *, settle: int = 0):
        _check(width, "settle", settle, 0)
        self._settle = settle
        super().__init__({
            "address": In(width),
            "req":     In(1),
            "ack":     Out(1),
            "o":       Out(stream.Signature(width)),
        })

    def elaborate(self, platform):
        m = Module()
        req = Signal()
        m.submodules.req_sync = cdc.FFSynchronizer(self.req, req)
        wait = Signal(range(max(self._settle + 1, 2)), init=self._settle)
        with m.FSM():
            with m.State("Idle"):
                with m.If(req):
                    m.d.sync += wait.eq(wait - 1)
                with m.If(req & (wait == 0)):
                    m.d.sync += [
                        wait.eq(self._settle),
                        self.o.payload.eq(self.address),
                        self.o.valid.eq(1),
                    ]
                    m.next = "Give"
            with m.State("Give"):
                with m.If(self.o.ready):
                    m.d.sync += [self.o.valid.eq(0), self.ack.eq(1)]
                    m.next = "Return"
            with m.State("Return"):
                with m.If(~req):
                    m.d.sync += self.ack.eq(0)
                    m.next = "Idle"
        return m


class FourPhaseOut(wiring.Component):
    """Sends events to an asynchronous receiver; all lines are active high.

    The address is on the bus ``setup`` cycles before ``req`` rises and stays until the next event.
    ``req`` falls when ``ack`` has risen, and rises again only when ``ack`` has fallen. An event
    takes 14 cycles plus ``setup`` to :class:`FourPhaseIn` on the same clock.

    After a reset ``req`` is low, and nothing is sent while ``ack`` is high. An event whose
    handshake a reset cut may have been taken or not; it is not sent again.

    Parameters
    ----------
    width : int
        Bits of the address.
    setup : int
        Cycles between the address and ``req``, from 1.

    Members
    -------
    i : :py:`In(stream.Signature(width))`
        The events.
    address : :py:`Out(width)`, req : :py:`Out(1)`
        To the receiver; from flip-flops.
    ack : :py:`In(1)`
        From the receiver; asynchronous.
    """
    i: stream.Interface
    address: Signal
    req: Signal
    ack: Signal

    def __init__(self, width: int, *, setup: int = 1):
        _check(width, "setup", setup, 1)
        self._setup = setup
        super().__init__({
            "i":       In(stream.Signature(width)),
            "address": Out(width),
            "req":     Out(1),
            "ack":     In(1),
        })

    def elaborate(self, platform):
        m = Module()
        # At first it counts as high, until it was seen low.
        ack = Signal(init=1)
        m.submodules.ack_sync = cdc.FFSynchronizer(self.ack, ack, init=1)
        wait = Signal(range(max(self._setup, 2)), init=self._setup - 1)
        with m.FSM(init="Return"):
            with m.State("Idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += self.address.eq(self.i.payload)
                    m.next = "Setup"
            with m.State("Setup"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == 0):
                    m.d.sync += [wait.eq(self._setup - 1), self.req.eq(1)]
                    m.next = "Request"
            with m.State("Request"):
                with m.If(ack):
                    m.d.sync += self.req.eq(0)
                    m.next = "Return"
            with m.State("Return"):
                with m.If(~ack):
                    m.next = "Idle"
        return m


class FourPhaseLink(wiring.Component):
    """Both directions: :class:`FourPhaseIn` and :class:`FourPhaseOut` side by side.

    Parameters
    ----------
    width : int
        Bits of the addresses of both directions.
    settle, setup : int
        Of the two.

    Members
    -------
    rx_address : :py:`In(width)`, rx_req : :py:`In(1)`, rx_ack : :py:`Out(1)`
        The bus of the events that come.
    tx_address : :py:`Out(width)`, tx_req : :py:`Out(1)`, tx_ack : :py:`In(1)`
        The bus of the events that go.
    o : :py:`Out(stream.Signature(width))`
        The events that came.
    i : :py:`In(stream.Signature(width))`
        The events to send.
    """
    rx_address: Signal
    rx_req: Signal
    rx_ack: Signal
    tx_address: Signal
    tx_req: Signal
    tx_ack: Signal
    o: stream.Interface
    i: stream.Interface

    def __init__(self, width: int, *, settle: int = 0, setup: int = 1):
        self.receiver = FourPhaseIn(width, settle=settle)
        self.sender = FourPhaseOut(width, setup=setup)
        super().__init__({
            "rx_address": In(width),
            "rx_req":     In(1),
            "rx_ack":     Out(1),
            "tx_address": Out(width),
            "tx_req":     Out(1),
            "tx_ack":     In(1),
            "o":          Out(stream.Signature(width)),
            "i":          In(stream.Signature(width)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = self.receiver
        m.submodules.sender = sender = self.sender
        wiring.connect(m, receiver.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.i), sender.i)
        m.d.comb += [
            receiver.address.eq(self.rx_address),
            receiver.req.eq(self.rx_req),
            self.rx_ack.eq(receiver.ack),
            self.tx_address.eq(sender.address),
            self.tx_req.eq(sender.req),
            sender.ack.eq(self.tx_ack),
        ]
        return m
