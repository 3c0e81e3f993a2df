"""Asks a device and waits for its answer, over a line that may lose, damage or repeat anything."""

import os
import time
from collections.abc import Callable
from typing import Protocol

import serial

from hubel.hdl.identity import Identity
from hubel.hdl.link_protocol import Command, Flag, Result
from hubel.sim.frames import Answer, FrameReader, encode_request

#: Seconds that a look for bytes takes at most.
_LOOK_S = 0.02

#: The least time to wait for an answer before the request is sent again.
_LEAST_WAIT_S = 0.05

#: How often a request is sent before the device is given up.
_TRIES = 12


class LinkError(OSError):
    """The device does not answer, or answers what it should not; one line that names the port."""


class SessionLost(LinkError):
    """The device started anew, or its port vanished: what it was told is forgotten."""


class Port(Protocol):
    """What is needed of a :class:`serial.Serial`; reads end after a short time."""

    def read(self, size: int, /) -> bytes:
        """Some bytes, at most ``size``; none if none come for a short time."""
        ...

    def write(self, data: bytes, /) -> object:
        """Send ``data``."""
        ...

    def close(self) -> None:
        """Leave the port."""
        ...


def open_port(name: str, baud: int) -> Port:
    """The serial port ``name`` (or a URL of pyserial), for one user at a time.

    Raises
    ------
    LinkError
        If it cannot be opened; the message has the mend.
    """
    try:
        return _Serial(name, baud)
    except (OSError, ValueError) as error:
        reason = str(error).partition(": ")[0]
        if isinstance(error, OSError) and error.errno:
            reason = os.strerror(error.errno)
        raise LinkError(f"{name}: cannot be opened ({reason}); {_mend(name)}") from None


def _mend(name: str) -> str:
    if not os.path.exists(name) and "://" not in name:
        return "is the board plugged in? `python -m serial.tools.list_ports` shows what is there"
    if not os.access(name, os.R_OK | os.W_OK):
        return "sudo usermod -aG dialout $USER, then log in again"
    return "does another program use it?"


class _Serial:
    """A serial port whose reads give what is there."""

    def __init__(self, name: str, baud: int):
        self._serial = serial.serial_for_url(name, do_not_open=True)
        self._serial.baudrate = baud
        self._serial.timeout = _LOOK_S
        self._serial.write_timeout = 5.0
        if os.name == "posix" and "://" not in name:
            self._serial.exclusive = True
        self._serial.open()

    def read(self, size: int, /) -> bytes:
        return self._serial.read(min(size, max(1, self._serial.in_waiting)))

    def write(self, data: bytes, /) -> None:
        self._serial.write(data)

    def close(self) -> None:
        self._serial.close()


class LinkClient:
    """One request at a time, each with a number of its own, sent again until it is answered.

    The device obeys a number once, whatever comes twice, and gives the same answer again.

    Parameters
    ----------
    name : str
        Of the port, for messages and for :func:`open_port`.
    baud : int
        Bits a second.
    timeout : float
        Seconds after which a request is sent again, at most; less once the device has answered.
    opener : callable
        Opens the port.

    Attributes
    ----------
    resent : int
        Requests that were sent again.
    flags : Flag
        Those of the last answer.
    """

    def __init__(
        self,
        name: str,
        *,
        baud: int,
        timeout: float = 1.0,
        opener: Callable[[str, int], Port] = open_port,
    ):
        self.name = name
        self.resent = 0
        self.flags = Flag(0)
        self._baud = baud
        self._timeout = timeout
        self._opener = opener
        self._reader = FrameReader()
        self._number = 0
        self._round_trip: float | None = None
        self._port: Port | None = None

    @property
    def bad(self) -> int:
        """Frames of the device that came damaged."""
        return self._reader.bad

    def connect(self, within_s: float = 0.0) -> Identity:
        """Open the port, trying for ``within_s`` seconds, and begin a session.

        Raises
        ------
        LinkError
            If nothing answers, or something else than a device of hubel.
        """
        until = time.monotonic() + within_s
        while True:
            self.close()
            try:
                self._port = self._opener(self.name, self._baud)
                return self._identify()
            except LinkError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.1)

    def close(self) -> None:
        """Leave the port."""
        if self._port is not None:
            port, self._port = self._port, None
            try:
                port.close()
            except OSError:
                pass

    def _identify(self) -> Identity:
        """The first answer that has our own random number belongs to this session; what was on
        the way before it is old."""
        self._reader.clear()
        self._round_trip = None
        self._number = os.urandom(1)[0]
        nonce = os.urandom(4)
        answer = self._transact(Command.IDENTIFY, nonce, lambda a: a.payload[:4] == nonce)
        try:
            return Identity.from_bytes(answer.payload[4:])
        except ValueError as error:
            raise LinkError(f"{self.name}: {error}") from None

    def request(self, command: Command, payload: bytes = b"") -> bytes:
        """What the device answers; BUSY is asked again for a while.

        Raises
        ------
        SessionLost
            If the device started anew, has no Program, or the port vanished.
        LinkError
            If there is no answer, or the request was refused.
        """
        until = time.monotonic() + 10.0
        while True:
            answer = self._transact(command, payload)
            if answer.result is not Result.BUSY or time.monotonic() > until:
                break
        if answer.result in (Result.NO_SESSION, Result.NOT_LOADED):
            raise SessionLost(f"{self.name}: the device started anew and has forgotten its Program")
        if answer.result is not Result.OK:
            raise LinkError(f"{self.name}: {command.name} was refused: {answer.result.name}")
        return answer.payload

    def _transact(
        self,
        command: Command,
        payload: bytes,
        ours: Callable[[Answer], bool] = lambda _: True,
    ) -> Answer:
        """The answer to a new request."""
        self._number = (self._number + 1) % 256
        frame = encode_request(command, self._number, payload)
        wait = self._timeout
        if self._round_trip is not None:
            on_the_line = 10 * (len(frame) + 300) / self._baud
            wait = min(wait, max(_LEAST_WAIT_S, 6 * self._round_trip + on_the_line))
        for attempt in range(_TRIES):
            self.resent += attempt > 0
            start = time.monotonic()
            self._write(frame)
            while time.monotonic() < start + wait:
                for answer in self._answers():
                    if (answer.command, answer.number) == (command, self._number) and ours(answer):
                        if attempt == 0:
                            taken = time.monotonic() - start
                            self._round_trip = max(taken, 0.9 * (self._round_trip or 0.0))
                        self.flags = answer.flags
                        return answer
            wait = min(2 * wait, self._timeout)
        raise LinkError(
            f"{self.name}: no answer after {_TRIES} tries; is it a board with a bitstream of "
            f"hubel, and is {self._baud} its baud rate?"
        )

    def _write(self, frame: bytes) -> None:
        if self._port is None:
            raise LinkError(f"{self.name}: the port is closed")
        try:
            self._port.write(frame)
        except OSError as error:
            raise SessionLost(f"{self.name}: the port vanished ({error})") from None

    def _answers(self) -> list[Answer]:
        if self._port is None:
            raise LinkError(f"{self.name}: the port is closed")
        try:
            data = self._port.read(4096)
        except (OSError, TypeError) as error:
            # pyserial raises TypeError where a port is closed while it is read.
            raise SessionLost(f"{self.name}: the port vanished ({error})") from None
        answers = (Answer.of(*frame) for frame in self._reader.feed(data))
        return [answer for answer in answers if answer is not None]
