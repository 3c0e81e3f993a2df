"""What the drivers of all boards have in common: a session, memories, events, counters."""

import os
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from hubel.hdl.identity import Identity
from hubel.hdl.link_protocol import ANSWER_MOST, REQUEST_MOST, Command, Flag

from .link_client import LinkClient, LinkError, Port, SessionLost, open_port

#: Bits a second of the boards of :mod:`hubel.boards`.
BAUD = 1_000_000

#: How often something is begun anew on a board that starts anew.
_RESTARTS = 3

Progress = Callable[[int, int], None]
_Result = TypeVar("_Result")


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


class Outputs(Protocol):
    """Takes what comes from the outputs of a core."""

    @property
    def steps(self) -> int:
        """Steps that all outputs have completed."""
        ...

    def feed(self, data: bytes, /) -> None:
        """Take the events in ``data``; ValueError if they make no sense."""
        ...


class BoardLink:
    """A board at a serial port; a context manager.

    Whatever the line does, an answer is right or an error: requests are numbered and sent again
    until they are answered.

    Parameters
    ----------
    port : str
        Its serial port, or a URL of pyserial.
    baud : int
        Bits a second; a virtual board does not care.
    timeout : float
        Seconds after which a request is sent again, at most.
    reconnect_s : float
        Seconds in which a board that vanished has to come back.
    opener : callable
        Opens the port.

    Attributes
    ----------
    identity : Identity
        What the board says of itself.
    link : LinkClient
        The line to it, which counts what went wrong.

    Raises
    ------
    LinkError
        An OSError: nothing answers at the port, or something else than a board of hubel.
    """

    def __init__(
        self,
        port: str | os.PathLike[str],
        *,
        baud: int = BAUD,
        timeout: float = 1.0,
        reconnect_s: float = 10.0,
        opener: Callable[[str, int], Port] = open_port,
    ):
        self.link = LinkClient(os.fspath(port), baud=baud, timeout=timeout, opener=opener)
        self._reconnect_s = reconnect_s
        self.identity: Identity = self.link.connect()

    def close(self) -> None:
        """Leave the port; the board keeps what it was told."""
        self.link.close()

    def status(self) -> dict[str, int]:
        """Frames that the board dropped since it was asked before, 255 at most: "bad" ones, "stale"
        ones that were out of their order, and "lost" ones that came while it was at work."""
        data = self.link.request(Command.STATUS)
        return dict(zip(("bad", "stale", "lost"), data, strict=True))

    def _read(self, memory: int, address: int, count: int) -> bytes:
        """``count`` bytes of memory number ``memory``, from row ``address`` on."""
        self._seek(memory, address)
        data = b""
        while len(data) < count:
            data += self.link.request(Command.READ, bytes([min(ANSWER_MOST, count - len(data))]))
        return data

    def _seek(self, memory: int, address: int) -> None:
        self.link.request(Command.SEEK, bytes([memory]) + address.to_bytes(3, "little"))

    def _load(
        self, parts: Iterable[tuple[int, int, bytes]], tag: bytes, on_progress: Progress
    ) -> None:
        """Load ``parts`` (number of a memory, first row, bytes): then what has ``tag`` is there."""
        parts = list(parts)
        done, total = 0, sum(len(data) for _, _, data in parts)
        for memory, address, data in parts:
            self._seek(memory, address)
            for at in range(0, len(data), REQUEST_MOST):
                part = data[at : at + REQUEST_MOST]
                self.link.request(Command.LOAD, part)
                done += len(part)
                on_progress(done, total)
        self.link.request(Command.COMMIT, tag)
        self.identity = self.identity.with_tag(tag)

    def _counters(self, names: tuple[str, ...]) -> dict[str, int]:
        data = self.link.request(Command.COUNTERS)
        if len(data) != 4 * len(names):
            raise LinkError(f"{self.link.name}: {len(data)} bytes are no counters")
        return {
            name: int.from_bytes(data[4 * i : 4 * i + 4], "little") for i, name in enumerate(names)
        }

    def _exchange(
        self,
        data: bytes,
        outputs: Outputs,
        due: int,
        on_steps: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Send the events in ``data`` and take what comes, until ``due`` steps are complete and
        the core is idle."""
        size = self.identity.event_bytes
        at, most = 0, REQUEST_MOST // size * size
        idle = False
        while at < len(data) or outputs.steps < due or not idle:
            answer = self.link.request(Command.EVENTS, data[at : at + most])
            if not answer:
                raise LinkError(f"{self.link.name}: an answer to EVENTS is empty")
            at += answer[-1]
            try:
                outputs.feed(answer[:-1])
            except ValueError as error:
                raise LinkError(f"{self.link.name}: {error}") from None
            idle = bool(self.link.flags & Flag.IDLE)
            if idle and at >= len(data) and outputs.steps < due:
                raise LinkError(
                    f"{self.link.name}: the core is idle after {outputs.steps} of {due} steps"
                )
            on_steps(outputs.steps)

    def _persistently(self, action: Callable[[], _Result]) -> _Result:
        """The result of ``action``, which is begun anew where the board has started anew."""
        for _ in range(_RESTARTS):
            try:
                return action()
            except SessionLost:
                self.identity = self.link.connect(self._reconnect_s)
                self._check()
        return action()

    def _check(self) -> None:
        """ValueError if what answers now is not what was there before."""
