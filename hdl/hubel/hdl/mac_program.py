"""The Program of a MAC core: an int8 ReLU network, integers only."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .mac_params import MacLayerParams, MacParams
from .mac_tables import gather_tables
from .projection import Conv2d, Dense
from .shape import Shape

__all__ = ["MacLayer", "MacProgram"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MacLayer:
    """One layer: weighted sums, bias, ReLU, average pooling, requantisation.

    ``total = bias + sum(weight * activation)``; with ``relu``, ``max(total, 0)``. A layer with a
    ``multiplier`` then gives the activations of the next one: the totals of a window of ``pool``
    are added up to ``sum``, and

        activation = min((sum * multiplier + 2**(shift - 1)) >> shift, 2**activation_width - 1)

    which rounds half away from zero, as nothing is negative after ReLU. (The division by the size
    of the window is part of the multiplier: one rounding for all of it.) A layer without one gives
    its totals: the logits.

    Parameters
    ----------
    projection : Dense or Conv2d
        From the layer before, or the input; ``pool`` (1, 1) and ``delay`` 0.
    shape : Shape
        Places of ``total``, before pooling.
    bias : array of int, shape (channels,)
    relu : bool
    pool : pair of int
        Window (rows, columns), without overlap; what does not fill one is left out.
    multiplier : int
        1..255; 0 for logits.
    shift : int
        1..31; 0 for logits.
    """
    projection: Dense | Conv2d
    shape: Shape
    bias: npt.NDArray[np.int64]
    relu: bool = True
    pool: tuple[int, int] = (1, 1)
    multiplier: int = 0
    shift: int = 0

    @property
    def name(self) -> str:
        """Name of the layer: the target of its projection."""
        return self.projection.target

    @property
    def output(self) -> Shape:
        """Shape of what the layer gives: ``shape`` after pooling."""
        return Shape(self.shape.channels, self.shape.height // self.pool[0],
                     self.shape.width // self.pool[1])

    def check_pool(self) -> None:
        """Raise ValueError, naming the layer, unless its window fits: then ``output`` exists."""
        if min(self.pool) < 1 or self.pool[0] > self.shape.height or \
                self.pool[1] > self.shape.width:
            raise ValueError(f"layer {self.name!r}: a pool of {self.pool} does not fit "
                             f"{self.shape}")

    def check(self, source: Shape) -> None:
        """Raise ValueError, naming the layer, unless its numbers go together."""
        here = f"layer {self.name!r}"
        projection = self.projection
        projection.check(source, self.shape)
        if projection.pool != (1, 1) or projection.delay:
            raise ValueError(f"{here}: a MAC core pools what a layer gives, not what it takes, and "
                             f"has no delays")
        if isinstance(projection, Dense) and not self.shape.plain:
            raise ValueError(f"{here}: a dense layer has channels only, not {self.shape}")
        if self.bias.shape != (self.shape.channels,) or self.bias.dtype.kind != "i":
            raise ValueError(f"{here}: bias must be {self.shape.channels} integers, not "
                             f"{self.bias.dtype} of shape {self.bias.shape}")
        if (self.multiplier == 0) != (self.shift == 0) or not (0 <= self.multiplier <= 255) or \
                not 0 <= self.shift <= 31:
            raise ValueError(f"{here}: multiplier must be in 1..255 and shift in 1..31, or both 0, "
                             f"not {self.multiplier!r} and {self.shift!r}")
        if self.multiplier and not self.relu:
            raise ValueError(f"{here}: only what went through ReLU is requantised")
        if not self.multiplier and self.pool != (1, 1):
            raise ValueError(f"{here}: logits are not pooled")


@dataclass(frozen=True, kw_only=True, eq=False)
class MacProgram:
    """A feed-forward network of integers, for one MAC core.

    Parameters
    ----------
    inputs : Shape
        Of the activations that are fed, unsigned.
    layers : tuple of MacLayer
        Each reads the one before; all are requantised but the last.
    weight_width : int
        Bits of a signed weight: 2, 4 or 8.
    activation_width : int
        Bits of an unsigned activation, 1..8.

    Raises
    ------
    ValueError
        If a number does not fit its width, shapes contradict each other, or a total needs more
        than 32 bits; the message names the layer and the numbers.
    """
    inputs: Shape
    layers: tuple[MacLayer, ...]
    weight_width: int = 8
    activation_width: int = 8

    def __post_init__(self) -> None:
        if self.weight_width not in (2, 4, 8):
            raise ValueError(f"weight_width must be 2, 4 or 8, not {self.weight_width!r}")
        if not 1 <= self.activation_width <= 8:
            raise ValueError(f"activation_width must be in 1..8, not {self.activation_width!r}")
        if not self.layers:
            raise ValueError("a MacProgram needs at least one layer")
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two layers are named {name!r}")
        for layer in self.layers:
            layer.check_pool()
        for before, layer in pairwise(self.layers):
            if layer.projection.source != before.name:
                raise ValueError(f"layer {layer.name!r} must read {before.name!r}, the one before, "
                                 f"not {layer.projection.source!r}")
        for layer, source in zip(self.layers, self.sources, strict=True):
            layer.check(source)
            self._check_range(layer, source)
            if bool(layer.multiplier) == (layer is self.layers[-1]):
                raise ValueError(f"layer {layer.name!r}: all layers are requantised but the last")
        params = self.params()
        for i in range(len(self.layers)):
            gather_tables(params, i)  # an output that meets only padding is refused

    def _check_range(self, layer: MacLayer, source: Shape) -> None:
        weights, high = layer.projection.weights, (1 << (self.weight_width - 1)) - 1
        here = f"layer {layer.name!r}"
        if weights.dtype.kind != "i":
            raise ValueError(f"{here}: weights must be signed integers, not {weights.dtype}")
        if not (-high - 1 <= weights.min() and weights.max() <= high):
            raise ValueError(f"{here}: weights must be in {-high - 1}..{high}, not "
                             f"{weights.min()}..{weights.max()}")
        least, most = self.total_range(layer)
        if not -(1 << 31) <= least <= most < 1 << 31:
            raise ValueError(f"{here}: a total can be {least}..{most}, more than 32 bits hold")

    @cached_property
    def sources(self) -> tuple[Shape, ...]:
        """Shape of what each layer reads."""
        return (self.inputs, *(layer.output for layer in self.layers[:-1]))

    @property
    def activation_max(self) -> int:
        """Largest activation."""
        return (1 << self.activation_width) - 1

    def sum_range(self, layer: MacLayer) -> tuple[int, int]:
        """Least and largest sum of products of ``layer`` for any activations, at any point of the
        summation and in any order."""
        weights = layer.projection.weights.astype(np.int64)
        axes = 0 if isinstance(layer.projection, Dense) else (1, 2, 3)
        least = np.minimum(weights, 0).sum(axis=axes).min()
        most = np.maximum(weights, 0).sum(axis=axes).max()
        return int(least) * self.activation_max, int(most) * self.activation_max

    def total_range(self, layer: MacLayer) -> tuple[int, int]:
        """Least and largest total, or sum over a window of totals after ReLU."""
        least, most = self.sum_range(layer)
        least, most = least + int(layer.bias.min()), most + int(layer.bias.max())
        window = layer.pool[0] * layer.pool[1]
        return min(least, 0, int(layer.bias.min())), max(window * most, 0)

    def params(self, *, lanes: int = 8, skip_zeros: bool = False) -> MacParams:
        """Sizes of the smallest core with ``lanes`` lanes that runs this."""
        return MacParams(
            inputs=self.inputs,
            layers=tuple(_sizes(layer) for layer in self.layers),
            lanes=lanes, skip_zeros=skip_zeros, weight_width=self.weight_width,
            activation_width=self.activation_width,
            sum_width=max(_width(*self.sum_range(layer)) for layer in self.layers),
            total_width=max(_width(*self.total_range(layer)) for layer in self.layers))


def _width(least: int, most: int) -> int:
    """Bits of a signed number for ``least`` to ``most``."""
    return max(2, 1 + max((-least - 1).bit_length() if least < 0 else 0, most.bit_length()))


def _sizes(layer: MacLayer) -> MacLayerParams:
    projection, geometry = layer.projection, {}
    if isinstance(projection, Conv2d):
        geometry = {"kernel": tuple(projection.weights.shape[2:]), "stride": projection.stride,
                    "padding": projection.padding, "dilation": projection.dilation,
                    "groups": projection.groups}
    return MacLayerParams(dense=isinstance(projection, Dense), shape=layer.shape, pool=layer.pool,
                          relu=layer.relu, multiplier=layer.multiplier, shift=layer.shift,
                          **geometry)
