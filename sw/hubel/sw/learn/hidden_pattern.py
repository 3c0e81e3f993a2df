"""A pattern of spikes that comes back in noise, at times that nothing tells, is found by a neuron:
the experiment of Masquelier, Guyonneau & Thorpe (2008), in steps of 1 ms.

Half of the inputs repeat the same 50 ms of spikes in a quarter of the time; everything else are
Poisson spikes of the same rate, so that neither rates nor the number of spikes in a step betray it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer

#: Steps of a pattern, and between the times at which one may begin.
PATTERN = 50


@dataclass(frozen=True, kw_only=True)
class PatternSettings:
    """The experiment.

    Parameters
    ----------
    inputs : int
    seconds : float
    rate : float
        Of each input, in Hz.
    threshold, tau_membrane : int, float
        In LSB, and in ms.
    weight : float
        Of all inputs at the beginning, 0..1.
    a_plus, a_minus : float
        Of a weight.
    tau_plus, tau_minus : float
        In ms; those of the paper.
    """

    inputs: int = 512
    seconds: float = 20.0
    rate: float = 54.0
    threshold: int = 22000
    tau_membrane: float = 10.0
    weight: float = 0.475
    a_plus: float = 0.03125
    a_minus: float = 0.85 * 0.03125
    tau_plus: float = 16.8
    tau_minus: float = 33.7

    @property
    def params(self) -> LearningParams:
        """Sizes: of the neurons only the first has weights that are not 0."""
        return LearningParams(inputs=self.inputs, neurons=8, weight_width=16)

    @property
    def rates(self) -> LearningRates:
        """Rates in integers."""

        def decay(tau: float) -> int:
            return round(4096 * np.exp(-1 / tau))

        return LearningRates(
            rule=Rule.PAIR,
            a_plus=LearningRates.rate("a_plus", self.a_plus, self.params),
            a_minus=LearningRates.rate("a_minus", self.a_minus, self.params),
            x_decay=decay(self.tau_plus),
            y_decay=decay(self.tau_minus),
            v_decay=decay(self.tau_membrane),
            threshold=self.threshold,
        )

    def layer(self) -> Layer:
        """Before it learns."""
        weights = np.zeros((self.inputs, self.params.neurons), dtype=np.int64)
        weights[:, 0] = round(self.weight * self.params.weight_max)
        return Layer(self.params, self.rates, weights)


def hidden_pattern(
    settings: PatternSettings, seed: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Spikes, shape (steps, inputs), and the steps at which the pattern begins. It never follows
    itself at once."""
    draw = np.random.default_rng(seed)
    steps = round(1000 * settings.seconds) // PATTERN * PATTERN
    chance = settings.rate / 1000
    spikes = draw.random((steps, settings.inputs)) < chance
    half = settings.inputs // 2
    pattern = draw.random((PATTERN, half)) < chance
    starts: list[int] = []
    for start in range(0, steps, PATTERN):
        if draw.random() < 1 / 3 and not (starts and starts[-1] == start - PATTERN):
            spikes[start : start + PATTERN, :half] = pattern
            starts.append(start)
    return spikes, np.array(starts)


@dataclass(frozen=True, kw_only=True)
class Found:
    """How well a neuron tells the pattern from the noise, in a part of the time.

    ``hit_rate``: patterns in which it fired. ``false_alarms``: spikes a second outside.
    ``latency_ms``: from the beginning of a pattern to its first spike, mean.
    """

    hit_rate: float
    false_alarms: float
    latency_ms: float


def judge(
    fired: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], first: int, last: int
) -> Found:
    """Of the steps ``first`` to ``last``; ``fired`` are steps in which the neuron fired."""
    mine = fired[(fired >= first) & (fired < last)]
    shown = starts[(starts >= first) & (starts + PATTERN <= last)]
    inside = (mine[:, None] >= shown) & (mine[:, None] < shown + PATTERN)
    hits = inside.any(axis=0)
    latencies = [mine[inside[:, n]].min() - shown[n] for n in np.flatnonzero(hits)]
    return Found(
        hit_rate=float(hits.mean()),
        false_alarms=float((~inside.any(axis=1)).sum() / ((last - first) / 1000)),
        latency_ms=float(np.mean(latencies)) if latencies else float("nan"),
    )
