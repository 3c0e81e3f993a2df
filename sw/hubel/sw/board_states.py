"""The rows of a core's neuron memory as the states of its populations."""

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Shape as HdlShape

from hubel.hdl.image import StateLayout, neuron_row_shape
from hubel.hdl.memory_access import row_bytes
from hubel.hdl.params import CoreParams


def state_bytes(params: CoreParams) -> int:
    """Bytes of the states of all populations, from row 0 of the neuron memory on."""
    return sum(params.words) * params.folds * row_bytes(neuron_row_shape(params))


def unpack_states(params: CoreParams, data: bytes) -> dict[str, list[npt.NDArray[np.int32]]]:
    """What ``data``, :func:`state_bytes` bytes, say: for each of "v", and of "u", "a" and "r" where
    the core has them, an array of shape (neurons,) for each population."""
    rows = np.frombuffer(data, dtype=np.uint8).reshape(sum(params.words) * params.folds, -1)
    bits = np.unpackbits(rows, axis=1, bitorder="little")
    found: dict[str, list[npt.NDArray[np.int32]]] = {}
    lanes = params.update.lanes
    for name, place in StateLayout(params.update):
        width = HdlShape.cast(place.shape).width // lanes
        fields = bits[:, place.offset : place.offset + width * lanes]
        weights = 1 << np.arange(width, dtype=np.int64)
        values = fields.reshape(-1, params.lanes, width).astype(np.int64) @ weights
        if name != "r":
            values = values - (values >> (width - 1) << width)
        found[str(name)] = []
        for first, words, shape in zip(
            params.first_word, params.words, params.populations, strict=True
        ):
            order = shape.lane_order(params.lanes)
            neurons = np.empty(shape.neurons, dtype=np.int32)
            neurons[order[order >= 0]] = values[first : first + words][order >= 0]
            found[str(name)].append(neurons)
    return found
