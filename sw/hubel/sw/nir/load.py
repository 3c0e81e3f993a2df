"""NIR graphs as Networks."""

import os
from collections.abc import Callable
from typing import TypeVar

import nir
import numpy as np

from hubel.hdl.population import Reset, Source
from hubel.hdl.projection import Projection
from hubel.hdl.shape import Shape

from ..network import Floats, Network, Neurons
from .compose import identity, projection, scaled, then
from .fields import Dims, fitted
from .graph import Graph, flat_graph
from .neurons import Step, neurons
from .order import Arrival, ordered
from .own import WRITER, own_network
from .profiles import Profile, profile_named
from .read import read_graph
from .stages import bias_of, grid_of, stage_of
from .terms import Signal, Term, merged, shape_of

# Most steps of a delay.
_MAX_DELAY = 1 << 16
# Most terms that are kept apart.
_MAX_TERMS = 64

_T = TypeVar("_T")


def load_nir(
    path: str | os.PathLike[str],
    *,
    profile: str | None = None,
    dt: float | None = None,
    reset: Reset | None = None,
) -> Network:
    """Load the network in a NIR file.

    What :func:`hubel.sw.nir.save_nir` saved says its profile and dt itself, and is loaded exactly.

    Parameters
    ----------
    path : path
    profile, dt, reset
        As in :func:`from_nir`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or no NIR file, or its graph cannot be run; one line that names the
        file, and the node where there is one.
    """
    graph = read_graph(path)
    try:
        return from_nir(graph, profile=profile, dt=dt, reset=reset)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def from_nir(
    graph: nir.NIRGraph,
    *,
    profile: str | None = None,
    dt: float | None = None,
    reset: Reset | None = None,
) -> Network:
    """The Network that runs ``graph``.

    Neurons become populations; what lies between two of them becomes one projection. An edge that
    closes a cycle of populations brings its spikes one step later, unless a Delay on it says how
    much. LI, I and CubaLI are readouts that never fire. An Output that neurons feed makes them the
    answer; one that something linear feeds becomes a readout without memory, whose membrane is
    what arrives in a step. Shapes are worked out from the Inputs and the weights.

    Parameters
    ----------
    graph : nir.NIRGraph
    profile : str
        How time becomes steps: one of :data:`hubel.sw.nir.PROFILES`.
    dt : float
        Length of a step, in the graph's unit of time.
    reset : Reset, optional
        Reset of the neurons, where it is not the one of the profile.

    Raises
    ------
    ValueError
        If profile or dt are missing, or the graph cannot be run; one line that names the node.
    """
    writer = graph.metadata.get("writer") if isinstance(graph.metadata, dict) else None
    if isinstance(writer, str) and writer == WRITER:
        if profile is not None or dt is not None or reset is not None:
            raise ValueError(
                "hubel wrote this graph, and it says its profile, dt and reset; give none of them"
            )
        return own_network(graph)
    chosen = profile_named(profile)
    if dt is None:
        raise ValueError(
            "no dt is given; NIR leaves the time step open, so give it in the graph's unit of time "
            "(as a rule 1e-4 for what snnTorch wrote, 1 for sinabs)"
        )
    if not isinstance(dt, (int, float)) or not 0 < dt < np.inf:
        raise ValueError(f"dt must be above 0 and finite, not {dt!r}")
    # What becomes infinite or NaN on the way is refused by the Network, which names it.
    with np.errstate(over="ignore", invalid="ignore"):
        return _Import(flat_graph(graph), chosen, float(dt), reset).network()


