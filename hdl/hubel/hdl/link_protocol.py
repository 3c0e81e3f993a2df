"""Numbers of the host link, for gateware and host; docs/protocol.md has the protocol."""

from enum import IntEnum, IntFlag

from .events import EventLayout
from .params import CoreParams

__all__ = ["ANSWER", "ANSWER_MOST", "REQUEST_MOST", "TAG_BYTES", "VERSION", "Command", "Flag",
           "Result", "event_bytes"]

#: Version of the protocol.
VERSION = 1

#: Bit of the first byte of an answer.
ANSWER = 0x80

#: Bytes of the payload of a request, and bytes that READ gives, at most.
REQUEST_MOST = 248
ANSWER_MOST = 120

#: Bytes of the tag of a Program.
TAG_BYTES = 8


class Command(IntEnum):
    """First byte of a request."""
    #: Begin a session: reset the core and say what it is. Payload: 4 bytes, which come back.
    IDENTIFY = 0
    #: Choose a memory (1 byte) and its first row (3 bytes) for what follows.
    SEEK = 1
    #: Bytes for the rows from there on.
    LOAD = 2
    #: Give the next bytes of the rows from there on; payload: how many (1 byte).
    READ = 3
    #: All of a Program is loaded; payload: its tag (8 bytes).
    COMMIT = 4
    #: Events for the core; the answer has events of its outputs.
    EVENTS = 5
    #: Give the counters.
    COUNTERS = 6
    #: Give the flags and what went wrong.
    STATUS = 7


class Result(IntEnum):
    """Low half of the last byte of an answer."""
    OK = 0
    #: There is no such command, or its payload has another length.
    BAD_COMMAND = 1
    #: Nobody has identified the device since its start.
    NO_SESSION = 2
    #: The core works on a step, or has events that wait.
    BUSY = 3
    #: No Program is complete in the memories.
    NOT_LOADED = 4
    #: An event of a source that is no input, of a neuron that is not there, or of no kind.
    BAD_EVENT = 5
    #: The memory did not take or give a byte in time.
    TIMED_OUT = 6


class Flag(IntFlag):
    """High half of the last byte of an answer."""
    #: The core has nothing to do.
    IDLE = 0x10
    #: A Program is complete in the memories.
    LOADED = 0x20
    #: STATUS has something to report.
    TROUBLE = 0x40


def event_bytes(params: CoreParams) -> int:
    """Bytes of an event on the link: those of :class:`~hubel.hdl.events.EventLayout`."""
    return -(-EventLayout(params).size // 8)
