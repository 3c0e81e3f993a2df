"""Real handwritten digits that come with scikit-learn, in one fixed split."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Largest pixel value; a pixel of this value spikes every step.
FULL_SCALE = 16

#: Test images of each of the ten classes, 360 in all.
TEST_IMAGES_A_CLASS = 36


@dataclass(frozen=True, kw_only=True, eq=False)
class Digits:
    """Images of digits, 8x8 pixels row by row, and what they show.

    ``train_images`` and ``test_images`` are uint8 of shape (samples, 64), 0..16;
    ``train_labels`` and ``test_labels`` are int64 of shape (samples,), 0..9.
    """

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]


def load_digits(*, seed: int = 0) -> Digits:
    """Load the 1,797 digits of scikit-learn (the test set of UCI "Optical Recognition of
    Handwritten Digits"), split into 1,437 for training and 360 for test.

    The split is stratified: 36 test images of each class. numpy never changes the stream of
    ``RandomState``, so that a seed means the same split on every machine.

    Parameters
    ----------
    seed : int
        Seed of the split.

    Raises
    ------
    ImportError
        If scikit-learn is not installed; the message says how to install it.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            "the digits come with scikit-learn, which is not installed; "
            "run: pip install 'hubel[train]'"
        ) from error
    data, target = datasets.load_digits(return_X_y=True)
    images, labels = np.asarray(data, dtype=np.uint8), np.asarray(target, dtype=np.int64)
    rng = np.random.RandomState(seed)
    is_test = np.zeros(len(labels), dtype=np.bool_)
    for label in range(10):
        is_test[rng.permutation(np.flatnonzero(labels == label))[:TEST_IMAGES_A_CLASS]] = True
    return Digits(
        train_images=images[~is_test],
        train_labels=labels[~is_test],
        test_images=images[is_test],
        test_labels=labels[is_test],
    )
