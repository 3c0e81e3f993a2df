"""A spiking convolution, against its formula evaluated directly.

``V(u, v, t) = sum over tau <= t and a window of 5x5 of s(u + i, v + j, tau) W(i, j)``; a neuron
fires where ``V >= gamma``. There is no leak, and a spike sets the membrane to 0.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Conv2d, Population, Program, Reset, Shape, Source
from hubel.sim import golden

KERNEL = 5


def spiking_convolution(weights: np.ndarray, gamma: int, height: int, width: int) -> Program:
    """Integrate-and-fire neurons behind a 5x5 window of one plane, without padding."""
    return Program(
        inputs=(Source("s", Shape(1, height, width)),),
        populations=(
            Population(
                name="V",
                shape=Shape(1, height - KERNEL + 1, width - KERNEL + 1),
                # At or above gamma, of integers: above gamma - 1.
                threshold=gamma - 1,
                reset=Reset.HARD,
                v_reset=0,
            ),
        ),
        projections=(Conv2d(name="W", source="s", target="V", weights=weights[None, None]),),
        outputs=("V",),
    )


def formula(s: np.ndarray, weights: np.ndarray, u: int, v: int, first: int, last: int) -> int:
    """V of neuron (u, v) at step ``last`` from spikes s(y, x, tau), tau from ``first`` on."""
    return sum(
        int(s[tau, u + i, v + j]) * int(weights[i, j])
        for tau in range(first, last + 1)
        for i in range(KERNEL)
        for j in range(KERNEL)
    )


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(5, 8),
    width=st.integers(5, 8),
    least=st.sampled_from([-128, 0]),
)
def test_is_the_formula(seed: int, height: int, width: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(least, 128, (KERNEL, KERNEL))
    gamma = int(rng.integers(1, 3000))
    s = rng.random((10, height, width)) < rng.choice([0.05, 0.3, 1.0])
    trace = golden.run(spiking_convolution(weights, gamma, height, width), s.reshape(1, 10, -1))
    assert trace.membrane is not None
    size = 10, height - KERNEL + 1, width - KERNEL + 1
    fired, membrane = trace.spikes[0].reshape(size), trace.membrane[0].reshape(size)
    for u, v in np.ndindex(size[1:]):
        # The sum starts anew after each spike; up to the first one it is the paper's.
        first = 0
        for t in range(10):
            potential = formula(s, weights, u, v, first, t)
            assert fired[t, u, v] == (potential >= gamma)
            assert membrane[t, u, v] == (0 if potential >= gamma else potential)
            if potential >= gamma:
                first = t + 1


@pytest.mark.parametrize("gamma, fires", [(24, True), (25, True), (26, False)])
def test_fires_at_gamma(gamma: int, fires: bool) -> None:
    """25 spikes of weight 1 make exactly 25."""
    program = spiking_convolution(np.ones((KERNEL, KERNEL), dtype=np.int64), gamma, 5, 5)
    assert golden.run(program, np.ones((1, 1, 25))).spikes[0].item() is fires


def test_the_stimulus_reaches_the_threshold_now_and_then() -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 128, (KERNEL, KERNEL))
    spikes = golden.run(spiking_convolution(weights, 1500, 8, 8), rng.random((1, 10, 64)) < 0.3)
    assert 0.1 < spikes.spikes[0].mean() < 0.6
