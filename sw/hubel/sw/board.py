"""A board, real or virtual, at a serial port: load a Program, run it, read its states."""

import os
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import COUNTER_WIDTH, Counters
from hubel.hdl.identity import Identity, configuration_hash, described
from hubel.hdl.link_protocol import ANSWER_MOST, REQUEST_MOST, Command, Flag, event_bytes
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.memory_image import loads
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.program_tag import program_tag
from hubel.sim.golden import checked_spikes

from .board_events import Bools, OutputSpikes, step_events
from .board_run import BoardRun, States, stacked
from .board_states import state_bytes, unpack_states
from .link_client import LinkClient, LinkError, Port, SessionLost, open_port

#: Bits a second of the boards of :mod:`hubel.boards`.
BAUD = 1_000_000

#: How often something is begun anew on a board that starts anew.
_RESTARTS = 3

Progress = Callable[[int, int], None]
_Result = TypeVar("_Result")


def _no_progress(done: int, total: int) -> None:
    pass


class Board:
    """A board at a serial port; a context manager.

    Whatever the line does, an answer is right or an error: requests are numbered and sent again
    until they are answered. A board that starts anew in the middle of something is programmed
    again, and what it did is done again from its beginning.

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
        self._program: Program | None = None
        self._params: CoreParams | None = None
        self.identity: Identity = self.link.connect()

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the port; the board keeps its Program."""
        self.link.close()

    def program(
        self, program: Program, *, on_progress: Progress = _no_progress, force: bool = False
    ) -> bool:
        """Load ``program``; False if the board has it already.

        Parameters
        ----------
        program : Program
        on_progress : callable
            Is told how many bytes of how many were loaded.
        force : bool
            Load it in any case.

        Raises
        ------
        ValueError
            If it is for another bitstream; the message names both.
        LinkError
            If the board does not answer.
        """
        params = self._checked(program)
        self._program, self._params = program, params
        return self._persistently(lambda: self._ensure(on_progress, force))

    def _checked(self, program: Program) -> CoreParams:
        identity = self.identity
        params = program.params(lanes=identity.lanes)
        wanted = configuration_hash(params)
        if identity.configuration == wanted:
            return params
        if identity.lanes > 2:
            folded = program.params(lanes=identity.lanes, folds=2)
            if identity.configuration == configuration_hash(folded):
                return folded
        mine, theirs = described(params), identity.text
        if mine == theirs:
            theirs += " with other projections, outputs or neuron models"
        raise ValueError(
            f"{self.link.name}: the board has a core of {theirs} ({identity.configuration.hex()}),"
            f" and the Program needs {mine} ({wanted.hex()}); make a bitstream for it with "
            f"`hubel build`"
        )

    def _persistently(self, action: Callable[[], _Result]) -> _Result:
        """The result of ``action``, which is begun anew where the board has started anew."""
        for _ in range(_RESTARTS):
            try:
                return action()
            except SessionLost:
                self.identity = self.link.connect(self._reconnect_s)
                if self._program is not None:
                    self._checked(self._program)
        return action()

    def _ensure(self, on_progress: Progress, force: bool = False) -> bool:
        """Load the Program unless the board has it."""
        if self._program is None or self._params is None:
            raise ValueError(
                f"{self.link.name}: no Program was given; call board.program(program) first"
            )
        tag = program_tag(self._params, self._program)
        has_it = self.link.flags & Flag.LOADED and self.identity.tag == tag
        if has_it and not force:
            return False
        parts = loads(self._params, self._program)
        done, total = 0, sum(len(load.data) for load in parts)
        for load in parts:
            place = load.address.to_bytes(3, "little")
            self.link.request(Command.SEEK, bytes([load.memory.value]) + place)
            for at in range(0, len(load.data), REQUEST_MOST):
                part = load.data[at : at + REQUEST_MOST]
                self.link.request(Command.LOAD, part)
                done += len(part)
                on_progress(done, total)
        self.link.request(Command.COMMIT, tag)
        self.identity = self.identity.with_tag(tag)
        return True

    def run(
        self,
        spikes: npt.ArrayLike,
        *,
        states: bool = False,
        on_progress: Progress = _no_progress,
    ) -> BoardRun:
        """Run the Program on input spikes.

        Parameters
        ----------
        spikes : array of bool, shape (samples, steps, inputs)
            As for :func:`hubel.sim.golden.run`.
        states : bool
            Read all states after each step, which takes longer than the step.
        on_progress : callable
            Is told how many steps of how many are done.

        Raises
        ------
        ValueError
            If no Program was given, or the spikes do not suit it.
        LinkError
            If the board does not answer, or what it answers makes no sense.
        """
        if self._program is None:
            self._ensure(_no_progress)
        assert self._program is not None and self._params is not None
        wanted = checked_spikes(self._program, spikes)

        def attempt() -> BoardRun:
            self._ensure(_no_progress)
            return self._run(wanted, states, on_progress)

        return self._persistently(attempt)

    def _run(self, spikes: Bools, states: bool, on_progress: Progress) -> BoardRun:
        program, params = self._program, self._params
        assert program is not None and params is not None
        samples, steps, _ = spikes.shape
        before = self.counters()
        outputs = OutputSpikes(params, samples, steps)
        events = step_events(program, params, spikes)
        total, kept = samples * steps, []
        batches = events if states else [np.concatenate([np.zeros(0, np.uint8), *events])]
        for number, batch in enumerate(batches):
            due = number + 1 if states else total
            self._exchange(batch.tobytes(), outputs, due, lambda n: on_progress(n, total))
            if states:
                kept.append(self.read_state())
        after = self.counters()
        names = [program.populations[p].name for p in params.outputs]
        return BoardRun(
            spikes=dict(zip(names, outputs.spikes, strict=True)),
            states=stacked(kept, samples, steps) if kept else None,
            counters={n: (after[n] - before[n]) % (1 << COUNTER_WIDTH) for n in after},
        )

    def _exchange(
        self, data: bytes, outputs: OutputSpikes, due: int, on_steps: Callable[[int], None]
    ) -> None:
        """Send the events in ``data`` and take what comes, until ``due`` steps are complete and
        the core is idle."""
        assert self._params is not None
        size = event_bytes(self._params)
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

    def counters(self) -> dict[str, int]:
        """What the core has counted since the session began, modulo 2**32.

        Raises
        ------
        LinkError
            If the board does not answer.
        """
        data = self.link.request(Command.COUNTERS)
        names = Counters.names()
        if len(data) != 4 * len(names):
            raise LinkError(f"{self.link.name}: {len(data)} bytes are no counters")
        return {
            name: int.from_bytes(data[4 * i : 4 * i + 4], "little") for i, name in enumerate(names)
        }

    def status(self) -> dict[str, int]:
        """Frames that the board dropped since it was asked before, 255 at most: "bad" ones, "stale"
        ones that were out of their order, and "lost" ones that came while it was at work."""
        data = self.link.request(Command.STATUS)
        return dict(zip(("bad", "stale", "lost"), data, strict=True))

    def read_state(self) -> States:
        """The states as the last step left them: for "v", and for "u", "a" and "r" where the core
        has them, an array of shape (neurons,) for each population. Only between runs.

        Raises
        ------
        ValueError
            If no Program was given.
        LinkError
            If the board does not answer.
        """
        if self._params is None:
            raise ValueError(f"{self.link.name}: call board.program(program) first")
        data = self.read(MemoryKind.NEURONS, 0, state_bytes(self._params))
        return unpack_states(self._params, data)

    def read(self, memory: MemoryKind, address: int, count: int) -> bytes:
        """``count`` bytes of ``memory``, from row ``address`` on."""
        self.link.request(Command.SEEK, bytes([memory.value]) + address.to_bytes(3, "little"))
        data = b""
        while len(data) < count:
            data += self.link.request(Command.READ, bytes([min(ANSWER_MOST, count - len(data))]))
        return data
