"""Convolutional STDP: who fires, who wins, what is learned."""

import numpy as np
import pytest

from hubel.hdl.stdp_params import LearningRates
from hubel.sim.conv_stdp import NEVER, ConvParams, ConvStdp, fire, patches, winners


def params(**more) -> ConvParams:
    sizes = {"channels": 1, "size": 2, "features": 2, "threshold": 150, "winners": 2, "radius": 0}
    return ConvParams(**sizes | more)


def test_a_place_fires_when_what_spiked_is_enough() -> None:
    times = np.array([[[0, 1, NEVER], [2, 0, 0]]])
    weights = np.array([[100, 10], [100, 10], [100, 10], [100, 200]])
    when, sums = fire(times, weights, params(), 4)
    # The first place sees 0, 1, 2, 0; the second 1, never, 0, 0.
    assert when.tolist() == [[[0, 0]], [[0, 0]]]
    assert sums.tolist() == [[[200, 200]], [[210, 210]]]
    when, sums = fire(times, weights, params(threshold=290), 4)
    assert when.tolist() == [[[1, 1]], [[NEVER, NEVER]]]
    assert sums.tolist() == [[[300, 300]], [[230, 220]]]


def test_the_first_wins_then_the_strongest_and_none_around_it() -> None:
    times = np.zeros((1, 5, 5), dtype=np.int64)
    when = np.full((3, 4, 4), NEVER)
    sums = np.zeros((3, 4, 4), dtype=np.int64)
    for (f, row, column), time, total in (
        ((0, 0, 0), 2, 900), ((1, 1, 1), 1, 300), ((1, 3, 3), 1, 310), ((2, 2, 2), 1, 310),
        ((2, 0, 1), 3, 100), ((0, 3, 2), 2, 999),
    ):  # fmt: skip
        when[f, row, column], sums[f, row, column] = time, total
    many = params(features=3, winners=3, threshold=99)
    # Of equals the first feature; each feature once.
    found = winners(times, when, sums, many)
    assert [w[:4] for w in found] == [(1, 3, 3, 1), (2, 2, 2, 1), (0, 3, 2, 2)]
    near = winners(times, when, sums, params(features=3, winners=3, threshold=99, radius=1))
    assert [w[:4] for w in near] == [(1, 3, 3, 1), (0, 0, 0, 2)]
    few = winners(times, when, sums, params(features=3, winners=1, threshold=99))
    assert len(few) == 1


def test_only_winners_learn_from_what_spiked_until_then() -> None:
    times = np.array([[[0, 1, NEVER], [2, 0, 0]]])
    first = np.array([[100, 10], [100, 10], [100, 10], [100, 100]])
    rates = LearningRates(a_plus=6554, a_minus=6554, nearest=True)
    layer = ConvStdp(params(), rates, first.copy())
    found = layer.learn(times, 4)
    assert [(w.feature, w.time, w.fired.tolist()) for w in found] == [
        (0, 0, [True, False, False, True])
    ]
    assert layer.weights[:, 0].tolist() == [106, 94, 94, 106]
    np.testing.assert_array_equal(layer.weights[:, 1], first[:, 1])


def test_patches_are_windows_of_all_channels() -> None:
    times = np.arange(24).reshape(2, 3, 4)
    assert patches(times, 2)[1, 2].tolist() == [6, 7, 10, 11, 18, 19, 22, 23]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^winners must be 1 or more, not 0$"):
        params(winners=0)
    with pytest.raises(ValueError, match=r"^radius must be 0 or more, not -1$"):
        params(radius=-1)
