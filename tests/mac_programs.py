"""Random Programs for the MAC core, and activations for them."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from hubel.hdl.mac_program import MacLayer, MacProgram
from hubel.hdl.projection import Conv2d, Dense
from hubel.hdl.shape import Shape

Pair = tuple[int, int]


def scaled(rng: np.random.Generator, layer: MacLayer, most: int) -> MacLayer:
    """``layer`` with a multiplier and a shift that use the range of the activations."""
    spread = most * np.sqrt(layer.projection.weights[0].size) * 40 * np.prod(layer.pool)
    multiplier = int(rng.integers(128, 256))
    shift = int(np.clip(np.log2(multiplier * spread / 200) + rng.integers(-1, 2), 1, 31))
    return replace(layer, multiplier=multiplier, shift=shift)


def random_layer(
    rng: np.random.Generator, number: int, source: Shape, *, width: int = 8, last: bool = False
) -> MacLayer:
    """A dense layer or a convolution of any geometry that fits ``source``."""
    high = 1 << (width - 1)
    ends: Any = {"name": f"w{number}", "source": f"l{number - 1}", "target": f"l{number}"}
    if last or source.plain or rng.random() < 0.3:
        channels = int(rng.integers(1, 20))
        weights = rng.integers(-high, high, (source.neurons, channels))
        projection, shape = Dense(weights=weights, **ends), Shape(channels)
        pool: Pair = (1, 1)
    else:
        groups = int(rng.choice([g for g in (1, 2, 3, 4) if source.channels % g == 0]))
        channels = groups * int(rng.integers(1, 7))
        while True:
            kernel, stride, padding, dilation = (
                tuple(rng.integers(low, top, 2).tolist())
                for low, top in ((1, 4), (1, 3), (0, 3), (1, 3))
            )
            size = [
                (have + 2 * p - d * (k - 1) - 1) // s + 1
                for have, k, s, p, d in zip(
                    source.sizes[1:], kernel, stride, padding, dilation, strict=True
                )
            ]
            if min(size) < 1:
                continue
            met = [
                all(any(0 <= o * s - p + e * d < have for e in range(k)) for o in range(outputs))
                for have, outputs, k, s, p, d in zip(
                    source.sizes[1:], size, kernel, stride, padding, dilation, strict=True
                )
            ]
            if all(met):
                break
        shape = Shape(channels, *size)
        weights = rng.integers(-high, high, (channels, source.channels // groups, *kernel))
        projection = Conv2d(
            weights=weights, groups=groups, stride=stride, padding=padding, dilation=dilation,
            **ends,
        )  # fmt: skip
        rows, columns = (int(rng.integers(1, min(3, n) + 1)) for n in size)
        pool = rows, columns
    layer = MacLayer(
        projection=projection,
        shape=shape,
        bias=rng.integers(-2000, 2000, shape.channels),
        relu=not last or bool(rng.random() < 0.3),
        pool=(1, 1) if last else pool,
    )
    return layer


def random_program(
    seed: int, *, layers: int = 3, width: int = 8, activation_width: int = 8
) -> MacProgram:
    """A chain of random layers behind an input of a few rows and columns."""
    rng = np.random.default_rng(seed)
    source = Shape(int(rng.integers(1, 5)), *(int(n) for n in rng.integers(3, 8, 2)))
    inputs, chain = source, []
    for i in range(1, layers + 1):
        layer = random_layer(rng, i, source, width=width, last=i == layers)
        if i < layers:
            layer = scaled(rng, layer, (1 << activation_width) - 1)
        chain.append(layer)
        source = layer.output
    return MacProgram(
        inputs=inputs,
        layers=tuple(chain),
        weight_width=width,
        activation_width=activation_width,
    )


def random_values(program: MacProgram, samples: int, seed: int, zeros: float = 0.4) -> np.ndarray:
    """Activations of the input, of which a share is zero."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, program.activation_max + 1, (samples, program.inputs.neurons))
    return np.where(rng.random(values.shape) < zeros, 0, values)


def chain(seed: int, *sizes: int) -> MacProgram:
    """Dense layers of these sizes."""
    rng = np.random.default_rng(seed)
    layers = []
    for i, (n, k) in enumerate(pairwise(sizes), 1):
        last = i == len(sizes) - 1
        ends: Any = {"name": f"w{i}", "source": f"l{i - 1}", "target": f"l{i}"}
        layer = MacLayer(
            projection=Dense(weights=rng.integers(-128, 128, (n, k)), **ends),
            shape=Shape(k),
            bias=rng.integers(-2000, 2000, k),
            relu=not last,
        )
        layers.append(layer if last else scaled(rng, layer, 255))
    return MacProgram(inputs=Shape(sizes[0]), layers=tuple(layers))
