"""Sizes of a MAC core."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from .shape import Shape

__all__ = ["GROUP", "MacLayerParams", "MacParams"]

#: Activations whose being zero is looked up at once; the regions of layers begin at multiples.
GROUP = 8


@dataclass(frozen=True, kw_only=True)
class MacLayerParams:
    """Sizes of a layer; ``shape`` is before pooling, the rest as in
    :class:`~hubel.hdl.mac_program.MacLayer` and :class:`~hubel.hdl.projection.Conv2d`."""
    dense: bool
    shape: Shape
    pool: tuple[int, int] = (1, 1)
    relu: bool = True
    multiplier: int = 0
    shift: int = 0
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def output(self) -> Shape:
        """Shape after pooling."""
        return Shape(self.shape.channels, self.shape.height // self.pool[0],
                     self.shape.width // self.pool[1])

    @property
    def group_channels(self) -> int:
        """Channels of a group."""
        return self.shape.channels // self.groups


@dataclass(frozen=True, kw_only=True)
class MacParams:
    """Sizes of a core that multiplies and accumulates, shared by golden, gateware and host.

    Parameters
    ----------
    inputs : Shape
    layers : tuple of MacLayerParams
    lanes : int
        Weights of a word, one multiplier each: 2, 4, 8, 16, 32.
    skip_zeros : bool
        Activations of zero take no clock, and a group of :data:`GROUP` of them one.
    weight_width, activation_width : int
        Bits of a signed weight and of an unsigned activation.
    sum_width, total_width : int
        Bits that hold any sum of products, and any total (and sum over a window): proved when the
        Program is built.

    Raises
    ------
    ValueError
        If a size is out of its range.
    """
    inputs: Shape
    layers: tuple[MacLayerParams, ...]
    lanes: int = 8
    skip_zeros: bool = False
    weight_width: int = 8
    activation_width: int = 8
    sum_width: int = 32
    total_width: int = 32

    def __post_init__(self) -> None:
        if self.lanes not in (2, 4, 8, 16, 32):
            raise ValueError(f"lanes must be one of (2, 4, 8, 16, 32), not {self.lanes!r}")

    def source(self, layer: int) -> Shape:
        """Shape of what ``layer`` reads, as its addresses see it: what feeds a dense layer is one
        place."""
        shape = self.inputs if layer == 0 else self.layers[layer - 1].output
        return Shape(shape.neurons) if self.layers[layer].dense else shape

    def fan_in(self, layer: int) -> int:
        """Weights of an output of ``layer``."""
        sizes = self.layers[layer]
        return self.group_source(layer) * sizes.kernel[0] * sizes.kernel[1]

    def group_source(self, layer: int) -> int:
        """Channels that an output of ``layer`` reads at a place."""
        return self.source(layer).channels // self.layers[layer].groups

    def group_words(self, layer: int) -> int:
        """Words of a group: rows of ``lanes`` channels of one place."""
        return -(-self.layers[layer].group_channels // self.lanes)

    def channel_words(self, layer: int) -> int:
        """Words of all channels of one place."""
        return self.layers[layer].groups * self.group_words(layer)

    @cached_property
    def first_weight(self) -> tuple[int, ...]:
        """First weight word of each layer, and the number of all."""
        sizes = [self.channel_words(i) * self.fan_in(i) for i in range(len(self.layers))]
        return tuple(accumulate(sizes, initial=0))

    @property
    def weight_words(self) -> int:
        """Depth of the weight memory."""
        return self.first_weight[-1]

    @cached_property
    def first_bias(self) -> tuple[int, ...]:
        """First row of biases of each layer, and the number of all."""
        return tuple(accumulate((layer.shape.channels for layer in self.layers), initial=0))

    @cached_property
    def regions(self) -> tuple[int, ...]:
        """First activation of the input and of each layer but the last. The input has a region of
        its own, so that the next sample comes in while this one is worked on; layers take turns in
        two others."""
        sizes = [_aligned(layer.output.neurons) for layer in self.layers[:-1]]
        first = _aligned(self.inputs.neurons)
        second = first + max(sizes[0::2], default=0)
        return (0, *((first, second)[i % 2] for i in range(len(sizes))))

    @property
    def activations(self) -> int:
        """Depth of the activation memory."""
        sizes = [self.inputs.neurons, *(layer.output.neurons for layer in self.layers[:-1])]
        return max(first + _aligned(size) for first, size in zip(self.regions, sizes, strict=True))

    @property
    def least_clocks(self) -> int:
        """Clocks between two words: their lanes leave one by one, and a few clocks pass until there
        is another job."""
        return max(self.lanes, 8)

    @property
    def classes(self) -> int:
        """Logits of a sample."""
        return self.layers[-1].shape.neurons


def _aligned(size: int) -> int:
    return -(-size // GROUP) * GROUP
