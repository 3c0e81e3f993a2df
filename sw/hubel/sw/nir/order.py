"""The order of populations within a step, and the projections that close a cycle."""

from dataclasses import dataclass, replace

from hubel.hdl.projection import Projection


@dataclass(frozen=True, eq=False)
class Arrival:
    """A projection; ``delayed`` if the graph says its delay."""

    projection: Projection
    delayed: bool


def ordered(inputs: list[str], arrivals: list[Arrival]) -> tuple[list[str], tuple[Projection, ...]]:
    """Populations in the order of a step, and all projections, of which those that close a cycle
    of populations have a delay of 1.

    Which one closes a cycle is found depth first, from the inputs, in the order of the edges: it
    leads back to a population that it was reached from.
    """
    after: dict[str, list[str]] = {name: [] for name in inputs}
    for arrival in arrivals:
        source, target = arrival.projection.source, arrival.projection.target
        after.setdefault(source, [])
        after.setdefault(target, [])
        if not arrival.delayed:
            after[source].append(target)
    order, back = _depth_first(after)
    names = [name for name in order if name not in inputs]
    projections = tuple(
        replace(a.projection, delay=1)
        if not a.delayed and (a.projection.source, a.projection.target) in back
        else a.projection
        for a in arrivals
    )
    position = {name: i for i, name in enumerate(names)}
    return names, tuple(sorted(projections, key=lambda p: position[p.target]))


def _depth_first(after: dict[str, list[str]]) -> tuple[list[str], set[tuple[str, str]]]:
    """Nodes, each before those after it but for the edges that lead back; and these edges."""
    finished: list[str] = []
    back: set[tuple[str, str]] = set()
    met: set[str] = set()
    # Not a recursive function: a graph may be a chain of thousands.
    for root in after:
        if root in met:
            continue
        met.add(root)
        path = {root: iter(after[root])}
        while path:
            name = next(reversed(path))
            for target in path[name]:
                if target in path:
                    back.add((name, target))
                elif target not in met:
                    met.add(target)
                    path[target] = iter(after[target])
                    break
            else:
                del path[name]
                finished.append(name)
    return finished[::-1], back
