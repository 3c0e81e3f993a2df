"""Accuracy against the number of steps."""

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program
from hubel.sim import golden

from .convert import decide
from .network import Network


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
        If the shapes contradict each other, there is no sample, or the Program has several
        outputs.
    """
    trace = golden.run(program, spikes)
    assert trace.membrane is not None
    number = output_number(program)
    return prefix_accuracy(trace.spikes[number], trace.membrane[number], labels)


def output_number(graph: Program | Network) -> int:
    """Number of the population whose neurons are the classes, or ValueError if there are several
    outputs."""
    if len(graph.outputs) != 1:
        raise ValueError(
            f"a decision needs one output, not {len(graph.outputs)}: {', '.join(graph.outputs)}"
        )
    return [population.name for population in graph.populations].index(graph.outputs[0])


def prefix_accuracy(
    spikes: npt.NDArray[np.bool_], membrane: npt.NDArray, labels: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """The same from the spikes and the membranes of the output, both of shape (samples,
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
