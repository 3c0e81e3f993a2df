"""Conversion of a ReLU network, and the decision."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Conv2d, Dense, Reset, Shape
from hubel.sw.accuracy import prefix_accuracy
from hubel.sw.ann import Ann, ConvLayer, DenseLayer, forward
from hubel.sw.convert import convert, decide
from hubel.sw.digits import FULL_SCALE, Digits
from hubel.sw.encode import encode
from hubel.sw.simulate import simulate
from hubel.sw.train import Mlp

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def small(**last: Any) -> Mlp:
    """2-3-2 with names "first" and "second"; ``last`` replaces fields of the second layer."""
    first = DenseLayer(
        name="first",
        weights=np.array([[1.0, 2.0, -1.0], [0.5, -4.0, 1.0]]),
        bias=np.array([0.5, 0.0, 0.25]),
        activation="relu",
    )
    second = DenseLayer(
        name="second",
        weights=np.array([[1.0, -1.0], [2.0, 0.0], [0.0, 3.0]]),
        bias=np.array([-0.5, 0.125]),
        activation="identity",
    )
    layers = (first, replace(second, **last))
    return Mlp(inputs=Shape(2), layers=layers, accuracy=1.0, epochs=1, seconds=0.0)


VALUES = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 1.0]])


def test_structure() -> None:
    network = convert(small(), VALUES, percentile=100)
    assert [(i.name, i.shape) for i in network.inputs] == [("input", Shape(2))]
    assert network.outputs == ("second",)
    assert network.profile == "hubel"
    assert [p.name for p in network.populations] == ["first", "second"]
    assert [(p.name, p.source, p.target) for p in network.projections] == [
        ("first_weights", "input", "first"),
        ("second_weights", "first", "second"),
    ]
    for p in network.populations:
        assert (p.threshold, p.v_reset, p.reset, p.decay) == (1.0, 1.0, Reset.SOFT, 1.0)
        assert p.v_init == 0.5


def test_the_largest_activation_becomes_one_spike_a_step() -> None:
    mlp = small()
    network = convert(mlp, VALUES, percentile=100)
    hidden, output = forward(mlp, VALUES)
    first, second = network.projections
    np.testing.assert_allclose(first.weights, mlp.layers[0].weights / hidden.max())
    np.testing.assert_allclose(second.weights, mlp.layers[1].weights * hidden.max() / output.max())
    np.testing.assert_allclose(network.populations[1].bias, mlp.layers[1].bias / output.max())


def test_the_percentile_is_of_the_activations_above_0() -> None:
    mlp = small()
    hidden, _ = forward(mlp, VALUES)
    scale = np.percentile(hidden[hidden > 0], 60)
    assert scale not in (hidden.max(), np.percentile(hidden, 60))
    network = convert(mlp, VALUES, percentile=60)
    np.testing.assert_allclose(network.projections[0].weights, mlp.layers[0].weights / scale)


def test_rates_stand_for_activations(mlp: Mlp, digits: Digits) -> None:
    network = convert(mlp, digits.train_images / FULL_SCALE, percentile=100)
    images = digits.train_images[:50]
    steps = 400
    rates = simulate(network, encode(images, steps, FULL_SCALE)).spikes[0].mean(axis=1)
    hidden, _ = forward(mlp, images / FULL_SCALE)
    largest = next(forward(mlp, digits.train_images / FULL_SCALE)).max()
    np.testing.assert_allclose(rates, hidden / largest, atol=0.02)
    assert rates.max() > 0.5


def test_the_float_network_is_as_accurate_as_the_ann(mlp: Mlp, digits: Digits) -> None:
    network = convert(mlp, digits.train_images / FULL_SCALE)
    trace = simulate(network, encode(digits.test_images, 16, FULL_SCALE))
    curve = prefix_accuracy(trace.spikes[-1], trace.membrane[-1], digits.test_labels)
    assert curve[15] >= mlp.accuracy - 0.01
    assert curve[3] >= mlp.accuracy - 0.02


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: small(activation="tanh"),
            "layer 'second' has activation 'tanh'; only 'relu' can be converted",
        ),
        (
            lambda: replace(small(), layers=small().layers[::-1]),
            "layer 'second' has no activation; between layers only 'relu' can be converted",
        ),
        (
            lambda: small(bias=np.zeros(3)),
            "layer 'second': weights of shape (3, 2) do not go with a bias of shape (3,)",
        ),
        (
            lambda: small(weights=np.ones((4, 2))),
            "layer 'second' takes 4 inputs, but what is before it has 3",
        ),
        (
            lambda: small(weights=np.full((3, 2), np.nan)),
            "layer 'second': weights must be finite, not NaN or infinite",
        ),
        (
            lambda: small(bias=np.array([0, np.inf])),
            "layer 'second': bias must be finite, not NaN or infinite",
        ),
        (
            lambda: small(bias=np.array([-99.0, -99.0])),
            "layer 'second': no value makes a neuron active",
        ),
        (lambda: replace(small(), layers=()), "a network needs at least one layer"),
    ],
)
def test_refused_layers(make: Callable[[], Mlp], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        convert(make(), VALUES)


def test_values_of_another_size() -> None:
    message = "values must have shape (samples, 2), not (4, 3)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        convert(small(), np.ones((4, 3)))


@pytest.mark.parametrize(
    "reset, v_reset", [(Reset.SOFT, 1.0), (Reset.SOFT_LATE, 1.0), (Reset.HARD, 0.0)]
)
def test_reset_and_first_membrane_are_choices(reset: Reset, v_reset: float) -> None:
    network = convert(small(), VALUES, reset=reset, v_init=0.25)
    for p in network.populations:
        assert (p.threshold, p.reset, p.v_reset, p.v_init) == (1.0, reset, v_reset, 0.25)


def cnn() -> Ann:
    """2x6x7, a strided convolution in groups, a pooled one, and classes."""
    rng = np.random.default_rng(5)
    return Ann(
        inputs=Shape(2, 6, 7),
        layers=(
            ConvLayer(
                name="first",
                weights=rng.normal(size=(4, 1, 3, 3)),
                bias=rng.normal(size=4) / 4,
                activation="relu",
                padding=(1, 1),
                groups=2,
            ),
            ConvLayer(
                name="second",
                weights=rng.normal(size=(3, 4, 2, 2)),
                bias=rng.normal(size=3) / 4,
                activation="relu",
                stride=(1, 2),
                dilation=(2, 1),
                padding=(1, 0),
                pool=(2, 1),
            ),
            DenseLayer(
                name="classes",
                weights=rng.normal(size=(9, 5)),
                bias=np.full(5, 0.3),
                activation="identity",
                pool=(3, 1),
            ),
        ),
    )


def test_structure_of_a_cnn() -> None:
    ann = cnn()
    network = convert(ann, np.random.default_rng(0).random((20, 84)), percentile=100)
    assert network.describe() == "2x6x7-4x6x7-3x3x3-5" == "2x6x7-" + "-".join(map(str, ann.shapes))
    first, second, classes = network.projections
    assert isinstance(first, Conv2d) and isinstance(second, Conv2d) and isinstance(classes, Dense)
    assert (first.padding, first.groups, first.pool) == ((1, 1), 2, (1, 1))
    assert (second.stride, second.dilation, second.padding) == ((1, 2), (2, 1), (1, 0))
    assert second.pool == (2, 1)
    # A window of two spikes adds up to twice their mean.
    hidden, planes, _ = forward(ann, np.random.default_rng(0).random((20, 84)))
    np.testing.assert_allclose(
        second.weights, ann.layers[1].weights / 2 * hidden.max() / planes.max()
    )
    bias = network.populations[0].bias
    assert isinstance(bias, np.ndarray)
    np.testing.assert_allclose(bias, np.repeat(ann.layers[0].bias, 42) / hidden.max())


def test_rates_of_a_cnn_stand_for_its_activations() -> None:
    ann = cnn()
    values = np.random.default_rng(1).integers(0, 17, (12, 84))
    network = convert(ann, values / 16, percentile=100)
    trace = simulate(network, encode(values, 600, 16))
    for activations, spikes in zip(forward(ann, values / 16), trace.spikes, strict=True):
        rates = np.maximum(activations, 0) / activations.max()
        np.testing.assert_allclose(spikes.mean(axis=1), rates, atol=0.03)
        assert spikes.mean(axis=1).max() > 0.9


@pytest.mark.parametrize("percentile", [0, -1, 100.5, np.nan])
def test_refused_percentile(percentile: float) -> None:
    message = f"percentile must be above 0 and at most 100, not {percentile!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        convert(small(), VALUES, percentile=percentile)


@pytest.mark.parametrize(
    "values", [VALUES * 16, -VALUES, VALUES[0], VALUES[:0], np.full((1, 2), np.nan)]
)
def test_refused_values(values: np.ndarray) -> None:
    message = "values must have shape (samples, inputs) and be in 0..1"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        convert(small(), values)


def test_decide_by_count_then_membrane_then_order() -> None:
    spikes = np.zeros((4, 3, 3), dtype=np.bool_)
    spikes[0, :2, 1] = True  # most spikes, in spite of its membrane
    spikes[0, 0, 2] = True
    spikes[1, 0, [0, 2]] = True  # equal counts: the higher membrane of the two
    spikes[3, 0, [1, 2]] = True  # equal in everything: the first
    membrane = np.array([[9, -50, 9], [-7, 99, -6], [-3, -2, -4], [8, 5, 5]])
    assert decide(spikes, membrane).tolist() == [1, 2, 1, 1]


@fixed
@given(seed=st.integers(0, 2**32 - 1))
def test_decide_equals_plain_python(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spikes = rng.random((5, 6, 4)) < 0.4
    membrane = rng.integers(-3, 4, size=(5, 6, 4))
    for steps in range(1, 7):
        expected = [
            max(
                range(4),
                key=lambda c: (spikes[i, :steps, c].sum(), membrane[i, steps - 1, c], -c),
            )
            for i in range(5)
        ]
        assert decide(spikes, membrane, steps).tolist() == expected
    assert decide(spikes, membrane).tolist() == decide(spikes, membrane[:, -1]).tolist()


@pytest.mark.parametrize(
    "spikes, membrane, steps, message",
    [
        ((5, 4), (5, 4), None, "spikes must have shape (samples, steps, classes), not (5, 4)"),
        ((5, 6, 4), (5, 6, 4), 0, "steps must be in 1..6, not 0"),
        ((5, 6, 4), (5, 6, 4), 7, "steps must be in 1..6, not 7"),
        (
            (5, 6, 4),
            (5, 4),
            5,
            "to decide after 5 of 6 steps, membranes of shape (5, 4) do not go with spikes of "
            "shape (5, 6, 4)",
        ),
        (
            (5, 6, 4),
            (5, 3),
            None,
            "to decide after 6 of 6 steps, membranes of shape (5, 3) do not go with spikes of "
            "shape (5, 6, 4)",
        ),
    ],
)
def test_decide_refuses(
    spikes: tuple[int, ...], membrane: tuple[int, ...], steps: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        decide(np.zeros(spikes, dtype=np.bool_), np.zeros(membrane), steps)
