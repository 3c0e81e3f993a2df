"""Clocks that a step takes of a core, expected from how often neurons fire."""

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import WalkKind
from hubel.hdl.program import Program
from hubel.hdl.tables import tables_of

from .activity import Rates


def step_clocks(program: Program, rates: Rates, lanes: int) -> npt.NDArray[np.float64]:
    """Clocks a step in which a spike or a state word of each population is worked on, shape
    (populations,): what the counter ``busy`` counts.

    ``rates`` are those of the sources of ``program``. The expected number of spikes stands for the
    spikes of each step, so that a sweep that takes the larger of two numbers is a little short.
    """
    params = program.params(lanes=lanes)
    names = [source.name for source in program.sources]
    clocks, gathered = np.zeros((2, len(program.populations)))
    for sizes, tables in zip(params.projections, tables_of(params, program), strict=True):
        rate = rates[names[sizes.source]]
        if sizes.kind is WalkKind.GATHER:
            gathered[sizes.target] = rate.sum()
        else:
            words, _ = tables.of(params.sources[sizes.source])
            clocks[sizes.target] += rate @ np.maximum(words, 1)
    for p, words in enumerate(params.words):
        clocks[p] += words * max(gathered[p] + bool(params.scattered(p)), params.minimum_slots)
    return clocks
