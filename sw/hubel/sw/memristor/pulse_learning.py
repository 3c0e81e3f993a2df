"""E5: digits learned on the chip, by device pulses instead of the rule's own steps."""

from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.figure import Figure as Drawing

from hubel.sim.memristor.device_learning import DeviceLayers, PulseLearner, RuleLearner
from hubel.sim.memristor.nonlinearity import PRESETS, Nonlinear

from ..digits import load_digits
from ..learn.digits import CLASSES, DigitsSettings, to_spikes
from ..learn.naming import name_neurons, vote
from ..svg import INK, pixels
from .bands import Band, floor_line, plot
from .context import Context
from .experiment import Experiment, Floor, Table
from .task import POINTS

#: |NL| of both directions (up positive, down negative), and sigmas of a pulse.
LABELS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
SIGMAS = (0.0, 0.02, 0.05)
#: Pulses from one end of the range to the other: 6 bits.
PULSES = 64
#: Devices that exist.
DEVICES = ("epiram", "ag_a_si", "alox_hfo2", "taox_hfox", "fefet")


def rule_accuracy(
    settings: DigitsSettings, images: int | None, seeds: tuple[int, ...]
) -> list[float]:
    """Percent that the rule itself reaches, for each seed of the first weights."""
    params = settings.params
    first = [
        np.random.default_rng(seed).uniform(
            settings.low / 256, settings.high / 256, (params.inputs, params.neurons)
        )
        for seed in seeds
    ]
    return _learned(settings, images, RuleLearner(np.stack(first), a_plus=0, a_minus=0))


def device_accuracy(
    device: Nonlinear, settings: DigitsSettings, images: int | None, seeds: tuple[int, ...]
) -> tuple[list[float], float]:
    """Percent that devices reach, for each device seed; and the mean pulses that a device saw."""
    params = settings.params
    learner = PulseLearner(
        device, seeds, params.inputs, params.neurons, low=settings.low / 256,
        high=settings.high / 256,
    )  # fmt: skip
    accuracies = _learned(settings, images, learner)
    return accuracies, learner.pulses / learner.integers.size


def _learned(
    settings: DigitsSettings, images: int | None, learner: RuleLearner | PulseLearner
) -> list[float]:
    data = load_digits()
    train, test = (to_spikes(i, settings.steps) for i in (data.train_images, data.test_images))
    draw = np.random.default_rng(0)
    net = DeviceLayers(learner, settings.rates(settings.epochs[0]))
    for epoch in settings.epochs:
        net.rates = settings.rates(epoch)
        if isinstance(learner, RuleLearner):
            learner.a_plus, learner.a_minus = epoch.a_plus, epoch.a_minus
        else:
            # A pulse is 1/n of the range; the rule's step at w = 1/2 is a quarter of its rate.
            learner.expect(epoch.a_plus / 4 * learner.device.pulses_up)
        for sample in draw.permutation(len(train))[:images]:
            net.show(train[sample])
    accuracies = []
    for seen, asked in zip(net.ask(train), net.ask(test), strict=True):
        names = name_neurons(seen, data.train_labels, CLASSES)
        accuracies.append(100 * float((vote(asked, names, CLASSES) == data.test_labels).mean()))
    return accuracies


