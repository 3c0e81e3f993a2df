"""A trained network as a Program, its test spikes, and the accuracy that is still good enough."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Program
from hubel.sim import golden

from ..accuracy import output_number
from ..convert import convert, decide
from ..digits import FULL_SCALE, load_digits
from ..encode import encode
from ..program_file import load_program
from ..quantise import quantise
from ..spike_file import load_inputs
from ..train import train_mlp

#: Points of accuracy that devices may cost before the core functionality counts as lost.
POINTS = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What devices are judged by.

    Parameters
    ----------
    name : str
    program : Program
        The network as the digital core runs it.
    spikes : array of bool, shape (samples, steps, inputs)
    labels : array of int, shape (samples,)
    floor : float
        Least accuracy, in percent, at which the core functionality is met.
    """

    name: str
    program: Program
    spikes: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    floor: float

    def accuracy(self, program: Program | None = None) -> float:
        """Percent of the samples that ``program`` (the digital one by default) gets right."""
        program = program or self.program
        trace = golden.run(program, self.spikes)
        assert trace.membrane is not None
        number = output_number(program)
        steps = self.spikes.shape[1]
        decided = decide(trace.spikes[number], trace.membrane[number], steps)
        return 100 * float(np.mean(decided == self.labels))


def digits_task(*, weight_width: int = 8, steps: int = 16, images: int | None = None) -> Task:
    """The digits of scikit-learn: 64-128-10, trained here in seconds, ``images`` of the 360 test
    images (all by default). The floor is :data:`POINTS` below the digital core."""
    digits = load_digits()
    network = convert(train_mlp(digits), digits.train_images / FULL_SCALE)
    program = quantise(network, weight_width=weight_width)
    spikes = encode(digits.test_images[:images], steps, FULL_SCALE)
    return with_floor("digits", program, spikes, digits.test_labels[:images])


def program_task(
    path: str | os.PathLike[str],
    inputs: str | os.PathLike[str],
    *,
    images: int | None = None,
    bin_us: int = 1000,
) -> Task:
    """The Program of file ``path`` on ``inputs``, which :func:`.spike_file.load_inputs` takes; they
    need labels. The floor is :data:`POINTS` below the digital core.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing or damaged, the inputs do not fit the Program or have no labels, or
        the Program has several outputs.
    """
    program, _ = load_program(path)
    output_number(program)
    sizes = program.inputs[0].shape.sizes
    camera = len(program.inputs) == 1 and sizes[0] == 2
    spikes, labels = load_inputs(
        inputs, steps=16, images=images, bin_us=bin_us, shape=sizes if camera else None
    )
    if labels is None:
        raise ValueError(f"{inputs}: has no labels, so that there is no accuracy; add them")
    checked = golden.checked_spikes(program, spikes)
    return with_floor(Path(path).stem, program, checked, labels)


def with_floor(
    name: str, program: Program, spikes: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64]
) -> Task:
    """A task whose floor is :data:`POINTS` below what ``program`` reaches."""
    task = Task(name=name, program=program, spikes=spikes, labels=labels, floor=0.0)
    floor = round(task.accuracy() - POINTS, 2)
    return Task(name=name, program=program, spikes=spikes, labels=labels, floor=floor)
