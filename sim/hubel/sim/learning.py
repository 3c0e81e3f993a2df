"""A layer that learns, step by step: the golden model of the learning core, in numpy.

The gateware twin is :class:`hubel.hdl.learning_core.LearningCore`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from hubel.hdl.learning_counters import LEARNING_COUNTERS
from hubel.hdl.lfsr_params import LFSR_SEED
from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.hdl.synapse_walk import learning_clocks

from .stdp import Ints, Rounding, clipped, leak, post_update, pre_update


@dataclass(eq=False)
class Layer:
    """A dense layer and all that it remembers.

    Attributes
    ----------
    params : LearningParams
    rates : LearningRates
        May be replaced between steps.
    weights : array of int, shape (inputs, neurons)
        0..``params.weight_max``.
    v, a, y : arrays of int, shape (neurons,)
        Membranes, adaptations, traces: 0..65535.
    x : array of int, shape (inputs,)
        Traces of the inputs.
    lfsr : int
        Random bits.
    pending : list of int
        Neurons that fired in the last step in which any did, in this sample: they learn from a
        reward.
    sign : int
        Of the last reward, for the spikes of inputs (:attr:`Rule.PAIR`); 0 before the first.
    counters : dict
        Sums since the beginning: :data:`~hubel.hdl.learning_counters.LEARNING_COUNTERS`.
    """

    params: LearningParams
    rates: LearningRates
    weights: Ints
    lfsr: int = LFSR_SEED
    v: Ints = field(init=False)
    a: Ints = field(init=False)
    y: Ints = field(init=False)
    x: Ints = field(init=False)
    pending: list[int] = field(init=False, default_factory=list)
    sign: int = field(init=False, default=0)
    inhibited: bool = field(init=False, default=False)
    counters: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.params.inputs, self.params.neurons
        self.weights = np.array(self.weights, dtype=np.int64)
        if self.weights.shape != shape:
            raise ValueError(f"weights must have shape {shape}, not {self.weights.shape}")
        low, high = self.weights.min(), self.weights.max()
        if low < 0 or high > self.params.weight_max:
            raise ValueError(f"weights must be in 0..{self.params.weight_max}, not {low}..{high}")
        self.v, self.a, self.y = (np.zeros(shape[1], dtype=np.int64) for _ in range(3))
        self.x = np.zeros(shape[0], dtype=np.int64)
        self.counters = dict.fromkeys(LEARNING_COUNTERS, 0)

    def start(self) -> None:
        """A new sample: membranes and traces start from 0. Weights and adaptations stay."""
        self.v[:], self.y[:], self.x[:] = 0, 0, 0
        self.pending, self.inhibited = [], False

    def step(self, inputs: Iterable[int]) -> list[int]:
        """One step.

        Parameters
        ----------
        inputs : numbers of the inputs that spike in it; their order does not matter, nor whether
            one is there twice.

        Returns
        -------
        Neurons that fire, the one furthest above its threshold first.
        """
        p, r = self.params, self.rates
        events = np.unique(np.array(list(inputs), dtype=np.int64))
        if len(events) and not 0 <= events[0] <= events[-1] < p.inputs:
            raise ValueError(f"inputs must be in 0..{p.inputs - 1}, not {events[0]}..{events[-1]}")

        # Traces.
        self.x = leak(self.x, r.x_decay)
        self.x[events] = clipped(self.x[events] + r.x_step)
        self.y = leak(self.y, r.y_decay)
        # Add.
        total = np.maximum(leak(self.v, r.v_decay) - r.inhibition * self.inhibited, 0)
        total = total + (self.weights[events] >> (p.weight_width - 8)).sum(axis=0)
        # What was added is what the weights were before the spikes of the inputs change them.
        sign = self.sign if r.wait else 1
        if r.rule is Rule.PAIR and r.learn and sign:
            self._learn_from_inputs(events, sign)
        # Saturate, compare.
        self.v = clipped(total)
        self.a = leak(self.a, r.a_decay)
        above = self.v - r.threshold - self.a
        # Compete: sorted by what they are above, and of equals the first.
        candidates = np.flatnonzero(above > 0)
        order = np.argsort(-above[candidates], kind="stable")
        fired = candidates[order][: r.winners]
        # Reset.
        self.v[fired] = 0
        self.a[fired] = clipped(self.a[fired] + r.a_step)
        self.y[fired] = clipped(self.y[fired] + r.y_step)
        self.inhibited = len(fired) > 0
        spikes = fired.tolist()
        # Learn.
        if spikes:
            self.pending = spikes
            if r.learn and not r.wait:
                self._learn(spikes, 1)
        self._count(
            steps=1,
            events=len(events),
            words=len(events) * p.neuron_words,
            candidates=len(candidates),
            spikes=len(spikes),
        )
        return spikes

    def reward(self, sign: int) -> None:
        """A reward (1), a punishment (-1) or neither (0): with ``wait``, the neurons that fired
        last learn now, from the traces of the inputs as they are, and only once."""
        self.sign = sign
        if sign and self.rates.learn and self.rates.wait:
            self._learn(self.pending, sign)
        self.pending = []

    def learn(self, neuron: int) -> None:
        """``neuron`` learns from the traces of the inputs, as if it had fired alone."""
        if self.rates.learn:
            self._learn([neuron], 1)

    def _learn(self, neurons: Sequence[int], sign: int) -> None:
        p, r = self.params, self.rates
        rounding = Rounding(self.lfsr, p.lanes, nearest=r.nearest)
        for j in neurons:
            self.weights[:, j] = post_update(
                self.weights[:, j], self.x, rule=r.rule, a_plus=r.a_plus, a_minus=r.a_minus,
                sign=sign, width=p.weight_width, bits=rounding.take(p.inputs),
            )  # fmt: skip
        self.lfsr = rounding.state
        self._count(
            updates=p.input_words * len(neurons), learning=learning_clocks(p) * len(neurons)
        )

    def _learn_from_inputs(self, events: Ints, sign: int) -> None:
        """In the order of the walk: word by word of neurons, and in each, input by input."""
        p, r = self.params, self.rates
        rounding = Rounding(self.lfsr, p.lanes, nearest=r.nearest)
        bits = rounding.take(len(events) * p.neurons)
        bits = bits.reshape(p.neuron_words, len(events), p.lanes).transpose(1, 0, 2)
        self.weights[events] = pre_update(
            self.weights[events], self.y, a_minus=r.a_minus, sign=sign, width=p.weight_width,
            bits=bits.reshape(len(events), p.neurons),
        )  # fmt: skip
        self.lfsr = rounding.state
        self._count(updates=len(events) * p.neuron_words)

    def _count(self, **more: int) -> None:
        for name, count in more.items():
            self.counters[name] += count


def run(
    layer: Layer, spikes: npt.NDArray[np.bool_], *, learn: bool = True
) -> npt.NDArray[np.bool_]:
    """Show samples to a layer, which remembers them.

    Parameters
    ----------
    layer : Layer
    spikes : array of bool, shape (samples, steps, inputs)
    learn : bool
        If not, weights and adaptations are held, and are afterwards as they were.

    Returns
    -------
    fired : array of bool, shape (samples, steps, neurons)
    """
    rates = layer.rates
    if not learn:
        layer.rates = replace(rates, learn=False, a_step=0, a_decay=4096)
    fired = np.zeros((*spikes.shape[:2], layer.params.neurons), dtype=np.bool_)
    try:
        for sample in range(len(spikes)):
            layer.start()
            for step in range(spikes.shape[1]):
                fired[sample, step, layer.step(np.flatnonzero(spikes[sample, step]))] = True
    finally:
        layer.rates = rates
    return fired
