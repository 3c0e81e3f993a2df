"""The counters of a core: their names, and how the golden model predicts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from .program import Program
from .walks import walks

__all__ = ["COUNTER_WIDTH", "CounterNames", "Counters"]


#: Bits of a counter in gateware; it wraps.
COUNTER_WIDTH = 32


class CounterNames:
    """What every dataclass of counters can do."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the counters, in the order in which the gateware reports them."""
        return tuple(f.name for f in fields(cls))  # pyright: ignore[reportArgumentType]

    def total(self) -> dict[str, int]:
        """Sum of each counter over the samples."""
        return {name: int(getattr(self, name).sum()) for name in self.names()}


@dataclass(frozen=True, kw_only=True)
class Counters(CounterNames):
    """What a core counts, one value a sample or in total.

    ``events``: spikes received, those from the core's own populations included where they have a
    target on it. ``weight_reads``: weight words read. ``synaptic_operations``: weights that were
    added, padding left out. ``updates``: state words that were read and written once, in one sweep
    of a population each step. ``spikes``: spikes sent. ``saturations``: membranes that were
    clipped. ``busy``: clocks in which a spike or a state word was worked on. ``dropped``: spikes
    beyond the size of their source in one step, which only a faulty sender can cause.
    """
    events: npt.NDArray[np.int64]
    weight_reads: npt.NDArray[np.int64]
    synaptic_operations: npt.NDArray[np.int64]
    updates: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.int64]
    saturations: npt.NDArray[np.int64]
    busy: npt.NDArray[np.int64]
    dropped: npt.NDArray[np.int64]

    @classmethod
    def predict(cls, program: Program, fired: Mapping[str, npt.NDArray[np.bool_]],
                saturations: Sequence[npt.NDArray[np.int64]], *, lanes: int) -> "Counters":
        """Counters of each sample from the spikes of each input and population by name, arrays of
        shape (samples, steps, neurons), and from the number of clipped membranes of each
        population, arrays of shape (samples, steps)."""
        params = program.params(lanes=lanes)
        names = [source.name for source in program.sources]
        counts = {name: np.count_nonzero(fired[name], axis=2) for name in names}
        samples, steps = counts[names[0]].shape
        reads, operations, busy = np.zeros((3, samples), dtype=np.int64)
        gathered = [np.zeros((samples, steps), dtype=np.int64) for _ in program.populations]
        for walk in walks(program, fired, lanes=lanes):
            reads += walk.reads
            operations += walk.operations
            if walk.gathered is None:
                busy += walk.clocks
            else:
                gathered[walk.target] = walk.gathered
        for p, words in enumerate(params.words):
            slots = gathered[p] + bool(params.scattered(p))
            busy += words * np.maximum(slots, params.minimum_slots).sum(axis=1)
        heard = [n for i, n in enumerate(names) if params.consumers(i)]
        sent = [p.name for p in program.populations]
        return cls(
            events=sum((counts[n].sum(axis=1) for n in heard), np.zeros(samples, np.int64)),
            weight_reads=reads, synaptic_operations=operations,
            updates=np.full(samples, steps * sum(params.words)),
            spikes=sum((counts[n].sum(axis=1) for n in sent), np.zeros(samples, np.int64)),
            saturations=np.sum([np.sum(s, axis=1) for s in saturations], axis=0),
            busy=busy, dropped=np.zeros(samples, dtype=np.int64))
