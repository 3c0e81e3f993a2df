"""The golden model: what every back end must reproduce, bit for bit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import Counters
from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.program import Population, Program

from .lif import lif_step

# Values that a chunk of samples may hold at once; keeps the working set in the cache's reach.
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """All that a run of a Program produced.

    ``spikes`` and ``membrane`` hold one array of shape (samples, steps, neurons) for each
    population: bool, and the membranes at the end of each step (None where not recorded).
    ``saturations`` hold one array of shape (samples, steps) for each population: how many
    membranes were clipped (None where a back end does not tell populations apart).
    ``counters`` hold one value for each sample, or one for all where a back end does not tell
    samples apart. ``cycles`` is the number of clocks from the first packet in to the last one out,
    None where there is no clock.
    """

    spikes: tuple[npt.NDArray[np.bool_], ...]
    membrane: tuple[npt.NDArray[np.int32], ...] | None
    counters: Counters
    saturations: tuple[npt.NDArray[np.int64], ...] | None = None
    cycles: int | None = None


def checked_spikes(program: Program, spikes: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """``spikes`` as bool of shape (samples, steps, inputs), or ValueError saying what is wrong."""
    array = np.asarray(spikes)
    if array.ndim != 3:
        raise ValueError(f"spikes must have shape (samples, steps, inputs), not {array.shape}")
    if array.shape[2] != program.inputs:
        raise ValueError(f"spikes have {array.shape[2]} inputs, the Program has {program.inputs}")
    if array.shape[1] == 0:
        raise ValueError("spikes have 0 steps; at least 1 is needed")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError("spikes must be 0 or 1: an axon fires at most once a step")
    return array.astype(np.bool_)


def run(
    program: Program, spikes: npt.ArrayLike, *, lanes: int = 8, record_membrane: bool = True
) -> Trace:
    """Run ``program`` on input spikes.

    Parameters
    ----------
    program : Program
    spikes : array of bool, shape (samples, steps, inputs)
        Input spikes; each sample starts from ``v_init``.
    lanes : int
        Lanes of the core whose counters are predicted; changes no spike and no membrane.
    record_membrane : bool
        Keep the membranes of every step.

    Raises
    ------
    ValueError
        If ``spikes`` have the wrong shape or values other than 0 and 1.
    """
    layer = checked_spikes(program, spikes)
    all_spikes, all_membranes = [], []
    events, fired_counts, saturations = [], [], []
    for population in program.populations:
        fired, membrane, saturated = _run_population(
            population, layer, program.state_width, record_membrane
        )
        events.append(np.count_nonzero(layer, axis=2))
        fired_counts.append(np.count_nonzero(fired, axis=2))
        saturations.append(saturated)
        all_spikes.append(fired)
        all_membranes.append(membrane)
        layer = fired
    counters = Counters.predict(program.params(lanes=lanes), events, fired_counts, saturations)
    return Trace(
        spikes=tuple(all_spikes),
        membrane=tuple(all_membranes) if record_membrane else None,
        counters=counters,
        saturations=tuple(saturations),
    )


def currents(population: Population, spikes: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Sum of the weights of each step's events, shape (samples, steps, neurons).

    A matrix product in floating point, because that is what a CPU does fastest; it is exact,
    since every partial sum is an integer that the type holds without rounding.
    """
    least, most = Program.accumulator_range(population)
    exact = np.float32 if max(-least, most) < 1 << 24 else np.float64
    samples, steps, inputs = spikes.shape
    flat = spikes.reshape(samples * steps, inputs).astype(exact)
    return (flat @ population.weights.astype(exact)).reshape(samples, steps, -1)


def _run_population(
    population: Population, spikes: npt.NDArray[np.bool_], state_width: int, record_membrane: bool
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Spikes, membranes (samples, steps, neurons) and saturations (samples, steps)."""
    samples, steps, inputs = spikes.shape
    neurons = population.neurons
    # |v| * decay is the widest value of the update.
    dtype = np.int32 if state_width + DECAY_SHIFT < 31 else np.int64
    fired = np.empty((samples, steps, neurons), dtype=np.bool_)
    membrane = np.empty((samples, steps, neurons) if record_membrane else (0,), dtype=np.int32)
    saturated = np.zeros((samples, steps), dtype=np.int64)
    chunk = max(1, _CHUNK_VALUES // (steps * max(inputs, neurons)))
    for first in range(0, samples, chunk):
        part = slice(first, first + chunk)
        current = currents(population, spikes[part]).transpose(1, 0, 2).astype(dtype)
        v = np.broadcast_to(population.v_init.astype(dtype), current.shape[1:])
        for step in range(steps):
            v, fired[part, step], clipped = lif_step(v, current[step], population, state_width)
            saturated[part, step] = np.count_nonzero(clipped, axis=1)
            if record_membrane:
                membrane[part, step] = v
    return fired, membrane, saturated
