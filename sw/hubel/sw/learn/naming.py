"""What neurons that learned without labels stand for: labels name them, and then they vote."""

import numpy as np
import numpy.typing as npt


def name_neurons(
    counts: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """The class on whose samples each neuron fires most on average.

    Parameters
    ----------
    counts : array of int, shape (samples, neurons)
        Spikes.
    labels : array of int, shape (samples,)
        0..``classes - 1``.

    Returns
    -------
    names : array of int, shape (neurons,)
        -1 for a neuron that never fires.

    Raises
    ------
    ValueError
        If a class has no sample.
    """
    found = np.bincount(labels, minlength=classes)
    if not found.all():
        raise ValueError(f"there is no sample of class {np.flatnonzero(found == 0).tolist()}")
    means = np.stack([counts[labels == label].mean(axis=0) for label in range(classes)])
    return np.where(counts.any(axis=0), means.argmax(axis=0), -1)


def vote(
    counts: npt.NDArray[np.int64], names: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """The class whose neurons fire most on average, for each sample; the first of equals.

    A sample to which no neuron answers is -1, and so never right.
    """
    votes = np.zeros((len(counts), classes))
    for label in range(classes):
        named = names == label
        if named.any():
            votes[:, label] = counts[:, named].mean(axis=1)
    return np.where(votes.any(axis=1), votes.argmax(axis=1), -1)
