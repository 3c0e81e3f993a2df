"""Train a small ReLU network on the digits, and keep it in a file."""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.shape import Shape

from .ann import Ann, DenseLayer, classify
from .digits import FULL_SCALE, Digits
from .npz import read_npz, write_npz

_FORMAT, _VERSION = "hubel network file", 1
#: What a layer of the file computes.
_KIND = "dense"
_MEND = "train it again, or copy the file again from where it came"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mlp(Ann):
    """A trained multi-layer perceptron and what it took to train it.

    Parameters
    ----------
    inputs, layers
        As in :class:`~hubel.sw.ann.Ann`; dense layers, the class is the argmax of the last.
    accuracy : float
        Share of the test images that it classifies correctly, 0..1.
    epochs : int
        Passes over the training images.
    seconds : float
        Wall-clock time of the training.
    """

    accuracy: float
    epochs: int
    seconds: float


def train_mlp(
    digits: Digits,
    *,
    hidden: int = 128,
    epochs: int = 80,
    seed: int = 0,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Mlp:
    """Train 64-``hidden``-10 with ReLU on pixels scaled to 0..1; the same seed gives the same
    network.

    The weights are the mean over the last quarter of the epochs, which takes the noise of the
    last mini-batches out of them (Polyak and Juditsky 1992). One thread does the linear algebra:
    several are slower at this size and may add up in another order.

    Parameters
    ----------
    digits : Digits
    hidden : int
        Neurons of the hidden layer.
    epochs : int
        Passes over the training images, 1 or more.
    seed : int
        Seed of the first weights and of the order of the images.
    on_epoch : callable, optional
        Called after each epoch with its number, from 1, and its training loss.

    Raises
    ------
    ValueError
        If ``epochs`` is less than 1.
    ImportError
        If scikit-learn is not installed; the message says how to install it.
    """
    _libraries()  # importing them is no training
    start = time.perf_counter()
    layers = fit_mlp(
        digits.train_images / FULL_SCALE,
        digits.train_labels,
        hidden=hidden,
        epochs=epochs,
        seed=seed,
        on_epoch=on_epoch,
    )
    seconds = time.perf_counter() - start
    inputs = Shape(digits.train_images.shape[1])
    labels = classify(Ann(inputs=inputs, layers=layers), digits.test_images / FULL_SCALE)
    accuracy = float(np.mean(labels == digits.test_labels))
    return Mlp(inputs=inputs, layers=layers, accuracy=accuracy, epochs=epochs, seconds=seconds)


def fit_mlp(
    values: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    *,
    hidden: int,
    epochs: int,
    seed: int = 0,
    on_epoch: Callable[[int, float], None] | None = None,
) -> tuple[DenseLayer, DenseLayer]:
    """The two layers of a network for ``values`` in 0..1, shape (samples, inputs), of ten classes;
    as for :func:`train_mlp`."""
    if epochs < 1:
        raise ValueError(f"epochs must be 1 or more, not {epochs!r}")
    classifier, threads = _libraries()
    # An instance, because partial_fit would restart from an integer seed at every epoch.
    rng = np.random.RandomState(seed)
    model = classifier((hidden,), alpha=0.03, random_state=rng).set_params(batch_size=32)
    averaged = max(1, epochs // 4)
    sums = [np.zeros(())] * 4
    with threads(1):
        for epoch in range(1, epochs + 1):
            with warnings.catch_warnings():
                # scikit-learn takes Ctrl-C for the end of an epoch, and only warns of it.
                warnings.filterwarnings("error", "Training interrupted by user")
                try:
                    model.partial_fit(values, labels, classes=range(10))
                except UserWarning:
                    raise KeyboardInterrupt from None
            if epoch > epochs - averaged:
                parameters = [*model.coefs_, *model.intercepts_]
                sums = [s + p for s, p in zip(sums, parameters, strict=True)]
            if on_epoch is not None:
                on_epoch(epoch, float(model.loss_))
    w_hidden, w_output, b_hidden, b_output = (s / averaged for s in sums)
    return (
        DenseLayer(name="hidden", weights=w_hidden, bias=b_hidden, activation="relu"),
        DenseLayer(name="classes", weights=w_output, bias=b_output, activation="identity"),
    )


def _libraries() -> tuple[Any, Any]:
    """What trains, and what limits its threads, or ImportError."""
    try:
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError(
            "training needs scikit-learn, which is not installed; run: pip install 'hubel[train]'"
        ) from error
    return MLPClassifier, threadpool_limits


def save_mlp(path: str | os.PathLike[str], mlp: Mlp) -> None:
    """Save ``mlp`` as one .npz file, atomically; OSError if it cannot be written."""
    header = {
        "layers": [
            {"name": layer.name, "activation": layer.activation, "kind": _KIND}
            for layer in mlp.layers
        ],
        "accuracy": mlp.accuracy,
        "epochs": mlp.epochs,
        "seconds": mlp.seconds,
    }
    arrays = {}
    for i, layer in enumerate(mlp.layers):
        arrays[f"{i}.weights"], arrays[f"{i}.bias"] = layer.weights, layer.bias
    write_npz(path, _FORMAT, _VERSION, header, arrays)


def load_mlp(path: str | os.PathLike[str]) -> Mlp:
    """Load what :func:`save_mlp` saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, incomplete or something else; the message names it and the mend.
    """
    header, arrays = read_npz(path, _FORMAT, _VERSION, _MEND)
    try:
        layers = []
        for i, fields in enumerate(header["layers"]):
            if fields["kind"] != _KIND:
                raise ValueError(
                    f"layer {fields['name']!r} is of kind {fields['kind']!r}; only {_KIND!r} can "
                    f"be read"
                )
            layers.append(
                DenseLayer(
                    name=fields["name"],
                    weights=arrays[f"{i}.weights"],
                    bias=arrays[f"{i}.bias"],
                    activation=fields["activation"],
                )
            )
        return Mlp(
            inputs=Shape(len(layers[0].weights)),
            layers=tuple(layers),
            accuracy=float(header["accuracy"]),
            epochs=int(header["epochs"]),
            seconds=float(header["seconds"]),
        )
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a complete {_FORMAT}: {error}; {_MEND}") from None
