"""The window of pair STDP: how a weight changes with the time between two spikes, measured on
whatever answers as a learning core does, beside its formula."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from hubel.hdl.stdp_params import VALUE_MAX, LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer

from ..npz import atomic_file

#: From a layer and samples to the weights after each sample, shape (samples, inputs, neurons).
Learner = Callable[[Layer, npt.NDArray[np.bool_]], npt.NDArray[np.int64]]

PARAMS = LearningParams(inputs=8, neurons=8, weight_width=16)
_MEASURED, _DRIVER = 0, 1


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rule: ``a_plus`` and ``a_minus`` of a weight, and time constants in steps."""

    a_plus: float = 0.02
    a_minus: float = 0.015
    tau_plus: float = 8.0
    tau_minus: float = 12.0

    @property
    def rates(self) -> LearningRates:
        """In integers. The membrane forgets at once, so that only the driver makes it fire."""

        def decay(tau: float) -> int:
            return round(4096 * np.exp(-1 / tau))

        return LearningRates(
            rule=Rule.PAIR,
            nearest=True,
            a_plus=LearningRates.rate("a_plus", self.a_plus, PARAMS, nearest=True),
            a_minus=LearningRates.rate("a_minus", self.a_minus, PARAMS, nearest=True),
            x_decay=decay(self.tau_plus),
            y_decay=decay(self.tau_minus),
            v_decay=0,
            threshold=200,
        )

    def formula(self, dt: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Change of a weight when the neuron spikes ``dt`` steps after the input (equal times are
        potentiation), in the exponentials that the decays of 4096ths stand for."""
        rates = self.rates
        up = rates.a_plus / 65536 * (rates.x_decay / 4096) ** np.maximum(dt, 0)
        down = rates.a_minus / 65536 * (rates.y_decay / 4096) ** np.maximum(-dt, 0)
        return np.where(dt >= 0, up, -down)

    @property
    def tolerance(self) -> float:
        """How far integers may be from the formula: a trace loses less than 1 LSB a step by
        rounding, which sums up to less than ``1 / (1 - decay)``, the largest trace is 65535, not
        65536, and the change is rounded to half an LSB, and then cut by one in its fraction."""
        slow = max(self.rates.x_decay, self.rates.y_decay) / 4096
        rate = max(self.a_plus, self.a_minus)
        return (rate * (1 / (1 - slow) + 1) + 0.5 + 1) / VALUE_MAX


def measure(
    window: Window, learner: Learner, most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Times from ``-most`` to ``most``, and by how much the weight changed at each of them."""
    times = np.arange(-most, most + 1)
    weights = np.zeros((PARAMS.inputs, PARAMS.neurons), dtype=np.int64)
    weights[_MEASURED, 0], weights[_DRIVER, 0] = PARAMS.weight_max // 2, PARAMS.weight_max
    spikes = np.zeros((len(times), most + 1, PARAMS.inputs), dtype=np.bool_)
    for sample, dt in zip(spikes, times, strict=True):
        sample[max(0, -dt), _MEASURED] = True
        sample[max(0, dt), _DRIVER] = True
    after = learner(Layer(PARAMS, window.rates, weights), spikes)[:, _MEASURED, 0]
    before = np.concatenate([[weights[_MEASURED, 0]], after[:-1]])
    return times, (after - before) / PARAMS.weight_max


def draw_window(
    path: Path, window: Window, times: npt.NDArray[np.int64], change: npt.NDArray[np.float64]
) -> None:
    """Write the picture: dots are measured, lines are the formula."""
    with matplotlib.style.context({"font.size": 10, "figure.constrained_layout.use": True}):
        drawing = Drawing(figsize=(6.4, 3.8), dpi=110)
        FigureCanvasAgg(drawing)
        ax = drawing.subplots()
        for part, label in ((times >= 0, "formula"), (times < 0, None)):
            ax.plot(times[part], 100 * window.formula(times[part]), color="#888888", label=label)
        ax.plot(times, 100 * change, "o", color="#1f6f78", markersize=4, label="gateware")
        ax.axhline(0, color="#bbbbbb", linewidth=0.8)
        ax.set_xlabel("spike of the neuron after that of the input, steps")
        ax.set_ylabel("change of the weight, %")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
        with atomic_file(path) as temporary, open(temporary, "wb") as file:
            drawing.savefig(file, format="png", metadata={"Software": None})
