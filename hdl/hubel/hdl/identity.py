"""What a device says of itself, so that a Program for another bitstream is refused."""

import hashlib
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any

from .events import EventLayout
from .link_protocol import TAG_BYTES, VERSION, event_bytes
from .params import CoreParams

__all__ = ["IDENTITY_BYTES", "TAG_PLACE", "Identity", "configuration_hash", "described"]

#: Bytes of the largest identity; its place in the memory of the link has as many.
IDENTITY_BYTES = 116

#: Where the tag of the Program is.
TAG_PLACE = 8

_MAGIC = b"hubel"
_TEXT_PLACE = 34


def _plain(value: Any) -> Any:
    """``value`` as nested tuples, the same for the same sizes in every version of Python."""
    if is_dataclass(value):
        return tuple((f.name, _plain(getattr(value, f.name))) for f in fields(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return tuple(sorted(value))
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value


def configuration_hash(params: Any) -> bytes:
    """Eight bytes that stand for all sizes of a core: a Program goes with every bitstream that has
    the hash of its ``params``."""
    return hashlib.sha256(repr(_plain(params)).encode()).digest()[:8]


def described(params: CoreParams) -> str:
    """Sources and sizes of a core, for people."""
    sources = "-".join(map(str, (*params.inputs, *params.populations)))
    return (f"{sources}, {params.lanes} lanes, {params.weight_width} bit weights, "
            f"{params.state_width} bit states")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What IDENTIFY answers.

    Parameters
    ----------
    configuration : bytes
        :func:`configuration_hash` of the core.
    tag : bytes
        8 bytes that stand for the Program in the memories.
    clock_hz : int
        Clocks a second, 0 if unknown.
    source_bits, event_bytes : int
        Bits of a source's number, and bytes of an event on the link.
    lanes, weight_width, state_width : int
    inputs, populations, outputs : int
        How many.
    text : str
        Sources and sizes, for people.
    version : int
        Of the protocol.
    """
    configuration: bytes
    tag: bytes = bytes(TAG_BYTES)
    clock_hz: int
    source_bits: int
    event_bytes: int
    lanes: int
    weight_width: int
    state_width: int
    inputs: int
    populations: int
    outputs: int
    text: str
    version: int = VERSION

    @classmethod
    def of(cls, params: CoreParams, *, tag: bytes = bytes(TAG_BYTES),
           clock_hz: float = 0) -> "Identity":
        """Of a device with a core of sizes ``params``."""
        return cls(
            configuration=configuration_hash(params), tag=tag, clock_hz=round(clock_hz),
            source_bits=EventLayout(params)["source"].width, event_bytes=event_bytes(params),
            lanes=params.lanes, weight_width=params.weight_width, state_width=params.state_width,
            inputs=len(params.inputs), populations=len(params.populations),
            outputs=len(params.outputs), text=described(params))

    def with_tag(self, tag: bytes) -> "Identity":
        """The same with another Program."""
        return replace(self, tag=tag)

    def to_bytes(self) -> bytes:
        """:data:`IDENTITY_BYTES` bytes at most; a text that is too long ends with "..."."""
        text, most = self.text.encode(), IDENTITY_BYTES - _TEXT_PLACE
        if len(text) > most:
            text = text[:most - 3] + b"..."
        numbers = (self.lanes, self.weight_width, self.state_width,
                   self.inputs, self.populations, self.outputs)
        return b"".join((
            _MAGIC, bytes((self.version, self.event_bytes, self.source_bits)),
            self.tag, self.configuration, self.clock_hz.to_bytes(4, "little"), bytes(numbers),
            text))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Identity":
        """What ``data`` say, or ValueError."""
        numbers = data[28:_TEXT_PLACE]
        if data[:5] != _MAGIC or len(data) < _TEXT_PLACE:
            raise ValueError("the device is no hubel device: its identity has another form")
        if data[5] != VERSION:
            raise ValueError(f"the device speaks version {data[5]} of the protocol, and this is "
                             f"version {VERSION}; build its bitstream anew")
        return cls(
            version=data[5], event_bytes=data[6], source_bits=data[7],
            tag=data[TAG_PLACE:TAG_PLACE + TAG_BYTES], configuration=data[16:24],
            clock_hz=int.from_bytes(data[24:28], "little"), lanes=numbers[0],
            weight_width=numbers[1], state_width=numbers[2], inputs=numbers[3],
            populations=numbers[4], outputs=numbers[5],
            text=data[_TEXT_PLACE:].decode(errors="replace"))
