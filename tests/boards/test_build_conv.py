"""A convolutional network on a board: the clock of its bitstream."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubel.boards import board
from hubel.boards.build import build
from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source


def network() -> Program:
    """2x28x28-16x13x13-16x13x13-8x6x6-64-10, kernels of 5x5, 3x3 and 3x3, two sum poolings."""
    rng = np.random.default_rng(1)
    shapes = [Shape(2, 28, 28), Shape(16, 13, 13), Shape(16, 13, 13), Shape(8, 6, 6), Shape(64),
              Shape(10)]  # fmt: skip
    names = ["input", *(f"layer_{i}" for i in range(1, len(shapes)))]

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-128, 128, shape)

    def conv(i: int, kernel: int, **geometry: Any) -> Conv2d:
        channels = shapes[i + 1].channels, shapes[i].channels
        return Conv2d(
            name=f"conv_{i}",
            source=names[i],
            target=names[i + 1],
            weights=weights(*channels, kernel, kernel),
            **geometry,
        )

    return Program(
        inputs=(Source(names[0], shapes[0]),),
        populations=tuple(
            Population(name=name, shape=shape, threshold=500, v_reset=500)
            for name, shape in zip(names[1:], shapes[1:], strict=True)
        ),
        projections=(
            conv(0, 5, stride=(2, 2), padding=(1, 1)),
            conv(1, 3, padding=(1, 1)),
            conv(2, 3, padding=(1, 1), pool=(2, 2)),
            Dense(
                name="dense_3",
                source=names[3],
                target=names[4],
                pool=(2, 2),
                weights=weights(8 * 3 * 3, 64),
            ),
            Dense(name="dense_4", source=names[4], target=names[5], weights=weights(64, 10)),
        ),
        outputs=(names[5],),
    )


@pytest.mark.long
def test_a_convolutional_network_on_the_ulx3s(tmp_path: Path) -> None:
    program, target = network(), board("ulx3s")
    report = build(target, program.params(lanes=target.lanes), program, tmp_path)
    print(report, report.cells, report.core_cells, sep="\n")
    assert report.fmax_mhz >= 110
    assert report.utilisation["dsp"].used == 8
    assert report.utilisation["block_ram"].used == 46
