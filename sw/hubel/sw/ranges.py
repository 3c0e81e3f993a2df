"""The numerical profile of a run: what the integers reach, beside what they could."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program
from hubel.sim.golden import Trace

from .relays import relay_names

Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PopulationRanges:
    """What one population's integers reach, beside what they could: (least, largest), in LSB.

    ``accumulator`` is the bound that was proved for any input, in LSB of a weight; a membrane has
    ``fraction_bits`` more. ``membrane`` and ``current`` (the synaptic current, None where there is
    none) are what the trace reached at the end of its steps, and ``saturations`` how often a
    membrane was clipped. Biases and currents have the limits of membranes.
    """

    population: str
    weights: Range
    weight_limits: Range
    bias: Range
    accumulator: Range
    accumulator_limits: Range
    membrane: Range
    membrane_limits: Range
    saturations: int
    current: Range | None = None
    fraction_bits: int = 0


def ranges(program: Program, trace: Trace) -> tuple[PopulationRanges, ...]:
    """Numerical profile of a run: one entry for each population of ``program``, relays left out.

    Parameters
    ----------
    program : Program
    trace : Trace
        A golden run of ``program`` on at least one sample, with its membranes.

    Raises
    ------
    ValueError
        If the trace has no samples or no membranes.
    """
    if trace.membrane is None or trace.saturations is None or not trace.membrane[0].size:
        raise ValueError("the numerical profile needs a run of 1 sample or more with its membranes")
    relays = relay_names(program)
    return tuple(
        _ranges_of(program, trace, i)
        for i, population in enumerate(program.populations)
        if population.name not in relays
    )


def _ranges_of(program: Program, trace: Trace, number: int) -> PopulationRanges:
    assert trace.membrane is not None and trace.saturations is not None
    population, sizes = program.populations[number], program.params()
    weights = [_range(projection.weights) for projection in program.into(population.name)]
    limit = 1 << (sizes.accumulator_width - 1)
    current = trace.current[number] if trace.current is not None else None
    return PopulationRanges(
        population=population.name,
        weights=(min(low for low, _ in weights), max(high for _, high in weights)),
        weight_limits=(-(1 << (sizes.weight_width - 1)), (1 << (sizes.weight_width - 1)) - 1),
        bias=_range(np.asarray(population.bias)),
        accumulator=program.accumulator_range(population.name),
        accumulator_limits=(-limit, limit - 1),
        membrane=_range(trace.membrane[number]),
        membrane_limits=(sizes.state_min, sizes.state_max),
        saturations=int(trace.saturations[number].sum()),
        current=None if current is None else _range(current),
        fraction_bits=population.shift,
    )


def _range(values: npt.NDArray) -> Range:
    """Least and largest of ``values``, 0 where there are none."""
    return (int(values.min()), int(values.max())) if values.size else (0, 0)
