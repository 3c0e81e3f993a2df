"""A Network as a NIR graph that other tools can run."""

import math
from collections.abc import Iterable
from typing import Any

import nir
import numpy as np
import scipy.sparse as sp

from hubel.hdl.population import Reset
from hubel.hdl.projection import Conv2d, Dense, Projection, Sparse

from ..network import Floats, Network, Neurons, Values
from .compose import Layer, Pooled
from .stages import ConvStage, DenseStage, check_synapses

# A time constant of so many steps: one minus its inverse is 1 in floating point.
_FOREVER = 2.0**60


def graph_of(network: Network, dt: float) -> nir.NIRGraph:
    """``network`` as Euler's method with a step of ``dt`` runs it; without metadata of its own.

    A spike goes from its source through a Delay, a SumPool2d and a Flatten, where needed, to a
    Linear, Affine or Conv2d with the name of the projection, and on to the neurons. A projection
    that NIR cannot say (sparse, or a convolution that is padded on one side) is written as a whole
    matrix, and stands in the metadata of its node. ``v >= threshold`` becomes ``v >`` the next
    smaller number.

    Raises
    ------
    ValueError
        If such a matrix has too many entries; the message names the projection.
    """
    return _Writer(network, dt).graph()


class _Writer:
    def __init__(self, network: Network, dt: float) -> None:
        self._network, self._dt = network, dt
        self._grids = _grids(network)
        self._nodes: dict[str, nir.NIRNode] = {}
        self._edges: list[tuple[str, str]] = []
        layers = (*network.inputs, *network.populations, *network.projections)
        self._names = {layer.name for layer in layers}

    def graph(self) -> nir.NIRGraph:
        """The graph."""
        network = self._network
        for source in network.inputs:
            self._nodes[source.name] = nir.Input({"input": np.array(self._dims(source.name))})
        for population in network.populations:
            self._add_population(population)
        for name in network.outputs:
            output = self._free("output" if len(network.outputs) == 1 else f"output.{name}")
            self._nodes[output] = nir.Output({"output": np.array(self._dims(name))})
            self._edges.append((name, output))
        return nir.NIRGraph(nodes=self._nodes, edges=self._edges, metadata={}, type_check=False)

    def _dims(self, name: str) -> tuple[int, ...]:
        """Shape of what a source gives, in NIR."""
        shape = self._network.shape_of(name)
        return shape.sizes if name in self._grids else (shape.neurons,)

    def _free(self, name: str) -> str:
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def _add_population(self, population: Neurons) -> None:
        rest = np.broadcast_to(np.asarray(population.bias, np.float64), (population.neurons,))
        for projection in self._network.into(population.name):
            # The first layer that can carries the bias; that of a current would not be the same.
            taken = None
            if population.u_decay is None and rest.any():
                taken = self._bias(projection, rest)
            self._add_projection(projection, taken)
            if taken is not None:
                rest = np.zeros(population.neurons)
        self._nodes[population.name] = _neurons(
            population, rest, self._dims(population.name), self._dt
        )

    def _bias(self, projection: Projection, bias: Floats) -> Floats | None:
        """``bias`` in the shape that the node of ``projection`` has it; None if it cannot."""
        if not self._native(projection) or isinstance(projection, Dense):
            return bias
        by_channel = bias.reshape(self._network.shape_of(projection.target).channels, -1)
        same = (by_channel == by_channel[:, :1]).all()
        return by_channel[:, 0].copy() if same else None

    def _native(self, projection: Projection) -> bool:
        """NIR has a primitive for ``projection``."""
        if isinstance(projection, Conv2d):
            return {projection.source, projection.target} <= self._grids
        return isinstance(projection, Dense) and (
            projection.pool == (1, 1) or projection.source in self._grids
        )

    def _add_projection(self, projection: Projection, bias: Floats | None) -> None:
        network = self._network
        order = [s.name for s in (*network.inputs, *network.populations)]
        closes = order.index(projection.source) >= order.index(projection.target)
        last, dims = projection.source, self._dims(projection.source)
        nodes: list[tuple[str, nir.NIRNode]] = []
        # The one step that a cycle takes at least is understood.
        if projection.delay > (1 if closes else 0):
            delay = np.full(dims, projection.delay * self._dt)
            nodes.append((f"{projection.name}.delay", nir.Delay(delay=delay)))
        native = self._native(projection)
        if native and not isinstance(projection, Sparse) and projection.pool != (1, 1):
            pool = np.array(projection.pool)
            node = nir.SumPool2d(kernel_size=pool, stride=pool, padding=np.zeros(2, int))
            nodes.append((f"{projection.name}.pool", node))
            axons = projection.axons(network.shape_of(projection.source))
            dims = axons.sizes
        if not isinstance(projection, Conv2d) or not native:
            if len(dims) > 1:
                flatten = nir.Flatten({"input": np.array(dims)}, start_dim=0, end_dim=-1)
                nodes.append((f"{projection.name}.flatten", flatten))
        for name, node in nodes:
            free = self._free(name)
            self._nodes[free] = node
            self._edges.append((last, free))
            last = free
        self._nodes[projection.name] = self._layer(projection, native, bias, dims)
        self._edges += [(last, projection.name), (projection.name, projection.target)]

    def _layer(
        self, projection: Projection, native: bool, bias: Floats | None, dims: tuple[int, ...]
    ) -> nir.NIRNode:
        """The node that has the weights."""
        network = self._network
        if native and isinstance(projection, Conv2d):
            return nir.Conv2d(
                input_shape=(dims[1], dims[2]),
                weight=np.asarray(projection.weights, np.float64),
                stride=projection.stride,
                padding=_padding(projection, network),
                dilation=projection.dilation,
                groups=projection.groups,
                bias=np.zeros(len(projection.weights)) if bias is None else bias,
            )
        metadata: dict[str, Any] = {}
        if native:
            weights = np.asarray(projection.weights, np.float64)
        else:
            weights = _whole(projection, network)
            metadata = {"weights": np.asarray(projection.weights, np.float64)}
            if isinstance(projection, Sparse):
                metadata |= {"first": projection.first, "targets": projection.targets}
        weight = np.ascontiguousarray(weights.T)
        if bias is None:
            return nir.Linear(weight=weight, metadata=metadata)
        return nir.Affine(weight=weight, bias=bias, metadata=metadata)


