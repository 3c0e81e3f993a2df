"""Train a small ReLU network on the digits, and keep it in a file."""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .digits import FULL_SCALE, Digits
from .npz import read_npz, write_npz

Floats = npt.NDArray[np.float64]

_FORMAT, _VERSION = "hubel network file", 1
_MEND = "train it again, or copy the file again from where it came"


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One layer of an artificial network: ``activation(x @ weights + bias)``.

    Parameters
    ----------
    name : str
        Name in reports and error messages; kept through the whole pipeline.
    weights : array of float, shape (inputs, neurons)
    bias : array of float, shape (neurons,)
    activation : str
        ``"relu"`` or ``"identity"``.
    kind : str
        What the layer computes; ``"dense"``.
    """

    name: str
    weights: Floats
    bias: Floats
    activation: str
    kind: str = "dense"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mlp:
    """A trained multi-layer perceptron and what it took to train it.

    Parameters
    ----------
    layers : tuple of Layer
        In the order in which values travel; the class is the argmax of the last.
    accuracy : float
        Share of the test images that it classifies correctly, 0..1.
    epochs : int
        Passes over the training images.
    seconds : float
        Wall-clock time of the training.
    """

    layers: tuple[Layer, ...]
    accuracy: float
    epochs: int
    seconds: float


def activate(layer: Layer, values: Floats) -> Floats:
    """Output, shape (samples, neurons), of a dense layer for ``values`` (samples, inputs)."""
    total = values @ layer.weights + layer.bias
    return np.maximum(total, 0.0) if layer.activation == "relu" else total


def classify(layers: tuple[Layer, ...], values: Floats) -> npt.NDArray[np.int64]:
    """Labels, shape (samples,), that ``layers`` give ``values`` of shape (samples, inputs)."""
    for layer in layers:
        values = activate(layer, values)
    return values.argmax(axis=1)


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
    if epochs < 1:
        raise ValueError(f"epochs must be 1 or more, not {epochs!r}")
    try:
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError(
            "training needs scikit-learn, which is not installed; run: pip install 'hubel[train]'"
        ) from error
    # An instance, because partial_fit would restart from an integer seed at every epoch.
    rng = np.random.RandomState(seed)
    model = MLPClassifier((hidden,), alpha=0.03, random_state=rng).set_params(batch_size=32)
    values = digits.train_images / FULL_SCALE
    averaged = max(1, epochs // 4)
    sums = [np.zeros(())] * 4
    start = time.perf_counter()
    with threadpool_limits(1):
        for epoch in range(1, epochs + 1):
            with warnings.catch_warnings():
                # scikit-learn takes Ctrl-C for the end of an epoch, and only warns of it.
                warnings.filterwarnings("error", "Training interrupted by user")
                try:
                    model.partial_fit(values, digits.train_labels, classes=range(10))
                except UserWarning:
                    raise KeyboardInterrupt from None
            if epoch > epochs - averaged:
                parameters = [*model.coefs_, *model.intercepts_]
                sums = [s + p for s, p in zip(sums, parameters, strict=True)]
            if on_epoch is not None:
                on_epoch(epoch, float(model.loss_))
    w_hidden, w_output, b_hidden, b_output = (s / averaged for s in sums)
    layers = (
        Layer(name="hidden", weights=w_hidden, bias=b_hidden, activation="relu"),
        Layer(name="classes", weights=w_output, bias=b_output, activation="identity"),
    )
    seconds = time.perf_counter() - start
    labels = classify(layers, digits.test_images / FULL_SCALE)
    accuracy = float(np.mean(labels == digits.test_labels))
    return Mlp(layers=layers, accuracy=accuracy, epochs=epochs, seconds=seconds)


def save_mlp(path: str | os.PathLike[str], mlp: Mlp) -> None:
    """Save ``mlp`` as one .npz file, atomically; OSError if it cannot be written."""
    header = {
        "layers": [
            {"name": layer.name, "activation": layer.activation, "kind": layer.kind}
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
        layers = tuple(
            Layer(weights=arrays[f"{i}.weights"], bias=arrays[f"{i}.bias"], **fields)
            for i, fields in enumerate(header["layers"])
        )
        return Mlp(
            layers=layers,
            accuracy=float(header["accuracy"]),
            epochs=int(header["epochs"]),
            seconds=float(header["seconds"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a complete {_FORMAT}: {error}; {_MEND}") from None
