"""Where two back ends first differ."""

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program

from .golden import Trace


def first_divergence(program: Program, expected: Trace, got: Trace) -> str | None:
    """The first difference in the order of time, or None if there is none.

    Compared are every spike and, where both traces have them, every membrane at the end of
    every step; then the totals of all counters. Within a step, earlier populations come first.
    """
    differences = []
    for p, population in enumerate(program.populations):
        kinds: list[tuple[str, npt.NDArray, npt.NDArray]] = [
            ("spike", expected.spikes[p], got.spikes[p])
        ]
        if expected.membrane is not None and got.membrane is not None:
            kinds.append(("membrane", expected.membrane[p], got.membrane[p]))
        for kind, a, b in kinds:
            if a.shape != b.shape:
                return f"{population.name}: {kind}s of shape {a.shape} expected, got {b.shape}"
            where = np.argwhere(a != b)
            if len(where):
                sample, step, neuron = where[0]
                place = (sample, step, p)
                text = (
                    f"sample {sample}, step {step}, population {population.name}, "
                    f"neuron {neuron}: {kind} {int(a[tuple(where[0])])} expected, "
                    f"got {int(b[tuple(where[0])])}"
                )
                differences.append((place, text))
    if differences:
        return min(differences, key=lambda difference: difference[0])[1]
    totals, got_totals = expected.counters.total(), got.counters.total()
    for name, value in totals.items():
        if got_totals[name] != value:
            return f"counter {name}: {value} expected, got {got_totals[name]}"
    return None
