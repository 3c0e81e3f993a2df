"""The host's side of the learning port: packets to bytes and back. The gateware twin is
:class:`hubel.hdl.learning_port.LearningPort`."""

from collections.abc import Iterator

from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_port import ADDRESS, INDEX_WIDTH, WRITE


def packet_bytes(kind: int, index: int = 0) -> bytes:
    """A packet; ValueError if ``kind`` or ``index`` is out of range."""
    if not 0 <= kind < 8 or not 0 <= index < 1 << INDEX_WIDTH:
        raise ValueError(f"a packet has a kind in 0..7 and an index in 0..{2**INDEX_WIDTH - 1}, "
                         f"not {kind} and {index}")  # fmt: skip
    return bytes([0x80 | kind << 4 | index >> 7, index & 0x7F])


def write_bytes(memory: LearningMemory, address: int, content: bytes) -> bytes:
    """The packets that write ``content`` into the rows of ``memory`` from ``address`` on."""
    return address_bytes(memory, address) + b"".join(packet_bytes(WRITE, b) for b in content)


def address_bytes(memory: LearningMemory, address: int) -> bytes:
    """The packets that begin an access."""
    return b"".join(
        packet_bytes(ADDRESS, memory.value << 8 | address >> shift & 0xFF) for shift in (16, 8, 0)
    )


def packets_from(data: bytes) -> Iterator[tuple[int, int]]:
    """Kind and index of each whole packet; what is none is passed over."""
    first = None
    for byte in data:
        if byte & 0x80:
            first = byte
        elif first is not None:
            yield first >> 4 & 7, (first & 15) << 7 | byte
            first = None
