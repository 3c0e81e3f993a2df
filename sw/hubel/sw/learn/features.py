"""Features of digits learned by convolutional STDP, judged by a linear readout, beside random
features of the same size."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hubel.hdl.stdp_params import LearningRates
from hubel.sim.conv_stdp import NEVER, ConvParams, ConvStdp, fire

from ..digits import FULL_SCALE, Digits, load_digits

_SIDE, _POOL = 8, 2


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """The experiment. ``a_plus`` and ``a_minus`` are fractions; weights begin around ``mean`` with
    standard deviation ``spread``, as published (Kheradpisheh 2018)."""

    conv: ConvParams = field(
        default_factory=lambda: ConvParams(
            channels=2, size=5, features=16, threshold=4462, winners=5, radius=2
        )
    )
    steps: int = 8
    epochs: int = 2
    a_plus: float = 0.1
    a_minus: float = 0.1
    mean: float = 0.8
    spread: float = 0.05

    @property
    def rates(self) -> LearningRates:
        """Rates in integers; ValueError if one rounds to nothing."""
        params = self.conv.learning
        return LearningRates(
            a_plus=LearningRates.rate("a_plus", self.a_plus, params),
            a_minus=LearningRates.rate("a_minus", self.a_minus, params),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureResult:
    """Accuracies of the readout: on the ``learned`` features, on the same weights ``shuffled``
    within each feature, and on ``uniform`` random weights, of the same number and threshold."""

    seed: int
    learned: float
    shuffled: float
    uniform: float
    wins: list[int]
    weights: npt.NDArray[np.int64]

    def to_json(self) -> dict:
        """Plain JSON, without the weights."""
        names = ("seed", "learned", "shuffled", "uniform", "wins")
        return {name: getattr(self, name) for name in names}


def spike_times(image: npt.NDArray[np.uint8], steps: int) -> npt.NDArray[np.int64]:
    """Brighter pixels spike earlier, in one channel, and darker ones in the other; black ones never
    in the first, full ones never in the second. Shape (2, 10, 10): one pixel of edge around."""
    bright = np.pad(image.reshape(_SIDE, _SIDE).astype(np.int64), 1)
    values = np.stack([bright, FULL_SCALE - bright])
    late = (FULL_SCALE - values) * steps // (FULL_SCALE + 1)
    return np.where(values > 0, late, NEVER)


def describe(
    images: npt.NDArray[np.uint8], weights: npt.NDArray[np.int64], settings: FeatureSettings
) -> npt.NDArray[np.float64]:
    """How early each feature fires in each of the pooled places; 0 where it never does."""
    found = []
    for image in images:
        when, _ = fire(spike_times(image, settings.steps), weights, settings.conv, settings.steps)
        early = np.where(when == NEVER, 0, settings.steps - when)
        features, rows, columns = early.shape
        whole = early[:, : rows // _POOL * _POOL, : columns // _POOL * _POOL]
        pooled = whole.reshape(features, rows // _POOL, _POOL, columns // _POOL, _POOL)
        found.append(pooled.max(axis=(2, 4)).ravel())
    return np.array(found, dtype=np.float64)


def learn_features(
    settings: FeatureSettings,
    *,
    seed: int = 0,
    images: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FeatureResult:
    """Learn features without labels, then train a linear readout on them, and on random ones.

    Parameters
    ----------
    settings : FeatureSettings
    seed : int
        Of the split, the first weights, the order of the images and the random features.
    images : int or None
        Learn from so many images an epoch, all by default.
    progress : callable
        Is told how many images of how many were shown.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    data = load_digits(seed=seed)
    draw = np.random.default_rng(seed)
    shape = settings.conv.places, settings.conv.features
    first = np.clip(draw.normal(settings.mean, settings.spread, shape), 0, 1) * 255
    layer = ConvStdp(settings.conv, settings.rates, np.rint(first).astype(np.int64))
    shown = min(images or len(data.train_images), len(data.train_images))
    total = settings.epochs * shown
    wins = [0] * settings.conv.features
    for epoch in range(settings.epochs):
        for done, number in enumerate(draw.permutation(len(data.train_images))[:shown]):
            times = spike_times(data.train_images[number], settings.steps)
            for winner in layer.learn(times, settings.steps):
                wins[winner.feature] += 1
            if done % 50 == 0:
                progress(epoch * shown + done, total)
    shuffled = draw.permuted(layer.weights, axis=0)
    uniform = draw.integers(0, 256, shape)
    scores = [_readout(data, weights, settings) for weights in (layer.weights, shuffled, uniform)]
    return FeatureResult(
        seed=seed, learned=scores[0], shuffled=scores[1], uniform=scores[2], wins=wins,
        weights=layer.weights,
    )  # fmt: skip


def _readout(data: Digits, weights: npt.NDArray[np.int64], settings: FeatureSettings) -> float:
    """Accuracy of a logistic regression on the test images."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    readout = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    readout.fit(describe(data.train_images, weights, settings), data.train_labels)
    test = describe(data.test_images, weights, settings)
    return float(readout.score(test, data.test_labels))
