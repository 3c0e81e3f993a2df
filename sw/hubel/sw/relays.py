"""Delays of several steps, as populations that repeat their axons one step later."""

from dataclasses import replace

import numpy as np

from hubel.hdl.population import Reset, Source
from hubel.hdl.program import Program
from hubel.hdl.projection import Projection, Sparse

from .network import Network, Neurons


def lower_delays(network: Network) -> Network:
    """The same network with delays of 0 and 1 only, as a Program has them.

    A projection of ``n`` steps comes, with a delay of 1, from the last of ``n - 1`` relays in a
    row: populations ``<source>+1``, ``<source>+2``, ..., which all projections of that source
    share. They stand behind their source, so that no loop grows.

    Raises
    ------
    ValueError
        If a layer already has the name of a relay.
    """
    longest: dict[str, int] = {}
    for projection in network.projections:
        longest[projection.source] = max(longest.get(projection.source, 0), projection.delay)
    if max(longest.values()) <= 1:
        return network
    populations: list[Neurons] = []
    projections: list[Projection] = []
    for layer in (*network.inputs, *network.populations):
        if isinstance(layer, Neurons):
            populations.append(layer)
        for step in range(1, longest.get(layer.name, 0)):
            populations.append(_relay(layer, step))
            projections.append(_synapses(layer, step))
    for projection in network.projections:
        if projection.delay > 1:
            source = _name(projection.source, projection.delay - 1)
            projection = replace(projection, source=source, delay=1)
        projections.append(projection)
    return replace(network, populations=tuple(populations), projections=tuple(projections))


def relay_names(program: Program) -> frozenset[str]:
    """Names of the relays of ``program``, whose spikes and membranes say nothing new."""
    found = set()
    for population in program.populations:
        names = [projection.name for projection in program.into(population.name)]
        if names == [_synapses_name(population.name)]:
            found.add(population.name)
    return frozenset(found)


def _name(source: str, step: int) -> str:
    """Name of the relay that repeats ``source`` after ``step`` steps; of the source itself for
    0."""
    return f"{source}+{step}" if step else source


def _synapses_name(relay: str) -> str:
    """Name of the projection that feeds ``relay``."""
    return f"relay {relay}"


def _relay(layer: Source | Neurons, step: int) -> Neurons:
    """One spike in, one spike out."""
    return Neurons(
        name=_name(layer.name, step),
        shape=layer.shape,
        threshold=0.0,
        reset=Reset.HARD,
        v_reset=0.0,
    )


def _synapses(layer: Source | Neurons, step: int) -> Sparse:
    """From each neuron of the relay before (or of the layer itself) to its own."""
    neurons = layer.shape.neurons
    name = _name(layer.name, step)
    return Sparse(
        name=_synapses_name(name),
        source=_name(layer.name, step - 1),
        target=name,
        weights=np.ones(neurons),
        delay=1,
        first=np.arange(neurons + 1),
        targets=np.arange(neurons),
    )
