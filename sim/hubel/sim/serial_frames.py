"""Frames of the serial link, byte by byte: the twin of :mod:`hubel.hdl.serial_frames`.

docs/links.md has the frames and says what the other end of a link does.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hubel.hdl.serial_params import (
    BYTE_WIDTH,
    CRC_BYTES,
    CRC_POLYNOMIAL,
    HEAD_BYTES,
    NUMBER_WIDTH,
    FrameKind,
)

__all__ = ["Frame", "FrameDecoder", "check_sum", "encode"]

#: Marks the first byte of a frame.
FIRST = 1 << BYTE_WIDTH

_CRC_WIDTH = BYTE_WIDTH * CRC_BYTES
_REFLECTED = int(f"{CRC_POLYNOMIAL:0{_CRC_WIDTH}b}"[::-1], 2)
_ONES = (1 << _CRC_WIDTH) - 1
_NUMBERS = 1 << NUMBER_WIDTH


@dataclass(frozen=True)
class Frame:
    """What a frame says.

    Parameters
    ----------
    kind : FrameKind
    number : int
        Of the packet; in a frame without one, of the packet to be sent next. In 0..15.
    received, taken : int
        How many packets of the other direction came, and were taken, modulo 16.
    packet : int
        The packet of a DATA frame, else 0.
    """

    kind: FrameKind
    number: int = 0
    received: int = 0
    taken: int = 0
    packet: int = 0

    def __post_init__(self) -> None:
        for name in ("number", "received", "taken"):
            if not 0 <= getattr(self, name) < _NUMBERS:
                raise ValueError(f"{name} must be in 0..15, not {getattr(self, name)!r}")
        if self.packet and self.kind != FrameKind.DATA:
            raise ValueError(f"a frame of kind {self.kind.name} has no packet")


def check_sum(data: Iterable[int]) -> int:
    """The sum of bytes of 7 bits: CRC-21 with the polynomial of CAN FD (ISO 11898-1:2015), bits in
    the order of the line, from 0, inverted at the end."""
    crc = 0
    for byte in data:
        for i in range(BYTE_WIDTH):
            odd = (crc ^ byte >> i) & 1
            crc = crc >> 1 ^ (_REFLECTED if odd else 0)
    return crc ^ _ONES


def _split(value: int, count: int) -> list[int]:
    return [value >> BYTE_WIDTH * i & (FIRST - 1) for i in range(count)]


def encode(frame: Frame, width: int) -> bytes:
    """The bytes of ``frame`` in a link whose packets have ``width`` bits."""
    if not 0 <= frame.packet < 1 << width:
        raise ValueError(f"packet must be of {width} bits, not {frame.packet:#x}")
    head = frame.kind | frame.number << 2 | frame.received << 6 | frame.taken << 10
    body = _split(head, HEAD_BYTES)
    if frame.kind == FrameKind.DATA:
        body += _split(frame.packet, -(-width // BYTE_WIDTH))
    body += _split(check_sum(body), CRC_BYTES)
    return bytes([FIRST | body[0], *body[1:]])


class FrameDecoder:
    """Finds frames in what comes from the line.

    Parameters
    ----------
    width : int
        Bits of a packet.

    Attributes
    ----------
    bad : int
        Frames that were wrong so far.
    """

    def __init__(self, width: int):
        self._width = width
        self._body: list[int] = []
        self.bad = 0

    def hear(self, byte: int | None) -> Frame | None:
        """The frame that is complete with this byte, if any; None is a byte without a stop bit."""
        if byte is None or byte & FIRST:
            self.bad += bool(self._body)
            self._body = [] if byte is None else [byte ^ FIRST]
            return None
        if not self._body:
            return None
        self._body.append(byte)
        kind = FrameKind(self._body[0] & 3)
        data = -(-self._width // BYTE_WIDTH) if kind == FrameKind.DATA else 0
        if len(self._body) < HEAD_BYTES + data + CRC_BYTES:
            return None
        body, self._body = self._body, []
        if _split(check_sum(body[:-CRC_BYTES]), CRC_BYTES) != body[-CRC_BYTES:]:
            self.bad += 1
            return None
        word = sum(x << BYTE_WIDTH * i for i, x in enumerate(body[:-CRC_BYTES]))
        packet = word >> BYTE_WIDTH * HEAD_BYTES & (1 << self._width) - 1
        return Frame(kind, word >> 2 & 15, word >> 6 & 15, word >> 10 & 15, packet)
