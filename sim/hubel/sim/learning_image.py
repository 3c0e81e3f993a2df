"""A layer as the bytes of a learning core's memories, and back."""

from collections.abc import Iterator, Sequence

import numpy as np

from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.rates import RATE_REGISTERS, rate_values, rates_of
from hubel.hdl.stdp_params import LearningParams, LearningRates

from .learning import Layer

#: Memory, first row, bytes.
Part = tuple[LearningMemory, int, int]


def rate_bytes(rates: LearningRates) -> bytes:
    """Contents of :attr:`LearningMemory.RATES`."""
    values = rate_values(rates)
    return b"".join(values[name].to_bytes(2, "little") for name in RATE_REGISTERS)


def rates_from(data: bytes) -> LearningRates:
    """What :func:`rate_bytes` wrote; ValueError if it is none."""
    return rates_of(np.frombuffer(data, dtype="<u2").tolist())


def weight_parts(params: LearningParams) -> list[Part]:
    """Rows of weights that follow each other: an input's, or all, if neurons are a power of two."""
    bits, size = (params.neurons - 1).bit_length(), params.weight_width // 8
    if params.neurons == 1 << bits:
        return [(LearningMemory.WEIGHTS, 0, size * params.inputs * params.neurons)]
    return [(LearningMemory.WEIGHTS, i << bits, size * params.neurons)
            for i in range(params.inputs)]  # fmt: skip


def layer_parts(params: LearningParams) -> list[Part]:
    """All that a core must be told to be as a layer at the beginning of a sample."""
    return [
        (LearningMemory.RATES, 0, 2 * len(RATE_REGISTERS)),
        *weight_parts(params),
        (LearningMemory.NEURONS, 0, 6 * params.neurons),
        (LearningMemory.RANDOM, 0, 8),
    ]


def load_bytes(layer: Layer) -> Iterator[tuple[LearningMemory, int, bytes]]:
    """Memory, first row and bytes of each of :func:`layer_parts`."""
    weights = layer.weights.astype(f"<u{layer.params.weight_width // 8}").tobytes()
    neurons = np.stack([layer.v, layer.a, layer.y], axis=1).astype("<u2").tobytes()
    data = rate_bytes(layer.rates) + weights + neurons + layer.lfsr.to_bytes(8, "little")
    at = 0
    for memory, address, count in layer_parts(layer.params):
        yield memory, address, data[at : at + count]
        at += count


def layer_from(params: LearningParams, contents: Sequence[bytes]) -> Layer:
    """The layer whose :func:`layer_parts` have these ``contents``; ValueError if there is none."""
    rates, *weights, neurons, random = contents
    flat = np.frombuffer(b"".join(weights), dtype=f"<u{params.weight_width // 8}")
    layer = Layer(
        params, rates_from(rates), flat.reshape(params.inputs, params.neurons),
        lfsr=int.from_bytes(random, "little"),
    )  # fmt: skip
    layer.v, layer.a, layer.y = np.frombuffer(neurons, dtype="<u2").reshape(-1, 3).T.astype(int)
    return layer
