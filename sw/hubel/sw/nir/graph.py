"""A NIR graph without nesting: nodes, what feeds them, and the shapes of what flows."""

from collections import Counter, deque
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import nir
import numpy as np

from .fields import Dims, checked_dims, same
from .read import PRIMITIVES
from .stages import output_dims

#: Primitives with a state, or a threshold: they become populations.
NEURONS = (nir.IF, nir.LIF, nir.LI, nir.I, nir.CubaLIF, nir.CubaLI, nir.Threshold)

_MAX_DEPTH = 32


@dataclass
class Graph:
    """Nodes of a NIR graph and of those inside it, by name: ``outer.inner``.

    ``sources`` say what feeds a node, in the order of the edges. ``dims`` is the shape of what a
    node is fed with (of an Input: of what it gives), ``out`` that of what it gives.
    """

    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    dims: dict[str, Dims] = field(default_factory=dict)
    out: dict[str, Dims] = field(default_factory=dict)
    #: Inputs and Outputs of graphs inside the graph: they hand on what they get.
    inner: set[str] = field(default_factory=set)

    def named(self, name: str) -> str:
        """A node for an error message."""
        return f"node {name!r} ({type(self.nodes[name]).__name__})"

    def is_input(self, name: str) -> bool:
        """It is fed from outside."""
        return isinstance(self.nodes[name], nir.Input) and name not in self.inner

    def is_output(self, name: str) -> bool:
        """It is an answer of the whole graph."""
        return isinstance(self.nodes[name], nir.Output) and name not in self.inner

    def is_neuron(self, name: str) -> bool:
        """It becomes a population."""
        return isinstance(self.nodes[name], NEURONS)

    def linear_order(self) -> list[str]:
        """All nodes but inputs and neurons, each after what feeds it.

        Raises
        ------
        ValueError
            If a cycle has no neuron.
        """
        linear = [n for n in self.nodes if not self.is_input(n) and not self.is_neuron(n)]
        wanted = set(linear)
        sorter = TopologicalSorter({n: [s for s in self.sources[n] if s in wanted] for n in linear})
        try:
            return list(sorter.static_order())
        except CycleError as error:
            names = " -> ".join(map(repr, error.args[1]))
            raise ValueError(f"the cycle {names} has no neuron in it") from None


def flat_graph(graph: nir.NIRGraph) -> Graph:
    """``graph`` without nesting, its shapes worked out from its Inputs.

    Raises
    ------
    ValueError
        If an edge ends nowhere, a node is fed by nothing, or shapes contradict each other; the
        message names the node.
    """
    result = Graph()
    _add(result, graph, "", 0)
    for name in result.nodes:
        if not result.is_input(name) and not result.sources[name]:
            raise ValueError(f"{result.named(name)} is fed by nothing: no edge ends in it")
    result.linear_order()
    _infer(result)
    return result


def _add(result: Graph, graph: nir.NIRGraph, prefix: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"node {prefix[:-1]!r}: more than {_MAX_DEPTH} graphs inside one another")
    # The nodes of this graph that an edge into, or out of, a name of it means.
    into: dict[str, str] = {}
    out_of: dict[str, str] = {}
    for key, node in graph.nodes.items():
        name = f"{prefix}{key}"
        if isinstance(node, nir.NIRGraph):
            _add(result, node, f"{name}.", depth + 1)
            into[key] = _only(name, node, nir.Input)
            out_of[key] = _only(name, node, nir.Output)
            continue
        if type(node).__name__ not in PRIMITIVES:
            raise ValueError(f"node {name!r} is a {type(node).__name__}, no primitive of nir 1.0.8")
        if name in result.nodes:
            raise ValueError(f"two nodes are named {name!r}")
        result.nodes[name] = node
        result.sources[name] = []
        into[key] = out_of[key] = name
        if depth and isinstance(node, (nir.Input, nir.Output)):
            result.inner.add(name)
    for edge, count in Counter(map(tuple, graph.edges)).items():
        source, target = edge
        for end in edge:
            if end not in into:
                raise ValueError(
                    f"the edge {prefix}{source} -> {prefix}{target} names {prefix + end!r}, "
                    f"which is no node"
                )
        if count > 1:
            raise ValueError(
                f"the edge {prefix}{source} -> {prefix}{target} is there {count} times"
            )
        if isinstance(graph.nodes[source], nir.Output):
            raise ValueError(f"node {prefix + source!r} (Output) cannot feed {target!r}")
        if isinstance(graph.nodes[target], nir.Input):
            raise ValueError(f"node {prefix + target!r} (Input) cannot be fed by {source!r}")
        result.sources[into[target]].append(out_of[source])


def _only(name: str, graph: nir.NIRGraph, kind: type) -> str:
    """The one node of ``kind`` that edges into or out of a nested graph mean."""
    found = [key for key, node in graph.nodes.items() if isinstance(node, kind)]
    if len(found) != 1:
        raise ValueError(
            f"node {name!r} (NIRGraph) has {len(found)} nodes {kind.__name__}; edges do not say "
            f"which one they mean, so it must be one"
        )
    return f"{name}.{found[0]}"


def _infer(graph: Graph) -> None:
    """Work out all shapes, from the Inputs on; never from what nodes claim."""
    targets: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for name, sources in graph.sources.items():
        for source in sources:
            targets[source].append(name)
    ready = deque(name for name in graph.nodes if graph.is_input(name))
    for name in ready:
        node = graph.nodes[name]
        assert isinstance(node, nir.Input)
        graph.dims[name] = checked_dims(f"{graph.named(name)}: shape", node.input_type["input"])
    # Neurons that only a cycle feeds have the shape of their parameters.
    waiting = deque(name for name in graph.nodes if graph.is_neuron(name))
    while ready or waiting:
        if not ready:
            name = waiting.popleft()
            own = () if name in graph.dims else _own_dims(graph.nodes[name])
            if own:
                graph.dims[name] = own
                ready.append(name)
            continue
        name = ready.popleft()
        try:
            graph.out[name] = output_dims(graph.nodes[name], graph.dims[name])
        except ValueError as error:
            raise ValueError(f"{graph.named(name)}: {error}") from None
        for target in targets[name]:
            if target not in graph.dims:
                graph.dims[target] = graph.out[name]
                ready.append(target)
    for name in graph.nodes:
        if name not in graph.dims:
            raise ValueError(f"{graph.named(name)}: its shape follows from no Input")
        for source in graph.sources[name]:
            if not same(graph.out[source], graph.dims[name]):
                raise ValueError(
                    f"{graph.named(name)} is fed with {graph.dims[name]}, but {source!r} gives "
                    f"{graph.out[source]}"
                )


def _own_dims(node: nir.NIRNode) -> Dims:
    """The largest shape among the parameters of a neuron; none if they are single numbers."""
    shapes = [value.shape for value in vars(node).values() if isinstance(value, np.ndarray)]
    largest = max(shapes, key=lambda shape: int(np.prod(shape)), default=())
    return checked_dims("its shape", largest) if np.prod(largest) > 1 else ()
