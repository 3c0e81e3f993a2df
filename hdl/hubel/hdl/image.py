"""Memory images: a Program laid out as the rows of a core's memories."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
from amaranth import signed
from amaranth.hdl import Shape as HdlShape
from amaranth.lib import data

from .params import DECAY_SHIFT, REFRACTORY_WIDTH, CoreParams, ProjectionParams, WalkKind
from .population import Population
from .program import Conv2d, Program, Projection, Sparse, channel_words, projection_entries
from .shape import Shape

__all__ = ["NeuronRow", "ParameterLayout", "StateLayout", "neuron_row_shape",
           "neuron_row_width", "neuron_rows", "row_width", "sparse_rows", "weight_rows"]


class NeuronRow(IntEnum):
    """What a row of the neuron memory holds: the two upper bits of its address."""
    #: States at the end of the last step.
    STATE = 0
    #: States before the first step of a sample.
    INIT = 1
    #: Parameters that differ between neurons.
    PARAMETERS = 2


class StateLayout(data.StructLayout):
    """What the neurons of a state word keep, a lane each: the membrane ``v`` and, where the core
    has them, the synaptic current ``u``, the adaptation ``a``, the silent steps ``r``.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        neuron = params.neuron
        states = data.ArrayLayout(signed(params.state_width), params.lanes)
        members: dict = {"v": states}
        if neuron.current:
            members["u"] = states
        if neuron.adaptive:
            members["a"] = states
        if neuron.refractory:
            members["r"] = data.ArrayLayout(REFRACTORY_WIDTH, params.lanes)
        super().__init__(members)


class ParameterLayout(data.StructLayout):
    """The parameters that differ between the neurons of a state word, a lane each.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        state = data.ArrayLayout(signed(params.state_width), params.lanes)
        factor = data.ArrayLayout(DECAY_SHIFT + 1, params.lanes)
        super().__init__({
            name: factor if name in ("decay", "u_decay") else state
            for name in ("bias", "threshold", "v_reset", "decay", "u_decay")
            if name in params.neuron.varied})


def neuron_row_shape(params: CoreParams) -> int:
    """Bits of a row of the neuron memory: what is updated at once."""
    return max(StateLayout(params.update).size, ParameterLayout(params.update).size)


def neuron_kinds(params: CoreParams) -> int:
    """How many kinds of rows (:class:`NeuronRow`) the neuron memory has."""
    return len(NeuronRow) if params.neuron.varied else NeuronRow.PARAMETERS


def row_width(params: CoreParams) -> int:
    """Bits of a state word's number."""
    return max(1, (sum(params.words) - 1).bit_length())


def neuron_row_width(params: CoreParams) -> int:
    """Bits of a row's number within a kind of rows: a state word has ``folds`` of them."""
    return row_width(params) + params.folds - 1


def _check(params: CoreParams, program: Program) -> None:
    needed = program.params(lanes=params.lanes, folds=params.folds)
    if needed != params:
        raise ValueError(f"the Program needs a core with {needed}, not {params}")


def _packed(values: npt.NDArray, width: int) -> list[int]:
    """Rows of signed ``values``, shape (rows, lanes), as integers, lane 0 in the lowest bits."""
    fields = values.astype(object) & ((1 << width) - 1)
    shifts = [1 << (width * lane) for lane in range(values.shape[1])]
    return [int(row) for row in fields @ np.array(shifts, dtype=object)]


def _in_lanes(values: npt.NDArray, shape: Shape, lanes: int) -> npt.NDArray:
    """``values`` of shape (..., neurons) as (..., words, lanes), padded with zeros."""
    order = shape.lane_order(lanes)
    return np.where(order >= 0, values[..., order], 0)


