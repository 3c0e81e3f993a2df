"""A NIR file as a ``nir.NIRGraph``, node by node, so that an error can name its node."""

import os
from typing import Any

import nir
import numpy as np

from ..hdf5 import Tree, read_hdf5
from ..npz import first_line
from .fields import MAX_VALUES, shown

MEND = "write it again, or copy the file again from where it came"

#: The primitives of nir 1.0.8.
PRIMITIVES: dict[str, type[nir.NIRNode]] = {
    kind.__name__: kind
    for kind in (
        nir.Affine, nir.AvgPool2d, nir.Conv1d, nir.Conv2d, nir.CubaLI, nir.CubaLIF, nir.Delay,
        nir.Flatten, nir.I, nir.IF, nir.Input, nir.LI, nir.LIF, nir.Linear, nir.NIRGraph,
        nir.Output, nir.Scale, nir.SumPool2d, nir.Threshold,
    )
}  # fmt: skip
_NEURONS = (nir.CubaLI, nir.CubaLIF, nir.I, nir.IF, nir.LI, nir.LIF)
_NO_NUMBERS = ("type", "metadata", "nodes", "edges", "input_type", "input_shape")


def read_graph(path: str | os.PathLike[str]) -> nir.NIRGraph:
    """The graph in a file. The shapes that its nodes claim to have are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or has no graph, or a node has no such primitive, or not its fields;
        one line that names the file, and the node where there is one.
    """
    tree = read_hdf5(path, "NIR file", MEND)
    try:
        if not isinstance(tree.get("node"), dict):
            raise ValueError("not a readable NIR file: it has no group 'node'")
        graph = _node(tree["node"], "")
        if not isinstance(graph, nir.NIRGraph):
            raise ValueError(f"holds a single {type(graph).__name__}, not a graph")
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {MEND}") from None
    return graph


def _node(tree: Tree, name: str) -> nir.NIRNode:
    """The node that ``tree`` describes; ``name`` is empty for the graph of the file."""
    kind = tree.get("type")
    here = f"node {name!r}" if name else "the graph"
    if not isinstance(kind, str) or kind not in PRIMITIVES:
        known = ", ".join(PRIMITIVES)
        raise ValueError(f"{here} has the type {shown(kind)}; nir has {known}")
    primitive = PRIMITIVES[kind]
    if primitive is nir.NIRGraph:
        return _graph(tree, name, here)
    tree = dict(tree)
    for field, value in tree.items():
        text = isinstance(value, str) and field == "padding"
        if field not in _NO_NUMBERS and not text and np.asarray(value).dtype.kind not in "biuf":
            raise ValueError(f"{here}: {field} of {kind} must be numbers")
    if primitive in (nir.Conv1d, nir.Conv2d):
        tree["input_shape"] = None
    tree.pop("input_type", None)
    try:
        if primitive in _NEURONS:
            _repair(tree)
        return primitive.from_dict(tree)
    # nir raises whatever happens to fail inside it.
    except Exception as error:
        raise ValueError(f"{here} is no {kind}: {first_line(error)}") from None


def _graph(tree: Tree, name: str, here: str) -> nir.NIRGraph:
    nodes, edges = tree.get("nodes", {}), np.asarray(tree.get("edges", ()))
    if not isinstance(nodes, dict) or not all(isinstance(node, dict) for node in nodes.values()):
        raise ValueError(f"{here}: nodes must be a group of groups")
    if edges.size and (edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "OU"):
        raise ValueError(f"{here}: edges must be pairs of names, not {edges.dtype} {edges.shape}")
    metadata = tree.get("metadata", {})
    return nir.NIRGraph(
        nodes={key: _node(node, f"{name}.{key}" if name else key) for key, node in nodes.items()},
        edges=[(str(a), str(b)) for a, b in edges.reshape(-1, 2)],
        metadata=metadata if isinstance(metadata, dict) else {},
        type_check=False,
    )


def _repair(tree: dict[str, Any]) -> None:
    """Give all parameters of a neuron one shape: tools write single numbers for all neurons."""
    found = {
        key: np.asarray(value) for key, value in tree.items() if key not in ("type", "metadata")
    }
    shape = np.broadcast_shapes(*(value.shape for value in found.values()))
    if np.prod(shape, dtype=np.float64) > MAX_VALUES:
        raise ValueError(f"parameters of shape {shape}; {MAX_VALUES} neurons are the most")
    tree.update({key: np.broadcast_to(value, shape) for key, value in found.items()})
