"""A board, real or virtual, at a serial port: load a Program, run it, read its states."""

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import COUNTER_WIDTH, Counters
from hubel.hdl.identity import configuration_hash, described
from hubel.hdl.link_protocol import Flag
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.memory_image import loads
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.program_tag import program_tag
from hubel.sim.golden import checked_spikes

from .board_events import Bools, OutputSpikes, step_events
from .board_link import BoardLink, Progress, no_progress
from .board_run import BoardRun, States, stacked
from .board_states import state_bytes, unpack_states


class Board(BoardLink):
    """A board with a spiking core at a serial port; a context manager.

    A board that starts anew in the middle of something is programmed again, and what it did is done
    again from its beginning.

    Parameters, attributes and errors are those of :class:`~hubel.sw.board_link.BoardLink`.
    """

    _program: Program | None = None
    _params: CoreParams | None = None

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def program(
        self, program: Program, *, on_progress: Progress = no_progress, force: bool = False
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

    def _check(self) -> None:
        if self._program is not None:
            self._checked(self._program)

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
        self._load(((p.memory.value, p.address, p.data) for p in parts), tag, on_progress)
        return True

    def run(
        self,
        spikes: npt.ArrayLike,
        *,
        states: bool = False,
        on_progress: Progress = no_progress,
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
            self._ensure(no_progress)
        assert self._program is not None and self._params is not None
        wanted = checked_spikes(self._program, spikes)

        def attempt() -> BoardRun:
            self._ensure(no_progress)
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

    def counters(self) -> dict[str, int]:
        """What the core has counted since the session began, modulo 2**32.

        Raises
        ------
        LinkError
            If the board does not answer.
        """
        return self._counters(Counters.names())

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
        return self._read(memory.value, address, count)
