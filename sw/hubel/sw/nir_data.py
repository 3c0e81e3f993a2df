"""Spikes as NIR data (``nir.NIRGraphData``), the exchange format for what goes in and comes out."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import h5py
import nir
import numpy as np
import numpy.typing as npt

from .event_spikes import check_cells
from .npz import atomic_file, first_line

_T = TypeVar("_T")

_INPUT, _SPIKES = "input", "spikes"
_MEND = "write it again with nir.write_data"
# HDF5 can declare any size in a few bytes; its deflate filter packs at most 1032 bytes into one.
_PACKED, _SPARE = 1100, 1 << 20


def read_nir_data(
    path: str | os.PathLike[str],
    *,
    dt: float,
    steps: int | None = None,
    node: str | None = None,
    observable: str | None = None,
) -> npt.NDArray[np.bool_]:
    """Spikes of one node, of shape (samples, steps, neurons).

    An event at time ``t`` falls into step ``floor(t / dt)``; what only rounding keeps below a
    step's beginning belongs to that step. A neuron fires at most once a step.

    Parameters
    ----------
    path : path
        A file of ``nir.write_data``, of events or on a grid of time.
    dt : float
        Seconds a step, above 0; a grid must have the same.
    steps : int, optional
        1 or more, and enough for all spikes; the file's own if not given.
    node : str, optional
        Without it, ``input``, or the only one.
    observable : str, optional
        Without it, ``spikes``, or the only one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or something else, has no such node or observable, holds no spikes
        but values, or ``dt`` or ``steps`` do not fit; the message is one line that names the file.
    """
    _check_dt(dt)
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be 1 or more, not {steps}")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; {_MEND}")
    try:
        _check_size(path)
        graph = nir.read_data(str(path))
    # h5py and nir raise whatever happens to fail inside them on a bad file.
    except Exception as error:
        raise ValueError(
            f"{path}: not a readable file of NIR data: {first_line(error)}; {_MEND}"
        ) from None
    found = _choose(path, "node", graph.nodes, node, _INPUT)
    if isinstance(found, nir.NIRGraphData):
        raise ValueError(f"{path}: the node is a graph of its own; save the data of its nodes")
    data = _choose(path, "observable", found.observables, observable, _SPIKES)
    try:
        if isinstance(data, nir.TimeGriddedData):
            return _from_grid(path, data, dt, steps)
        return _from_events(path, data, dt, steps)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{path}: not usable NIR data: {first_line(error)}; {_MEND}") from None


def write_nir_data(
    path: str | os.PathLike[str],
    spikes: Mapping[str, npt.NDArray[np.bool_]],
    *,
    dt: float,
    gridded: bool = False,
) -> None:
    """Write spikes as the observable ``spikes`` of each node, atomically.

    Parameters
    ----------
    path : path
        Replaced if it exists.
    spikes : mapping of str to bool array of shape (samples, steps, neurons)
        Spikes of each node: ``input``, or the name of a population.
    dt : float
        Seconds a step, above 0.
    gridded : bool
        As a grid of time, not as events. Events lie in the middle of their step, so that any
        rounding leaves them there.

    Raises
    ------
    ValueError
        If ``dt`` is not above 0, or a name or an array is not as above.
    OSError
        If the file cannot be written; ``path`` is then as it was.
    """
    _check_dt(dt)
    for name, array in spikes.items():
        if not name.strip(".") or "/" in name:
            raise ValueError(f"{path}: {name!r} cannot be the name of a node; it must have no '/'")
        if array.ndim != 3 or array.dtype != np.bool_ or 0 in array.shape:
            raise ValueError(
                f"{path}: spikes of {name!r} must be bool of shape (samples, steps, neurons), each "
                f"1 or more, not {array.dtype} of shape {array.shape}"
            )
    nodes: dict[str, nir.NIRNodeData | nir.NIRGraphData] = {
        name: nir.NIRNodeData({_SPIKES: _grid(array, dt) if gridded else _events(array, dt)})
        for name, array in spikes.items()
    }
    with atomic_file(path) as temporary:
        nir.write_data(temporary, nir.NIRGraphData(nodes))


def _check_dt(dt: float) -> None:
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be above 0 and finite, not {dt!r}")


def _check_size(path: Path) -> None:
    """Raise ValueError if the arrays declare more bytes than the file can hold."""
    declared = 0

    def add(name: str, item: object) -> None:
        nonlocal declared
        if isinstance(item, h5py.Dataset):
            if item.dtype.hasobject:
                raise ValueError(f"{name} is not an array of numbers")
            declared += item.size * item.dtype.itemsize

    with h5py.File(path, "r") as file:
        file.visititems(add)
    size = path.stat().st_size
    if declared > _PACKED * size + _SPARE:
        raise ValueError(f"its arrays declare {declared} bytes, the file has {size}")


def _choose(path: Path, what: str, items: Mapping[str, _T], name: str | None, usual: str) -> _T:
    """The item called ``name``; without a name, the usual one, or the only one."""
    if name is None:
        name = usual if usual in items or len(items) != 1 else next(iter(items))
    if name not in items:
        raise ValueError(
            f"{path}: has no {what} {name!r}; give {what}=, one of: {', '.join(items) or 'none'}"
        )
    return items[name]


def _grid(spikes: npt.NDArray[np.bool_], dt: float) -> nir.TimeGriddedData:
    return nir.TimeGriddedData(spikes, dt)


def _events(spikes: npt.NDArray[np.bool_], dt: float) -> nir.EventData:
    samples, steps, neurons = spikes.shape
    counts = np.count_nonzero(spikes, axis=(1, 2))
    idx = np.full((samples, counts.max()), -1, dtype=np.int64)
    time = np.full(idx.shape, np.inf)
    for i in range(samples):
        step, idx[i, : counts[i]] = np.nonzero(spikes[i])
        time[i, : counts[i]] = (step + 0.5) * dt
    return nir.EventData(idx, time, neurons, steps * dt)


def _from_grid(
    path: Path, grid: nir.TimeGriddedData, dt: float, steps: int | None
) -> npt.NDArray[np.bool_]:
    data = grid.data
    if data.dtype.kind not in "buif" or not np.isin(data, (0, 1)).all():
        raise ValueError(f"{path}: the grid must hold 0 and 1, not other values; give spikes")
    if not np.isclose(grid.dt, dt, rtol=1e-6, atol=0):
        raise ValueError(f"{path}: its steps are {grid.dt} s, not {dt} s; give dt={grid.dt}")
    samples, own, neurons = data.shape
    if steps is None:
        steps = int(own)
    _check_shape(path, samples, steps, neurons)
    if data[:, steps:].any():
        raise ValueError(f"{path}: has a spike after the last of {steps} steps; give {own} steps")
    spikes = np.zeros((samples, steps, neurons), dtype=np.bool_)
    spikes[:, :own] = data[:, :steps]
    return spikes


def _from_events(
    path: Path, events: nir.EventData, dt: float, steps: int | None
) -> npt.NDArray[np.bool_]:
    if isinstance(events, nir.ValuedEventData):
        raise ValueError(f"{path}: its events have values; give events without, one a spike")
    idx, time = events.idx, events.time
    if idx.ndim != 2 or idx.dtype.kind not in "iu" or time.dtype.kind not in "fiu":
        raise ValueError(
            f"{path}: idx must be integers and time numbers, of shape (samples, events), not "
            f"{idx.dtype} of shape {idx.shape} and {time.dtype}"
        )
    sample, event = np.nonzero(idx != -1)
    neuron, at = idx[sample, event], time[sample, event]
    bad = ~((neuron >= 0) & (neuron < events.n_neurons) & (at >= 0) & (at < np.inf))
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(
            f"{path}: event {event[i]} of sample {sample[i]}, neuron {neuron[i]} at {at[i]} s, "
            f"must have a neuron in 0..{events.n_neurons - 1} and a time of 0 or more; {_MEND}"
        )
    rounding = np.finfo(time.dtype if time.dtype.kind == "f" else np.float64).eps
    step = _whole(at / dt, rounding)
    if steps is None:
        if not 0 < events.t_max < np.inf:
            raise ValueError(f"{path}: its t_max is {events.t_max} s; give steps")
        # A part of a step is a step.
        steps = -int(_whole(np.array([-events.t_max / dt]), rounding)[0])
    _check_shape(path, len(idx), steps, events.n_neurons)
    if step.size and (last := step.max()) >= steps:
        raise ValueError(
            f"{path}: has a spike in step {last:.0f} (from 0), after the last of {steps} steps; "
            f"give {last + 1:.0f} steps, or another dt"
        )
    spikes = np.zeros((len(idx), steps, events.n_neurons), dtype=np.bool_)
    spikes[sample, step.astype(np.int64), neuron] = True
    return spikes


def _whole(x: npt.NDArray, rounding: float) -> npt.NDArray:
    """Floor of ``x``, or the next whole number where only rounding keeps ``x`` below it."""
    return np.floor(x + 4 * rounding * np.maximum(np.abs(x), 1))


def _check_shape(path: Path, samples: int, steps: int, neurons: int) -> None:
    if min(samples, steps, neurons) < 1:
        raise ValueError(
            f"{path}: at least 1 sample, 1 step and 1 neuron are needed, not {samples}, {steps} "
            f"and {neurons}; {_MEND}"
        )
    check_cells(path, samples, steps, neurons, "give a longer dt, or fewer samples or steps")
