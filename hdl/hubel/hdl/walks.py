"""What the walker does for each projection, predicted from the spikes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .params import WalkKind
from .program import Program
from .tables import tables_of

__all__ = ["Walk", "walks"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """The work for one projection: arrays of shape (samples,).

    ``target`` is the number of its population. ``reads``: weight words. ``operations``: synapses.
    ``clocks``: in which a spike is worked on; one that meets nothing takes one, too. ``gathered``:
    spikes that meet every state word, shape (samples, steps), or None if they are scattered.
    """
    name: str
    target: int
    reads: npt.NDArray[np.int64]
    operations: npt.NDArray[np.int64]
    clocks: npt.NDArray[np.int64]
    gathered: npt.NDArray[np.int64] | None

    def occupancy(self, lanes: int) -> float:
        """Share of the lanes that had a synapse while spikes were worked on; NaN without spikes."""
        clocks = int(self.clocks.sum())
        return int(self.operations.sum()) / (clocks * lanes) if clocks else float("nan")


def walks(program: Program, fired: Mapping[str, npt.NDArray[np.bool_]], *,
          lanes: int) -> Iterator[Walk]:
    """The work for each projection, from the spikes of each input and population by name, arrays of
    shape (samples, steps, neurons)."""
    params = program.params(lanes=lanes)
    names = [source.name for source in program.sources]
    for projection, sizes, tables in zip(program.projections, params.projections,
                                         tables_of(params, program), strict=True):
        # What is on its way when a sample ends is never walked.
        arriving = fired[names[sizes.source]]
        arriving = arriving[:, :arriving.shape[1] - sizes.delay]
        if sizes.kind is WalkKind.GATHER:
            counts = np.count_nonzero(arriving, axis=2)
            spikes = counts.sum(axis=1)
            reads = clocks = spikes * params.words[sizes.target]
            operations = spikes * params.populations[sizes.target].neurons
            gathered = np.pad(counts, ((0, 0), (sizes.delay, 0)))
        else:
            words, synapses = tables.of(params.sources[sizes.source])
            spikes, gathered = arriving.sum(axis=1, dtype=np.int64), None
            reads, operations = spikes @ words, spikes @ synapses
            clocks = spikes @ np.maximum(words, 1)
        yield Walk(name=projection.name, target=sizes.target, reads=reads, operations=operations,
                   clocks=clocks, gathered=gathered)
