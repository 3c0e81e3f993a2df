"""The other end of a serial link, in software.

The twin of :class:`hubel.hdl.serial_link.SerialLink` knows bytes and a time, no clocks: with a UART
it makes a computer one side of a link.
"""

from collections import deque

from hubel.hdl.serial_params import NUMBER_WIDTH, FrameKind

from .serial_frames import Frame, FrameDecoder, encode

__all__ = ["SerialPeer"]

_NUMBERS = 1 << NUMBER_WIDTH


class SerialPeer:
    """One side of a link.

    Parameters
    ----------
    width : int
        Bits of a packet.
    timeout : float
        After which what was not acknowledged is sent again, and for which the link is silent at
        first; in the unit of the ``now`` of the methods, which never goes back.
    window : int
        As that of the other side.

    Attributes
    ----------
    to_send : deque of int
        Packets to send: append to it.
    came : deque of int
        Packets that came: take from its left end. Of no more than ``window`` that are left there.
    state : str
        "deaf", "hello", "welcome" or "up".
    dropped : int
        Packets that were lost, or may have been, because the other side was reset.
    """

    def __init__(self, width: int, *, timeout: float, window: int = 8):
        self._width, self._timeout, self._window = width, timeout, window
        self._decoder = FrameDecoder(width)
        self.to_send: deque[int] = deque()
        self.came: deque[int] = deque()
        self.state = "deaf"
        self.dropped = 0
        # Packets that are not known to be taken, the number of the first of them, how many of
        # them were received, and how many of them were sent.
        self._kept: list[int] = []
        self._first = self._received = self._sent = 0
        self._expected = 0
        self._due = False
        self._told = 0
        self._start: float | None = None

    @property
    def bad(self) -> int:
        """Frames that were wrong so far."""
        return self._decoder.bad

    @property
    def _taken(self) -> int:
        return (self._expected - len(self.came)) % _NUMBERS

    def hear(self, byte: int | None) -> None:
        """A byte came; None is one without a stop bit."""
        frame = self._decoder.hear(byte)
        if frame is None or self.state == "deaf":
            return
        kind = frame.kind
        if self.state == "up" and kind != FrameKind.HELLO:
            gone = (frame.taken - self._first) % _NUMBERS
            del self._kept[:gone]
            self._first = frame.taken
            self._received = (frame.received - frame.taken) % _NUMBERS
            self._sent = max(self._sent - gone, self._received)
        else:
            if self.state == "up":
                self.dropped += len(self._kept)
            # Places of the other side that are still full count as packets of ours.
            self._first = frame.taken
            self._received = self._sent = (frame.received - frame.taken) % _NUMBERS
            self._kept = [0] * self._sent
            hears = kind in (FrameKind.HELLO, FrameKind.WELCOME)
            if self.state == "welcome" and kind != FrameKind.HELLO:
                self.state = "up"
            elif self.state == "up" or (self.state == "hello" and hears):
                self.state = "welcome"
        if (
            kind == FrameKind.DATA
            and self.state == "up"
            and frame.number == self._expected
            and len(self.came) < self._window
        ):
            self._expected = (self._expected + 1) % _NUMBERS
            self.came.append(frame.packet)
        self._due |= kind != FrameKind.ACK

    def say(self, now: float) -> bytes:
        """The bytes of the next frame to send, none if there is nothing to say. To be asked when
        the one before is on the line, and again and again while there is nothing."""
        if self._start is None:
            self._start = now
        late = now - self._start >= self._timeout
        if self.state == "deaf":
            if not late:
                return b""
            self.state, self._due, self._start = "hello", True, now
        if self.state == "up":
            while self.to_send and len(self._kept) < self._window:
                self._kept.append(self.to_send.popleft())
            if not self._kept:
                self._start = now
            elif late:
                self._sent = min(self._received, len(self._kept) - 1)
            if self._sent < len(self._kept):
                self._start = now
                self._sent += 1
                return self._frame(FrameKind.DATA, self._sent - 1, self._kept[self._sent - 1])
        elif late:
            self._start, self._due = now, True
        if not (self._due or self._told != self._taken):
            return b""
        kind = FrameKind(("hello", "welcome", "up").index(self.state))
        return self._frame(kind, self._sent)

    def _frame(self, kind: FrameKind, index: int, packet: int = 0) -> bytes:
        self._due, self._told = False, self._taken
        number = (self._first + index) % _NUMBERS
        return encode(Frame(kind, number, self._expected, self._taken, packet), self._width)
