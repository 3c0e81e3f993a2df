"""A Network as a NIR file, the exchange format of the spiking-network tools."""

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np

from hubel.hdl.program import Reset

from .network import INPUT, OUTPUT, DenseProjection, LifPopulation, Network
from .npz import atomic_file, first_line

_WRITER, _VERSION = "hubel", 1
_MEND = "write it again with hubel, or copy the file again from where it came"


def save_nir(path: str | os.PathLike[str], network: Network, *, dt: float = 1e-3) -> None:
    """Save ``network`` as a NIR graph: Input, then Affine and IF or LIF in turn, then Output.

    NIR is continuous in time and has no soft reset, no first membrane and no profile. So ``dt``
    fixes ``tau = dt / (1 - decay)`` and the gain ``r`` (Euler, gain 1 a step), and what NIR cannot
    say stands in the metadata of the graph and of its neurons. A reader that ignores the metadata
    runs a soft reset as a hard reset to 0.

    Parameters
    ----------
    path : path
        Replaced if it exists, atomically.
    network : Network
    dt : float
        Seconds a step; above 0.

    Raises
    ------
    ValueError
        If ``dt`` is not above 0.
    OSError
        If the file cannot be written; ``path`` is then as it was.
    """
    _check_dt(dt)
    nodes: dict[str, nir.NIRNode] = {INPUT: nir.Input({"input": np.array([network.inputs])})}
    for projection, population in zip(network.projections, network.populations, strict=True):
        nodes[projection.name] = nir.Affine(
            weight=np.ascontiguousarray(projection.weights.T), bias=population.bias
        )
        nodes[population.name] = _neurons(population, dt)
    nodes[OUTPUT] = nir.Output({"output": np.array([network.populations[-1].neurons])})
    names = list(nodes)
    graph = nir.NIRGraph(
        nodes=nodes,
        edges=list(pairwise(names)),
        metadata={
            "writer": _WRITER,
            "writer_version": _VERSION,
            "profile": network.profile,
            "dt": dt,
        },
    )
    with atomic_file(path) as temporary:
        nir.write(temporary, graph)


def _check_dt(dt: float) -> None:
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be above 0 and finite, not {dt!r}")


def _neurons(population: LifPopulation, dt: float) -> nir.IF | nir.LIF:
    """``population`` as IF, or as LIF if it leaks."""

    def filled(value: float) -> np.ndarray:
        return np.full(population.neurons, value, dtype=np.float64)

    hard = population.reset is Reset.HARD
    common: dict[str, Any] = {
        "v_threshold": filled(population.threshold),
        "v_reset": filled(population.v_reset if hard else 0.0),
        "metadata": {
            "reset": population.reset.value,
            "v_reset": population.v_reset,
            "v_init": population.v_init,
            # Exact, where tau is rounded.
            "decay": population.decay,
        },
    }
    if population.decay == 1:
        return nir.IF(r=filled(1 / dt), **common)
    tau = dt / (1 - population.decay)
    return nir.LIF(tau=filled(tau), r=filled(tau / dt), v_leak=filled(0.0), **common)


def load_nir(path: str | os.PathLike[str]) -> Network:
    """Load what :func:`save_nir` saved, exactly.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated, no NIR file or not from hubel, or has a primitive that cannot be
        read; the message is one line that names the file, and the node where there is one.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: there is no such file; {_MEND}")
    try:
        graph = nir.read(Path(path), type_check=False)
    # h5py and nir raise whatever happens to fail inside them on a bad file, asserts included.
    except Exception as error:
        raise ValueError(f"{path}: not a readable NIR file: {first_line(error)}; {_MEND}") from None
    try:
        return _network(graph)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a complete NIR file of hubel: {error}; {_MEND}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _network(graph: nir.NIRGraph) -> Network:
    """The Network in ``graph``."""
    for name, node in graph.nodes.items():
        if not isinstance(node, (nir.Input, nir.Affine, nir.IF, nir.LIF, nir.Output)):
            raise ValueError(
                f"node {name!r} is a {type(node).__name__}; hubel reads back only the Input, "
                f"Affine, IF, LIF and Output nodes that it writes"
            )
    writer, version = graph.metadata.get("writer"), graph.metadata.get("writer_version")
    if (writer, version) != (_WRITER, _VERSION):
        raise ValueError(
            f"written by {writer!r}, version {version}; hubel reads back only its own files, "
            f"version {_VERSION}, because NIR leaves the reset and the time step open"
        )
    dt = float(graph.metadata["dt"])
    _check_dt(dt)
    names = _chain(graph)
    projections, populations = [], []
    source = INPUT
    for affine_name, neurons_name in zip(names[::2], names[1::2], strict=True):
        affine, neurons = graph.nodes[affine_name], graph.nodes[neurons_name]
        if not isinstance(affine, nir.Affine) or not isinstance(neurons, (nir.IF, nir.LIF)):
            raise ValueError(
                f"nodes {affine_name!r} and {neurons_name!r} are {type(affine).__name__} and "
                f"{type(neurons).__name__}; a chain needs Affine and then IF or LIF"
            )
        projections.append(
            DenseProjection(
                name=affine_name,
                source=source,
                target=neurons_name,
                weights=np.ascontiguousarray(affine.weight.T),
            )
        )
        populations.append(_population(neurons_name, neurons, affine.bias, dt))
        source = neurons_name
    return Network(
        inputs=int(graph.nodes[INPUT].input_type["input"][0]),
        populations=tuple(populations),
        projections=tuple(projections),
        profile=str(graph.metadata["profile"]),
    )


def _chain(graph: nir.NIRGraph) -> list[str]:
    """Names of the nodes between Input and Output. Files list nodes by alphabet, not by edges."""
    after = dict(graph.edges)
    names = []
    name = after.get(INPUT)
    while name is not None and name != OUTPUT and len(names) < len(graph.nodes):
        names.append(name)
        name = after.get(name)
    if name != OUTPUT or len(graph.edges) != len(names) + 1 or len(names) + 2 != len(graph.nodes):
        raise ValueError("the nodes are not one chain from 'input' to 'output'")
    return names


def _population(name: str, node: nir.IF | nir.LIF, bias: np.ndarray, dt: float) -> LifPopulation:
    """A population from its NIR node and metadata, which must say the same."""
    said = node.metadata
    population = LifPopulation(
        name=name,
        threshold=float(node.v_threshold.flat[0]),
        v_reset=float(said["v_reset"]),
        bias=bias,
        v_init=said["v_init"],
        decay=float(said["decay"]),
        reset=Reset(said["reset"]),
    )
    again = _neurons(population, dt)
    for field in ("tau", "r", "v_leak", "v_threshold", "v_reset"):
        if not np.array_equal(getattr(node, field, 0), getattr(again, field, 0)):
            raise ValueError(
                f"node {name!r}: its {field} is not what its metadata say; it was changed after "
                f"hubel wrote it"
            )
    return population
