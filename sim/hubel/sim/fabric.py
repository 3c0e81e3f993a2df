"""Golden of a mesh: every core, fed with what the whole Program does, does its part of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import Counters
from hubel.hdl.fabric_parts import origin
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.program import Program

from . import golden
from .compare import diff
from .golden import Bools, Trace, by_input, checked_spikes

__all__ = ["FabricTrace", "MeshDiverges", "first_of_nodes", "node_spikes", "part_trace", "run"]


class MeshDiverges(AssertionError):
    """A core of a mesh does not do what the whole Program does; the text is one line that says
    where first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FabricTrace:
    """A run of a mesh.

    ``whole`` is the run of the whole Program on one core. ``nodes`` hold the run of each node's
    Program, None where there is no core; their counters are those that its core has to show.
    ``inputs`` hold the spikes of each node's inputs, shape (samples, steps, inputs of the node).
    """

    whole: Trace
    nodes: tuple[Trace | None, ...]
    inputs: tuple[Bools | None, ...]

    def totals(self) -> dict[str, int]:
        """Each counter, summed over samples and nodes.

        ``spikes`` and ``saturations`` are those of the whole on one core; so are ``updates`` where
        every part begins and ends with a state word, and ``synaptic_operations`` where no
        convolution had to be filled up with weights of 0.
        """
        each = [node.counters.total() for node in self.nodes if node is not None]
        return {name: sum(counters[name] for counters in each) for name in Counters.names()}


def node_spikes(program: Program, fired: dict[str, Bools]) -> Bools:
    """Spikes of the inputs of a node's ``program`` side by side, from those of every source of the
    whole by name."""
    return np.concatenate([fired[source.name] for source in program.inputs], axis=2)


def part_trace(whole: Program, trace: Trace, program: Program) -> Trace:
    """What a run ``trace`` of ``whole`` says of the populations of a node's ``program``: spikes and
    states, no saturations; counters are those of the whole."""
    numbers = {population.name: i for i, population in enumerate(whole.populations)}
    cuts = []
    for population in program.populations:
        name, channel = origin(whole, population.name)
        first = channel * population.shape.height * population.shape.width
        cuts.append((numbers[name], slice(first, first + population.neurons)))

    def cut(states: tuple | None) -> tuple | None:
        if states is None:
            return None
        return tuple(
            None if states[number] is None else states[number][:, :, own] for number, own in cuts
        )

    return replace(
        trace,
        spikes=cut(trace.spikes),
        membrane=cut(trace.membrane),
        current=cut(trace.current),
        adaptation=cut(trace.adaptation),
        saturations=None,
    )


def run(
    fabric: FabricProgram, spikes: npt.ArrayLike, *, lanes: int = 8, record_membrane: bool = True
) -> FabricTrace:
    """Run ``fabric`` on input spikes.

    Every core's Program is run on the spikes that the whole Program gives for its inputs. If each
    then gives its part of the spikes and states of the whole, so does the mesh, by induction over
    the steps: what a core does in a step follows from what its sources did in that step or before.

    Parameters
    ----------
    fabric : FabricProgram
    spikes : array of bool, shape (samples, steps, inputs)
        As for :func:`hubel.sim.golden.run` of the whole.
    lanes : int
        Lanes of the cores whose counters are predicted.
    record_membrane : bool
        Keep, and compare, the states of every step.

    Raises
    ------
    MeshDiverges
        If a core does something else than its part; a line names the node and the first
        divergence. Also if a neuron of the whole is on no core, or on two.
    ValueError
        If ``spikes`` have the wrong shape or values other than 0 and 1.
    """
    whole = fabric.whole
    wanted = checked_spikes(whole, spikes)
    expected = golden.run(whole, wanted, lanes=lanes, record_membrane=record_membrane)
    names = [source.name for source in whole.sources]
    fired = dict(zip(names, (*by_input(whole, wanted), *expected.spikes), strict=True))
    _check_neurons(fabric)
    nodes: list[Trace | None] = []
    inputs: list[Bools | None] = []
    parts: list[Trace | None] = []
    for node in fabric.nodes:
        if node is None:
            nodes.append(None)
            inputs.append(None)
            parts.append(None)
            continue
        heard = node_spikes(node.program, fired)
        got = golden.run(node.program, heard, lanes=lanes, record_membrane=record_membrane)
        part = part_trace(whole, expected, node.program)
        nodes.append(got)
        inputs.append(heard)
        parts.append(replace(part, counters=got.counters))
    diverges = first_of_nodes(fabric, parts, nodes)
    if diverges is not None:
        raise MeshDiverges(diverges)
    result = FabricTrace(whole=expected, nodes=tuple(nodes), inputs=tuple(inputs))
    totals, of_one = result.totals(), expected.counters.total()
    for name in ("spikes", "saturations"):
        if totals[name] != of_one[name]:
            raise MeshDiverges(f"{name} of all nodes: {of_one[name]} expected, got {totals[name]}")
    return result


def first_of_nodes(
    fabric: FabricProgram, expected: Sequence[Trace | None], got: Sequence[Trace | None]
) -> str | None:
    """The first difference of two runs of the cores, as a line that names the node, or None.

    The first in time, whatever the node: what another core does later may follow from it.
    Differences that have no time, those of counters, come last.
    """
    found: list[tuple[tuple[float, ...], str]] = []
    for number, node in enumerate(fabric.nodes):
        one, other = expected[number], got[number]
        if node is None or one is None or other is None:
            continue
        divergence = diff([p.name for p in node.program.populations], one, other)
        if divergence is not None:
            sample, step = divergence.sample, divergence.step
            time = (inf, inf) if sample is None or step is None else (sample, step)
            found.append(((*time, number), f"node {number}: {divergence}"))
    return min(found)[1] if found else None


def _check_neurons(fabric: FabricProgram) -> None:
    """Every neuron is on one core."""
    whole = fabric.whole
    counts = {p.name: np.zeros(p.shape.channels, dtype=np.int64) for p in whole.populations}
    for node in fabric.nodes:
        for population in () if node is None else node.program.populations:
            name, first = origin(whole, population.name)
            counts[name][first : first + population.shape.channels] += 1
    for name, count in counts.items():
        if (count != 1).any():
            channel = int(np.flatnonzero(count != 1)[0])
            raise MeshDiverges(
                f"channel {channel} of population {name} is on {count[channel]} nodes"
            )
