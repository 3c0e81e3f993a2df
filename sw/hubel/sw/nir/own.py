"""What NIR cannot say, in the metadata of graphs that hubel wrote; and such graphs, exactly."""

import json
from dataclasses import fields
from typing import Any

import nir
import numpy as np

from hubel.hdl.population import Reset, Source
from hubel.hdl.projection import Conv2d, Dense, Projection, Sparse
from hubel.hdl.shape import Shape

from ..network import Network, Neurons
from ..npz import first_line
from .fields import shown
from .write import graph_of

WRITER, _VERSION = "hubel", 2
_KINDS: dict[str, type[Projection]] = {"dense": Dense, "conv2d": Conv2d, "sparse": Sparse}
_GEOMETRY = ("pool", "stride", "padding", "dilation")
_MEND = "write it again with hubel, or take its metadata away and give a profile and dt"


def with_metadata(network: Network, dt: float) -> nir.NIRGraph:
    """``network`` as a graph whose metadata say everything but the weights."""
    graph = graph_of(network, dt)
    graph.metadata = {
        "writer": WRITER,
        "writer_version": _VERSION,
        "profile": network.profile,
        "dt": dt,
        "network": json.dumps(
            {
                "inputs": [{"name": s.name, "shape": s.shape.sizes} for s in network.inputs],
                "populations": [_described(p) for p in network.populations],
                "projections": [_described_projection(p) for p in network.projections],
                "outputs": network.outputs,
                "dt": network.dt,
            }
        ),
    }
    return graph


def _described(population: Neurons) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for f in fields(population):
        value = getattr(population, f.name)
        if isinstance(value, (np.ndarray, np.generic)):
            value = value.tolist()
        elif isinstance(value, Shape):
            value = value.sizes
        elif isinstance(value, Reset):
            value = value.value
        if value is not None:
            found[f.name] = value
    return found


def _described_projection(projection: Projection) -> dict[str, Any]:
    kind = next(name for name, of in _KINDS.items() if isinstance(projection, of))
    names = ("name", "source", "target", "delay", "groups", *_GEOMETRY)
    found = {name: getattr(projection, name) for name in names if hasattr(projection, name)}
    return {"kind": kind, **found}


def own_network(graph: nir.NIRGraph) -> Network:
    """The Network that ``graph`` was made from.

    Raises
    ------
    ValueError
        If the metadata are of another version or incomplete, or a node is not what they say.
    """
    version: Any = graph.metadata.get("writer_version")
    if np.ndim(version) or version != _VERSION:
        raise ValueError(
            f"has version {shown(version)} of the metadata of hubel, this hubel reads version "
            f"{_VERSION}; {_MEND}"
        )
    try:
        network = _network(graph)
        dt = float(graph.metadata["dt"])
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not complete metadata of hubel: {first_line(error)}; {_MEND}") from None
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be above 0 and finite, not {dt!r}")
    _check_same(graph, graph_of(network, dt))
    return network


def _network(graph: nir.NIRGraph) -> Network:
    said = json.loads(graph.metadata["network"])
    dt = said["dt"]
    return Network(
        inputs=tuple(Source(_text(s["name"]), _shape(s["shape"])) for s in said["inputs"]),
        populations=tuple(_neurons(p) for p in said["populations"]),
        projections=tuple(_projection(p, graph) for p in said["projections"]),
        outputs=tuple(_text(name) for name in said["outputs"]),
        profile=_text(graph.metadata["profile"]),
        dt=None if dt is None else float(dt),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)} is no name")
    return value


def _shape(sizes: Any) -> Shape:
    if len(sizes) != 3 or any(type(size) is not int for size in sizes):
        raise TypeError(f"{shown(sizes)} is no shape")
    return Shape(*sizes)


def _neurons(said: dict[str, Any]) -> Neurons:
    found: dict[str, Any] = {"name": _text(said["name"]), "shape": _shape(said["shape"])}
    for f in fields(Neurons):
        if f.name in found or f.name not in said:
            continue
        value = said[f.name]
        if f.name == "reset":
            value = Reset(value)
        elif isinstance(value, list):
            value = np.array(value, dtype=np.float64)
        elif type(f.default) in (bool, int):
            if type(value) is not type(f.default):
                raise TypeError(f"{f.name} is {shown(value)}")
        else:
            value = float(value)
        found[f.name] = value
    return Neurons(**found)


def _projection(said: dict[str, Any], graph: nir.NIRGraph) -> Projection:
    kind = _KINDS[said["kind"]]
    common: dict[str, Any] = {key: _text(said[key]) for key in ("name", "source", "target")}
    common |= {key: tuple(map(int, said[key])) for key in _GEOMETRY if key in said}
    common |= {key: said[key] for key in ("delay", "groups") if key in said}
    node: Any = graph.nodes[common["name"]]
    if "weights" in node.metadata:
        arrays: dict[str, Any] = {
            key: np.asarray(node.metadata[key])
            for key in ("weights", "first", "targets")
            if key in node.metadata
        }
        return kind(**common, **arrays)
    weights = np.asarray(node.weight)
    return kind(**common, weights=weights if kind is Conv2d else np.ascontiguousarray(weights.T))


def _check_same(graph: nir.NIRGraph, again: nir.NIRGraph) -> None:
    """Raise ValueError, naming the node, unless ``graph`` has the nodes and edges of ``again``."""
    changed = "it was changed after hubel wrote it; " + _MEND
    if strange := sorted(graph.nodes.keys() ^ again.nodes.keys()):
        raise ValueError(f"node {strange[0]!r} is not what the metadata say; {changed}")
    if edges := sorted(set(map(tuple, graph.edges)) ^ set(map(tuple, again.edges))):
        raise ValueError(
            f"the edge {' -> '.join(edges[0])} is not what the metadata say; {changed}"
        )
    for name, node in graph.nodes.items():
        other = again.nodes[name]
        if type(node) is not type(other):
            raise ValueError(
                f"node {name!r} is a {type(node).__name__}, the metadata say "
                f"{type(other).__name__}; {changed}"
            )
        for field in vars(other):
            # Shapes follow from the rest, those of an Input and Output apart.
            io = isinstance(other, (nir.Input, nir.Output))
            if field == "metadata" or (
                field in ("input_type", "output_type", "input_shape") and not io
            ):
                continue
            mine, yours = getattr(node, field), getattr(other, field)
            if io:
                mine, yours = (np.ravel(next(iter(each.values()))) for each in (mine, yours))
            if not np.array_equal(np.asarray(mine), np.asarray(yours)):
                raise ValueError(
                    f"node {name!r}: its {field} is not what the metadata say; {changed}"
                )
