"""Accuracy against the number of steps."""

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program
from hubel.sim import golden

from .convert import decide


def accuracy_curve(
    program: Program, spikes: npt.ArrayLike, labels: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Accuracy of the golden model after 1, 2, ... steps, from one run.

    Parameters
    ----------
    program : Program
    spikes : array of bool, shape (samples, steps, inputs)
        Input spikes for the largest number of steps.
    labels : array of int, shape (samples,)
        True classes.

    Returns
    -------
    accuracy : array of float, shape (steps,)
        Share of the samples that are classified correctly, 0..1; element ``i`` is after ``i + 1``
        steps.

    Raises
    ------
    ValueError
        If the shapes contradict each other or there is no sample.
    """
    trace = golden.run(program, spikes)
    assert trace.membrane is not None
    return prefix_accuracy(trace.spikes[-1], trace.membrane[-1], labels)


def prefix_accuracy(
    spikes: npt.NDArray[np.bool_], membrane: npt.NDArray, labels: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """The same from the spikes and the membranes of the last population, both of shape (samples,
    steps, classes); a run of a float network has them too."""
    truth = np.asarray(labels)
    if not truth.size or truth.shape != spikes.shape[:1]:
        raise ValueError(
            f"labels must have shape ({spikes.shape[0]},) and at least 1 sample, not {truth.shape}"
        )
    return np.array(
        [
            np.mean(decide(spikes, membrane, steps) == truth)
            for steps in range(1, spikes.shape[1] + 1)
        ]
    )
