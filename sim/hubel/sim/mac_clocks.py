"""When a MAC core gives its last logit: the clocks of its pipeline, without simulating it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubel.hdl.mac_counters import read_groups
from hubel.hdl.mac_jobs import JOB_CLOCKS
from hubel.hdl.mac_params import MacParams

Ints = npt.NDArray[np.int64]

# Clocks, of the pipeline in hubel.hdl: from the start of a layer to the first job;
_TO_JOB = 1
# from the last activation of a word to the first of its lanes with its bias, to the first of its
# activations as it is written, and to the start of the next layer, the lanes themselves left out.
_TO_TOTAL, _TO_WRITE, _TO_START = 8, 14, 14
# In the final layer, where a word waits until the one before has left.
_FINAL = 9


@dataclass(frozen=True, kw_only=True, eq=False)
class MacClocks:
    """Clocks of a core that is never kept waiting, arrays of shape (samples,).

    ``latency``: of each sample alone, from its first activation to its last logit. ``finished``:
    the clock of the last logit of each sample when they follow each other, counted from the first
    activation, 1 for that one.
    """

    latency: Ints
    finished: Ints


@dataclass(frozen=True, eq=False)
class _Layer:
    """When the last activation of each word of a layer is worked on, counted from the start of the
    layer, shape (samples, words); whether the word closes a window and its lanes, shape (words,).
    """

    last: Ints
    closes: npt.NDArray[np.bool_]
    lanes: Ints


def mac_clocks(params: MacParams, activations: Sequence[npt.NDArray]) -> MacClocks:
    """Clocks of the core for what each layer reads, as for
    :meth:`hubel.hdl.mac_counters.MacCounters.predict`."""
    layers = [_layer(params, i, values) for i, values in enumerate(activations)]
    samples = len(activations[0])
    latency, finished = np.zeros((2, samples), dtype=np.int64)
    start = loaded = 0
    inputs = params.inputs.neurons
    for sample in range(samples):
        *_, latency[sample] = _run(params, layers, sample, inputs + 1)
        if sample == 0:
            loaded = inputs
        through, writes, start, finished[sample] = _run(
            params, layers, sample, max(start, loaded + 1)
        )
        loaded = _loaded(through, writes, inputs)
    return MacClocks(latency=latency, finished=finished)


def _loaded(first: int, writes: Ints, inputs: int) -> int:
    """When ``inputs`` activations are there, one in each clock from ``first`` on in which none of
    ``writes`` (clocks) happens."""
    end = first + inputs
    while True:
        blocked = int(np.count_nonzero((first <= writes) & (writes < end)))
        if first + inputs + blocked == end:
            return end
        end = first + inputs + blocked


def _run(
    params: MacParams, layers: Sequence[_Layer], sample: int, start: int
) -> tuple[int, Ints, int, int]:
    """For a sample whose first layer may start at clock ``start``: when its input is not needed any
    more, when activations are written while the next input may come, when the next sample may
    start, and when the last logit is given."""
    through, writes, end = 0, [], 0
    lanes = params.lanes
    for i, layer in enumerate(layers):
        last = start + layer.last[sample]
        if i == len(layers) - 1:
            end = int(last[-1]) + _TO_TOTAL + int(layer.lanes[-1])
            free = int(last[-1]) + _TO_TOTAL + lanes
            start = max(free, end + 1)
        else:
            first = last[layer.closes] + _TO_WRITE
            there = np.arange(lanes) < layer.lanes[layer.closes][:, None]
            writes.append((first[:, None] + np.arange(lanes))[there])
            start = free = int(last[-1]) + _TO_START + lanes
        if i == 0:
            through = free
    return through, np.concatenate([np.zeros(0, np.int64), *writes[1:]]), start, end


def _layer(params: MacParams, number: int, activations: npt.NDArray) -> _Layer:
    sizes, source = params.layers[number], params.source(number)
    first, last, owner = read_groups(params, number)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    if params.skip_zeros:
        shape = params.inputs if number == 0 else params.layers[number - 1].output
        laid_out = activations.reshape(-1, *shape.sizes).transpose(0, 2, 3, 1)
        nonzero = laid_out.reshape(-1, source.neurons) != 0
        before = np.pad(np.cumsum(nonzero, axis=1), ((0, 0), (1, 0)))
        clocks = np.maximum(before[:, last] - before[:, first], 1)
    else:
        clocks = np.broadcast_to(last - first, (len(activations), len(first)))
    # From {row, column, group} to the order of the hardware: windows, groups, words, places.
    window, output = sizes.pool, sizes.output
    order = np.arange(len(starts)).reshape(
        output.height, window[0], output.width, window[1], sizes.groups
    )
    order = order.transpose(0, 2, 4, 1, 3)
    words = params.group_words(number)
    order = np.repeat(order[:, :, :, None], words, axis=3)
    closes = np.zeros(order.shape, dtype=np.bool_)
    closes[..., -1, -1] = True
    lanes = np.full(order.shape, params.lanes)
    lanes[:, :, :, -1] = (sizes.group_channels - 1) % params.lanes + 1
    final = number == len(params.layers) - 1
    least = params.lanes + _FINAL if final else params.least_clocks
    parts = np.split(clocks, starts[1:], axis=1)
    times = _look_ahead if params.skip_zeros else _straight
    last_of = times([parts[place] for place in order.ravel()], least)
    return _Layer(last_of, closes.ravel(), lanes.ravel())


def _straight(words: Sequence[Ints], least: int) -> Ints:
    """When each of ``words``, clocks of its chunks of shape (samples, chunks), is through: the
    walker takes a job with the last activation of the one before, if it is there by then."""
    job, last, result = _TO_JOB, None, []
    for clocks in words:
        end = job + clocks.sum(axis=1)
        if last is not None:
            end = np.maximum(end, last + least)
        result.append(end)
        last, job = end, np.maximum(end, job + JOB_CLOCKS)
    return np.stack(result, axis=1)


def _look_ahead(words: Sequence[Ints], least: int) -> Ints:
    """The same where it is looked up which activations are zero: a chunk is taken from the walker,
    moves on a clock later if the one before is through, and is worked on."""
    samples = len(words[0])
    job = np.full(samples, _TO_JOB)
    moved, through = np.zeros((2, samples), dtype=np.int64)
    last, result = None, []
    for clocks in words:
        taken = job
        for chunk in clocks.T:
            taken = np.maximum(taken + 1, moved)
            moved = np.maximum(taken + 1, through)
            through = moved + chunk
        if last is not None:
            through = np.maximum(through, last + least)
        result.append(through)
        last, job = through, np.maximum(taken, job + JOB_CLOCKS)
    return np.stack(result, axis=1)
