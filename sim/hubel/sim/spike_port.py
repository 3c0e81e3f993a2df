"""The host's side of the spike port: packets to bytes and back.

The gateware twin is :class:`hubel.hdl.spike_port.SpikePort`; docs/spike_port.md has the protocol.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from hubel.hdl.counters import COUNTER_WIDTH, Counters
from hubel.hdl.events import EventKind
from hubel.hdl.spike_port import COUNTERS, INDEX_WIDTH, VALUE_BYTES, WORDS, PortStatus

#: What can be wrong with a port, in the order of the bits of :class:`PortStatus`.
STATUS_NAMES = tuple(str(name) for name, _ in PortStatus())


class PacketKind(IntEnum):
    """What a packet says: an :class:`EventKind`, or COUNTERS."""

    SPIKE = EventKind.SPIKE.value
    END = EventKind.END.value
    START = EventKind.START.value
    #: To the device: send the counters. To the host: counter ``index`` is ``value``.
    COUNTERS = COUNTERS


@dataclass(frozen=True)
class Packet:
    """A packet: its kind, the axon, neuron or counter ``index``, and the counter's ``value``."""

    kind: PacketKind
    index: int = 0
    value: int | None = None


class Decoded(NamedTuple):
    """``packets`` of some bytes, how many were ``bad``, and the bytes of an unfinished one."""

    packets: list[Packet]
    bad: int
    rest: bytes


def encode_packets(packets: Iterable[Packet]) -> bytes:
    """Bytes of ``packets``, in order.

    Raises
    ------
    ValueError
        If an index needs more than 12 bits or a value more than 32.
    """
    data = bytearray()
    for packet in packets:
        if not 0 <= packet.index < 1 << INDEX_WIDTH:
            raise ValueError(f"index must be in 0..{(1 << INDEX_WIDTH) - 1}, not {packet.index!r}")
        data += bytes([0x80 | packet.kind << 5 | packet.index >> 7, packet.index & 0x7F])
        if packet.value is not None:
            if not 0 <= packet.value < 1 << COUNTER_WIDTH:
                raise ValueError(f"value must have {COUNTER_WIDTH} bits, not {packet.value!r}")
            data += bytes(packet.value >> 7 * i & 0x7F for i in range(VALUE_BYTES))
    return bytes(data)


def decode_packets(data: bytes, *, axons: int | Collection[int] | None = None) -> Decoded:
    """Packets that ``data`` holds. Put the ``rest`` in front of the bytes that come next.

    A packet that is cut short by another one, a SPIKE of an axon that there is not and each byte
    that belongs to no packet count as bad.

    Parameters
    ----------
    data : bytes
    axons : int, collection of int or None
        None: as the host decodes. Otherwise as a device with that many axons does, or with axons
        of these codes: a COUNTERS packet has no value.
    """
    known = range(axons) if isinstance(axons, int) else axons
    packets: list[Packet] = []
    bad = start = 0
    while start < len(data):
        kind = PacketKind(data[start] >> 5 & 3)
        valued = kind is PacketKind.COUNTERS and known is None
        end = start + 2 + VALUE_BYTES * valued
        tail = data[start + 1 : end]
        cut = next((i for i, byte in enumerate(tail) if byte & 0x80), None)
        if not data[start] & 0x80:
            bad += 1
            start += 1
        elif cut is not None:
            bad += 1
            start += 1 + cut
        elif end > len(data):
            return Decoded(packets, bad, data[start:])
        else:
            index = (data[start] & 0x1F) << 7 | tail[0]
            if kind is PacketKind.SPIKE and known is not None and index not in known:
                bad += 1
            else:
                value = sum(byte << 7 * i for i, byte in enumerate(tail[1:]))
                packets.append(Packet(kind, index, value if valued else None))
            start = end
    return Decoded(packets, bad, b"")


def read_answer(packets: Sequence[Packet]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Counters by name, and the names of what went wrong, from the ``packets`` of an answer.

    Raises
    ------
    ValueError
        If they are not one complete answer.
    """
    indices = [p.index for p in packets if p.value is not None]
    if indices != list(range(WORDS)) or len(indices) != len(packets):
        raise ValueError(f"an answer has the words 0..{WORDS - 1}, not {indices}")
    *values, status = (p.value or 0 for p in packets)
    wrong = tuple(name for bit, name in enumerate(STATUS_NAMES) if status >> bit & 1)
    return dict(zip(Counters.names(), values, strict=True)), wrong
