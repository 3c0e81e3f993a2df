"""Turn a trained ReLU network into a spiking one, and read its decision."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.population import Reset, Source
from hubel.hdl.projection import Conv2d, Dense
from hubel.hdl.shape import Shape

from .ann import Ann, ConvLayer, Layer, forward
from .network import Network, Neurons

#: Default of :func:`convert`. Measured on the digits, 8 trainings, 8-bit weights, points lost
#: against the ANN in the mean and at worst: after 4 steps 0.4 and 0.8 (0.8 and 1.1 with 100, the
#: maximum), after 8 steps none and none (none and 0.6).
PERCENTILE = 99.0

#: Name of the input of a converted network.
INPUT = "input"


def convert(
    ann: Ann,
    values: npt.ArrayLike,
    *,
    percentile: float = PERCENTILE,
    reset: Reset = Reset.SOFT,
    v_init: float = 0.5,
) -> Network:
    """Convert ``ann`` to integrate-and-fire neurons whose rates stand for its activations.

    Each layer is divided by a high percentile of its activations, so that they fill the range of
    0 to 1 spike a step and a few outliers are clipped (Rueckauer et al. 2017, "Conversion of
    Continuous-Valued Deep Networks to Efficient Event-Driven Networks for Image Classification",
    section 2.2.2). Neurons do not leak, a spike subtracts the threshold of 1, and a membrane
    starts at half of it, which centres the rounding of the rate. Biases act once a step. Averages
    over windows become sums of spikes with weights that are divided by the size of the window.

    Parameters
    ----------
    ann : Ann
        A layer's name becomes its population's.
    values : array of float, shape (samples, inputs in C order)
        What the first layer saw in training, 0..1: 1 stands for a spike every step.
    percentile : float
        Percentile of the activations above 0 that becomes one spike a step; above 0, at most 100.
    reset : Reset
        Of all neurons. A hard one, to 0, loses what a membrane has above the threshold.
    v_init : float
        First membrane, as a share of the threshold: 0 rounds a rate down, 0.5 to the nearest.

    Raises
    ------
    ValueError
        If a number is out of its range, or no value makes a layer active; the message names the
        layer.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, not {percentile!r}")
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not x.size or not (0 <= x.min() and x.max() <= 1):
        raise ValueError("values must have shape (samples, inputs) and be in 0..1")
    populations, projections = [], []
    source, source_scale = INPUT, 1.0
    activations = forward(ann, x)
    for layer, shape, activation in zip(ann.layers, ann.shapes, activations, strict=True):
        active = activation[activation > 0]
        if not active.size:
            raise ValueError(f"layer {layer.name!r}: no value makes a neuron active")
        scale = float(np.percentile(active, percentile))
        projections.append(_projection(layer, source, source_scale / scale))
        populations.append(
            Neurons(
                name=layer.name,
                shape=shape,
                threshold=1.0,
                reset=reset,
                v_reset=0.0 if reset is Reset.HARD else 1.0,
                bias=_bias(layer, shape) / scale,
                v_init=v_init,
            )
        )
        source, source_scale = layer.name, scale
    return Network(
        inputs=(Source(INPUT, ann.inputs),),
        populations=tuple(populations),
        projections=tuple(projections),
        outputs=(source,),
    )


def _projection(layer: Layer, source: str, factor: float) -> Dense | Conv2d:
    """Synapses of ``layer`` with its weights times ``factor``."""
    weights = layer.weights * (factor / (layer.pool[0] * layer.pool[1]))
    ends: dict[str, Any] = {"name": f"{layer.name}_weights", "source": source, "target": layer.name}
    if isinstance(layer, ConvLayer):
        return Conv2d(
            **ends,
            weights=weights,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
            pool=layer.pool,
        )
    return Dense(**ends, weights=weights, pool=layer.pool)


def _bias(layer: Layer, shape: Shape) -> npt.NDArray[np.float64]:
    """Bias of each neuron: a convolution has one a channel."""
    if isinstance(layer, ConvLayer):
        return np.repeat(layer.bias, shape.height * shape.width)
    return layer.bias


def decide(
    spikes: npt.NDArray[np.bool_], membrane: npt.NDArray, steps: int | None = None
) -> npt.NDArray[np.int64]:
    """Class of each sample: the neuron of the output that spiked most often; among equals
    the one with the highest membrane at the end, and then the first.

    Any back end can be read this way: it needs the spikes, and the membranes after the last step.

    Parameters
    ----------
    spikes : array of bool, shape (samples, steps, classes)
        Spikes of the output.
    membrane : array, shape (samples, classes) or (samples, steps, classes)
        Its membranes at the end of the last step or, to decide earlier, of each step.
    steps : int, optional
        Decide after this many steps, 1 or more; all by default.

    Returns
    -------
    labels : array of int, shape (samples,)

    Raises
    ------
    ValueError
        If the shapes contradict each other, or the membranes after ``steps`` are not there.
    """
    if spikes.ndim != 3:
        raise ValueError(f"spikes must have shape (samples, steps, classes), not {spikes.shape}")
    recorded = spikes.shape[1]
    last = recorded if steps is None else steps
    if not 1 <= last <= recorded:
        raise ValueError(f"steps must be in 1..{recorded}, not {last!r}")
    if membrane.shape == spikes.shape:
        final = membrane[:, last - 1]
    elif membrane.shape == (spikes.shape[0], spikes.shape[2]) and last == recorded:
        final = membrane
    else:
        raise ValueError(
            f"to decide after {last} of {recorded} steps, membranes of shape {membrane.shape} "
            f"do not go with spikes of shape {spikes.shape}"
        )
    counts = np.count_nonzero(spikes[:, :last], axis=1)
    most = counts == counts.max(axis=1, keepdims=True)
    return np.where(most, final, -np.inf).argmax(axis=1)
