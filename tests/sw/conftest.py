"""The digits and a network trained on them, once for all tests."""

import pytest

from hubel.sw.digits import Digits, load_digits
from hubel.sw.train import Mlp, train_mlp


@pytest.fixture(scope="session")
def digits() -> Digits:
    return load_digits()


@pytest.fixture(scope="session")
def mlp(digits: Digits) -> Mlp:
    return train_mlp(digits)
