"""Sizes of a serial link, and what they make of its frames; docs/links.md has the frames."""

from dataclasses import dataclass
from enum import IntEnum
from math import inf

__all__ = ["CRC_BYTES", "HEAD_BYTES", "NUMBER_WIDTH", "FrameKind", "SerialLinkParams"]

#: Bits of a byte that carry something; the highest one marks the first byte of a frame.
BYTE_WIDTH = 7

#: Bytes before the packet of a frame, and after it.
HEAD_BYTES = 2
CRC_BYTES = 3

#: Polynomial of the check sum, that of CAN FD, without its x^21. The sum starts from 0 and is sent
#: inverted.
CRC_POLYNOMIAL = 0x102899

#: Bits of the number of a packet.
NUMBER_WIDTH = 4


class FrameKind(IntEnum):
    """What a frame says."""
    #: I was reset, and did not hear you since.
    HELLO = 0
    #: I was reset, or heard that you were; I hear you.
    WELCOME = 1
    #: What I received, and what of it was taken.
    ACK = 2
    #: The same, and a packet.
    DATA = 3


@dataclass(frozen=True, kw_only=True)
class SerialLinkParams:
    """Sizes of a link between two boards; all but ``timeout`` are the same on both.

    Parameters
    ----------
    width : int
        Bits of a packet, at least 1.
    divisor : int
        Clocks a bit on the line, at least 4.
    lanes : int
        Wires in each direction: 1, 2, 4 or 8.
    window : int
        Packets that may be on their way, and places of each of the two memories: 2, 4 or 8.
    timeout : int
        Clocks after which what was not acknowledged is sent again; 0 for four frames, rounded up
        to a power of two. At least three frames, 64 clocks, and twice the delay of the line.
    """
    width: int
    divisor: int = 4
    lanes: int = 1
    window: int = 8
    timeout: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (("width", 1, inf), ("divisor", 4, inf)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)!r}")
        if self.lanes not in (1, 2, 4, 8):
            raise ValueError(f"lanes must be 1, 2, 4 or 8, not {self.lanes!r}")
        if self.window not in (2, 4, 8):
            raise ValueError(f"window must be 2, 4 or 8, not {self.window!r}")
        least = 3 * self.frame_clocks + 64
        if self.timeout and self.timeout < least:
            raise ValueError(f"timeout must be 0 or at least {least}, not {self.timeout!r}")

    @property
    def packet_bytes(self) -> int:
        """Bytes of a packet on the line."""
        return -(-self.width // BYTE_WIDTH)

    def frame_bytes(self, kind: int = FrameKind.DATA) -> int:
        """Bytes of a frame of ``kind``."""
        packet = self.packet_bytes if kind == FrameKind.DATA else 0
        return HEAD_BYTES + packet + CRC_BYTES

    @property
    def byte_clocks(self) -> int:
        """Clocks that a byte takes on the line."""
        return (8 // self.lanes + 2) * self.divisor

    @property
    def frame_clocks(self) -> int:
        """Clocks that a frame with a packet takes on the line."""
        return self.frame_bytes() * self.byte_clocks

    @property
    def timeout_clocks(self) -> int:
        """Clocks of the time-out."""
        return self.timeout or 1 << (4 * self.frame_clocks + 63).bit_length()
