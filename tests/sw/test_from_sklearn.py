"""The description of a scikit-learn perceptron computes what it does."""

import warnings

import numpy as np
import pytest

from hubel.sw import from_sklearn
from hubel.sw.ann import classify, forward

network = pytest.importorskip(
    "sklearn.neural_network", reason="scikit-learn is not installed: pip install 'hubel[train]'"
)

X = np.random.default_rng(0).random((60, 5))


def fitted(mlp, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It need not converge.
        return mlp.fit(X, y)


def settings(**more):
    return {"hidden_layer_sizes": (7, 6), "max_iter": 20, "random_state": 0, **more}


def test_classifier():
    labels = np.array(["a", "b", "c"])[(X[:, 0] * 3).astype(int)]
    mlp = fitted(network.MLPClassifier(**settings(max_iter=300, learning_rate_init=0.01)), labels)
    ann = from_sklearn(mlp)
    assert [layer.name for layer in ann.layers] == ["hidden1", "hidden2", "output"]
    *_, found = forward(ann, X)
    odds = np.exp(found)
    shares = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, mlp.predict_proba(X), rtol=1e-9)
    assert (mlp.classes_[classify(ann, X)] == mlp.predict(X)).all()
    assert len(set(mlp.predict(X))) == 3


def test_two_classes_get_two_outputs():
    mlp = fitted(
        network.MLPClassifier(**settings(max_iter=300, learning_rate_init=0.01)), X[:, 0] > 0.5
    )
    ann = from_sklearn(mlp)
    assert (mlp.classes_[classify(ann, X)] == mlp.predict(X)).all()
    assert len(set(mlp.predict(X))) == 2
    *_, found = forward(ann, X)
    np.testing.assert_allclose(1 / (1 + np.exp(-found[:, 1])), mlp.predict_proba(X)[:, 1])


def test_regressor():
    mlp = fitted(network.MLPRegressor(**settings()), X[:, :2])
    *_, found = forward(from_sklearn(mlp), X)
    np.testing.assert_allclose(found, mlp.predict(X), rtol=1e-9)


def test_refusals():
    with pytest.raises(ValueError, match="MLPClassifier is not fitted"):
        from_sklearn(network.MLPClassifier())
    with pytest.raises(ValueError, match="not dict"):
        from_sklearn({})
    tanh = fitted(network.MLPRegressor(**settings(activation="tanh")), X[:, 0])
    with pytest.raises(ValueError, match="MLPRegressor has activation 'tanh'; train it with"):
        from_sklearn(tanh)
    several = fitted(network.MLPClassifier(**settings()), (X[:, :2] > 0.5).astype(int))
    with pytest.raises(ValueError, match="several labels a sample"):
        from_sklearn(several)
