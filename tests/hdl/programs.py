"""Random Programs that reach the corners of a core, and input spikes for them."""

from itertools import pairwise

import numpy as np

from hubel.hdl.program import Population, Program, Reset

#: What a population does: fires now and then; never; all of it in every step; saturates.
STYLES = ("some", "none", "all", "limits")


def random_population(
    rng: np.random.Generator,
    name: str,
    inputs: int,
    neurons: int,
    *,
    style: str,
    weight_width: int,
    state_width: int,
) -> Population:
    """A population that behaves in ``style``, with any decay and reset."""
    high = (1 << (state_width - 1)) - 1
    most = (1 << (weight_width - 1)) - 1
    soft = bool(rng.integers(2))
    weights = rng.integers(-most - 1, most + 1, (inputs, neurons))
    bias = rng.integers(-most, most + 1, neurons)
    v_init = rng.integers(-most, most + 1, neurons)
    threshold = int(rng.integers(0, 3 * most + 1))
    v_reset = int(rng.integers(0, threshold + 1)) if soft else int(rng.integers(-2 * most, most))
    if style == "none":
        weights, bias = np.minimum(weights, 0), np.minimum(bias, 0)
        threshold, v_reset = threshold + 2 * most, 0
    elif style == "all":
        weights, bias, v_init = abs(weights) // 2, abs(bias) + threshold + 1, abs(v_init)
        v_reset = abs(v_reset) if soft else max(0, v_reset)
    elif style == "limits":
        bias = rng.choice([-high - 1, -high, 0, high - 1, high], neurons)
        v_init = rng.choice([-high - 1, -1, 0, 1, high], neurons)
        threshold = int(rng.choice([0, 1, high // 2, high - 1, high]))
        v_reset = int(rng.choice([0, 1, high] if soft else [-high - 1, -1, 0, high]))
    return Population(
        name=name,
        weights=weights,
        bias=bias,
        v_init=v_init,
        threshold=threshold,
        decay=int(rng.choice([0, 1, 2048, 4000, 4095, 4096])),
        reset=Reset.SOFT if soft else Reset.HARD,
        v_reset=v_reset,
    )


def random_program(
    rng: np.random.Generator,
    *,
    lanes: int,
    sizes: tuple[int, ...] | None = None,
    styles: tuple[str, ...] | None = None,
    weight_width: int | None = None,
    state_width: int | None = None,
) -> Program:
    """One to four populations of one neuron up to three state words; ``sizes`` are the inputs and
    then the neurons of each population, and what is not given is drawn."""
    weight_width = weight_width or int(rng.choice([2, 4, 8]))
    state_width = state_width or int(rng.choice([16, 24]))
    if sizes is None:
        inner = [2, lanes, lanes + 1, 2 * lanes, int(rng.integers(2, 3 * lanes + 1))]
        layers = int(rng.integers(0, 4))
        last = int(rng.choice([1, *inner]))
        sizes = (int(rng.integers(2, 20)), *map(int, rng.choice(inner, layers)), last)
    styles = styles or tuple(map(str, rng.choice(STYLES, len(sizes) - 1, p=[0.5, 0.1, 0.2, 0.2])))
    return Program(
        populations=tuple(
            random_population(
                rng,
                f"p{i}",
                inputs,
                neurons,
                style=style,
                weight_width=weight_width,
                state_width=state_width,
            )
            for i, ((inputs, neurons), style) in enumerate(
                zip(pairwise(sizes), styles, strict=True)
            )
        ),
        weight_width=weight_width,
        state_width=state_width,
    )


def random_spikes(
    rng: np.random.Generator,
    inputs: int,
    *,
    samples: int = 3,
    steps: int = 4,
    activity: float | None = None,
) -> np.ndarray:
    """Input spikes, shape (samples, steps, inputs): few, some or all, and steps without any."""
    if activity is None:
        activity = float(rng.choice([0.05, 0.35, 1.0]))
    spikes = rng.random((samples, steps, inputs)) < activity
    spikes[rng.random((samples, steps)) < 0.1] = False
    return spikes
