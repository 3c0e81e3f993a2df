"""Layers that learn by device pulses: one network, the same spikes, and many seeds of devices.

The layer is that of :class:`hubel.sim.learning.Layer` with the paper's rule and one winner a step;
``layers`` of them run side by side. What a spike changes is up to a :class:`Learner`: the rule
itself, or pulses for each synapse of the winner, up where the input has spiked before and down
elsewhere.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hubel.hdl.stdp_params import VALUE_MAX, LearningRates

from .nonlinearity import Nonlinear
from .random import Purpose, philox
from .validate import number, positive
from .waveform import Floats

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: The largest weight that a neuron sees.
FULL = 255


class Learner(Protocol):
    """Weights of layers, and what a spike makes of them."""

    @property
    def integers(self) -> npt.NDArray[np.float32]:
        """What the neurons see, whole numbers 0..255, of shape (layers, inputs, neurons)."""
        ...

    def learn(self, layers: Ints, neurons: Ints, fired: Bools) -> None:
        """``neurons[k]`` of ``layers[k]`` has spiked; ``fired``, of shape (inputs,), says which
        inputs have before."""
        ...


class RuleLearner:
    """The rule itself: +a_plus w (1 - w), -a_minus w (1 - w), with weights that are real numbers.

    ``a_plus`` and ``a_minus``, 0..1, may be changed at any time.
    """

    def __init__(self, weights: npt.ArrayLike, *, a_plus: float, a_minus: float):
        self._weights = np.array(weights, dtype=np.float64)
        self.a_plus = number("a_plus", a_plus, 0.0, 1.0)
        self.a_minus = number("a_minus", a_minus, 0.0, 1.0)
        self._integers = np.rint(FULL * self._weights).astype(np.float32)

    @property
    def integers(self) -> npt.NDArray[np.float32]:
        """See :class:`Learner`."""
        return self._integers

    def learn(self, layers: Ints, neurons: Ints, fired: Bools) -> None:
        """See :class:`Learner`."""
        w = self._weights[layers, :, neurons]
        w = w + np.where(fired, self.a_plus, -self.a_minus) * w * (1 - w)
        self._weights[layers, :, neurons] = w
        self._integers[layers, :, neurons] = np.rint(FULL * w)


class PulseLearner:
    """A device for each weight, of a seed for each layer, and the same pulses for each spike.

    Parameters
    ----------
    device : Nonlinear
    seeds : sequence of int
        Device seeds, one a layer.
    inputs, neurons : int
    low, high : float
        The states begin in between, 0..1.

    Attributes
    ----------
    count : int
        Pulses of a spike, 1 at first.
    share : float
        Share of the spikes of which a device gets its pulses, at random; 1 at first.
    pulses : int
        Applied so far, over all layers.
    """

    def __init__(
        self,
        device: Nonlinear,
        seeds: Sequence[int],
        inputs: int,
        neurons: int,
        *,
        low: float = 0.3,
        high: float = 0.7,
    ):
        self.device, self.count, self.share = device, 1, 1.0
        low, high = number("low", low, 0.0, 1.0), number("high", high, 0.0, 1.0)
        if low > high:
            raise ValueError(f"low must be at most high = {high:g}, not {low:g}")
        self._seeds = np.array(seeds, dtype=np.uint64)
        self._events = np.zeros(len(self._seeds), dtype=np.uint64)
        self._inputs = inputs
        every = np.arange(len(self._seeds) * neurons)
        uniform, normal = self._draw(every // neurons, every % neurons, Purpose.DEVICE)
        shape = (len(self._seeds), neurons, inputs)
        self._gain = np.maximum(1 + device.d2d * normal, 0.0).reshape(shape).transpose(0, 2, 1)
        self._states = (low + (high - low) * uniform).reshape(shape).transpose(0, 2, 1).copy()
        self._integers = np.rint(FULL * self._states).astype(np.float32)
        self.pulses = 0

    def expect(self, pulses: float) -> None:
        """From now on, ``pulses`` for each spike on average, above 0: whole ones, applied at
        random where that is less than one."""
        wanted = positive("pulses", pulses)
        self.count = max(1, round(wanted))
        self.share = min(1.0, wanted / self.count)

    @property
    def integers(self) -> npt.NDArray[np.float32]:
        """See :class:`Learner`."""
        return self._integers

    def learn(self, layers: Ints, neurons: Ints, fired: Bools) -> None:
        """See :class:`Learner`."""
        self._events[layers] += np.uint64(1)
        uniform, normal = self._draw(layers, neurons, Purpose.PULSE)
        states = self._states[layers, :, neurons]
        gain = self._gain[layers, :, neurons]
        after = self.device.pulse(states, fired, count=self.count, xi=normal, gain=gain)
        applied = uniform < self.share
        self.pulses += self.count * int(np.count_nonzero(applied))
        states = np.where(applied, after, states)
        self._states[layers, :, neurons] = states
        self._integers[layers, :, neurons] = np.rint(FULL * states)

    def _draw(self, layers: Ints, neurons: Ints, purpose: Purpose) -> tuple[Floats, Floats]:
        """A uniform and a standard normal number for each device of a neuron, of shape
        (len(layers), inputs), keyed by seed, row, column and event."""
        # Two neighbours share a counter: of its four words, two make a normal number for each.
        pairs = (self._inputs + 1) // 2
        words = philox(
            (
                np.tile(np.arange(pairs, dtype=np.uint64), len(layers)),
                np.repeat(neurons.astype(np.uint64), pairs),
                np.repeat(self._events[layers], pairs),
                np.full(pairs * len(layers), int(purpose), dtype=np.uint64),
            ),
            (np.repeat(self._seeds[layers], pairs), 0),  # type: ignore[arg-type]
        )
        a, b, c, d = ((word + 0.5) / 2**32 for word in words)
        radius, angle = np.sqrt(-2 * np.log(a)), 2 * np.pi * b
        normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        shape = (len(layers), 2 * pairs)
        uniform = np.stack([c, d], axis=-1).reshape(shape)[:, : self._inputs]
        return uniform, normal.reshape(shape)[:, : self._inputs]


class DeviceLayers:
    """Layers side by side, that all see the same spikes.

    Parameters
    ----------
    learner : Learner
    rates : LearningRates
        Threshold, adaptation, inhibition and decays of the layers; may be replaced. The weights'
        rates are the learner's.

    Raises
    ------
    ValueError
        If there is more than one winner a step.
    """

    def __init__(self, learner: Learner, rates: LearningRates):
        if rates.winners != 1:
            raise ValueError(f"layers of devices have one winner a step, not {rates.winners}")
        self.learner, self.rates = learner, rates
        self.layers, self.inputs, self.neurons = learner.integers.shape
        self.adaptation = np.zeros((self.layers, self.neurons))

    def show(self, spikes: Bools) -> Ints:
        """Show one sample, of shape (steps, inputs), and learn from it.

        Returns
        -------
        counts : array of int, shape (layers, neurons)
            Spikes.
        """
        r = self.rates
        v = np.zeros((self.layers, self.neurons))
        counts = np.zeros((self.layers, self.neurons), dtype=np.int64)
        inhibited = np.zeros(self.layers, dtype=np.bool_)
        every = np.arange(self.layers)
        fired = np.zeros(self.inputs, dtype=np.bool_)
        for step in spikes:
            fired |= step
            # Sums of at most 1024 times 255 are whole numbers in float32 too.
            added = step.astype(np.float32) @ self.learner.integers
            v = np.maximum(_leak(v, r.v_decay) - r.inhibition * inhibited[:, None], 0) + added
            v = np.minimum(v, VALUE_MAX)
            self.adaptation = _leak(self.adaptation, r.a_decay)
            above = v - r.threshold - self.adaptation
            best = above.argmax(axis=1)
            inhibited = above[every, best] > 0
            if not inhibited.any():
                continue
            layers, neurons = every[inhibited], best[inhibited]
            v[layers, neurons] = 0
            grown = self.adaptation[layers, neurons] + r.a_step
            self.adaptation[layers, neurons] = np.minimum(grown, VALUE_MAX)
            counts[layers, neurons] += 1
            if r.learn:
                self.learner.learn(layers, neurons, fired)
        return counts

    def ask(self, samples: Bools) -> Ints:
        """Spike counts for samples of shape (samples, steps, inputs), without learning: of shape
        (layers, samples, neurons)."""
        return np.stack([self._ask(layer, samples) for layer in range(self.layers)])

    def _ask(self, layer: int, samples: Bools) -> Ints:
        r, weights = self.rates, self.learner.integers[layer]
        count = len(samples)
        v, inhibited = np.zeros((count, self.neurons)), np.zeros(count, dtype=np.bool_)
        counts = np.zeros((count, self.neurons), dtype=np.int64)
        every, threshold = np.arange(count), r.threshold + self.adaptation[layer]
        for step in range(samples.shape[1]):
            # Sums of at most 1024 times 255 are whole numbers in float32 too.
            added = samples[:, step].astype(np.float32) @ weights
            v = np.maximum(_leak(v, r.v_decay) - r.inhibition * inhibited[:, None], 0) + added
            v = np.minimum(v, VALUE_MAX)
            above = v - threshold
            best = above.argmax(axis=1)
            inhibited = above[every, best] > 0
            who, neurons = every[inhibited], best[inhibited]
            v[who, neurons] = 0
            counts[who, neurons] += 1
        return counts


def _leak(value: Floats, decay: int) -> Floats:
    return value if decay == 4096 else np.floor(value * decay / 4096)
