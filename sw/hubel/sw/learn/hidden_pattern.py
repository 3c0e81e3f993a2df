"""A pattern of spikes that comes back in noise, at times that nothing tells, is found by a neuron:
the experiment of Masquelier, Guyonneau & Thorpe (2008), in steps of 1 ms.

Half of the inputs repeat the same 50 ms of spikes in a quarter of the time; everything else are
Poisson spikes of the same rate, so that neither rates nor the number of spikes in a step betray it.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer

from ..npz import atomic_file

#: Steps of a pattern, and between the times at which one may begin.
PATTERN = 50


@dataclass(frozen=True, kw_only=True)
class PatternSettings:
    """The experiment, with the rule of later papers of the same group
    (:attr:`~hubel.hdl.stdp_params.Rule.FIRED`) and its window.

    Parameters
    ----------
    inputs : int
    seconds : float
    rate : float
        Of each input, in Hz; 54 in the paper.
    threshold, tau_membrane : int, float
        In LSB, and in ms.
    weight : float
        Of all inputs at the beginning, 0..1.
    a_plus, a_minus : float
    window : int
        An input that spiked in so many ms up to a spike of the neuron is potentiated, all others
        are depressed.
    """

    inputs: int = 256
    seconds: float = 12.0
    rate: float = 54.0
    threshold: int = 11500
    tau_membrane: float = 10.0
    weight: float = 0.475
    a_plus: float = 0.03
    a_minus: float = 0.06
    window: int = 10

    @property
    def params(self) -> LearningParams:
        """Sizes: of the neurons only the first has weights that are not 0."""
        return LearningParams(inputs=self.inputs, neurons=8)

    @property
    def rates(self) -> LearningRates:
        """Rates in integers. With a decay of 4095 a small trace counts down by one a step."""
        return LearningRates(
            rule=Rule.FIRED,
            a_plus=LearningRates.rate("a_plus", self.a_plus, self.params),
            a_minus=LearningRates.rate("a_minus", self.a_minus, self.params),
            x_decay=4095,
            x_step=self.window,
            v_decay=round(4096 * np.exp(-1 / self.tau_membrane)),
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


def draw_pattern(
    path: Path,
    settings: PatternSettings,
    fired: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int64],
) -> None:
    """Write the picture: when the neuron fired, in the pattern or not, and its weights in the end.

    Parameters
    ----------
    fired, starts : arrays of int
        Steps of spikes, and of the beginnings of patterns.
    weights : array of int, shape (inputs,)
    """
    steps = round(1000 * settings.seconds)
    since = fired[:, None] - starts
    inside = (since >= 0) & (since < PATTERN)
    hit = inside.any(axis=1)
    phase = np.where(inside, since, 0).sum(axis=1)
    with matplotlib.style.context({"font.size": 10, "figure.constrained_layout.use": True}):
        drawing = Drawing(figsize=(7.2, 5.6), dpi=110)
        FigureCanvasAgg(drawing)
        above, middle, below = drawing.subplots(3, height_ratios=(2, 1, 1))
        above.plot(fired[hit] / 1000, phase[hit], ".", color="#1f6f78", markersize=3)
        above.set_ylabel("ms into the pattern")
        above.set_title("Spikes of the neuron in the pattern", loc="left")
        middle.hist(fired[~hit] / 1000, bins=np.arange(0, steps / 1000 + 0.5, 0.5), color="#a8502f")
        middle.set_title("Spikes in the noise, in half a second each", loc="left")
        middle.set_xlabel("seconds")
        for ax in (above, middle):
            ax.set_xlim(0, steps / 1000)
        below.bar(
            np.arange(len(weights)),
            weights / settings.params.weight_max,
            width=1,
            color=["#1f6f78"] * (len(weights) // 2) + ["#a8502f"] * (len(weights) // 2),
        )
        below.set_title("Weights in the end: inputs of the pattern, inputs of noise", loc="left")
        below.set_xlabel("input")
        for ax in (above, middle, below):
            ax.spines[["top", "right"]].set_visible(False)
        with atomic_file(path) as temporary, open(temporary, "wb") as file:
            drawing.savefig(file, format="png", metadata={"Software": None})
