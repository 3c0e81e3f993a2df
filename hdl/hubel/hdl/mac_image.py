"""Memory images of a MAC core."""

import numpy as np
import numpy.typing as npt

from .image import packed_rows
from .mac_params import MacParams
from .mac_program import MacLayer, MacProgram
from .projection import Dense
from .shape import Shape

__all__ = ["bias_rows", "mac_weight_rows"]


def _check(params: MacParams, program: MacProgram) -> None:
    needed = program.params(lanes=params.lanes, skip_zeros=params.skip_zeros)
    if needed != params:
        raise ValueError(f"the MacProgram needs a core with {needed}, not {params}")


def mac_weight_rows(params: MacParams, program: MacProgram) -> list[int]:
    """Weight memory of ``program``: for each layer a row for each {word of channels, kernel row,
    kernel column, channel of the source}, which has a weight a lane. Words do not cross groups.

    Raises
    ------
    ValueError
        If the MacProgram is not for a core of these sizes.
    """
    _check(params, program)
    rows = []
    for i, (layer, source) in enumerate(zip(program.layers, program.sources, strict=True)):
        words = _words(layer, source, params.group_words(i), params.lanes)
        rows += packed_rows(words, params.weight_width)
    assert len(rows) == params.weight_words
    return rows


def _words(layer: MacLayer, source: Shape, group_words: int, lanes: int) -> npt.NDArray[np.int64]:
    """Weights in the order of the rows, shape (rows, lanes)."""
    projection = layer.projection
    if isinstance(projection, Dense):
        # Activations lie by row, column and channel; axons are numbered by channel first.
        kernel = projection.weights.T.reshape(-1, *source.sizes).transpose(0, 2, 3, 1)
        kernel, groups = kernel.reshape(len(kernel), -1), 1
    else:
        kernel, groups = projection.weights.transpose(0, 2, 3, 1), projection.groups
        kernel = kernel.reshape(len(kernel), -1)
    by_group = kernel.reshape(groups, -1, kernel.shape[1])
    padded = np.zeros((groups, group_words * lanes, kernel.shape[1]), dtype=np.int64)
    padded[:, :by_group.shape[1]] = by_group
    words = padded.reshape(groups, group_words, lanes, -1).swapaxes(2, 3)
    return words.reshape(-1, lanes)


def bias_rows(params: MacParams, program: MacProgram) -> list[int]:
    """Biases of all layers, one a channel, two's complement of ``total_width`` bits.

    Raises
    ------
    ValueError
        If the MacProgram is not for a core of these sizes.
    """
    _check(params, program)
    biases = np.concatenate([layer.bias for layer in program.layers])
    return packed_rows(biases[:, None], params.total_width)
