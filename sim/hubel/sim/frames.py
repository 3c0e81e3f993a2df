"""The host's side of the framing: requests to bytes, and bytes to answers.

The gateware twins are :class:`hubel.hdl.frame_receiver.FrameReceiver` and
:class:`hubel.hdl.link_memory.LinkMemory`; docs/protocol.md has the protocol.
"""

from binascii import crc_hqx
from dataclasses import dataclass

from cobs import cobs

from hubel.hdl.link_protocol import ANSWER, Command, Flag, Result

#: Bytes of a frame beside its payload: head, length, check sum.
OVERHEAD = 5

#: What the check sum starts from (CRC-16/IBM-3740, also known as CCITT-FALSE).
_CRC_START = 0xFFFF

#: Bytes that a frame of 255 bytes takes on the line at most, without the zeros around it.
_LINE_MOST = 257


class BadFrame(ValueError):
    """A frame is damaged; the message says how it shows."""


def encode_frame(first: int, number: int, payload: bytes = b"") -> bytes:
    """The bytes on the line of a frame with the head ``first``, ``number``: a zero, the frame by
    Consistent Overhead Byte Stuffing, a zero."""
    if len(payload) > 255 - OVERHEAD:
        raise ValueError(f"a frame has room for {255 - OVERHEAD} bytes, not for {len(payload)}")
    body = bytes([first, number]) + payload + bytes([len(payload)])
    return b"\0" + cobs.encode(body + crc_hqx(body, _CRC_START).to_bytes(2, "big")) + b"\0"


def decode_frame(stuffed: bytes) -> tuple[int, int, bytes]:
    """Head (two numbers) and payload of what is between two zeros on the line.

    Raises
    ------
    BadFrame
        If the stuffing, the length or the check sum is wrong.
    """
    try:
        frame = cobs.decode(stuffed)
    except cobs.DecodeError as error:
        raise BadFrame(f"the stuffing is wrong: {error}") from None
    if not OVERHEAD <= len(frame) <= 255:
        raise BadFrame(f"{len(frame)} bytes are no frame")
    if crc_hqx(frame, _CRC_START) != 0:
        raise BadFrame("the check sum is wrong")
    if frame[-3] != len(frame) - OVERHEAD:
        raise BadFrame(f"{len(frame) - OVERHEAD} bytes of payload came, not {frame[-3]}")
    return frame[0], frame[1], frame[2:-3]


class FrameReader:
    """Cuts what comes from the line into frames, whatever it is.

    Attributes
    ----------
    bad : int
        Frames that were damaged.
    """

    def __init__(self) -> None:
        self.bad = 0
        self._rest = bytearray()
        self._skip = False

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """The frames that are complete with ``data``, as :func:`decode_frame` gives them."""
        frames = []
        *complete, rest = bytes(self._rest + data).split(b"\0")
        for stuffed in complete:
            if self._skip or len(stuffed) > _LINE_MOST:
                self.bad += 1
            elif stuffed:
                try:
                    frames.append(decode_frame(stuffed))
                except BadFrame:
                    self.bad += 1
            self._skip = False
        # What is too long for a frame is not kept, however long it goes on.
        if len(rest) > _LINE_MOST:
            rest, self._skip = b"", True
        self._rest = bytearray(rest)
        return frames

    def clear(self) -> None:
        """Forget what has come of an unfinished frame."""
        self._rest.clear()
        self._skip = False


@dataclass(frozen=True)
class Answer:
    """An answer of the device: to which command and with what number; what it carries; how it
    ended, and the flags."""

    command: Command
    number: int
    payload: bytes
    result: Result
    flags: Flag

    @classmethod
    def of(cls, first: int, number: int, payload: bytes) -> "Answer | None":
        """The answer that a frame is, None if it is none."""
        commands, results = set(Command), set(Result)
        if not first & ANSWER or first & 0x7F not in commands or not payload:
            return None
        if payload[-1] & 0x0F not in results:
            return None
        return cls(
            Command(first & 0x7F),
            number,
            payload[:-1],
            Result(payload[-1] & 0x0F),
            Flag(payload[-1] & 0x70),
        )

    def to_bytes(self) -> bytes:
        """The frame on the line."""
        last = self.result | self.flags
        return encode_frame(ANSWER | self.command, self.number, self.payload + bytes([last]))


def encode_request(command: Command, number: int, payload: bytes = b"") -> bytes:
    """The frame of a request on the line."""
    return encode_frame(command, number, payload)
