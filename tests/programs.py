"""Random Programs that reach the corners of the contract, and input spikes for them.

All that a Program may be comes up: plain populations and planes of any size, every kind of
projection, several into one population, loops, delays, and every feature of a neuron. What a test
does not want it leaves out of ``kinds`` and ``features``.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

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
    Sparse,
)

#: What a population does: fires now and then; never; all of it in every step; saturates.
STYLES = ("some", "none", "all", "limits")
#: Kinds of projections.
KINDS = ("dense", "conv", "sparse")
#: What neurons may have.
NEURON_FEATURES = frozenset(
    {"hard", "late", "floor", "refractory", "cuba", "wrap", "adaptive", "shift", "varied"}
)
#: What a graph may have: two inputs, sources and targets with rows and columns, pooling, several
#: projections into one population, feed-forward delays, loops, several outputs.
GRAPH_FEATURES = frozenset({"inputs", "planes", "pool", "several", "delay", "loops", "outputs"})
FEATURES = NEURON_FEATURES | GRAPH_FEATURES

#: Neurons of a population at most, or three state words where that is more.
_MOST_NEURONS = 64
_DECAYS = (0, 1, 2048, 4000, 4095, 4096)


def random_program(
    rng: np.random.Generator,
    *,
    lanes: int = 8,
    kinds: Collection[str] = KINDS,
    features: Collection[str] = FEATURES,
    populations: int | None = None,
    styles: tuple[str, ...] | None = None,
    weight_width: int | None = None,
    state_width: int | None = None,
) -> Program:
    """A Program of one to five populations, whose sizes are around ``lanes``.

    ``kinds`` and ``features`` are what may come up, ``styles`` has one style for each population;
    what is not given is drawn.
    """
    weight_width = weight_width or int(rng.choice([2, 4, 8]))
    state_width = state_width or int(rng.choice([16, 24]))
    count = populations or (len(styles) if styles else int(rng.integers(1, 6)))
    drawn = map(str, rng.choice(STYLES, count, p=[0.55, 0.05, 0.15, 0.25]))
    styles = styles or tuple(drawn)
    inputs = 1 + ("inputs" in features and int(rng.integers(2)))
    sources = tuple(
        Source(f"i{i}", random_shape(rng, lanes=lanes, planes="planes" in features))
        for i in range(inputs)
    )
    members = tuple(
        random_population(
            rng,
            f"p{i}",
            random_shape(rng, lanes=lanes, planes="planes" in features),
            style=style,
            features=features,
            weight_width=weight_width,
            state_width=state_width,
        )
        for i, style in enumerate(styles)
    )
    nodes = (*sources, *members)
    projections = []
    for target, style in zip(members, styles, strict=True):
        for source, delay in _sources(rng, nodes, target, features):
            projections.append(
                random_projection(
                    rng,
                    f"{len(projections)}: {source.name} to {target.name}",
                    source,
                    target,
                    delay=delay,
                    kinds=kinds,
                    pool="pool" in features,
                    style=style,
                    weight_width=weight_width,
                )
            )
    names = [p.name for p in members]
    outputs = names[-1:]
    if "outputs" in features:
        outputs = [str(n) for n in rng.permutation(names)[: rng.integers(1, count + 1)]]
    return Program(
        inputs=sources,
        populations=members,
        projections=tuple(projections),
        outputs=tuple(outputs),
        weight_width=weight_width,
        state_width=state_width,
    )


def random_chain(
    rng: np.random.Generator,
    *sizes: int,
    styles: tuple[str, ...] | None = None,
    weight_width: int = 8,
    state_width: int = 16,
) -> Program:
    """Plain populations, each dense to the next: ``sizes`` are the axons of the input and then the
    neurons of each. Every neuron has a bias of its own."""
    styles = styles or ("some",) * (len(sizes) - 1)
    widths = {"weight_width": weight_width, "state_width": state_width}
    source = Source("i0", Shape(sizes[0]))
    members: list[Population] = []
    projections = []
    for i, (neurons, style) in enumerate(zip(sizes[1:], styles, strict=True)):
        drawn = random_population(
            rng, f"p{i}", Shape(neurons), style=style, features={"hard"}, **widths
        )
        most = 1 << (weight_width - 1)
        # Less where none must fire, more where all must.
        least, most = {"none": (-most, 0), "all": (0, most)}.get(style, (-most, most))
        high = (1 << (state_width - 1)) - 1
        bias = np.clip(drawn.bias + rng.integers(least, most + 1, neurons), -high - 1, high)
        population = replace(drawn, bias=bias)
        before = members[-1] if members else source
        projections.append(
            random_projection(
                rng,
                f"{before.name} to p{i}",
                before,
                population,
                kinds=("dense",),
                pool=False,
                style=style,
                weight_width=weight_width,
            )
        )
        members.append(population)
    return Program(
        inputs=(source,),
        populations=tuple(members),
        projections=tuple(projections),
        outputs=(members[-1].name,),
        **widths,
    )


def random_spikes(
    rng: np.random.Generator,
    program: Program,
    *,
    samples: int = 3,
    steps: int = 4,
    activity: float | None = None,
) -> np.ndarray:
    """Input spikes, shape (samples, steps, inputs): few, some or all, and steps without any."""
    if activity is None:
        activity = float(rng.choice([0.05, 0.35, 1.0]))
    spikes = rng.random((samples, steps, program.input_neurons)) < activity
    spikes[rng.random((samples, steps)) < 0.1] = False
    return spikes


def random_shape(rng: np.random.Generator, *, lanes: int, planes: bool = True) -> Shape:
    """One neuron, a plain row around multiples of the lanes, a plane, or a line of places."""
    plain = [1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes, int(rng.integers(1, 3 * lanes + 1))]
    if not planes or rng.random() < 0.35:
        return Shape(int(rng.choice(plain)))
    channels = int(rng.choice([1, 2, 3, 4, 6, lanes, lanes + 1, 2 * lanes]))
    most = max(1, max(_MOST_NEURONS, 3 * lanes) // channels)
    height = int(rng.integers(1, min(7, most) + 1))
    width = int(rng.integers(1, max(1, min(7, most // height)) + 1))
    if rng.random() < 0.2:
        height, width = (1, width) if rng.random() < 0.5 else (height, 1)
    return Shape(channels, height, width)


def random_population(
    rng: np.random.Generator,
    name: str,
    shape: Shape,
    *,
    style: str,
    features: Collection[str],
    weight_width: int,
    state_width: int,
) -> Population:
    """A population that behaves in ``style``, with any of ``features``."""
    neurons = shape.neurons
    high = (1 << (state_width - 1)) - 1
    low = -high - 1

    def has(feature: str, chance: float = 0.4) -> bool:
        return feature in features and rng.random() < chance

    def values(draw: np.ndarray) -> Any:
        """``draw`` of shape (neurons,), or its first number for all."""
        drawn = draw.astype(np.int64)
        return drawn if has("varied") else int(drawn[0])

    shift = int(rng.choice([0, 1, 3, state_width - 10])) if has("shift") else 0
    if style == "limits" and has("shift", 0.1):
        shift = state_width - 2
    most = ((1 << (weight_width - 1)) - 1) << min(shift, state_width - 10)
    reset = Reset.HARD if has("hard") else Reset.SOFT_LATE if has("late") else Reset.SOFT
    hard = reset is Reset.HARD
    fields: dict[str, Any] = {
        "threshold": values(rng.integers(-most if hard else 0, 3 * most + 1, neurons)),
        "v_reset": values(rng.integers(-2 * most if hard else 0, 2 * most + 1, neurons)),
        "bias": values(rng.integers(-most, most + 1, neurons)),
        "v_init": values(rng.integers(-most, most + 1, neurons)),
        "decay": values(rng.choice(_DECAYS, neurons)),
    }
    if has("cuba"):
        fields["u_decay"] = values(rng.choice(_DECAYS, neurons))
        fields["u_init"] = values(rng.integers(-most, most + 1, neurons))
        # A current that wraps changes its sign; so these two could not keep their promise.
        fields["u_wraps"] = style not in ("none", "all") and has("wrap", 0.5)
    if has("floor"):
        fields["v_min"] = int(rng.choice([0, -1, -most, low]))
    if reset is not Reset.SOFT_LATE and style != "all":
        if has("refractory"):
            fields["refractory"] = int(rng.choice([1, 2, 3, 255]))
        if has("adaptive"):
            fields["a_decay"] = int(rng.choice(_DECAYS))
            fields["a_step"] = int(rng.choice([0, 1, most, high]))
    if style == "none":
        for what in fields.keys() & {"bias", "v_init", "u_init"}:
            fields[what] = -abs(fields[what])
        fields["threshold"], fields["v_reset"] = abs(fields["threshold"]), 0
    elif style == "all":
        for what in fields.keys() & {"v_init", "u_init"}:
            fields[what] = abs(fields[what])
        fields["threshold"] = values(rng.integers(0, most + 1, neurons))
        fields["v_reset"] = values(rng.integers(0, most + 1, neurons))
        enough = int(np.max(fields["threshold"]) + np.max(fields["v_reset"])) + 1
        fields["bias"] = values(enough + rng.integers(0, most + 1, neurons))
    elif style == "limits":
        fields["bias"] = values(rng.choice([low, -high, 0, high - 1, high], neurons))
        fields["v_init"] = values(rng.choice([low, -1, 0, 1, high], neurons))
        fields["threshold"] = values(
            rng.choice([low, -1, 0, high] if hard else [0, 1, high // 2, high - 1, high], neurons)
        )
        fields["v_reset"] = values(
            rng.choice([low, -1, 0, high] if hard else [0, 1, high], neurons)
        )
        if "u_init" in fields:
            fields["u_init"] = values(rng.choice([low, 0, high], neurons))
    return Population(name=name, shape=shape, reset=reset, shift=shift, **fields)


def _sources(
    rng: np.random.Generator,
    nodes: tuple[Source | Population, ...],
    target: Population,
    features: Collection[str],
) -> list[tuple[Source | Population, int]]:
    """Pairs (source, delay) for the projections into ``target``, one or more."""
    at = nodes.index(target)
    count = int(rng.integers(1, 4)) if "several" in features else 1
    pairs = []
    for _ in range(count):
        if "loops" in features and rng.random() < 0.3:
            # Itself, or a later one: a longer loop if that is fed by this one.
            pairs.append((nodes[int(rng.integers(at, len(nodes)))], 1))
            continue
        # As a rule the one before, so that something arrives at the end of the chain.
        source = nodes[at - 1 if rng.random() < 0.6 else int(rng.integers(at))]
        pairs.append((source, int("delay" in features and rng.random() < 0.25)))
    return pairs


def random_projection(
    rng: np.random.Generator,
    name: str,
    source: Source | Population,
    target: Population,
    *,
    delay: int = 0,
    kinds: Collection[str] = KINDS,
    pool: bool = True,
    style: str = "some",
    weight_width: int = 8,
) -> Projection:
    """A projection of one of ``kinds``, whose weights suit the ``style`` of the target."""
    most = (1 << (weight_width - 1)) - 1
    least = -most - 1

    def weights(shape: tuple[int, ...]) -> np.ndarray:
        drawn = rng.integers(least, most + 1, shape)
        if style == "none":
            return np.minimum(drawn, 0)
        if style == "all":
            return np.maximum(drawn, 0)
        return rng.choice([least, 0, most], shape) if rng.random() < 0.1 else drawn

    common: dict[str, Any] = {
        "name": name,
        "source": source.name,
        "target": target.name,
        "delay": delay,
    }
    kind = str(rng.choice(sorted(kinds)))
    if kind == "conv":
        geometry = random_geometry(rng, source.shape, target.shape, pool=pool)
        kernel, groups = geometry.pop("kernel"), geometry["groups"]
        shape = (target.shape.channels, source.shape.channels // groups, *kernel)
        return Conv2d(**common, **geometry, weights=weights(shape))
    if kind == "sparse":
        # Some sources feed nothing, and some everything.
        density = rng.choice([0.0, 0.1, 0.5, 1.0], source.shape.neurons)
        pairs = rng.random((source.shape.neurons, target.neurons)) < density[:, np.newaxis]
        first = np.concatenate([[0], np.cumsum(pairs.sum(axis=1))])
        targets = np.nonzero(pairs)[1]
        return Sparse(**common, first=first, targets=targets, weights=weights(targets.shape))
    window = _random_pool(rng, source.shape) if pool else (1, 1)
    axons = source.shape.channels * (source.shape.height // window[0])
    axons *= source.shape.width // window[1]
    return Dense(**common, pool=window, weights=weights((axons, target.neurons)))


def random_geometry(
    rng: np.random.Generator, source: Shape, target: Shape, *, pool: bool = True
) -> dict[str, Any]:
    """Kernel, stride, padding, dilation, groups and pool of a convolution from ``source`` to
    ``target``, any that :meth:`Conv2d.check` allows."""
    common = int(np.gcd(source.channels, target.channels))
    groups = int(rng.choice([g for g in range(1, common + 1) if common % g == 0]))
    window = _random_pool(rng, source) if pool else (1, 1)
    axes = [
        _random_axis(rng, have // size, wanted)
        for have, size, wanted in (
            (source.height, window[0], target.height),
            (source.width, window[1], target.width),
        )
    ]
    rows, columns = axes
    return {
        **{what: (rows[what], columns[what]) for what in ("kernel", "stride", "padding")},
        "dilation": (rows["dilation"], columns["dilation"]),
        "groups": groups,
        "pool": window,
    }


def _random_axis(rng: np.random.Generator, have: int, wanted: int) -> dict[str, int]:
    """Kernel, stride, padding and dilation that make ``wanted`` outputs of ``have`` inputs."""
    while True:
        axis = {
            "kernel": int(rng.choice([1, 2, 3, 5])),
            "stride": int(rng.choice([1, 1, 2, 3])),
            "padding": int(rng.choice([0, 0, 1, 2, 4, wanted])),
            "dilation": int(rng.choice([1, 1, 2, 3])),
        }
        reach = axis["dilation"] * (axis["kernel"] - 1) + 1
        far = max(axis["padding"], reach)
        if wanted <= (have + axis["padding"] + far - reach) // axis["stride"] + 1:
            return axis


def _random_pool(rng: np.random.Generator, source: Shape) -> tuple[int, int]:
    """A window that fits ``source``; it may leave out rows and columns."""
    if rng.random() < 0.5:
        return 1, 1
    rows, columns = min(3, source.height), min(3, source.width)
    return int(rng.integers(1, rows + 1)), int(rng.integers(1, columns + 1))