def pulse_learning(
    context: Context, settings: DigitsSettings | None = None, images: int | None = None
) -> Experiment:
    """Run it; ``images`` of the training images an epoch, all by default."""
    settings = settings or DigitsSettings()
    seeds = tuple(context.all_seeds)
    grid = [(nl, sigma) for sigma in SIGMAS for nl in LABELS]
    swept = [
        replace(PRESETS["epiram"], pulses_up=PULSES, pulses_down=PULSES, nl_up=nl, nl_down=-nl,
                c2c=sigma)
        for nl, sigma in grid
    ]  # fmt: skip
    kinds = [*swept, *(PRESETS[name] for name in DEVICES)]
    rule = Band.of(rule_accuracy(settings, images, seeds))
    found = context.sweep(device_accuracy, [(k, settings, images, seeds) for k in kinds])
    keys = [*grid, *DEVICES]
    bands = {key: Band.of(seen) for key, (seen, _) in zip(keys, found, strict=True)}
    pulses = {key: count for key, (_, count) in zip(keys, found, strict=True)}
    floor = round(rule.mean - POINTS, 2)
    rows: list[tuple] = [("the rule", None, None, None, None, None, rule.mean, rule.low, rule.high)]
    for key, kind in zip(keys, kinds, strict=True):
        name = key if isinstance(key, str) else "swept"
        band = bands[key]
        rows.append((
            name, kind.nl_up, kind.nl_down, 100 * kind.c2c, kind.pulses_up, pulses[key], band.mean,
            band.low, band.high,
        ))  # fmt: skip
    columns = (
        "device", "NL up", "NL down", "sigma of a pulse, % of range", "pulses of the range",
        "pulses a device saw", "accuracy, %", "accuracy p5, %", "accuracy p95, %",
    )  # fmt: skip
    best = max(DEVICES, key=lambda name: bands[name].mean)
    return Experiment(
        key="pulse_learning",
        name="Learning with device pulses",
        question="How nonlinear and how noisy may pulses be before the chip no longer learns?",
        table=Table(columns, tuple(rows)),
        floor=Floor(quantity="accuracy, mean of the seeds,", value=floor, unit="%"),
        met=bands[best].mean >= floor,
        finding=_finding(bands, best, pulses[best], rule, floor),
        figure=partial(_draw, bands, rule.mean, floor),
        caption="Lines: devices of 64 pulses with NL up and -NL down. Lines are means over device "
        "seeds, shades go from the 5th to the 95th percentile. Diamonds: devices that exist, at "
        "their NL up.",
        seeds=context.seeds,
        notes=(
            f"Digits of scikit-learn, {settings.neurons} neurons that compete, the paper's rule; "
            "pulses go up where the input has spiked and down elsewhere, as many as make the mean "
            "step that of the rule at w = 1/2.",
            f"The floor is {POINTS:g} points below the rule itself with real-valued weights "
            f"({rule.mean:.2f} %).",
            "NeuroSim's anchor for back-propagation, |NL| below 1 (Chen et al. 2018), is not one "
            "for this rule: pulses whose steps shrink towards both ends make a weight the share of "
            "the spikes in which its input took part.",
        ),
    )


def _finding(bands: dict, best: str, pulses: float, rule: Band, floor: float) -> str:
    chosen = bands[best]
    others = ", ".join(f"{n} {bands[n].mean:.1f} %" for n in DEVICES if n != best)
    parts = []
    for sigma in SIGMAS:
        good = [nl for nl in LABELS if bands[nl, sigma].mean >= floor]
        which = (
            f"NL {', '.join(f'{nl:g}' for nl in good)}" if len(good) < len(LABELS) else "every NL"
        )
        parts.append(f"{100 * sigma:g} %: {which if good else 'none'}")
    return (
        f"of the devices that exist {best} learns best, to {chosen.mean:.2f} % "
        f"({chosen.low:.2f}..{chosen.high:.2f}) with {pulses:.0f} pulses a device, the others to "
        f"{others}, the rule itself to {rule.mean:.2f} %; of the swept devices, above the floor "
        f"by sigma of a pulse are {'; '.join(parts)}"
    )


def _draw(bands: dict, rule: float, floor: float, width: int) -> Drawing:
    drawing = pixels(width, 330)
    ax = drawing.subplots()
    for number, sigma in enumerate(SIGMAS):
        plot(ax, LABELS, [bands[nl, sigma] for nl in LABELS],
             f"sigma of a pulse {100 * sigma:g} %", number)  # fmt: skip
    for name in DEVICES:
        at = PRESETS[name].nl_up
        ax.plot(at, bands[name].mean, "D", color=INK, markersize=6, markerfacecolor="none")
        ax.annotate(name, (at, bands[name].mean), (6, -4), "data", "offset points", fontsize=9)
    floor_line(ax, floor, rule, "the rule")
    ax.grid(axis="y")
    ax.set_xlabel("nonlinearity |NL|")
    ax.set_ylabel("correct, %")
    drawing.legend(loc="outside upper left", ncols=1 if width < 500 else 3)
    return drawing
