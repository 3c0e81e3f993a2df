"""Networks of the gateware tests: every kind of everything in one, dense ones without a surprise,
and small graphs with every kind of loop."""

import numpy as np

from hubel.hdl.program import (
    Conv2d,
    Dense,
    Population,
    Program,
    Projection,
    Reset,
    Shape,
    Source,
)

from ..programs import random_projection


def everything(rng: np.random.Generator, *, weight_width: int, state_width: int) -> Program:
    """Every kind of projection and every kind of neuron in one graph with two loops::

        image -conv-> a -conv, pool-> b -dense-> d     side -sparse-> c -dense-> d
                                      b -dense-> c     c -sparse, later-> c, d -dense, later-> c

    where ``a`` is convolved from ``image`` and has CUBA neurons, ``b`` is adaptive, ``c`` late and
    ``d`` refractory.
    """
    high = (1 << (state_width - 1)) - 1
    most = (1 << (weight_width - 1)) - 1
    image, side = Source("image", Shape(2, 7, 6)), Source("side", Shape(19))

    def bias(neurons: int) -> np.ndarray:
        return rng.integers(-most, most + 1, neurons)

    a = Population(
        name="a",
        shape=Shape(6, 7, 6),
        threshold=2 * most,
        decay=3500,
        v_reset=most,
        bias=bias(252),
        u_decay=2500,
        u_init=-most,
    )
    b = Population(
        name="b",
        shape=Shape(5, 3, 3),
        threshold=most,
        decay=rng.integers(0, 4097, 45),
        reset=Reset.HARD,
        v_reset=-most,
        v_min=-3 * most,
        a_decay=3900,
        a_step=most // 2 + 1,
    )
    c = Population(
        name="c",
        shape=Shape(21),
        threshold=3 * most,
        reset=Reset.SOFT_LATE,
        v_reset=2 * most,
        bias=rng.choice([-high - 1, -most, 0, most, high], 21),
        shift=2,
    )
    d = Population(name="d", shape=Shape(10), threshold=most, decay=4000, refractory=2, v_reset=9)
    projections: list[Projection] = [
        Conv2d(
            name="image to a",
            source="image",
            target="a",
            padding=(1, 1),
            weights=rng.integers(-most - 1, most + 1, (6, 2, 3, 3)),
        ),
        Conv2d(
            name="a to b",
            source="a",
            target="b",
            pool=(2, 2),
            weights=rng.integers(-most - 1, most + 1, (5, 6, 1, 1)),
        ),
    ]
    for source, target, kind, delay in (
        (side, c, "sparse", 0),
        (b, c, "dense", 0),
        (c, c, "sparse", 1),
        (d, c, "dense", 1),
        (b, d, "dense", 0),
        (c, d, "dense", 0),
    ):
        name = f"{source.name} to {target.name}"
        projections.append(
            random_projection(
                rng,
                name,
                source,
                target,
                kinds=(kind,),
                delay=delay,
                pool=False,
                weight_width=weight_width,
            )
        )
    return Program(
        inputs=(image, side),
        populations=(a, b, c, d),
        projections=tuple(projections),
        outputs=("d", "b"),
        weight_width=weight_width,
        state_width=state_width,
    )


def network(
    *sizes: int, bias: int = 0, weight: int = 1, threshold: int = 5, decay: int = 4096
) -> Program:
    """Dense populations in which every neuron does the same."""
    names = ["i0", *(f"p{i}" for i in range(len(sizes) - 1))]
    return Program(
        inputs=(Source("i0", Shape(sizes[0])),),
        populations=tuple(
            Population(
                name=name,
                shape=Shape(neurons),
                bias=np.full(neurons, bias),
                threshold=threshold,
                decay=decay,
                reset=Reset.SOFT,
                v_reset=threshold,
            )
            for name, neurons in zip(names[1:], sizes[1:], strict=True)
        ),
        projections=tuple(
            Dense(
                name=f"to {names[i + 1]}",
                source=names[i],
                target=names[i + 1],
                weights=np.full((sizes[i], sizes[i + 1]), weight),
            )
            for i in range(len(sizes) - 1)
        ),
        outputs=(names[-1],),
    )


#: Projections as (source, target, kind, delay), and outputs.
GRAPHS = {
    "only delayed": ([("i0", "p0", "dense", 1), ("p0", "p1", "conv", 1)], ["p1"]),
    "only itself and the input": ([("i0", "p0", "sparse", 1), ("p0", "p0", "sparse", 1)], ["p0"]),
    "a loop of three": (
        [
            ("i0", "p0", "dense", 0),
            ("p2", "p0", "dense", 1),
            ("p0", "p1", "sparse", 0),
            ("p1", "p2", "conv", 0),
            ("p2", "p2", "conv", 1),
        ],
        ["p2", "p0"],
    ),
    "a loop without an input": (
        [
            ("i0", "p0", "dense", 0),
            ("p2", "p1", "dense", 1),
            ("p1", "p2", "dense", 1),
            ("p0", "p2", "sparse", 0),
        ],
        ["p0", "p1", "p2"],
    ),
    "now and later": (
        [("i0", "p0", "conv", 0), ("i0", "p0", "dense", 1), ("p0", "p1", "dense", 0),
         ("p0", "p1", "dense", 1), ("i0", "p1", "sparse", 1)],
        ["p1", "p0"],
    ),
    "an input that is not read, and an output that is": (
        [("i0", "p0", "dense", 0), ("i1", "p1", "dense", 1), ("p0", "p1", "dense", 1)],
        ["p0"],
    ),
}  # fmt: skip


def graph(rng: np.random.Generator, name: str) -> Program:
    """The Program of ``GRAPHS[name]`` with random weights; all neurons fire at first."""
    edges, outputs = GRAPHS[name]
    names = sorted({x for source, target, _, _ in edges for x in (source, target)})
    shapes = {"i0": Shape(2, 3, 3), "i1": Shape(5), "p0": Shape(6, 2, 2), "p2": Shape(9)}
    nodes = {
        x: Source(x, shapes[x])
        if x.startswith("i")
        else Population(
            name=x,
            shape=shapes.get(x, Shape(4, 1, 3)),
            threshold=100,
            v_reset=50,
            bias=int(rng.integers(0, 40)),
            v_init=120,
            decay=4000,
        )
        for x in names
    }
    populations = tuple(n for n in nodes.values() if isinstance(n, Population))
    return Program(
        inputs=tuple(n for n in nodes.values() if isinstance(n, Source)),
        populations=populations,
        projections=tuple(
            random_projection(
                rng,
                f"{i}",
                nodes[source],
                next(p for p in populations if p.name == target),
                kinds=(kind,),
                delay=delay,
            )
            for i, (source, target, kind, delay) in enumerate(edges)
        ),
        outputs=tuple(outputs),
    )
