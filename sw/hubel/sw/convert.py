"""Turn a trained ReLU network into a spiking one, and read its decision."""

import numpy as np
import numpy.typing as npt

from .network import INPUT, DenseProjection, LifPopulation, Network
from .train import Layer, Mlp, activate

#: Default of :func:`convert`. Measured on the digits, 8 trainings, 8-bit weights, points lost
#: against the ANN in the mean and at worst: after 4 steps 0.4 and 0.8 (0.8 and 1.1 with 100, the
#: maximum), after 8 steps none and none (none and 0.6).
PERCENTILE = 99.0


def convert(mlp: Mlp, values: npt.ArrayLike, *, percentile: float = PERCENTILE) -> Network:
    """Convert ``mlp`` to integrate-and-fire neurons whose rates stand for its activations.

    Each layer is divided by a high percentile of its activations, so that they fill the range of
    0 to 1 spike a step and a few outliers are clipped (Rueckauer et al. 2017, "Conversion of
    Continuous-Valued Deep Networks to Efficient Event-Driven Networks for Image Classification",
    section 2.2.2). Neurons do not leak, a spike subtracts the threshold of 1, and a membrane
    starts at half of it, which centres the rounding of the rate. Biases act once a step.

    Parameters
    ----------
    mlp : Mlp
        Dense layers: ReLU, and ReLU or identity for the last. A layer's name becomes its
        population's.
    values : array of float, shape (samples, inputs)
        What the first layer saw in training, 0..1: 1 stands for a spike every step.
    percentile : float
        Percentile of the activations above 0 that becomes one spike a step; above 0, at most 100.

    Raises
    ------
    ValueError
        If a layer or activation cannot be converted, a weight is not finite, or no value makes a
        layer active; the message names the layer.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, not {percentile!r}")
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not x.size or not (0 <= x.min() and x.max() <= 1):
        raise ValueError("values must have shape (samples, inputs) and be in 0..1")
    inputs = x.shape[1]
    populations, projections = [], []
    source, source_scale = INPUT, 1.0
    for layer in mlp.layers:
        _check_layer(layer, is_last=layer is mlp.layers[-1])
        if x.shape[1] != layer.weights.shape[0]:
            raise ValueError(
                f"layer {layer.name!r} takes {layer.weights.shape[0]} inputs, but {source!r} "
                f"has {x.shape[1]}"
            )
        x = activate(layer, x)
        active = x[x > 0]
        if not active.size:
            raise ValueError(f"layer {layer.name!r}: no value makes a neuron active")
        scale = float(np.percentile(active, percentile))
        neurons = layer.bias.shape[0]
        projections.append(
            DenseProjection(
                name=f"{layer.name}_weights",
                source=source,
                target=layer.name,
                weights=layer.weights * (source_scale / scale),
            )
        )
        populations.append(
            LifPopulation(
                name=layer.name,
                threshold=1.0,
                v_reset=1.0,
                bias=layer.bias / scale,
                v_init=np.full(neurons, 0.5),
            )
        )
        source, source_scale = layer.name, scale
    return Network(
        inputs=inputs,
        populations=tuple(populations),
        projections=tuple(projections),
    )


def _check_layer(layer: Layer, *, is_last: bool) -> None:
    """Raise ValueError, naming the layer, if it cannot be converted."""
    here = f"layer {layer.name!r}"
    if layer.kind != "dense":
        raise ValueError(f"{here} is of kind {layer.kind!r}; only 'dense' can be converted")
    if layer.activation == "identity" and not is_last:
        raise ValueError(f"{here} has no activation; between layers only 'relu' can be converted")
    if layer.activation not in ("relu", "identity"):
        raise ValueError(
            f"{here} has activation {layer.activation!r}; only 'relu' can be converted"
        )
    if layer.weights.ndim != 2 or layer.bias.shape != layer.weights.shape[1:]:
        raise ValueError(
            f"{here}: weights of shape {layer.weights.shape} do not go with a bias of shape "
            f"{layer.bias.shape}"
        )
    for what, array in (("weights", layer.weights), ("bias", layer.bias)):
        if not np.isfinite(array).all():
            raise ValueError(f"{here}: {what} must be finite, not NaN or infinite")


def decide(
    spikes: npt.NDArray[np.bool_], membrane: npt.NDArray, steps: int | None = None
) -> npt.NDArray[np.int64]:
    """Class of each sample: the neuron of the last population that spiked most often; among equals
    the one with the highest membrane at the end, and then the first.

    Any back end can be read this way: it needs the spikes, and the membranes after the last step.

    Parameters
    ----------
    spikes : array of bool, shape (samples, steps, classes)
        Spikes of the last population.
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
