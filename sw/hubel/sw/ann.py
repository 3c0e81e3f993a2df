"""A feed-forward ReLU network: what conversion to spikes starts from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hubel.hdl.shape import Shape

Floats = npt.NDArray[np.float64]
Pair = tuple[int, int]

ACTIVATIONS = ("relu", "identity")


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseLayer:
    """``activation(x @ weights + bias)``, where ``x`` are the values before it in C order.

    Parameters
    ----------
    name : str
        Name in reports and error messages; kept through the whole pipeline.
    weights : array of float, shape (inputs, neurons)
        Inputs are those after pooling.
    bias : array of float, shape (neurons,)
    activation : str
        ``"relu"``, or ``"identity"`` for the last layer.
    pool : pair of int
        Before the layer, windows of this size (rows, columns) are averaged, without overlap; what
        does not fill a window is left out. (1, 1): no pooling.
    """

    name: str
    weights: Floats
    bias: Floats
    activation: str
    pool: Pair = (1, 1)

    def shape(self, source: Shape) -> Shape:
        """Shape of the output for an input of shape ``source``, or ValueError naming the layer."""
        here = f"layer {self.name!r}"
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[1:]:
            raise ValueError(
                f"{here}: weights of shape {self.weights.shape} do not go with a bias of shape "
                f"{self.bias.shape}"
            )
        inputs = _pooled(self, source).neurons
        if inputs != self.weights.shape[0]:
            raise ValueError(
                f"{here} takes {self.weights.shape[0]} inputs, but what is before it has {inputs}"
            )
        return Shape(self.weights.shape[1])

    def linear(self, values: Floats, source: Shape) -> Floats:
        """Output before the activation, (samples, neurons), for ``values`` (samples, inputs)."""
        pooled = _average(values.reshape(-1, *source.sizes), self.pool)
        return pooled.reshape(len(values), -1) @ self.weights + self.bias


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvLayer:
    """A convolution (cross-correlation, as in torch) with a bias for each channel.

    ``name``, ``activation`` and ``pool`` are as in :class:`DenseLayer`; ``stride``, ``padding``
    (zeros on both sides) and ``dilation`` are pairs (rows, columns).

    Parameters
    ----------
    weights : array of float, shape (channels, channels before / groups, rows, columns)
    bias : array of float, shape (channels,)
    """

    name: str
    weights: Floats
    bias: Floats
    activation: str
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    pool: Pair = (1, 1)

    def shape(self, source: Shape) -> Shape:
        """Shape of the output for an input of shape ``source``, or ValueError naming the layer."""
        here = f"layer {self.name!r}"
        if min(*self.stride, *self.dilation, self.groups) < 1 or min(self.padding) < 0:
            raise ValueError(
                f"{here}: stride, dilation and groups must be 1 or more, padding 0 or more"
            )
        if self.weights.ndim != 4 or self.bias.shape != self.weights.shape[:1]:
            raise ValueError(
                f"{here}: weights of shape {self.weights.shape} do not go with a bias of shape "
                f"{self.bias.shape}"
            )
        channels, group_channels, *kernel = self.weights.shape
        pooled = _pooled(self, source)
        if pooled.channels != group_channels * self.groups or channels % self.groups:
            raise ValueError(
                f"{here} makes {channels} channels of {group_channels * self.groups} in "
                f"{self.groups} groups, but what is before it has {pooled.channels}"
            )
        sizes = []
        for axis, have in enumerate((pooled.height, pooled.width)):
            reach = self.dilation[axis] * (kernel[axis] - 1) + 1
            sizes.append((have + 2 * self.padding[axis] - reach) // self.stride[axis] + 1)
        if min(sizes) < 1:
            raise ValueError(
                f"{here}: a kernel of {kernel[0]}x{kernel[1]} does not fit {pooled} with its "
                f"padding"
            )
        return Shape(channels, *sizes)

    def linear(self, values: Floats, source: Shape) -> Floats:
        """Output before the activation, (samples, neurons), for ``values`` (samples, inputs)."""
        pooled = _average(values.reshape(-1, *source.sizes), self.pool)
        rows, columns = self.padding
        padded = np.pad(pooled, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
        shape = self.shape(source)
        total = np.zeros((len(values), *shape.sizes))
        total += self.bias[:, None, None]
        # A view in groups: what is added to it is added to the total.
        by_group = total.reshape(len(values), self.groups, -1, shape.height, shape.width)
        padded = padded.reshape(len(values), self.groups, -1, *padded.shape[2:])
        kernel = self.weights.reshape(self.groups, -1, *self.weights.shape[1:])
        for ky, kx in np.ndindex(*self.weights.shape[2:]):
            met = padded[
                ...,
                _places(ky * self.dilation[0], self.stride[0], shape.height),
                _places(kx * self.dilation[1], self.stride[1], shape.width),
            ]
            by_group += np.einsum("ngiyx,goi->ngoyx", met, kernel[..., ky, kx], optimize=True)
        return total.reshape(len(values), -1)


Layer = DenseLayer | ConvLayer


@dataclass(frozen=True, kw_only=True, eq=False)
class Ann:
    """Layers that feed each other in their order, with ReLU between them.

    Parameters
    ----------
    inputs : Shape
        What the first layer takes: channels, rows and columns, or channels only.
    layers : tuple of Layer

    Raises
    ------
    ValueError
        If a layer has a wrong shape, activation or number; the message names the layer.
    """

    inputs: Shape
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("a network needs at least one layer")
        for layer in self.layers:
            _check_numbers(layer, is_last=layer is self.layers[-1])
        # Asking for the shapes checks them.
        _ = self.shapes

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Shape of the output of each layer."""
        shapes, shape = [], self.inputs
        for layer in self.layers:
            shape = layer.shape(shape)
            shapes.append(shape)
        return tuple(shapes)


