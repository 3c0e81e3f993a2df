"""What makes the serial link reliable: numbers, windows, acknowledgements, and a new beginning."""

from typing import Any

from amaranth import *
from amaranth.lib import enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .serial_frames import HeadLayout
from .serial_params import NUMBER_WIDTH, FrameKind, SerialLinkParams

__all__ = ["LinkState", "SerialWindow"]


class LinkState(enum.Enum, shape=2):
    """What a side knows of the other one."""
    #: Since its reset it says nothing and hears nothing, until the line is empty.
    DEAF = 0
    #: It says HELLO.
    HELLO = 1
    #: It heard the other one, and says WELCOME.
    WELCOME = 2
    #: It knows that it was heard: packets go both ways.
    UP = 3


class SerialWindow(wiring.Component):
    """Says what the next frame is, and acts on every frame that comes.

    Sending is go-back-N: up to ``window`` packets stay in a memory until the other side says that
    they were taken out of its link; those that it did not receive in time are sent again. As it
    has as many places to keep them, it never has to drop one for want of room.

    Parameters
    ----------
    params : :class:`~hubel.hdl.serial_params.SerialLinkParams`

    Members
    -------
    i, o : :py:`In(stream.Signature(params.width))`, :py:`Out(stream.Signature(params.width))`
        Packets to send, and those that came.
    idle : :py:`In(1)`, start : :py:`Out(1)`
        A frame can be sent; it begins in this cycle.
    head : :py:`Out(HeadLayout())`, packet : :py:`Out(params.width)`
        The frame to send.
    good : :py:`In(1)`
        A frame came.
    heard : :py:`In(HeadLayout())`, heard_packet : :py:`In(params.width)`
        That frame.
    state : :py:`Out(LinkState)`
    resent : :py:`Out(1)`
        The frame that begins was sent before.
    restart : :py:`Out(1)`, outstanding : :py:`Out(NUMBER_WIDTH)`
        The other side was reset: as many packets were sent or about to be sent and not known to be
        taken, and will not be sent again.
    """
    i: stream.Interface
    o: stream.Interface
    head: Any
    heard: Any
    state: Any

    def __init__(self, params: SerialLinkParams):
        self._params = params
        super().__init__({
            "i":            In(stream.Signature(params.width)),
            "o":            Out(stream.Signature(params.width)),
            "idle":         In(1),
            "start":        Out(1),
            "head":         Out(HeadLayout()),
            "packet":       Out(params.width),
            "good":         In(1),
            "heard":        In(HeadLayout()),
            "heard_packet": In(params.width),
            "state":        Out(LinkState),
            "resent":       Out(1),
            "restart":      Out(1),
            "outstanding":  Out(NUMBER_WIDTH),
        })

    def elaborate(self, platform):
        m = Module()
        params, state, heard, good = self._params, self.state, self.heard, self.good

        def number(name: str) -> Signal:
            return Signal(NUMBER_WIDTH, name=name)

        # Packets to send, in this order: the first that was not taken, the first that was not
        # received, the next to be sent, the next that was never sent, the next to come.
        taken, received, send, unsent, end = map(
            number, ("taken", "received", "send", "unsent", "end")
        )
        # Packets that come: the next to be received, the next to be taken.
        expected, given = number("expected"), number("given")

        is_up, hears_hello, adopts = Signal(), Signal(), Signal()
        m.d.comb += [
            is_up.eq(state == LinkState.UP),
            hears_hello.eq(heard.kind == FrameKind.HELLO),
            self.restart.eq(good & is_up & hears_hello),
            # The other side counts on from what it has.
            adopts.eq(good & (~is_up | hears_hello)),
        ]
        due, late = Signal(), Signal()
        with m.Switch(state):
            with m.Case(LinkState.DEAF):
                with m.If(late):
                    m.d.sync += state.eq(LinkState.HELLO)
            with m.Case(LinkState.HELLO):
                with m.If(good & (hears_hello | (heard.kind == FrameKind.WELCOME))):
                    m.d.sync += state.eq(LinkState.WELCOME)
            with m.Case(LinkState.WELCOME):
                with m.If(good & ~hears_hello):
                    m.d.sync += state.eq(LinkState.UP)
            with m.Case(LinkState.UP):
                with m.If(self.restart):
                    m.d.sync += state.eq(LinkState.WELCOME)

        # Packets come into a memory, and leave it when the next frame may begin with them.
        write, read = self._memory(m, "sent")
        send_next, sends_packet, have = number("send_next"), Signal(), Signal()
        m.d.comb += [
            self.outstanding.eq(end - taken),
            self.i.ready.eq(is_up & ~self.restart & (self.outstanding < params.window)),
            write.en.eq(self.i.valid & self.i.ready),
            write.addr.eq(end),
            write.data.eq(self.i.payload),
            read.addr.eq(send_next),
            self.packet.eq(read.data),
            sends_packet.eq(is_up & have),
            self.start.eq(self.idle & (sends_packet | due) & (state != LinkState.DEAF)),
            self.resent.eq(self.start & sends_packet & (send != unsent)),
            send_next.eq(send),
        ]
        m.d.sync += [have.eq((send_next != end) & ~adopts), send.eq(send_next)]
        with m.If(write.en):
            m.d.sync += end.eq(end + 1)
        with m.If(self.start & sends_packet):
            m.d.comb += send_next.eq(send + 1)
            with m.If(send == unsent):
                m.d.sync += unsent.eq(unsent + 1)
        with m.If(good):
            m.d.sync += [taken.eq(heard.taken), received.eq(heard.received)]
            with m.If(adopts | ((end - heard.received)[:NUMBER_WIDTH]
                                < (end - send)[:NUMBER_WIDTH])):
                m.d.comb += send_next.eq(heard.received)
        with m.If(adopts):
            m.d.sync += [end.eq(heard.received), unsent.eq(heard.received)]

        # After a time without an answer, what was not received is sent again; if all was, the last
        # packet is, for an answer that says what was taken.
        timer = Signal(range(params.timeout_clocks))
        m.d.comb += late.eq(timer == params.timeout_clocks - 1)
        m.d.sync += timer.eq(timer + 1)
        with m.If(late | (is_up & ((self.outstanding == 0) | (self.start & sends_packet)))):
            m.d.sync += timer.eq(0)
        with m.If(late & is_up & ~good):
            m.d.comb += send_next.eq(Mux(received == end, end - 1, received))

        # What comes out of order was lost on the way, or came twice.
        place, fetch = self._memory(m, "came")
        given_next = number("given_next")
        m.d.comb += [
            place.en.eq(
                good & (heard.kind == FrameKind.DATA) & (heard.number == expected)
                & (is_up | (state == LinkState.WELCOME))
                & ((expected - given)[:NUMBER_WIDTH] < params.window)
            ),
            place.addr.eq(expected),
            place.data.eq(self.heard_packet),
            given_next.eq(given + (self.o.valid & self.o.ready)),
            fetch.addr.eq(given_next),
            self.o.payload.eq(fetch.data),
        ]
        m.d.sync += [given.eq(given_next), self.o.valid.eq(given_next != expected)]
        with m.If(place.en):
            m.d.sync += expected.eq(expected + 1)

        # A frame without a packet is due: with the numbers of the next cycle.
        with m.If(self.start):
            m.d.sync += due.eq(0)
        with m.If(
            (good & (heard.kind != FrameKind.ACK)) | (self.o.valid & self.o.ready) | (late & ~is_up)
        ):
            m.d.sync += due.eq(1)

        head = Signal(HeadLayout().size)
        # Without a packet, the kind is that of the state.
        kind = Mux(sends_packet, FrameKind.DATA, (state.as_value() - 1)[:2])
        m.d.comb += [head.eq(Cat(kind, send, expected, given)), self.head.eq(head)]
        return m

    def _memory(self, m: Module, name: str) -> tuple[Any, Any]:
        """Ports of the memory of a window. What is read while it is written is never used."""
        kept = memory.Memory(shape=self._params.width, depth=self._params.window, init=[])
        m.submodules[name] = kept
        return kept.write_port(), kept.read_port()
