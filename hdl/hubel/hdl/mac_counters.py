"""The counters of a MAC core: their names, and how they follow from the activations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .counters import CounterNames
from .mac_params import GROUP, MacParams
from .mac_tables import gather_tables

__all__ = ["MacCounters", "read_groups"]


@dataclass(frozen=True, kw_only=True)
class MacCounters(CounterNames):
    """What a MAC core counts, one value a sample or in total.

    ``inputs``: activations received. ``weight_reads``: weight words read. ``activation_reads``:
    activations read, one for each weight word. ``macs``: products that were added, padding of words
    left out. ``zero_reads``: groups of activations of which it was looked up which are zero; none
    unless zeros are skipped. ``activation_writes``: activations written between layers. ``totals``:
    totals that left the lanes, logits included. ``busy``: clocks in which an activation, or a
    group of zeros, was worked on.
    """
    inputs: npt.NDArray[np.int64]
    weight_reads: npt.NDArray[np.int64]
    activation_reads: npt.NDArray[np.int64]
    macs: npt.NDArray[np.int64]
    zero_reads: npt.NDArray[np.int64]
    activation_writes: npt.NDArray[np.int64]
    totals: npt.NDArray[np.int64]
    busy: npt.NDArray[np.int64]

    @classmethod
    def predict(cls, params: MacParams, activations: Sequence[npt.NDArray]) -> "MacCounters":
        """Counters of each sample from the activations that each layer reads, arrays of shape
        (samples, places in C order), those of the input first."""
        samples = len(activations[0])
        values = {name: np.zeros(samples, dtype=np.int64) for name in cls.names()}
        values["inputs"] += params.inputs.neurons
        for i, sizes in enumerate(params.layers):
            work = _layer_work(params, i, activations[i])
            for name, counts in work.items():
                values[name] += counts
            places = sizes.output.height * sizes.output.width * sizes.pool[0] * sizes.pool[1]
            values["totals"] += sizes.shape.channels * places
            if i < len(params.layers) - 1:
                values["activation_writes"] += sizes.output.neurons
        values["activation_reads"] = values["weight_reads"]
        return cls(**values)


def read_groups(params: MacParams, layer: int) -> tuple[npt.NDArray[np.int64], ...]:
    """The groups of activations that the outputs of ``layer`` read, in the order of the hardware:
    first and last activation (exclusive) within the source's region, and which {place, group of
    channels} they belong to. A group does not cross a multiple of :data:`GROUP`."""
    sizes, tables = params.layers[layer], gather_tables(params, layer)
    y_table, x_table = tables.y, tables.x
    first, last, owner = [], [], []
    owners = 0
    for y in range(sizes.output.height * sizes.pool[0]):
        for x in range(sizes.output.width * sizes.pool[1]):
            corner = int(y_table.activation[y] + x_table.activation[x]) - params.regions[layer]
            lines = np.arange(y_table.count[y])[:, None] * tables.y_activation
            runs = (corner + lines + np.arange(x_table.count[x]) * tables.x_activation).ravel()
            run = int(x_table.run[x])
            cuts = -(-(run + GROUP - 1) // GROUP)
            for group in range(sizes.groups):
                at = runs[:, None] + group * params.group_source(layer)
                edges = (at // GROUP + np.arange(cuts + 1)) * GROUP
                begin, end = np.maximum(edges[:, :-1], at), np.minimum(edges[:, 1:], at + run)
                used = begin < end
                first.append(begin[used])
                last.append(end[used])
                owner.append(np.full(used.sum(), owners))
                owners += 1
    return np.concatenate(first), np.concatenate(last), np.concatenate(owner)


def _layer_work(params: MacParams, layer: int,
                activations: npt.NDArray) -> dict[str, npt.NDArray[np.int64]]:
    """Counters that depend on what the outputs of ``layer`` read, arrays of shape (samples,)."""
    sizes, source = params.layers[layer], params.source(layer)
    first, last, _ = read_groups(params, layer)
    samples = len(activations)
    reads, macs, zero_reads, busy = np.zeros((4, samples), dtype=np.int64)
    shape = params.inputs if layer == 0 else params.layers[layer - 1].output
    laid_out = activations.reshape(samples, *shape.sizes).transpose(0, 2, 3, 1)
    laid_out = laid_out.reshape(samples, source.neurons)
    words = params.group_words(layer)
    for sample in range(samples):
        if params.skip_zeros:
            before = np.concatenate([[0], np.cumsum(laid_out[sample] != 0)])
            read = before[last] - before[first]
            clocks = np.maximum(read, 1)
        else:
            read = clocks = last - first
        reads[sample] = words * read.sum()
        macs[sample] = sizes.group_channels * read.sum()
        zero_reads[sample] = words * len(read) if params.skip_zeros else 0
        busy[sample] = words * clocks.sum()
    return {"weight_reads": reads, "macs": macs, "zero_reads": zero_reads, "busy": busy}

