"""How often the neurons of a Program fire: given by spikes, or assumed."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program
from hubel.sim.golden import by_input, checked_spikes, run

#: Share of the neurons of each source that fires in a step, where no spikes are given. A guess that
#: every source shares: only ratios of loads and of traffic follow from it, no result does.
ASSUMED = 0.05

#: Spikes a step of each neuron in C order, shape (neurons,), of each input and population by name.
Rates = Mapping[str, npt.NDArray[np.float64]]


def assumed_rates(program: Program) -> Rates:
    """The same rate for all, :data:`ASSUMED`."""
    return {source.name: np.full(source.shape.neurons, ASSUMED) for source in program.sources}


def measured_rates(program: Program, spikes: npt.ArrayLike) -> Rates:
    """The rates in a run of golden on ``spikes``, shape (samples, steps, inputs).

    Raises
    ------
    ValueError
        If the spikes do not suit the Program.
    """
    wanted = checked_spikes(program, spikes)
    if not len(wanted):
        raise ValueError("there are no samples in the spikes; give one or more")
    trace = run(program, wanted, record_membrane=False)
    fired = (*by_input(program, wanted), *trace.spikes)
    return {
        source.name: each.mean(axis=(0, 1))
        for source, each in zip(program.sources, fired, strict=True)
    }
