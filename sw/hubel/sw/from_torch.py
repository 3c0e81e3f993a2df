"""A trained torch network becomes the description that conversion starts from."""

import copy
from typing import Any

import numpy as np

from hubel.hdl.shape import Shape

from .ann import Ann, ConvLayer, DenseLayer, Layer, forward
from .torch_modules import (
    IGNORED,
    Linear,
    Module,
    Pair,
    check_flatten,
    in_order,
    input_shape_of,
    is_norm,
    linear_of,
    needed,
    pool_of,
)

#: Random inputs on which the description is compared with the network.
_SAMPLES = 4


def from_torch(cnn: Any, input_shape: tuple[int, ...]) -> Ann:
    """Describe a torch network of ReLU layers as it acts after training.

    Supported, in the order in which the modules were registered: Linear, Conv2d (padded with
    zeros), BatchNorm1d and BatchNorm2d right behind one of the two (folded into it), ReLU,
    AvgPool2d without overlap and padding (becomes part of the layer behind it), Flatten; Dropout
    and Identity are left out. There is a ReLU between layers; the last layer may have none.

    The description is compared with the network on random inputs, so that a ``forward`` that does
    something else than its modules in their order is found out.

    Parameters
    ----------
    cnn : torch.nn.Module
        A Sequential, or a module whose children run in their order. It is not changed.
    input_shape : tuple of int
        (Features,) or (channels, rows, columns), without the batch.

    Raises
    ------
    ValueError
        If a layer cannot be converted, or ``cnn`` computes something else; the message names the
        layer by its path in the network.
    ImportError
        If torch is not installed.
    """
    torch = needed("torch", "torch", "from_torch")
    shape = input_shape_of(input_shape, "input_shape")
    ann = Ann(inputs=shape, layers=tuple(_layers(cnn, shape, flat=len(input_shape) == 1)))
    _compare(torch, cnn, ann, input_shape)
    return ann


def _layers(cnn: Any, inputs: Shape, flat: bool) -> list[Layer]:
    layers: list[Layer] = []
    pending: Linear | None = None
    shape, pool = inputs, (1, 1)
    for layer in in_order(cnn):
        if layer.kind in IGNORED:
            continue
        if layer.kind == "ReLU":
            if pending is None:
                raise layer.refused("must follow a Linear or Conv2d")
            layers.append(_layer(pending, "relu"))
            pending = None
        elif is_norm(layer):
            if pending is None:
                raise layer.refused("must follow a Linear or Conv2d, to be folded into it")
            pending = pending.normalised(layer)
        elif layer.kind == "Flatten":
            if not flat:
                check_flatten(layer, shape.sizes)
            flat = True
        elif layer.kind not in ("Linear", "Conv2d", "AvgPool2d"):
            raise layer.refused(_why_not(layer))
        elif pending is not None:
            raise layer.refused(f"follows {pending.name!r} without a ReLU between")
        elif layer.kind == "AvgPool2d":
            pool = _pooled(layer, pool, flat)
        else:
            pending = linear_of(layer, pool, flat)
            shape, pool = pending.shape(shape), (1, 1)
    if pending is not None:
        layers.append(_layer(pending, "identity"))
    if pool != (1, 1):
        raise ValueError("the network ends in an AvgPool2d; a Linear or Conv2d must follow")
    return layers


def _pooled(layer: Module, pool: Pair, flat: bool) -> Pair:
    """Window of an AvgPool2d behind another one of window ``pool``."""
    if flat:
        raise layer.refused("takes rows and columns, but values are flat here")
    window = pool_of(layer)
    return pool[0] * window[0], pool[1] * window[1]


def _why_not(layer: Module) -> str:
    if layer.kind.startswith(("MaxPool", "AdaptiveMaxPool")):
        return "a maximum cannot be converted to spikes; train with AvgPool2d"
    return "cannot be converted; from_torch knows Linear, Conv2d, BatchNorm, AvgPool2d and ReLU"


def _layer(linear: Linear, activation: str) -> Layer:
    if not linear.convolves:
        return DenseLayer(
            name=linear.name,
            weights=linear.weights.T,
            bias=linear.bias,
            activation=activation,
            pool=linear.pool,
        )
    return ConvLayer(
        name=linear.name,
        weights=linear.weights,
        bias=linear.bias,
        activation=activation,
        stride=linear.stride,
        padding=linear.padding,
        dilation=linear.dilation,
        groups=linear.groups,
        pool=linear.pool,
    )


def _compare(torch: Any, cnn: Any, ann: Ann, input_shape: tuple[int, ...]) -> None:
    """Raise ValueError unless ``ann`` computes what ``cnn`` does."""
    values = np.random.default_rng(0).random((_SAMPLES, ann.inputs.neurons))
    *_, found = forward(ann, values)
    exact = copy.deepcopy(cnn).cpu().double().eval()
    try:
        with torch.no_grad():
            expected = exact(torch.from_numpy(values.reshape(-1, *input_shape)))
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"{type(cnn).__name__}: its forward fails on values of shape "
            f"{(_SAMPLES, *input_shape)}: {str(error).splitlines()[0]}"
        ) from error
    expected = expected.numpy().reshape(_SAMPLES, -1)
    if expected.shape != found.shape or not np.allclose(found, expected, rtol=1e-6, atol=1e-9):
        raise ValueError(
            f"{type(cnn).__name__}: its forward computes something else than its modules in their "
            f"order ({', '.join(layer.name for layer in ann.layers)}); write it as a Sequential"
        )
