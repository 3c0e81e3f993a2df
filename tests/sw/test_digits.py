"""The digits: what they are, and that the split never moves."""

import hashlib
import re
import sys

import numpy as np
import pytest

from hubel.sw.digits import FULL_SCALE, Digits, load_digits


def test_sizes_types_and_range(digits: Digits) -> None:
    assert digits.train_images.shape == (1437, 64)
    assert digits.test_images.shape == (360, 64)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    assert (digits.train_images.min(), digits.train_images.max()) == (0, FULL_SCALE)
    assert digits.test_images.max() == FULL_SCALE


def test_stratified(digits: Digits) -> None:
    assert np.bincount(digits.test_labels).tolist() == [36] * 10
    assert np.bincount(digits.train_labels).min() == 138


def test_no_image_is_lost_or_used_twice(digits: Digits) -> None:
    from sklearn.datasets import load_digits as original

    data, _ = original(return_X_y=True)
    both = np.concatenate([digits.train_images, digits.test_images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, np.asarray(data, dtype=np.uint8)))


def test_the_split_is_fixed(digits: Digits) -> None:
    digest = hashlib.sha256(digits.test_images.tobytes() + digits.test_labels.tobytes())
    assert digest.hexdigest() == "dbc7af74908c4dba879e11cb91f4cdaf74ad3410e74594ed658be78d1a4bee57"


def test_the_seed_changes_the_split(digits: Digits) -> None:
    assert (load_digits(seed=1).test_images != digits.test_images).any()


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    message = (
        "the digits come with scikit-learn, which is not installed; run: pip install 'hubel[train]'"
    )
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        load_digits()
