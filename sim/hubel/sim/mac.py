"""Golden model of the MAC core: int8 layers in numpy, 64-bit integers throughout.

The contract is :class:`hubel.hdl.mac_program.MacLayer`; every number here is an integer, and no sum
can overflow, which :class:`~hubel.hdl.mac_program.MacProgram` proves when it is built.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.mac_counters import MacCounters
from hubel.hdl.mac_program import MacLayer, MacProgram
from hubel.hdl.projection import Dense
from hubel.hdl.shape import Shape

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class MacTrace:
    """What a MAC core did.

    ``activations``: of each layer but the last, arrays of shape (samples, places in C order).
    ``logits``: of shape (samples, classes). ``labels``: the first of the largest logits. From the
    gateware ``counters`` are totals of all samples, and ``cycles`` counts the clocks from the first
    one after reset to the last logit; golden has counters of each sample, and no ``cycles``.
    """

    activations: tuple[Ints, ...]
    logits: Ints
    labels: Ints
    counters: MacCounters
    cycles: int | None = None


def requantise(sums: npt.ArrayLike, multiplier: int, shift: int, width: int = 8) -> Ints:
    """``min((sums * multiplier + 2**(shift - 1)) >> shift, 2**width - 1)``: rounds half away from
    zero, for ``sums`` that are not negative; ``shift`` is 1 or more."""
    scaled = np.asarray(sums, dtype=np.int64) * multiplier + (1 << shift >> 1)
    return np.minimum(scaled >> shift, (1 << width) - 1)


def totals(layer: MacLayer, values: npt.NDArray, source: Shape) -> Ints:
    """Totals of ``layer``, shape (samples, channels, rows, columns), for ``values`` of shape
    (samples, places of ``source`` in C order): before pooling, after ReLU if it has one."""
    x = values.astype(np.int64)
    projection, shape = layer.projection, layer.shape
    weights = projection.weights.astype(np.int64)
    if isinstance(projection, Dense):
        result = (x @ weights).reshape(len(x), *shape.sizes)
    else:
        result = np.zeros((len(x), *shape.sizes), dtype=np.int64)
        by_group = result.reshape(len(x), projection.groups, -1, shape.height, shape.width)
        kernel = weights.reshape(projection.groups, -1, *weights.shape[1:])
        reach = [
            stride * (size - 1) + dilation * (taps - 1) + 1
            for stride, size, dilation, taps in zip(
                projection.stride,
                shape.sizes[1:],
                projection.dilation,
                weights.shape[2:],
                strict=True,
            )
        ]
        before = projection.padding
        after = [max(0, reach[axis] - source.sizes[1 + axis] - before[axis]) for axis in range(2)]
        padded = np.pad(
            x.reshape(len(x), *source.sizes),
            ((0, 0), (0, 0), (before[0], after[0]), (before[1], after[1])),
        )
        padded = padded.reshape(len(x), projection.groups, -1, *padded.shape[2:])
        for ky, kx in np.ndindex(*weights.shape[2:]):
            rows, columns = (
                slice(
                    at * dilation,
                    at * dilation + stride * (size - 1) + 1,
                    stride,
                )
                for at, dilation, stride, size in zip(
                    (ky, kx), projection.dilation, projection.stride, shape.sizes[1:], strict=True
                )
            )
            met = padded[..., rows, columns]
            by_group += np.einsum("ngiyx,goi->ngoyx", met, kernel[..., ky, kx], optimize=True)
    result += layer.bias.astype(np.int64)[:, None, None]
    return np.maximum(result, 0) if layer.relu else result


def activate(layer: MacLayer, total: Ints, width: int) -> Ints:
    """Activations of ``layer``, shape (samples, places in C order), from its :func:`totals`."""
    output, (rows, columns) = layer.output, layer.pool
    windows = total[:, :, : output.height * rows, : output.width * columns].reshape(
        len(total), output.channels, output.height, rows, output.width, columns
    )
    sums = windows.sum(axis=(3, 5)).reshape(len(total), -1)
    return requantise(sums, layer.multiplier, layer.shift, width)


def checked_values(program: MacProgram, values: npt.ArrayLike) -> Ints:
    """``values`` as integers of shape (samples, inputs), or ValueError."""
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != program.inputs.neurons:
        raise ValueError(
            f"values must have shape (samples, {program.inputs.neurons}), not {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise ValueError(f"values must be integers, not {array.dtype}")
    if array.size and not (0 <= array.min() and array.max() <= program.activation_max):
        raise ValueError(
            f"values must be in 0..{program.activation_max}, not {array.min()}..{array.max()}"
        )
    return array.astype(np.int64)


def run(
    program: MacProgram, values: npt.ArrayLike, *, lanes: int = 8, skip_zeros: bool = False
) -> MacTrace:
    """Run ``program``.

    Parameters
    ----------
    program : MacProgram
    values : array of int, shape (samples, inputs in C order)
        0..``activation_max``.
    lanes, skip_zeros
        Of the core whose counters are predicted; they change no other result.

    Raises
    ------
    ValueError
        If ``values`` have the wrong shape or type or are out of range.
    """
    x = checked_values(program, values)
    activations = []
    for layer, source in zip(program.layers[:-1], program.sources, strict=False):
        x = activate(layer, totals(layer, x, source), program.activation_width)
        activations.append(x)
    total = totals(program.layers[-1], x, program.sources[-1])
    # Logits leave by row, column and channel.
    logits = total.transpose(0, 2, 3, 1).reshape(len(total), -1)
    params = program.params(lanes=lanes, skip_zeros=skip_zeros)
    read = [checked_values(program, values), *activations]
    return MacTrace(
        activations=tuple(activations),
        logits=logits,
        labels=logits.argmax(axis=1),
        counters=MacCounters.predict(params, read),
    )