def _grids(network: Network) -> set[str]:
    """Inputs and populations that have rows and columns in NIR, too: there is no node that gives
    them to what a dense layer made."""
    grids = {
        source.name
        for source in network.inputs
        if not source.shape.plain
        or any(isinstance(p, Conv2d) and p.source == source.name for p in network.projections)
    }
    grids |= {population.name for population in network.populations}
    while True:
        flat = {
            p.target
            for p in network.projections
            if p.target in grids
            and not (
                isinstance(p, Conv2d) and p.source in grids and _padding(p, network) is not None
            )
        }
        if not flat:
            return grids
        grids -= flat


def _padding(projection: Conv2d, network: Network) -> Any:
    """Padding of the Conv2d node; None if there is none that NIR can say."""
    pooled = projection.axons(network.shape_of(projection.source)).sizes[1:]
    target = network.shape_of(projection.target).sizes[1:]
    reach = [
        d * (k - 1) + 1
        for d, k in zip(projection.dilation, projection.weights.shape[2:], strict=True)
    ]
    axes = list(zip(pooled, target, reach, projection.stride, projection.padding, strict=True))
    if all((have + 2 * p - r) // s + 1 == want for have, want, r, s, p in axes):
        return projection.padding
    if all(s == 1 and want == have and p == (r - 1) // 2 for have, want, r, s, p in axes):
        return "same"
    return None


def _whole(projection: Projection, network: Network) -> Floats:
    """All pairs of neurons of ``projection``, shape (source neurons, target neurons)."""
    source, target = network.shape_of(projection.source), network.shape_of(projection.target)
    try:
        check_synapses(source.neurons * target.neurons)
    except ValueError:
        raise ValueError(
            f"projection {projection.name!r}: NIR can only say it as a matrix of {source.neurons} "
            f"x {target.neurons} weights, which is too large"
        ) from None
    if isinstance(projection, Sparse):
        weights = projection.weights.astype(np.float64)
        shape = (source.neurons, target.neurons)
        matrix = sp.csr_array((weights, projection.targets, projection.first), shape=shape)
        return matrix.toarray()
    pooled = Pooled(
        source=source.sizes, pool=projection.pool, scale=np.ones(source.channels)
    )  # fmt: skip
    weights = np.asarray(projection.weights, np.float64)
    if isinstance(projection, Dense):
        return Layer(pooled, DenseStage(weights)).matrix().toarray()
    stage = ConvStage(
        weights=weights, stride=projection.stride, padding=projection.padding,
        dilation=projection.dilation, groups=projection.groups,
        source=projection.axons(source).sizes, target=target.sizes,
    )  # fmt: skip
    return Layer(pooled, stage).matrix().toarray()


def _neurons(population: Neurons, bias: Floats, dims: tuple[int, ...], dt: float) -> nir.NIRNode:
    """``population`` as the simplest neuron of NIR that has its state; ``bias`` is what no layer
    carries."""

    def filled(value: Values | Iterable) -> Floats:
        return (
            np.broadcast_to(np.asarray(value, np.float64), (math.prod(dims),)).reshape(dims).copy()
        )

    def tau(decay: Values) -> Floats:
        left = 1 - filled(decay)
        return dt / np.where(left == 0, 1 / _FOREVER, left)

    threshold = filled(population.threshold)
    if population.at_threshold:
        threshold = np.nextafter(threshold, -np.inf)
    hard = population.reset is Reset.HARD
    fires = {
        "v_threshold": threshold,
        "v_reset": filled(population.v_reset if hard else 0.0),
    } if population.fires else {}  # fmt: skip
    if population.u_decay is None and np.all(np.asarray(population.decay) == 1) and not bias.any():
        r = filled(1 / dt)
        return nir.IF(r=r, **fires) if fires else nir.I(r=r)
    tau_mem = tau(population.decay)
    leak = {"r": tau_mem / dt, "v_leak": filled(bias) * (tau_mem / dt)}
    if population.u_decay is None:
        return (nir.LIF if fires else nir.LI)(tau=tau_mem, **leak, **fires)
    tau_syn = tau(population.u_decay)
    kind = nir.CubaLIF if fires else nir.CubaLI
    return kind(tau_mem=tau_mem, tau_syn=tau_syn, w_in=tau_syn / dt, **leak, **fires)
