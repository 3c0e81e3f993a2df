"""What a run did, step by step, and where two runs first differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program

from .golden import Trace


class Row(NamedTuple):
    """What a population did in a step.

    ``spikes`` are the numbers of the neurons that fired, in ascending order; ``membrane``,
    ``current`` and ``adaptation`` the states at the end of the step, arrays of shape (neurons,),
    None where the population has none or the run did not record them.
    """

    sample: int
    step: int
    population: str
    spikes: npt.NDArray[np.int64]
    membrane: npt.NDArray[np.int32] | None
    current: npt.NDArray[np.int32] | None
    adaptation: npt.NDArray[np.int32] | None


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """One difference between two runs; as text, a line.

    ``kind`` is "spike", "membrane", "current", "adaptation", "saturations", the name of a counter,
    or "spikes", ... where the shapes differ, which are then ``expected`` and ``got``. Places that
    a difference does not have are None.
    """

    kind: str
    expected: Any
    got: Any
    population: str | None = None
    sample: int | None = None
    step: int | None = None
    neuron: int | None = None

    def __str__(self) -> str:
        values = f"{self.expected} expected, got {self.got}"
        if self.population is None:
            return f"counter {self.kind}: {values}"
        if self.sample is None:
            return f"{self.population}: {self.kind} of shape {values}"
        place = f"sample {self.sample}, step {self.step}, population {self.population}"
        if self.neuron is not None:
            place += f", neuron {self.neuron}"
        return f"{place}: {self.kind} {values}"


def trace(names: Sequence[str], run: Trace) -> Iterator[Row]:
    """Every step of every population of ``run``, in the order of time.

    ``names`` are those of the populations: a Trace has none, a Program and a file of a run do.
    """
    samples, steps, _ = run.spikes[0].shape
    for sample, step in np.ndindex(samples, steps):
        for p, name in enumerate(names):
            states = []
            for of_all in (run.membrane, run.current, run.adaptation):
                kept = None if of_all is None else of_all[p]
                states.append(None if kept is None else kept[sample, step])
            fired = np.flatnonzero(run.spikes[p][sample, step])
            yield Row(sample, step, name, fired, *states)


def diff(names: Sequence[str], expected: Trace, got: Trace) -> Divergence | None:
    """The first difference in the order of time, or None if there is none.

    Compared are every spike and, where both runs have them, every membrane, synaptic current and
    adaptation at the end of every step and the saturations of every population; then the totals
    of all counters. Samples come first, then steps, then populations, then what is compared in
    the order above: what is named is the cause and not what follows from it.

    Parameters
    ----------
    names : sequence of str
        Names of the populations.
    expected, got : Trace
        Two runs, of any back ends, on the same spikes.
    """
    differences: list[tuple[tuple[int, ...], Divergence]] = []
    for p, name in enumerate(names):
        for order, (kind, a, b) in enumerate(_recorded(expected, got, p)):
            if a.shape != b.shape:
                shape = f"{kind.removesuffix('s')}s"
                return Divergence(kind=shape, expected=a.shape, got=b.shape, population=name)
            where = np.argwhere(a != b)
            if not len(where):
                continue
            sample, step, *neuron = (int(i) for i in where[0])
            found = Divergence(
                kind=kind,
                expected=int(a[tuple(where[0])]),
                got=int(b[tuple(where[0])]),
                population=name,
                sample=sample,
                step=step,
                neuron=neuron[0] if neuron else None,
            )
            differences.append(((sample, step, p, order), found))
    if differences:
        return min(differences, key=lambda difference: difference[0])[1]
    totals, got_totals = expected.counters.total(), got.counters.total()
    for name, value in totals.items():
        if got_totals[name] != value:
            return Divergence(kind=name, expected=value, got=got_totals[name])
    return None


def _recorded(a: Trace, b: Trace, p: int) -> Iterator[tuple[str, npt.NDArray, npt.NDArray]]:
    """What both runs have of population ``p``: kind, and an array of each."""
    for kind, one, other in (
        ("spike", a.spikes, b.spikes),
        ("membrane", a.membrane, b.membrane),
        ("current", a.current, b.current),
        ("adaptation", a.adaptation, b.adaptation),
        ("saturations", a.saturations, b.saturations),
    ):
        if one is None or other is None:
            continue
        first, second = one[p], other[p]
        if first is not None and second is not None:
            yield kind, first, second


def first_divergence(program: Program, expected: Trace, got: Trace) -> str | None:
    """:func:`diff` of two runs of ``program`` as one line, or None."""
    found = diff([p.name for p in program.populations], expected, got)
    return None if found is None else str(found)
