"""The counters of a core: their names, and how the golden model predicts them."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from .params import CoreParams

__all__ = ["COUNTER_WIDTH", "MIN_SLOTS", "Counters"]


#: Bits of a counter in gateware; it wraps.
COUNTER_WIDTH = 32

#: Clocks that a state word takes at least: the read port serves its membranes and its biases.
MIN_SLOTS = 2


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a core counts, one value a sample or in total.

    ``events``: spikes received, those from the core's own populations included.
    ``weight_reads``: weight words read. ``synaptic_operations``: weights that were added, padding
    lanes left out. ``updates``: state words that were read and written once, in one sweep of a
    population each step. ``spikes``: spikes sent. ``saturations``: membranes that were clipped.
    ``busy``: clocks in which a state word was worked on. ``dropped``: spikes beyond the fan-in in
    one step, which only a faulty sender can cause.
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
    def predict(cls, params: CoreParams, events: list[npt.NDArray[np.int64]],
                spikes: list[npt.NDArray[np.int64]],
                saturations: list[npt.NDArray[np.int64]]) -> "Counters":
        """Counters of each sample from the number of ``events`` and ``spikes`` and of clipped
        membranes, one array of shape (samples, steps) for each population."""
        def over_steps(per_population: list) -> npt.NDArray[np.int64]:
            return np.array([np.sum(a, axis=1) for a in per_population], np.int64).sum(axis=0)

        words, neurons = params.words, params.neurons
        return cls(
            events=over_steps(events),
            weight_reads=over_steps([e * w for e, w in zip(events, words, strict=True)]),
            synaptic_operations=over_steps([e * n for e, n in zip(events, neurons, strict=True)]),
            updates=over_steps([np.full_like(e, w) for e, w in zip(events, words, strict=True)]),
            spikes=over_steps(spikes),
            saturations=over_steps(saturations),
            busy=over_steps([np.maximum(e, MIN_SLOTS) * w
                             for e, w in zip(events, words, strict=True)]),
            dropped=np.zeros(len(events[0]), dtype=np.int64))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the counters, in the order in which the gateware reports them."""
        return tuple(f.name for f in fields(cls))

    def total(self) -> dict[str, int]:
        """Sum of each counter over the samples."""
        return {name: int(getattr(self, name).sum()) for name in self.names()}
