"""Sizes of cores for the tests of components, without a Program."""

from hubel.hdl.params import CoreParams, NeuronParams, ProjectionParams, WalkKind
from hubel.hdl.shape import Shape

#: (source, target, delay): numbers among the sources (inputs first) and among the populations.
Edge = tuple[int, int, int]


def sizes(
    inputs: tuple[Shape, ...],
    populations: tuple[Shape, ...],
    edges: list[Edge],
    *,
    kind: WalkKind = WalkKind.GATHER,
    fan_in: int | None = None,
    weight_words: int | None = None,
    neuron: NeuronParams | None = None,
    lanes: int = 8,
    weight_width: int = 8,
    state_width: int = 16,
    folds: int = 1,
) -> CoreParams:
    """A core whose projections are all of one ``kind``, dense if nothing else is said. The clocks
    are those of a Program: the last source without a delay, or the first input."""
    sources = inputs + populations
    projections = tuple(
        ProjectionParams(
            source=source,
            target=target,
            kind=kind,
            delay=delay,
            fan_in=fan_in or sources[source].neurons,
            weight_words=weight_words or sources[source].neurons * populations[target].words(lanes),
        )
        for source, target, delay in edges
    )
    now = [[s for s, t, delay in edges if t == p and not delay] for p in range(len(populations))]
    return CoreParams(
        inputs=inputs,
        populations=populations,
        projections=projections,
        outputs=(len(populations) - 1,),
        clocks=tuple(max(mine, default=0) for mine in now),
        neuron=neuron or NeuronParams(shifts=(0,) * len(populations)),
        lanes=lanes,
        weight_width=weight_width,
        state_width=state_width,
        folds=folds,
    )


def chain(*neurons: int, **more) -> CoreParams:
    """Axons of an input, and the neurons of populations of which each is dense to the next."""
    first, *others = (Shape(n) for n in neurons)
    edges = [(p, p, 0) for p in range(len(others))]
    return sizes((first,), tuple(others), edges, **more)
