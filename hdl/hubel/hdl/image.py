"""Memory images: a Program laid out as the rows of a core's memories."""

from enum import IntEnum

import numpy as np

from .params import CoreParams
from .program import Program

__all__ = ["NeuronRow", "neuron_rows", "row_width", "weight_rows"]


class NeuronRow(IntEnum):
    """What a row of the neuron memory holds: the two upper bits of its address."""
    #: Membranes at the end of the last step.
    MEMBRANE = 0
    #: Membranes before the first step of a sample.
    INIT = 1
    #: Biases.
    BIAS = 2


def row_width(params: CoreParams) -> int:
    """Bits of a state word's number."""
    return max(1, (sum(params.words) - 1).bit_length())


def _check(params: CoreParams, program: Program) -> None:
    needed = program.params(lanes=params.lanes)
    if needed != params:
        raise ValueError(f"the Program needs a core with {needed}, not {params}")


def _packed(values: np.ndarray, width: int) -> list[int]:
    """Rows of signed ``values``, shape (rows, lanes), as integers, lane 0 in the lowest bits."""
    fields = values.astype(object) & ((1 << width) - 1)
    shifts = [1 << (width * lane) for lane in range(values.shape[1])]
    return [int(row) for row in fields @ np.array(shifts, dtype=object)]


def _in_lanes(values: np.ndarray, lanes: int) -> np.ndarray:
    """``values`` of shape (..., neurons) as (..., words, lanes), padded with zeros."""
    neurons = values.shape[-1]
    words = -(-neurons // lanes)
    padding = [(0, 0)] * (values.ndim - 1) + [(0, words * lanes - neurons)]
    return np.pad(values, padding).reshape(*values.shape[:-1], words, lanes)


def weight_rows(params: CoreParams, program: Program) -> list[int]:
    """Weight memory of ``program``: a row is {state word, axon} and holds a weight a lane.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    _check(params, program)
    rows: list[int] = []
    for population in program.populations:
        words = _in_lanes(population.weights, params.lanes).swapaxes(0, 1)
        rows += _packed(words.reshape(-1, params.lanes), params.weight_width)
    return rows


def neuron_rows(params: CoreParams, program: Program) -> list[int]:
    """Neuron memory of ``program``: rows are {:class:`NeuronRow`, state word}.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    _check(params, program)
    stride = 1 << row_width(params)
    rows = [0] * (stride * len(NeuronRow))
    for kind, arrays in ((NeuronRow.INIT, [p.v_init for p in program.populations]),
                         (NeuronRow.BIAS, [p.bias for p in program.populations])):
        packed = [row for array in arrays
                  for row in _packed(_in_lanes(array, params.lanes), params.state_width)]
        rows[kind * stride:kind * stride + len(packed)] = packed
    return rows
