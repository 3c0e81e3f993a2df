"""What the modules of a torch network say: their order, numbers and geometry.

Nothing here imports torch, which is optional; modules are told apart by the names of their classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.shape import Shape

Floats = npt.NDArray[np.float64]
Pair = tuple[int, int]

#: Modules that change nothing once a network is trained.
IGNORED = frozenset({"Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout"})
_NORMS = frozenset({"BatchNorm1d", "BatchNorm2d"})


def needed(package: str, extra: str, what: str) -> Any:
    """The module ``package``, or an ImportError of one line that says which extra of ours installs
    it and ``what`` needs it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{what} needs {package}, which is not installed; run: pip install 'hubel[{extra}]'"
        ) from error


@dataclass(frozen=True)
class Module:
    """A torch module that has no children of interest: its path in the network, and itself."""

    path: str
    module: Any

    @property
    def kind(self) -> str:
        """Name of its class."""
        return type(self.module).__name__

    def refused(self, why: str) -> ValueError:
        """An error that names it."""
        return ValueError(f"layer {self.path!r} ({self.kind}): {why}")

    def array(self, name: str) -> Floats:
        """Its parameter or buffer ``name``, as float64."""
        return getattr(self.module, name).detach().cpu().double().numpy()


def in_order(net: Any, whole: tuple[type, ...] = ()) -> Iterator[Module]:
    """Modules of ``net`` without children, in the order in which they were registered; those of
    the classes ``whole`` count as one, with what is in them."""
    skipped: str | None = None
    for path, module in net.named_modules(remove_duplicate=False):
        if skipped is not None and path.startswith(skipped):
            continue
        if isinstance(module, whole) or next(module.children(), None) is None:
            skipped = f"{path}."
            yield Module(path or type(module).__name__.lower(), module)


def input_shape_of(sizes: tuple[int, ...], what: str) -> Shape:
    """Shape of an input of ``sizes`` (features,) or (channels, rows, columns)."""
    if len(sizes) not in (1, 3):
        raise ValueError(
            f"{what} must be (features,) or (channels, rows, columns), without the batch, not "
            f"{tuple(sizes)}"
        )
    return Shape(*map(int, sizes))


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear:
    """A Linear or Conv2d on its way to the layer that it becomes: weights as torch stores them,
    (outputs, inputs) or (channels, channels before / groups, rows, columns), and a bias for each
    output or channel; ``pool`` is averaged before it."""

    name: str
    weights: Floats
    bias: Floats
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    pool: Pair = (1, 1)

    @property
    def convolves(self) -> bool:
        """It is a Conv2d."""
        return self.weights.ndim == 4

    def shape(self, source: Shape) -> Shape:
        """Shape of its output for a source of shape ``source``, before pooling."""
        if not self.convolves:
            return Shape(len(self.weights))
        sizes = []
        for axis, have in enumerate((source.height, source.width)):
            reach = self.dilation[axis] * (self.weights.shape[2 + axis] - 1) + 1
            padded = have // self.pool[axis] + 2 * self.padding[axis]
            sizes.append((padded - reach) // self.stride[axis] + 1)
        if min(sizes) < 1:
            raise ValueError(f"layer {self.name!r}: its kernel does not fit {source}")
        return Shape(len(self.weights), *sizes)

    def each_neuron(self, shape: Shape) -> Floats:
        """Bias of each neuron of its output of shape ``shape``."""
        return np.repeat(self.bias, shape.height * shape.width)

    def normalised(self, norm: Module) -> "Linear":
        """With the BatchNorm ``norm`` that follows it folded in, as it acts after training:
        ``(x - mean) / sqrt(var + eps) * weight + bias``."""
        if norm.module.running_mean is None:
            raise norm.refused("has no running statistics, so it cannot be folded")
        gain = 1 / np.sqrt(norm.array("running_var") + norm.module.eps)
        shift = np.zeros_like(gain)
        if norm.module.affine:
            gain, shift = gain * norm.array("weight"), norm.array("bias")
        if len(gain) != len(self.bias):
            raise norm.refused(f"has {len(gain)} features, but {self.name!r} has {len(self.bias)}")
        by_output = gain.reshape(-1, *[1] * (self.weights.ndim - 1))
        bias = (self.bias - norm.array("running_mean")) * gain + shift
        return replace(self, weights=self.weights * by_output, bias=bias)

    def averaged(self, window: Pair, average: Module) -> "Linear":
        """With the AvgPool2d ``average`` over ``window`` behind it: a convolution again, whose
        kernel is the mean of the shifted kernels."""
        if not self.convolves:
            raise average.refused("must follow a Conv2d or neurons")
        channels, before, rows, columns = self.weights.shape
        reach = (self.dilation[0] * (rows - 1) + 1, self.dilation[1] * (columns - 1) + 1)
        sizes = [r + s * (w - 1) for r, s, w in zip(reach, self.stride, window, strict=True)]
        kernel = np.zeros((channels, before, *sizes))
        for y, x in np.ndindex(*window):
            top, left = y * self.stride[0], x * self.stride[1]
            kernel[
                :,
                :,
                top : top + reach[0] : self.dilation[0],
                left : left + reach[1] : self.dilation[1],
            ] += self.weights
        return replace(
            self,
            weights=kernel / (window[0] * window[1]),
            stride=(self.stride[0] * window[0], self.stride[1] * window[1]),
            dilation=(1, 1),
        )


def linear_of(layer: Module, pool: Pair, flat: bool) -> Linear:
    """The Linear or Conv2d ``layer``, which follows windows ``pool`` of an average; ``flat``:
    values have no rows and columns here."""
    module = layer.module
    weights = layer.array("weight")
    bias = np.zeros(len(weights)) if module.bias is None else layer.array("bias")
    if layer.kind == "Linear":
        if not flat:
            raise layer.refused("takes flat values; put a Flatten before it")
        return Linear(name=layer.path, weights=weights, bias=bias, pool=pool)
    if flat:
        raise layer.refused("takes rows and columns, but values are flat here")
    if module.padding_mode != "zeros":
        raise layer.refused(f"pads with {module.padding_mode!r}; only zeros can be converted")
    kernel, dilation, padding = weights.shape[2:], _pair(module.dilation), module.padding
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(r % 2 for r in reach):
            raise layer.refused("padding 'same' of an even kernel is uneven; use an odd kernel")
        padding = tuple(r // 2 for r in reach)
    return Linear(
        name=layer.path,
        weights=weights,
        bias=bias,
        stride=_pair(module.stride),
        padding=_pair(0 if padding == "valid" else padding),
        dilation=dilation,
        groups=module.groups,
        pool=pool,
    )


def is_norm(layer: Module) -> bool:
    """It is a BatchNorm that can be folded."""
    return layer.kind in _NORMS


def pool_of(layer: Module) -> Pair:
    """Window (rows, columns) of an AvgPool2d without overlap and padding."""
    module = layer.module
    window = _pair(module.kernel_size)
    if _pair(module.stride) != window or _pair(module.padding) != (0, 0):
        raise layer.refused("only windows without overlap and padding can be converted")
    if module.ceil_mode or module.divisor_override is not None:
        raise layer.refused("ceil_mode and divisor_override cannot be converted")
    return window


def check_flatten(layer: Module, sizes: tuple[int, ...]) -> None:
    """Raise ValueError unless the Flatten ``layer`` makes one axis of all ``sizes``."""
    last = layer.module.end_dim
    if layer.module.start_dim != 1 or last not in (-1, len(sizes)):
        raise layer.refused("only start_dim=1 up to the last axis can be converted")


def _pair(value: Any) -> Pair:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))
