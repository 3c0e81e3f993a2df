"""Digits learned without labels, by a layer in the manner of Diehl & Cook (2015): neurons compete,
one wins a step and silences the others, and thresholds rise with every spike, so that all take
part. The rule is the paper's (:attr:`~hubel.hdl.stdp_params.Rule.FIRED`)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hubel.hdl.stdp_params import LearningParams, LearningRates
from hubel.sim.learning import Layer, run

from ..digits import FULL_SCALE, Digits, load_digits
from ..encode import encode
from .naming import name_neurons, vote

CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Rates of one pass over the training images: they fall from epoch to epoch.

    ``a_plus`` and ``a_minus`` are fractions, ``a_step`` is in LSB of the membrane.
    """

    a_plus: float
    a_minus: float
    a_step: int


@dataclass(frozen=True, kw_only=True)
class DigitsSettings:
    """The experiment; the numbers were chosen on seeds 0 and 1.

    Parameters
    ----------
    neurons, lanes, weight_width : int
        Of :class:`~hubel.hdl.stdp_params.LearningParams`.
    steps : int
        Steps an image is shown.
    threshold : int
        Before homeostasis.
    low, high : int
        Weights begin with random values in between, of 256.
    epochs : tuple of Epoch
    """

    neurons: int = 128
    lanes: int = 4
    weight_width: int = 8
    steps: int = 8
    threshold: int = 9000
    low: int = 80
    high: int = 180
    epochs: tuple[Epoch, ...] = (
        Epoch(a_plus=0.08, a_minus=0.08, a_step=400),
        Epoch(a_plus=0.06, a_minus=0.06, a_step=200),
        Epoch(a_plus=0.04, a_minus=0.04, a_step=100),
        Epoch(a_plus=0.02, a_minus=0.02, a_step=50),
    )

    @property
    def params(self) -> LearningParams:
        """Sizes of the layer."""
        return LearningParams(
            inputs=2 * 64, neurons=self.neurons, lanes=self.lanes, weight_width=self.weight_width
        )

    def rates(self, epoch: Epoch) -> LearningRates:
        """What the layer is told before ``epoch``.

        Raises
        ------
        ValueError
            If a rate rounds to nothing.
        """
        params = self.params
        return LearningRates(
            a_plus=LearningRates.rate("a_plus", epoch.a_plus, params),
            a_minus=LearningRates.rate("a_minus", epoch.a_minus, params),
            a_step=epoch.a_step,
            threshold=self.threshold,
            # All that a membrane can hold: a spike silences the others entirely.
            inhibition=0xFFFF,
            winners=1,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class DigitsResult:
    """What came of one seed. ``names`` has the class of each neuron, -1 for none."""

    seed: int
    test_accuracy: float
    train_accuracy: float
    used_neurons: int
    spikes_per_image: float
    layer: Layer
    names: npt.NDArray[np.int64]

    def to_json(self) -> dict:
        """Plain JSON, without the layer."""
        names = ("seed", "test_accuracy", "train_accuracy", "used_neurons", "spikes_per_image")
        return {name: getattr(self, name) for name in names}


def to_spikes(images: npt.NDArray[np.uint8], steps: int) -> npt.NDArray[np.bool_]:
    """Spikes of pixels and of their complements (so that an image of few bright pixels is not a
    weak one), shape (samples, steps, 128)."""
    off = FULL_SCALE - images
    return np.concatenate([encode(x, steps, FULL_SCALE) for x in (images, off)], axis=2)


def learn_digits(
    settings: DigitsSettings,
    *,
    seed: int = 0,
    images: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DigitsResult:
    """Learn from the training images, name the neurons, and ask about the test images.

    Parameters
    ----------
    settings : DigitsSettings
    seed : int
        Of the split of the data, the first weights and the order of the images.
    images : int or None
        Learn from so many images an epoch, all by default.
    progress : callable
        Is told how many images of how many were shown.
    """
    data = load_digits(seed=seed)
    draw = np.random.default_rng(seed)
    train, test = (to_spikes(i, settings.steps) for i in (data.train_images, data.test_images))
    layer = first_layer(settings, draw)
    order = list(shown_images(settings, draw, len(train), images))
    shown = len(order) // len(settings.epochs)
    total = len(order) + len(train) + len(test)
    spikes = 0
    for done, (epoch, sample) in enumerate(order):
        layer.rates = settings.rates(epoch)
        fired = int(run(layer, train[sample : sample + 1]).sum())
        # Those of the last epoch are reported.
        spikes = fired if done % shown == 0 else spikes + fired
        if done % 50 == 0:
            progress(done, total)
    return _asked(layer, data, train, test, seed, spikes / shown)


def first_layer(settings: DigitsSettings, draw: np.random.Generator) -> Layer:
    """The layer before its first image."""
    params = settings.params
    scale = params.weight_max // 255
    first = draw.integers(settings.low, settings.high, (params.inputs, params.neurons)) * scale
    return Layer(params, settings.rates(settings.epochs[0]), first)


def shown_images(
    settings: DigitsSettings, draw: np.random.Generator, count: int, images: int | None
) -> Iterator[tuple[Epoch, int]]:
    """What is shown, one after the other: ``images`` of ``count`` in each epoch, all if None."""
    for epoch in settings.epochs:
        for sample in draw.permutation(count)[:images]:
            yield epoch, int(sample)


def _asked(
    layer: Layer,
    data: Digits,
    train: npt.NDArray[np.bool_],
    test: npt.NDArray[np.bool_],
    seed: int,
    spikes_per_image: float,
) -> DigitsResult:
    counts = run(layer, train, learn=False).sum(axis=1)
    names = name_neurons(counts, data.train_labels, CLASSES)
    answers = vote(run(layer, test, learn=False).sum(axis=1), names, CLASSES)
    return DigitsResult(
        seed=seed,
        test_accuracy=float((answers == data.test_labels).mean()),
        train_accuracy=float((vote(counts, names, CLASSES) == data.train_labels).mean()),
        used_neurons=int((names >= 0).sum()),
        spikes_per_image=spikes_per_image,
        layer=layer,
        names=names,
    )


def untrained(settings: DigitsSettings) -> DigitsSettings:
    """The same without learning: what the first weights, homeostasis and the names alone do."""
    still = tuple(replace(epoch, a_plus=0.0, a_minus=0.0) for epoch in settings.epochs)
    return replace(settings, epochs=still)