def weight_rows(params: CoreParams, program: Program) -> list[int]:
    """Weight memory of ``program``: a row holds a weight a lane. Gathered projections have a row
    for each {state word, axon}, others for each {channel, kernel element, word} or {axon, word},
    sparse ones for each word of a source neuron's synapses.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    _check(params, program)
    rows = [0] * params.weight_words
    pairs = zip(params.projections, program.projections, strict=True)
    for first, (sizes, projection) in zip(params.first_weight, pairs, strict=True):
        words = _words(params, sizes, projection)
        packed = _packed(words, params.weight_width)
        assert len(packed) == sizes.weight_words
        rows[first:first + len(packed)] = packed
    return rows


def _words(params: CoreParams, sizes: ProjectionParams, projection: Projection) -> npt.NDArray:
    """Weights of ``projection`` in the order of its rows, shape (rows, lanes)."""
    target, lanes = params.populations[sizes.target], params.lanes
    if isinstance(projection, Sparse):
        return _sparse_words(projection, target, lanes)[1]
    if isinstance(projection, Conv2d):
        return _conv_words(projection, target, lanes)
    words = _in_lanes(projection.weights, target, lanes)
    if sizes.kind is WalkKind.GATHER:
        words = words.swapaxes(0, 1)
    return words.reshape(-1, lanes)


def _conv_words(projection: Conv2d, target: Shape, lanes: int) -> npt.NDArray:
    """Rows are {source channel, kernel row, kernel column, word of the channel's group}."""
    targets, group_sources, *kernel = projection.weights.shape
    group_targets = targets // projection.groups
    words = channel_words(targets, projection.groups, lanes)
    result = np.zeros((group_sources * projection.groups, *kernel, words, lanes), dtype=np.int64)
    for channel in range(targets):
        group = channel // group_targets
        word = channel // lanes - group * group_targets // lanes
        sources = slice(group * group_sources, (group + 1) * group_sources)
        result[sources, :, :, word, channel % lanes] = projection.weights[channel]
    return result.reshape(-1, lanes)


def _sparse_words(projection: Sparse, target: Shape,
                  lanes: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Target word and weight in each lane of each row, shapes (rows, lanes). A lane that has
    nothing left adds 0 to word 0."""
    order = target.lane_order(lanes)
    word, lane = np.zeros((2, target.neurons), dtype=np.int64)
    word[order[order >= 0]], lane[order[order >= 0]] = np.nonzero(order >= 0)
    entries = projection_entries(projection, target, lanes)
    first = np.cumsum(entries) - entries
    rows, weights = np.zeros((2, int(entries.sum()), lanes), dtype=np.int64)
    for neuron in range(len(entries)):
        mine = slice(projection.first[neuron], projection.first[neuron + 1])
        used = np.zeros(lanes, dtype=np.int64)
        for synapse, weight in zip(projection.targets[mine], projection.weights[mine], strict=True):
            at = first[neuron] + used[lane[synapse]], lane[synapse]
            rows[at], weights[at] = word[synapse], weight
            used[lane[synapse]] += 1
    return rows, weights


def sparse_rows(params: CoreParams, program: Program) -> list[int]:
    """Memory of targets: beside each weight word of a sparse projection, the state word of the
    target in each lane.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    _check(params, program)
    rows: list[int] = [0] * params.sparse_words
    width = max(1, (params.current_words - 1).bit_length())
    pairs = zip(params.projections, program.projections, strict=True)
    for first, (sizes, projection) in zip(params.first_weight, pairs, strict=True):
        if isinstance(projection, Sparse):
            target = params.populations[sizes.target]
            packed = _packed(_sparse_words(projection, target, params.lanes)[0], width)
            rows[first:first + len(packed)] = packed
    return rows


def neuron_rows(params: CoreParams, program: Program) -> list[int]:
    """Neuron memory of ``program``: rows are {:class:`NeuronRow`, state word, fold}.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    _check(params, program)
    stride = 1 << neuron_row_width(params)
    rows = [0] * (stride * neuron_kinds(params))
    for kind, layout, fields in (
            (NeuronRow.INIT, StateLayout(params.update), {"v": "v_init", "u": "u_init"}),
            (NeuronRow.PARAMETERS, ParameterLayout(params.update), None)):
        packed = [row for population in program.populations
                  for row in _neuron_words(population, layout, fields, params.lanes, params.folds)]
        if kind < neuron_kinds(params):
            rows[kind * stride:kind * stride + len(packed)] = packed
    return rows


def _neuron_words(population: Population, layout: data.StructLayout,
                  fields: dict[str, str] | None, lanes: int, folds: int) -> list[int]:
    """Rows of ``population``: each field of ``layout`` from the parameter of that name, or of the
    name that ``fields`` gives it (what has none is 0)."""
    rows = [0] * (population.shape.words(lanes) * folds)
    for name, place in layout:
        parameter = str(name) if fields is None else fields.get(str(name), "")
        value = getattr(population, parameter, 0)
        values = np.broadcast_to(np.asarray(0 if value is None else value, dtype=np.int64),
                                 (population.neurons,))
        width = HdlShape.cast(place.shape.elem_shape).width
        in_lanes = _in_lanes(values, population.shape, lanes).reshape(-1, lanes // folds)
        packed = _packed(in_lanes, width)
        rows = [row | word << place.offset for row, word in zip(rows, packed, strict=True)]
    return rows