def forward(ann: Ann, values: npt.ArrayLike) -> Iterator[Floats]:
    """Activations after each layer, one array of shape (samples, neurons in C order) after the
    other, for ``values`` of shape (samples, inputs in C order); ValueError if they have another."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != ann.inputs.neurons:
        raise ValueError(f"values must have shape (samples, {ann.inputs.neurons}), not {x.shape}")
    for layer, source in zip(ann.layers, (ann.inputs, *ann.shapes), strict=False):
        x = layer.linear(x, source)
        if layer.activation == "relu":
            x = np.maximum(x, 0.0)
        yield x


def classify(ann: Ann, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Labels, shape (samples,), that ``ann`` gives ``values`` of shape (samples, inputs)."""
    *_, last = forward(ann, values)
    return last.argmax(axis=1)


def _check_numbers(layer: Layer, *, is_last: bool) -> None:
    """Raise ValueError, naming the layer, unless its activation and numbers can be used."""
    here = f"layer {layer.name!r}"
    if layer.activation not in ACTIVATIONS:
        raise ValueError(
            f"{here} has activation {layer.activation!r}; only 'relu' can be converted"
        )
    if layer.activation == "identity" and not is_last:
        raise ValueError(f"{here} has no activation; between layers only 'relu' can be converted")
    for what, array in (("weights", layer.weights), ("bias", layer.bias)):
        if not np.isfinite(array).all():
            raise ValueError(f"{here}: {what} must be finite, not NaN or infinite")


def _pooled(layer: Layer, source: Shape) -> Shape:
    """Shape that ``layer`` sees, after pooling, or ValueError naming it."""
    rows, columns = layer.pool
    if not (1 <= rows <= source.height and 1 <= columns <= source.width):
        raise ValueError(f"layer {layer.name!r}: a pool of {layer.pool} does not fit {source}")
    return Shape(source.channels, source.height // rows, source.width // columns)


def _average(values: Floats, pool: Pair) -> Floats:
    """Means over windows of ``values`` of shape (samples, channels, rows, columns)."""
    if pool == (1, 1):
        return values
    rows, columns = values.shape[2] // pool[0], values.shape[3] // pool[1]
    windows = values[:, :, : rows * pool[0], : columns * pool[1]].reshape(
        *values.shape[:2], rows, pool[0], columns, pool[1]
    )
    return windows.mean(axis=(3, 5))


def _places(offset: int, stride: int, count: int) -> slice:
    """What a kernel element that lies ``offset`` from the window's corner meets along an axis."""
    return slice(offset, offset + (count - 1) * stride + 1, stride)
