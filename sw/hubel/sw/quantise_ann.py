"""Turn a trained ReLU network into the integers of a MAC core."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.mac_program import MacLayer, MacProgram
from hubel.hdl.projection import Conv2d, Dense
from hubel.hdl.shape import Shape

from .ann import Ann, ConvLayer, DenseLayer, Layer, forward
from .convert import INPUT

#: Default of :func:`quantise_ann`. Measured with int8 weights, points lost against the float
#: network: digits 0.0, MNIST MLP and CNN 0.1 or less; 100 (the maximum) and 99.9 differ by less.
PERCENTILE = 99.9

_MULTIPLIER_BITS = 8


def quantise_ann(
    ann: Ann,
    values: npt.ArrayLike,
    *,
    full_scale: int,
    percentile: float = PERCENTILE,
    weight_width: int = 8,
    activation_width: int = 8,
) -> MacProgram:
    """Quantise ``ann`` after training, one scale a layer and nothing but zero points of 0.

    A layer's weights are divided by the largest magnitude, its activations by a percentile of
    those above 0 on ``values`` (Krishnamoorthi 2018, "Quantizing deep convolutional networks for
    efficient inference", sections 2 and 3). The scale of the activations is then rounded up, by
    less than 1 %, such that the multiplier of the requantisation is exact. Average pooling moves
    from the layer that sees it to the layer before, in front of the requantisation; in front of
    the first layer it becomes part of the weights.

    Parameters
    ----------
    ann : Ann
    values : array of int, shape (samples, inputs in C order)
        0..``full_scale``, for calibration: a part of what the network was trained with.
    full_scale : int
        The value that the network saw as 1.0.
    percentile : float
        Of the activations above 0; above 0, at most 100.
    weight_width, activation_width : int
        Bits.

    Raises
    ------
    ValueError
        If a number is out of its range, no value makes a layer active, or pooling in front of a
        first convolution leaves out rows; the message names the layer.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, not {percentile!r}")
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not x.size or full_scale < 1 or not (0 <= x.min() and x.max() <= full_scale):
        raise ValueError(
            f"values must have shape (samples, inputs) and be in 0..{full_scale}, the full scale"
        )
    scale = 1 / _input_max(full_scale, activation_width)
    most = (1 << activation_width) - 1
    layers: list[MacLayer] = []
    source, source_shape = INPUT, ann.inputs
    activations = list(forward(ann, x / full_scale))
    for i, layer in enumerate(ann.layers):
        shape = ann.shapes[i]
        weights, geometry = _synapses(layer, source_shape, first=i == 0)
        weight_scale = float(np.abs(weights).max()) / ((1 << (weight_width - 1)) - 1) or 1.0
        total_scale = scale * weight_scale
        kind = Conv2d if isinstance(layer, ConvLayer) else Dense
        projection = kind(
            name=f"{layer.name}_weights",
            source=source,
            target=layer.name,
            weights=np.rint(weights / weight_scale).astype(np.int64),
            **geometry,
        )
        numbers: dict[str, Any] = {}
        if i + 1 < len(ann.layers):
            pool = ann.layers[i + 1].pool
            scale, numbers = _requantised(
                layer, activations[i], total_scale, pool, percentile, most
            )
        layers.append(
            MacLayer(
                projection=projection,
                shape=shape,
                bias=np.rint(layer.bias / total_scale).astype(np.int64),
                relu=layer.activation == "relu",
                **numbers,
            )
        )
        source, source_shape = layer.name, shape
    return MacProgram(
        inputs=ann.inputs,
        layers=tuple(layers),
        weight_width=weight_width,
        activation_width=activation_width,
    )


def quantise_values(
    values: npt.ArrayLike, *, full_scale: int, activation_width: int = 8
) -> npt.NDArray[np.int64]:
    """What a MAC core is fed for ``values`` in 0..``full_scale``: the values themselves where they
    fit ``activation_width`` bits, otherwise scaled and rounded."""
    x = np.asarray(values, dtype=np.float64)
    return np.rint(x * (_input_max(full_scale, activation_width) / full_scale)).astype(np.int64)


def _input_max(full_scale: int, activation_width: int) -> int:
    """The activation that stands for ``full_scale``."""
    return min(full_scale, (1 << activation_width) - 1)


def _requantised(
    layer: Layer,
    activation: npt.NDArray[np.float64],
    total_scale: float,
    pool: tuple[int, int],
    percentile: float,
    most: int,
) -> tuple[float, dict[str, Any]]:
    """Scale of the activations of ``layer``, and the numbers of its requantisation."""
    active = activation[activation > 0]
    if not active.size:
        raise ValueError(f"layer {layer.name!r}: no value makes a neuron active")
    window = pool[0] * pool[1]
    wanted = total_scale * most / (float(np.percentile(active, percentile)) * window)
    # The largest multiplier of eight bits for which multiplier / 2**shift <= wanted.
    shift = min(31, int(np.floor(_MULTIPLIER_BITS - np.log2(wanted) - 1e-12)))
    multiplier = min((1 << _MULTIPLIER_BITS) - 1, int(wanted * 2.0**shift))
    if shift < 1 or multiplier < 1:
        raise ValueError(
            f"layer {layer.name!r}: its totals would be requantised by {wanted:g}, which is not in "
            f"{2.0**-31:g}..{(1 << _MULTIPLIER_BITS) / 2:g}"
        )
    scale = total_scale * 2.0**shift / (multiplier * window)
    return scale, {"multiplier": multiplier, "shift": shift, "pool": pool}


def _synapses(
    layer: Layer, source: Shape, *, first: bool
) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
    """Weights and geometry of ``layer``. Only the first layer has its pooling in them."""
    pool, weights = layer.pool, layer.weights
    rows, columns = pool
    folded = first and pool != (1, 1)
    if isinstance(layer, DenseLayer):
        if folded:
            wide = np.zeros((*source.sizes, weights.shape[1]))
            by_place = weights.reshape(
                source.channels, source.height // rows, source.width // columns, -1
            )
            spread = by_place.repeat(rows, axis=1).repeat(columns, axis=2) / (rows * columns)
            wide[:, : spread.shape[1], : spread.shape[2]] = spread
            weights = wide.reshape(-1, weights.shape[1])
        return weights, {}
    geometry: dict[str, Any] = {
        "stride": layer.stride,
        "padding": layer.padding,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }
    if folded:
        if source.height % rows or source.width % columns:
            raise ValueError(
                f"layer {layer.name!r}: a pool of {pool} in front of the first convolution must "
                f"divide the {source.height} rows and {source.width} columns"
            )
        reach = [d * (n - 1) + 1 for d, n in zip(layer.dilation, weights.shape[2:], strict=True)]
        dilated = np.zeros((*weights.shape[:2], *reach))
        dilated[:, :, :: layer.dilation[0], :: layer.dilation[1]] = weights
        weights = dilated.repeat(rows, axis=2).repeat(columns, axis=3) / (rows * columns)
        geometry |= {
            "stride": (layer.stride[0] * rows, layer.stride[1] * columns),
            "padding": (layer.padding[0] * rows, layer.padding[1] * columns),
            "dilation": (1, 1),
        }
    return weights, geometry
