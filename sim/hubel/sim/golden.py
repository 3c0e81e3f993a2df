"""The golden model: what every back end must reproduce, bit for bit."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import Counters
from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.population import Population
from hubel.hdl.program import Program

from .currents import Linear, exact_type, linear
from .lif import State, initial_state, lif_step

# Values that a chunk of samples may hold at once; keeps the working set in the cache's reach.
_CHUNK_VALUES = 1 << 22

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """All that a run of a Program produced.

    ``spikes`` and ``membrane`` hold one array of shape (samples, steps, neurons) for each
    population: bool, and the membranes at the end of each step (None where not recorded).
    ``current`` and ``adaptation`` are the same for the synaptic currents and the adaptations of
    the threshold, None for populations without.
    ``saturations`` hold one array of shape (samples, steps) for each population: how many
    membranes were clipped (None where a back end does not tell populations apart).
    ``counters`` hold one value for each sample, or one for all where a back end does not tell
    samples apart. ``cycles`` is the number of clocks from the first packet in to the last one out,
    None where there is no clock.
    """

    spikes: tuple[Bools, ...]
    membrane: tuple[npt.NDArray[np.int32], ...] | None
    counters: Counters
    current: tuple[npt.NDArray[np.int32] | None, ...] | None = None
    adaptation: tuple[npt.NDArray[np.int32] | None, ...] | None = None
    saturations: tuple[npt.NDArray[np.int64], ...] | None = None
    cycles: int | None = None


def checked_spikes(program: Program, spikes: npt.ArrayLike) -> Bools:
    """``spikes`` as bool of shape (samples, steps, inputs), or ValueError saying what is wrong."""
    array = np.asarray(spikes)
    if array.ndim != 3:
        raise ValueError(f"spikes must have shape (samples, steps, inputs), not {array.shape}")
    if array.shape[2] != program.input_neurons:
        raise ValueError(
            f"spikes have {array.shape[2]} inputs, the Program has {program.input_neurons}"
        )
    if array.shape[1] == 0:
        raise ValueError("spikes have 0 steps; at least 1 is needed")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError("spikes must be 0 or 1: an axon fires at most once a step")
    return array.astype(np.bool_)


def by_input(program: Program, spikes: Bools) -> list[Bools]:
    """``spikes`` of all inputs side by side, as one array for each input."""
    ends = list(accumulate(source.shape.neurons for source in program.inputs))
    return np.split(spikes, ends[:-1], axis=2)


def blocks(program: Program) -> list[range]:
    """Populations that must be run together, step by step, because spikes go round in them; the
    others alone, all steps at once. In the order of the populations."""
    numbers = {p.name: i for i, p in enumerate(program.populations)}
    starts = {i: i for i in numbers.values()}
    for projection in program.projections:
        source, target = numbers.get(projection.source, -1), numbers[projection.target]
        if source >= target:
            starts[source] = min(starts[source], target)
    result: list[range] = []
    for i in numbers.values():
        start = starts[i]
        while result and result[-1].stop > start:
            start = min(start, result.pop().start)
        result.append(range(start, i + 1))
    return result


def run(
    program: Program, spikes: npt.ArrayLike, *, lanes: int = 8, record_membrane: bool = True
) -> Trace:
    """Run ``program`` on input spikes.

    Parameters
    ----------
    program : Program
    spikes : array of bool, shape (samples, steps, inputs)
        Input spikes, those of several inputs side by side; each sample starts from ``v_init``.
    lanes : int
        Lanes of the core whose counters are predicted; changes no spike and no membrane.
    record_membrane : bool
        Keep the membranes (currents, adaptations) of every step.

    Raises
    ------
    ValueError
        If ``spikes`` have the wrong shape or values other than 0 and 1.
    """
    wanted = checked_spikes(program, spikes)
    fired = dict(zip((s.name for s in program.inputs), by_input(program, wanted), strict=True))
    records = {}
    functions = _linear_functions(program)
    for block in blocks(program):
        members = program.populations[block.start : block.stop]
        for population in members:
            records[population.name] = _Record(
                population, wanted.shape[:2], record_membrane, _dtype(program, population)
            )
            fired[population.name] = records[population.name].fired
        size = max(p.neurons for p in members)
        chunk = max(1, _CHUNK_VALUES // (wanted.shape[1] * max(size, program.input_neurons)))
        for first in range(0, wanted.shape[0], chunk):
            _run_block(program, members, functions, fired, records, slice(first, first + chunk))
    kept = [records[p.name] for p in program.populations]
    saturations = tuple(record.saturated for record in kept)
    return Trace(
        spikes=tuple(record.fired for record in kept),
        membrane=tuple(record.v for record in kept) if record_membrane else None,
        current=tuple(record.u for record in kept) if record_membrane else None,
        adaptation=tuple(record.a for record in kept) if record_membrane else None,
        saturations=saturations,
        counters=Counters.predict(program, fired, saturations, lanes=lanes),
    )


class _Record:
    """What a population did: arrays of shape (samples, steps, neurons)."""

    def __init__(
        self, population: Population, shape: tuple[int, int], keep: bool, dtype: type
    ) -> None:
        states = (*shape, population.neurons)
        self.dtype = dtype
        self.keep = keep
        self.fired = np.zeros(states, dtype=np.bool_)
        self.saturated = np.zeros(shape, dtype=np.int64)
        self.v = np.empty(states if keep else (0,), dtype=np.int32)
        self.u = np.empty_like(self.v) if population.u_decay is not None else None
        self.a = np.empty_like(self.v) if population.a_decay is not None else None

    def take(self, place: tuple[slice, int], state: State, fired: Bools, saturated: Bools) -> None:
        """Keep what a step gave."""
        self.fired[place] = fired
        self.saturated[place] = np.add.reduce(saturated, axis=-1)
        if self.keep:
            self.v[place] = state.v
            if self.u is not None and state.u is not None:
                self.u[place] = state.u
            if self.a is not None and state.a is not None:
                self.a[place] = state.a


def _dtype(program: Program, population: Population) -> type:
    """Integers that hold all that an update computes."""
    bits = program.params().accumulator_width + population.shift + 1
    return np.int32 if max(program.state_width + DECAY_SHIFT, bits) < 31 else np.int64


@lru_cache(maxsize=4)
def _linear_functions(program: Program) -> dict[str, Linear]:
    """The currents of each projection, by its name; kept, because a Program never changes and is
    run many times."""
    functions = {}
    for population in program.populations:
        exact = exact_type(*program.accumulator_range(population.name))
        for projection in program.into(population.name):
            source = program.shape_of(projection.source)
            functions[projection.name] = linear(projection, source, population.shape, exact)
    return functions


def delayed(spikes: Bools, delay: int) -> Bools:
    """``spikes`` of shape (samples, steps, neurons) as they arrive ``delay`` steps later."""
    if delay == 0:
        return spikes
    return np.concatenate([np.zeros_like(spikes[:, :delay]), spikes[:, :-delay]], axis=1)


def _run_block(
    program: Program,
    members: tuple[Population, ...],
    functions: dict[str, Linear],
    fired: dict[str, Bools],
    records: dict[str, _Record],
    part: slice,
) -> None:
    """Run ``members`` on the samples ``part``; what comes from outside is added up beforehand."""
    names = [p.name for p in members]
    outside: dict[str, npt.NDArray] = {}
    for population in members:
        total = np.zeros(())
        for projection in program.into(population.name):
            if projection.source in names:
                continue
            arriving = delayed(fired[projection.source][part], projection.delay)
            flat = arriving.reshape(-1, arriving.shape[2])
            total = total + functions[projection.name](flat)
        steps = records[population.name].fired[part].shape[:2]
        total = np.broadcast_to(total, (steps[0] * steps[1], population.neurons))
        outside[population.name] = (
            total.reshape(*steps, -1).transpose(1, 0, 2).astype(records[population.name].dtype)
        )
    samples, steps = records[names[0]].fired[part].shape[:2]
    states = {
        p.name: initial_state(p, (samples, p.neurons), records[p.name].dtype) for p in members
    }
    # What arrives from within the block: spikes, by which function, how many steps later.
    within = {
        p.name: [
            (fired[projection.source][part], functions[projection.name], projection.delay)
            for projection in program.into(p.name)
            if projection.source in names
        ]
        for p in members
    }
    for step in range(steps):
        for population in members:
            record = records[population.name]
            current = outside[population.name][step]
            for source, function, delay in within[population.name]:
                if step >= delay:
                    current = current + function(source[:, step - delay]).astype(record.dtype)
            state, spiked, clipped = lif_step(
                states[population.name], current, population, program.state_width
            )
            states[population.name] = state
            record.take((part, step), state, spiked, clipped)
