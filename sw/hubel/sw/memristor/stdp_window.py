"""E9: the STDP window that overlapping spikes make on a device, against those of the rules."""

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure as Drawing

from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer
from hubel.sim.memristor.random import Purpose, Where
from hubel.sim.memristor.spike_waveform import DEFAULT

from ..svg import INK, pixels
from .bands import Band, plot
from .context import Context
from .experiment import Experiment, Floor, Table

Floats = npt.NDArray[np.float64]

#: t_post - t_pre, in steps of 1 ms.
STEPS = tuple(range(-40, 0)) + tuple(range(1, 61))
#: Relative sigma of V_th / v0 from device to device (assumed).
SIGMA = 0.1
#: Time constants of the device's two sides that the rule's traces are set to, ms: those that fit.
TAUS = np.arange(1.0, 40.0, 0.25)
#: Largest rms difference of the two windows, in percent of the device's largest change.
MOST = 10.0


def rule_window(tau_up: float, tau_down: float, depth: float, steps=STEPS) -> Floats:
    """What the learning unit does to a weight of 16 bits at each distance of two spikes, of its
    potentiation at 1 step; the pair rule with traces that know the last spike."""
    params = LearningParams(inputs=8, neurons=8, weight_width=16)
    changes = []
    for dt in (*steps, 1):
        rates = LearningRates(
            rule=Rule.PAIR, nearest=True, a_plus=16384, a_minus=round(16384 * depth),
            x_decay=_decay(tau_up), y_decay=_decay(tau_down), threshold=200,
        )  # fmt: skip
        weights = np.full((8, 8), 1 << 15)
        weights[1] = 65535  # input 1 alone makes the neurons fire
        layer = Layer(params, rates, weights)
        before = layer.weights[0, 0]
        pre, post = (0, dt) if dt > 0 else (-dt, 0)
        for step in range(max(pre, post) + 1):
            layer.step([n for n, when in ((0, pre), (1, post)) if when == step])
        # The neuron that fired is the first of equals.
        changes.append(float(layer.weights[0, 0] - before))
    return 100 * np.array(changes[:-1]) / changes[-1]


def fired_window(steps=STEPS) -> Floats:
    """The paper's rule: any earlier input goes up, every other one down (a_minus = 3/4 a_plus,
    Kheradpisheh 2018), whatever the distance."""
    return np.where(np.asarray(steps) > 0, 100.0, -75.0)


def _decay(tau: float) -> int:
    return round(4096 * float(np.exp(-1 / tau)))


def _fitted(side: Floats, distance: Floats) -> float:
    """The time constant of the exponential that is closest to ``side`` over ``distance``."""

    def error(tau: float) -> float:
        shape = np.exp(-distance / tau)
        return float(np.sum((side - shape * (side @ shape) / (shape @ shape)) ** 2))

    return float(min(TAUS, key=error))


def stdp_window(context: Context) -> Experiment:
    """Run it."""
    dt = np.array(STEPS, dtype=float)
    device = DEFAULT.curve(dt)
    spread = [
        replace(DEFAULT, steepness=DEFAULT.steepness * max(0.1, 1 + SIGMA * float(xi))).curve(dt)
        for xi in (
            Where(rows=1, columns=1, seed=seed).normal(Purpose.DEVICE)[0, 0]
            for seed in context.all_seeds
        )
    ]
    up, down = dt > 0, dt < 0
    taus = _fitted(device[up], dt[up]), _fitted(device[down], -dt[down])
    depth = float(device[dt == -1][0] / -device[dt == 1][0])
    rule = rule_window(*taus, depth) * device[dt == 1][0] / 100
    fired = fired_window()
    difference = float(np.sqrt(np.mean((device - rule) ** 2)))
    from_fired = float(np.sqrt(np.mean((device - fired) ** 2)))
    bands = [Band.of([curve[n] for curve in spread]) for n in range(len(STEPS))]
    rows = tuple(
        (step, float(device[n]), bands[n].mean, bands[n].low, bands[n].high, float(rule[n]),
         float(fired[n]))
        for n, step in enumerate(STEPS)
    )  # fmt: skip
    columns = ("t_post - t_pre, ms", "device, %", "devices, mean, %", "devices p5, %",
               "devices p95, %", "pair rule, %", "paper's rule, %")  # fmt: skip
    return Experiment(
        key="stdp_window",
        name="STDP windows",
        question="Do overlapping spikes on a device do what the learning unit computes?",
        table=Table(columns, rows),
        floor=Floor(quantity="rms difference from the pair rule", value=MOST, unit="%",
                    at_most=True),
        met=difference <= MOST,
        finding=f"the pair rule with traces of {taus[0]:g} and {taus[1]:g} ms and a_minus = "
        f"{depth:.2f} a_plus differs by {difference:.1f} % rms of the largest change; the paper's "
        f"rule, which knows the order only, by {from_fired:.0f} %",
        figure=partial(_draw, bands, rule, fired),
        caption="Points: mean over devices; the shade goes from the 5th to the 95th percentile, "
        "each in percent of its own largest change.",
        seeds=context.seeds,
        notes=(
            f"Waveform and threshold-exponential device of {DEFAULT.source.reference}; V_th/v0 = "
            f"{DEFAULT.steepness:g} with {100 * SIGMA:g} % from device to device (assumed).",
            "Pair rule: the golden model of the learning unit, weights of 16 bits, a step of 1 ms.",
        ),
    )  # fmt: skip


def _draw(bands: list[Band], rule: Floats, fired: Floats, width: int) -> Drawing:
    drawing = pixels(width, 320)
    ax = drawing.subplots()
    negative = sum(step < 0 for step in STEPS)
    for part, label in ((slice(negative), "devices"), (slice(negative, None), "")):
        plot(ax, STEPS[part], bands[part], label, 0)
        ax.plot(STEPS[part], rule[part], color=INK, linewidth=1.6, linestyle="--",
                label="pair rule" if label else "")  # fmt: skip
        ax.plot(STEPS[part], fired[part], color=INK, linewidth=1, linestyle=":",
                label="paper's rule" if label else "")  # fmt: skip
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.grid(axis="y")
    ax.set_xlabel("t_post - t_pre, ms")
    ax.set_ylabel("change of the weight, % of the largest")
    drawing.legend(loc="outside upper left", ncols=3)
    return drawing
