"""A device as the host sees it, without gateware: the reference of the link.

The gateware twin is :class:`hubel.hdl.host_link.HostLink`. What the twin leaves to time is one
thing only: how many events an answer to EVENTS has.
"""

from collections.abc import Iterable
from typing import Protocol

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.identity import TAG_PLACE, Identity
from hubel.hdl.link_protocol import (
    ANSWER,
    ANSWER_MOST,
    TAG_BYTES,
    Command,
    Flag,
    Result,
    event_bytes,
)
from hubel.hdl.params import CoreParams

from .frames import BadFrame, decode_frame, encode_frame
from .streams import Packing


class DeviceCore(Protocol):
    """What a device serves: a core, or what stands for one."""

    @property
    def idle(self) -> bool:
        """There is nothing to do."""
        ...

    def reset(self) -> None:
        """A session begins."""
        ...

    def begin(self, memory: int, address: int) -> None:
        """Choose a memory and its first row."""
        ...

    def write(self, byte: int) -> None:
        """Take the next byte of the rows."""
        ...

    def read(self) -> int:
        """Give the next byte of the rows."""
        ...

    def event(self, word: int) -> None:
        """Take an event."""
        ...

    def outputs(self, most: int) -> list[int]:
        """Events of the outputs that are there, ``most`` at most."""
        ...

    def counters(self) -> Iterable[int]:
        """The counters."""
        ...


class Device:
    """Obeys requests as the gateware does.

    Parameters
    ----------
    params : CoreParams
    identity : Identity
    core : DeviceCore
    loaded : bool
        A Program is complete from the start.
    """

    def __init__(
        self, params: CoreParams, identity: Identity, core: DeviceCore, *, loaded: bool = True
    ):
        self._identity = bytearray(identity.to_bytes())
        self._core = core
        self._loaded = loaded
        self._session = False
        self._last = 0
        self._kept = b""
        #: Frames that were bad, out of their order, lost; 255 at most.
        self.status = [0, 0, 0]
        self._bytes = event_bytes(params)
        self._packing = Packing(EventLayout(params))
        # The other bits of an event's last byte mean nothing.
        self._mask = (1 << EventLayout(params).size) - 1
        self._codes = [frozenset(shape.codes().tolist()) for shape in params.inputs]

    def frame(self, stuffed: bytes | None) -> bytes:
        """What the device sends after it received what is between two zeros; None stands for
        bytes of which one had no stop bit."""
        try:
            if stuffed is None:
                raise BadFrame("a byte had no stop bit")
            first, number, payload = decode_frame(stuffed)
        except BadFrame:
            self._count(0)
            return b""
        if first & ANSWER:
            self._count(1)
            return b""
        if first != Command.IDENTIFY and self._session:
            if number == self._last:
                return self._kept
            if number != (self._last + 1) % 256:
                self._count(1)
                return b""
        self._last = number
        answer, result = self._obey(first, payload)
        # The core has just been reset by IDENTIFY, and is not idle for a while.
        idle = self._core.idle and not (first == Command.IDENTIFY and result is Result.OK)
        flags = Flag.IDLE if idle else Flag(0)
        flags |= Flag.LOADED if self._loaded else Flag(0)
        flags |= Flag.TROUBLE if any(self.status) else Flag(0)
        self._kept = encode_frame(ANSWER | first, number, answer + bytes([result | flags]))
        return self._kept

    def lost(self) -> None:
        """A frame came while the device was at work."""
        self._count(2)

    def _count(self, what: int) -> None:
        self.status[what] = min(255, self.status[what] + 1)

    def _obey(self, command: int, payload: bytes) -> tuple[bytes, Result]:
        core, length = self._core, len(payload)
        sizes = {
            Command.IDENTIFY: 4,
            Command.SEEK: 4,
            Command.READ: 1,
            Command.COMMIT: TAG_BYTES,
            Command.COUNTERS: 0,
            Command.STATUS: 0,
        }
        if not self._session and command != Command.IDENTIFY:
            return b"", Result.NO_SESSION
        if command not in set(Command) or sizes.get(Command(command), length) != length:
            return b"", Result.BAD_COMMAND
        if command == Command.IDENTIFY:
            self._session = True
            core.reset()
            return payload + self._identity, Result.OK
        if command == Command.STATUS:
            status, self.status = bytes(self.status), [0, 0, 0]
            return status, Result.OK
        if command == Command.EVENTS:
            return self._exchange(payload) if self._loaded else (b"", Result.NOT_LOADED)
        if not core.idle:
            return b"", Result.BUSY
        if command == Command.SEEK:
            core.begin(payload[0] & 7, int.from_bytes(payload[1:], "little"))
        elif command == Command.LOAD:
            self._loaded = False
            for byte in payload:
                core.write(byte)
        elif command == Command.READ:
            return bytes(core.read() for _ in range(min(payload[0], ANSWER_MOST))), Result.OK
        elif command == Command.COMMIT:
            self._identity[TAG_PLACE : TAG_PLACE + TAG_BYTES] = payload
            self._loaded = True
        else:
            values = (value.to_bytes(4, "little") for value in core.counters())
            return b"".join(values), Result.OK
        return b"", Result.OK

    def _exchange(self, payload: bytes) -> tuple[bytes, Result]:
        used, result = 0, Result.OK
        while used + self._bytes <= len(payload):
            word = int.from_bytes(payload[used : used + self._bytes], "little") & self._mask
            used += self._bytes
            if not self.known(word):
                result = Result.BAD_EVENT
                break
            self._core.event(word)
        if result is Result.OK and used < len(payload):
            used, result = len(payload), Result.BAD_EVENT
        outputs = self._core.outputs(ANSWER_MOST // self._bytes)
        given = b"".join(word.to_bytes(self._bytes, "little") for word in outputs)
        return given + bytes([used]), result

    def known(self, word: int) -> bool:
        """``word`` is an event of an input."""
        kind, source, code = self._packing.unpack(word).values()
        if source >= len(self._codes) or kind > EventKind.START.value:
            return False
        return kind != EventKind.SPIKE.value or code in self._codes[source]
