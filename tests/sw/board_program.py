"""A small network that uses all of a core's memories, twice with other numbers."""

import numpy as np

from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source, Sparse


def board_program(seed: int) -> Program:
    """Two inputs, one of them with rows and columns; a convolution, a sparse loop, a dense readout;
    currents and thresholds of their own; all populations are outputs."""
    draw = np.random.default_rng(seed)
    return Program(
        inputs=(Source("image", Shape(2, 4, 3)), Source("drive", Shape(9))),
        populations=(
            Population(
                name="hidden",
                shape=Shape(3, 3, 2),
                bias=draw.integers(-5, 20, 18),
                threshold=draw.integers(60, 120, 18),
                decay=3500,
                v_reset=int(draw.integers(60, 100)),
            ),
            Population(name="out", shape=Shape(10), threshold=90, v_reset=90, u_decay=3000),
        ),
        projections=(
            Conv2d(
                name="conv",
                source="image",
                target="hidden",
                weights=draw.integers(-30, 60, (3, 2, 2, 2)),
            ),
            Sparse(
                name="loop",
                source="out",
                target="out",
                delay=1,
                first=np.arange(0, 22, 2),
                # The same for all seeds: the rows that a sparse projection takes depend on it.
                targets=np.sort(np.stack([np.arange(10), (np.arange(10) + 3) % 10], 1), 1).ravel(),
                weights=draw.integers(-60, 60, 20),
            ),
            Dense(name="in", source="drive", target="out", weights=draw.integers(-30, 60, (9, 10))),
            Dense(
                name="on", source="hidden", target="out", weights=draw.integers(-30, 60, (18, 10))
            ),
        ),
        outputs=("hidden", "out"),
    )


def board_spikes(seed: int, samples: int = 2, steps: int = 4) -> np.ndarray:
    """Input spikes for it."""
    return np.random.default_rng(seed).random((samples, steps, 24 + 9)) < 0.4
