"""Training: accurate, repeatable, observable, and kept in a file."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.sw.ann import classify
from hubel.sw.digits import FULL_SCALE, Digits
from hubel.sw.npz import write_npz
from hubel.sw.train import Mlp, load_mlp, save_mlp, train_mlp

MEND = "train it again, or copy the file again from where it came"


def assert_same(a: Mlp, b: Mlp) -> None:
    """Bit for bit the same network."""
    assert len(a.layers) == len(b.layers)
    for x, y in zip(a.layers, b.layers, strict=True):
        assert type(x) is type(y)
        assert (x.name, x.activation, x.pool) == (y.name, y.activation, y.pool)
        np.testing.assert_array_equal(x.weights, y.weights)
        np.testing.assert_array_equal(x.bias, y.bias)
        assert x.weights.dtype == y.weights.dtype == np.float64


def test_accuracy(mlp: Mlp, digits: Digits) -> None:
    labels = classify(mlp, digits.test_images / FULL_SCALE)
    assert mlp.accuracy == np.mean(labels == digits.test_labels)
    assert mlp.accuracy >= 0.97


def test_layers(mlp: Mlp) -> None:
    assert [layer.name for layer in mlp.layers] == ["hidden", "classes"]
    assert [layer.activation for layer in mlp.layers] == ["relu", "identity"]
    assert [layer.weights.shape for layer in mlp.layers] == [(64, 128), (128, 10)]
    assert [layer.bias.shape for layer in mlp.layers] == [(128,), (10,)]
    assert mlp.epochs == 80
    assert 0 < mlp.seconds < 60


def test_the_seed_decides(digits: Digits) -> None:
    first, again = (train_mlp(digits, epochs=3, hidden=8, seed=5) for _ in range(2))
    assert_same(first, again)
    other = train_mlp(digits, epochs=3, hidden=8, seed=6)
    assert (first.layers[0].weights != other.layers[0].weights).any()


def test_on_epoch_is_called_once_an_epoch(digits: Digits) -> None:
    seen: list[tuple[int, float]] = []
    mlp = train_mlp(
        digits, epochs=5, hidden=8, on_epoch=lambda epoch, loss: seen.append((epoch, loss))
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4, 5]
    assert mlp.epochs == 5
    losses = [loss for _, loss in seen]
    assert losses == sorted(losses, reverse=True)


def test_weights_are_the_mean_over_the_last_quarter(digits: Digits) -> None:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((8,), alpha=0.03, random_state=np.random.RandomState(0))
    model.set_params(batch_size=32)
    weights = []
    for _ in range(8):
        model.partial_fit(
            digits.train_images / FULL_SCALE, digits.train_labels, classes=np.arange(10)
        )
        weights.append([w.copy() for w in (*model.coefs_, *model.intercepts_)])
    mlp = train_mlp(digits, epochs=8, hidden=8)
    got = [*(layer.weights for layer in mlp.layers), *(layer.bias for layer in mlp.layers)]
    for i in range(4):
        mean = (weights[6][i] + weights[7][i]) / 2
        np.testing.assert_allclose(got[i], mean, rtol=1e-6, atol=1e-9)


def test_one_epoch(digits: Digits) -> None:
    mlp = train_mlp(digits, epochs=1, hidden=8)
    assert np.isfinite(mlp.layers[0].weights).all()
    assert mlp.layers[0].weights.any()
    with pytest.raises(ValueError, match=r"^epochs must be 1 or more, not 0$"):
        train_mlp(digits, epochs=0)


@pytest.mark.parametrize("missing", ["sklearn", "threadpoolctl"])
def test_without_scikit_learn(
    digits: Digits, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for name in [n for n in sys.modules if n == missing or n.startswith(f"{missing}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    message = "training needs scikit-learn, which is not installed; run: pip install 'hubel[train]'"
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        train_mlp(digits)


def test_round_trip(mlp: Mlp, tmp_path: Path) -> None:
    save_mlp(tmp_path / "mlp.npz", mlp)
    loaded = load_mlp(tmp_path / "mlp.npz")
    assert_same(loaded, mlp)
    assert (loaded.accuracy, loaded.epochs, loaded.seconds) == (
        mlp.accuracy,
        mlp.epochs,
        mlp.seconds,
    )
    assert [f.name for f in tmp_path.iterdir()] == ["mlp.npz"]


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.npz"
    with pytest.raises(
        FileNotFoundError, match=f"^{re.escape(f'{path}: there is no such file; {MEND}')}$"
    ):
        load_mlp(path)


def test_incomplete_file(mlp: Mlp, tmp_path: Path) -> None:
    path = tmp_path / "mlp.npz"
    save_mlp(path, replace(mlp, epochs="many"))  # pyright: ignore[reportArgumentType]
    message = (
        f"{path}: not a complete hubel network file: invalid literal for int() with base 10: "
        f"'many'; {MEND}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_mlp(path)


def test_refused_kind(tmp_path: Path) -> None:
    path = tmp_path / "mlp.npz"
    header = {"layers": [{"name": "pool", "activation": "relu", "kind": "maxpool"}]}
    write_npz(path, "hubel network file", 1, header, {})
    message = (
        f"{path}: not a complete hubel network file: layer 'pool' is of kind 'maxpool'; only "
        f"'dense' can be read; {MEND}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_mlp(path)


def test_file_without_layers(tmp_path: Path) -> None:
    path = tmp_path / "mlp.npz"
    write_npz(path, "hubel network file", 1, {"layers": []}, {})
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: not a complete hubel network"):
        load_mlp(path)
