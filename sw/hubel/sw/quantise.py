"""Turn a float Network into a Program of integers, and show what the integers hold."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT, CoreParams
from hubel.hdl.program import Population, Program
from hubel.sim.golden import Trace

from .network import DenseProjection, LifPopulation, Network

# Shares of the largest weight that the search tries as the largest integer. With 2 bits the best
# is near 0.3; with 8 bits it is 0.9 to 1. The largest comes first and wins a tie.
_SHARES = np.linspace(1.0, 0.1, 91)


def quantise(network: Network, *, weight_width: int = 8, state_width: int = 16) -> Program:
    """Round ``network`` to integers, half to even, with one scale a layer.

    Threshold, reset, bias and first membrane have the scale of the weights, so that a layer is
    only stretched, not changed. That no step can overflow the accumulator is proved when the
    Program is built, from the sums of its positive and of its negative weights.

    Parameters
    ----------
    network : Network
    weight_width : int
        Bits of a weight: 2, 4 or 8. Weights are symmetric: -127..127 with 8 bits.
    state_width : int
        Bits of a membrane: 16 or 24.

    Raises
    ------
    ValueError
        If a number does not fit, or a threshold rounds to 0; the message names the population,
        the number and its scale.
    """
    if weight_width not in (2, 4, 8):
        raise ValueError(f"weight_width must be one of (2, 4, 8), not {weight_width!r}")
    if state_width not in (16, 24):
        raise ValueError(f"state_width must be one of (16, 24), not {state_width!r}")
    return Program(
        populations=tuple(
            _quantised(population, projection, weight_width, state_width)
            for population, projection in zip(network.populations, network.projections, strict=True)
        ),
        weight_width=weight_width,
        state_width=state_width,
    )


def best_scale(weights: npt.NDArray[np.float64], weight_width: int) -> float:
    """What one LSB stands for such that rounding (and clipping) ``weights`` to ``weight_width``
    bits costs the least squared error."""
    most = (1 << (weight_width - 1)) - 1
    largest = float(np.abs(weights).max())
    if largest == 0:
        return 1.0 / most
    scales = largest / most * _SHARES
    errors = [
        float(np.square(_to_grid(weights, scale, most) * scale - weights).sum()) for scale in scales
    ]
    return float(scales[int(np.argmin(errors))])


def _to_grid(weights: npt.NDArray[np.float64], scale: float, most: int) -> npt.NDArray[np.float64]:
    """Whole numbers of ``scale``, half to even, clipped to -``most``..``most``."""
    return np.clip(np.rint(weights / scale), -most, most)


def _quantised(
    population: LifPopulation, projection: DenseProjection, weight_width: int, state_width: int
) -> Population:
    """``population`` and the ``projection`` that feeds it, as integers."""
    scale = best_scale(projection.weights, weight_width)
    high = (1 << (state_width - 1)) - 1

    def to_state(what: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        scaled = np.rint(np.asarray(values, dtype=np.float64) / scale)
        if not (-high - 1 <= scaled.min() and scaled.max() <= high):
            worst = scaled.flat[int(np.abs(scaled).argmax())]
            advice = "use 24 bits or smaller weights" if state_width == 16 else "rescale the layer"
            raise ValueError(
                f"population {population.name!r}: {what} {worst * scale:.6g} is {worst:.0f} LSB of "
                f"{scale:.6g}, but {state_width} bits hold {-high - 1}..{high}; {advice}"
            )
        return scaled.astype(np.int64)

    threshold = int(to_state("threshold", population.threshold))
    if population.threshold > 0 and threshold == 0:
        raise ValueError(
            f"population {population.name!r}: threshold {population.threshold:.6g} rounds to 0 LSB "
            f"of {scale:.6g}; use more bits a weight or smaller weights"
        )
    most = (1 << (weight_width - 1)) - 1
    return Population(
        name=population.name,
        weights=_to_grid(projection.weights, scale, most).astype(np.int64),
        bias=to_state("bias", population.bias),
        v_init=to_state("v_init", population.v_init),
        threshold=threshold,
        decay=round(population.decay * (1 << DECAY_SHIFT)),
        reset=population.reset,
        v_reset=int(to_state("v_reset", population.v_reset)),
    )


Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PopulationRanges:
    """What one population's integers reach, beside what they could: (least, largest), in LSB.

    ``accumulator`` is the bound that was proved for any input; ``membrane`` is what the trace
    reached at the end of its steps, and ``saturations`` how often a membrane was clipped.
    Biases have the limits of membranes.
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


def ranges(program: Program, trace: Trace) -> tuple[PopulationRanges, ...]:
    """Numerical profile of a run: one entry for each population of ``program``.

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
    sizes = program.params()
    return tuple(
        _ranges_of(population, membrane, int(clipped.sum()), sizes)
        for population, membrane, clipped in zip(
            program.populations, trace.membrane, trace.saturations, strict=True
        )
    )


def _ranges_of(
    population: Population, membrane: npt.NDArray, saturations: int, sizes: CoreParams
) -> PopulationRanges:
    limit = 1 << (sizes.accumulator_width - 1)
    return PopulationRanges(
        population=population.name,
        weights=_range(population.weights),
        weight_limits=(sizes.weight_min, sizes.weight_max),
        bias=_range(population.bias),
        accumulator=Program.accumulator_range(population),
        accumulator_limits=(-limit, limit - 1),
        membrane=_range(membrane),
        membrane_limits=(sizes.state_min, sizes.state_max),
        saturations=saturations,
    )


def _range(values: npt.NDArray) -> Range:
    return int(values.min()), int(values.max())
