"""A trained multi-layer perceptron of scikit-learn becomes what conversion starts from."""

from typing import Any

import numpy as np

from hubel.hdl.shape import Shape

from .ann import Ann, DenseLayer
from .torch_modules import needed


def from_sklearn(mlp: Any) -> Ann:
    """Describe a fitted MLPClassifier or MLPRegressor with ReLU.

    Layers are named hidden1, hidden2, ... and output. The last layer has no activation: what it
    gives are the numbers before softmax, whose argmax is an index of ``mlp.classes_``. A
    classifier of two classes has one such number z; it gets two outputs, -z and z.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or MLPRegressor

    Raises
    ------
    ValueError
        If ``mlp`` is something else, is not fitted, has another activation than relu, or gives
        each sample several labels; the message says which.
    ImportError
        If scikit-learn is not installed.
    """
    network = needed("sklearn.neural_network", "train", "from_sklearn")
    here = type(mlp).__name__
    if not isinstance(mlp, (network.MLPClassifier, network.MLPRegressor)):
        raise ValueError(f"from_sklearn takes an MLPClassifier or MLPRegressor, not {here}")
    if not hasattr(mlp, "coefs_"):
        raise ValueError(f"{here} is not fitted; call its fit first")
    if mlp.activation != "relu":
        raise ValueError(
            f"{here} has activation {mlp.activation!r}; train it with activation='relu'"
        )
    weights = [w.astype(np.float64) for w in mlp.coefs_]
    biases = [b.astype(np.float64) for b in mlp.intercepts_]
    if mlp.out_activation_ not in ("identity", "softmax", "logistic"):
        raise ValueError(f"{here} has output activation {mlp.out_activation_!r}; use a linear one")
    if mlp.out_activation_ == "logistic":
        if len(biases[-1]) > 1:
            raise ValueError(f"{here} gives several labels a sample, which cannot be converted")
        weights[-1] = weights[-1] * [-1.0, 1.0]
        biases[-1] = biases[-1] * [-1.0, 1.0]
    last = len(weights) - 1
    layers = tuple(
        DenseLayer(
            name="output" if i == last else f"hidden{i + 1}",
            weights=weights[i],
            bias=biases[i],
            activation="identity" if i == last else "relu",
        )
        for i in range(last + 1)
    )
    return Ann(inputs=Shape(len(weights[0])), layers=layers)
