"""A Network in floating point: what the integers are compared with."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from hubel.hdl.population import Reset
from hubel.sim.currents import linear

from .network import Floats, Network, Neurons


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatTrace:
    """Spikes (bool), membranes and synaptic currents (float, at the end of each step) of each
    population, arrays of shape (samples, steps, neurons); ``current`` is None where a population
    has none."""

    spikes: tuple[npt.NDArray[np.bool_], ...]
    membrane: tuple[Floats, ...]
    current: tuple[Floats | None, ...]


def simulate(network: Network, spikes: npt.NDArray) -> FloatTrace:
    """Run ``network`` in floating point, in the order of the contract: decay, add, bias, compare,
    reset, emit.

    A reference for tests and for what quantisation costs, not for bit-exactness.

    Parameters
    ----------
    network : Network
    spikes : array of bool, shape (samples, steps, inputs)
        Input spikes, those of several inputs side by side; each sample starts from ``v_init``.

    Raises
    ------
    ValueError
        If ``spikes`` have the wrong shape.
    """
    if spikes.ndim != 3 or spikes.shape[2] != network.input_neurons:
        raise ValueError(
            f"spikes must have shape (samples, steps, {network.input_neurons}), not {spikes.shape}"
        )
    samples, steps, _ = spikes.shape
    ends = list(accumulate(source.shape.neurons for source in network.inputs))
    parts = np.split(np.asarray(spikes, dtype=np.bool_), ends[:-1], axis=2)
    fired = dict(zip((s.name for s in network.inputs), parts, strict=True))
    membrane, current, states = {}, {}, {}
    functions = {
        p.name: linear(p, network.shape_of(p.source), network.shape_of(p.target), np.float64)
        for p in network.projections
    }
    for p in network.populations:
        shape = (samples, steps, p.neurons)
        fired[p.name] = np.zeros(shape, dtype=np.bool_)
        membrane[p.name] = np.zeros(shape)
        current[p.name] = None if p.u_decay is None else np.zeros(shape)
        states[p.name] = _State(p, samples)
    for step in range(steps):
        for p in network.populations:
            drive = np.zeros((samples, p.neurons))
            for projection in network.into(p.name):
                when = step - projection.delay
                if when >= 0:
                    drive += functions[projection.name](fired[projection.source][:, when])
            state = states[p.name]
            fired[p.name][:, step] = state.step(drive)
            membrane[p.name][:, step] = state.v
            if current[p.name] is not None:
                current[p.name][:, step] = state.u
    return FloatTrace(
        spikes=tuple(fired[p.name] for p in network.populations),
        membrane=tuple(membrane[p.name] for p in network.populations),
        current=tuple(current[p.name] for p in network.populations),
    )


class _State:
    """State of a population, arrays of shape (samples, neurons); as
    :func:`hubel.sim.lif.lif_step`, without widths."""

    def __init__(self, neurons: Neurons, samples: int) -> None:
        shape = (samples, neurons.neurons)
        self._p = neurons
        self.v = np.broadcast_to(np.asarray(neurons.v_init, dtype=np.float64), shape)
        self.u = np.broadcast_to(np.asarray(neurons.u_init, dtype=np.float64), shape)
        self._a = np.zeros(shape)
        self._r = np.zeros(shape, dtype=np.int64)

    def step(self, drive: Floats) -> npt.NDArray[np.bool_]:
        """Advance by a step that brings ``drive``; return which neurons fire."""
        p, v = self._p, self.v
        if p.u_decay is not None:
            self.u = self.u * p.u_decay + drive
            drive = self.u
        total = v * p.decay + drive + p.bias
        if p.reset is Reset.SOFT_LATE:
            total = total - np.where(self._above(v, np.asarray(p.threshold)), p.v_reset, 0.0)
        if p.v_min is not None:
            total = np.maximum(total, p.v_min)
        awake = self._r == 0
        total = np.where(awake, total, v)
        self._a = self._a * (p.a_decay or 0.0)
        fired = self._above(total, p.threshold + self._a) & awake
        if p.reset is Reset.HARD:
            total = np.where(fired, p.v_reset, total)
        elif p.reset is Reset.SOFT:
            total = np.where(fired, total - p.v_reset, total)
        self.v = total
        self._a = self._a + fired * p.a_step
        self._r = np.where(fired, p.refractory, np.maximum(self._r - 1, 0))
        return fired

    def _above(self, v: Floats, threshold: Floats) -> npt.NDArray[np.bool_]:
        return v >= threshold if self._p.at_threshold else v > threshold