class _Import:
    """The import of one graph."""

    def __init__(self, graph: Graph, profile: Profile, dt: float, reset: Reset | None) -> None:
        self._graph, self._profile, self._dt, self._reset = graph, profile, dt, reset
        self._signals: dict[str, Signal] = {}
        self._populations: dict[str, Neurons] = {}
        self._arrivals: list[Arrival] = []
        self._names = set(graph.nodes)
        self._used: set[str] = set()

    def network(self) -> Network:
        """The Network."""
        graph = self._graph
        for name in graph.nodes:
            if graph.is_input(name) or graph.is_neuron(name):
                operator = identity(grid_of(graph.out[name]))
                self._signals[name] = Signal((Term(name, operator),))
        for name in graph.linear_order():
            if not graph.is_output(name):
                self._signals[name] = self._located(name, self._linear)
        for name in graph.nodes:
            if graph.is_neuron(name):
                self._located(name, self._population)
        outputs: dict[str, None] = {}
        for name in graph.nodes:
            if graph.is_output(name):
                outputs |= dict.fromkeys(self._located(name, self._output))
        if not outputs:
            raise ValueError("the graph has no node Output with something to give")
        inputs = tuple(
            Source(name, self._located(name, self._input_shape))
            for name in graph.nodes
            if graph.is_input(name)
        )
        order, projections = ordered([source.name for source in inputs], self._arrivals)
        suffix = "" if self._reset is None else f", {self._reset.value} reset"
        return Network(
            inputs=inputs,
            populations=tuple(self._populations[name] for name in order),
            projections=projections,
            outputs=tuple(outputs),
            profile=self._profile.name + suffix,
            dt=self._dt,
        )

    def _located(self, name: str, make: Callable[[str], _T]) -> _T:
        """``make(name)``; its errors name the node."""
        try:
            return make(name)
        except ValueError as error:
            raise ValueError(f"{self._graph.named(name)}: {error}") from None

    def _arriving(self, name: str) -> Signal:
        """The sum of what feeds a node."""
        signals = [self._signals[source] for source in self._graph.sources[name]]
        biases = [signal.bias for signal in signals if signal.bias is not None]
        bias = np.sum(biases, axis=0) if biases else None
        terms = tuple(term for signal in signals for term in signal.terms)
        # Paths that part and meet again and again would be without number.
        return Signal(terms if len(terms) <= _MAX_TERMS else tuple(merged(terms)), bias)

    def _linear(self, name: str) -> Signal:
        """What a node without neurons gives."""
        node, dims = self._graph.nodes[name], self._graph.dims[name]
        signal = self._arriving(name)
        if isinstance(node, nir.Delay):
            return self._delayed(node, dims, signal)
        stage = stage_of(node, dims)
        terms, bias = signal.terms, signal.bias
        if stage is not None:
            # One term for each source, so that many paths cannot become many more.
            terms = tuple(
                Term(
                    term.source,
                    then(term.operator, stage),
                    term.delay,
                    term.delayed,
                    term.labels if isinstance(node, nir.Scale) else (*term.labels, name),
                )
                for term in merged(terms)
            )
            if bias is not None and bias.any():
                bias = stage.matrix().T @ bias
        own = bias_of(node, self._graph.out[name])
        if own is not None:
            bias = own if bias is None else bias + own
        return Signal(terms, bias)

    def _delayed(self, node: nir.Delay, dims: Dims, signal: Signal) -> Signal:
        delays = np.unique(fitted(node, "delay", dims))
        if len(delays) > 1:
            raise ValueError(
                f"delays of {delays[0]:.6g} to {delays[-1]:.6g}; all spikes of a projection have "
                f"the same, so give each delay a node of its own"
            )
        steps = delays[0] / self._dt
        whole = round(float(steps))
        # Time is a float: 0.3 / 0.1 is not quite 3.
        if abs(steps - whole) > 1e-6 or not 0 <= whole <= _MAX_DELAY:
            raise ValueError(
                f"a delay of {delays[0]:.6g} is {steps:.6g} steps of dt = {self._dt:.6g}; it must "
                f"be a whole number of 0 to {_MAX_DELAY}"
            )
        if signal.bias is not None and signal.bias.any():
            raise ValueError("a bias goes through it, and would begin late; put it after the Delay")
        return Signal(
            tuple(
                Term(t.source, t.operator, t.delay + whole, t.delayed or whole > 0, t.labels)
                for t in signal.terms
            )
        )

    def _population(self, name: str) -> None:
        """Make a neuron node a population, and note what feeds it."""
        dims = self._graph.dims[name]
        signal = self._arriving(name)
        shape = shape_of(dims, signal.terms)
        bias = np.zeros(shape.neurons) if signal.bias is None else signal.bias
        step = Step(self._graph.nodes[name], dims, self._profile, self._dt)
        self._populations[name], gain = neurons(name, shape, step, self._reset, bias)
        self._feed(name, shape, signal.terms, gain)

    def _output(self, name: str) -> list[str]:
        """Populations that an Output stands for."""
        signal = self._arriving(name)
        if len(self._graph.sources[name]) == 1 and len(signal.terms) == 1:
            (term,) = signal.terms
            spikes = self._signals[term.source].terms[0].operator
            if term.operator is spikes and not term.delay and term.source in self._populations:
                return [term.source]
        shape = shape_of(self._graph.dims[name], signal.terms)
        bias = np.zeros(shape.neurons) if signal.bias is None else signal.bias
        # No memory, no threshold: the membrane is what arrives.
        self._populations[name] = Neurons(
            name=name, shape=shape, threshold=np.inf, decay=0.0, bias=bias
        )
        self._feed(name, shape, signal.terms, np.ones(shape.neurons))
        return [name]

    def _feed(self, name: str, shape: Shape, terms: tuple[Term, ...], gain: Floats) -> None:
        for term in merged(terms, keep_layers=True):
            common = {
                "name": self._free_name(term, name),
                "source": term.source,
                "target": name,
                "delay": term.delay,
            }
            made: Projection = projection(scaled(term.operator, gain), shape, **common)
            self._arrivals.append(Arrival(made, term.delayed))

    def _free_name(self, term: Term, target: str) -> str:
        """Name of a projection: that of its last layer, or of its ends."""
        base = name = term.labels[-1] if term.labels else f"{term.source}->{target}"
        if name in self._used:
            base = name = f"{base}:{term.source}->{target}"
        number = 2
        while name in self._used or (name in self._names and name not in term.labels):
            name = f"{base}:{number}"
            number += 1
        self._used.add(name)
        return name

    def _input_shape(self, name: str) -> Shape:
        return shape_of(self._graph.dims[name], ())
