"""What a core takes on a board, against what synthesis makes of it."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hubel.boards import board
from hubel.hdl.program import (
    Conv2d,
    Dense,
    Population,
    Program,
    Shape,
    Source,
    Sparse,
)
from hubel.sw.fit import block_rams, check_fit, needed


def chain(*sizes: int, **widths: int) -> Program:
    """Dense populations."""
    names = [str(i) for i in range(len(sizes))]
    return Program(
        inputs=(Source("0", Shape(sizes[0])),),
        populations=tuple(
            Population(name=name, shape=Shape(size), threshold=1)
            for name, size in zip(names[1:], sizes[1:], strict=True)
        ),
        projections=tuple(
            Dense(
                name=f"to {target}",
                source=source,
                target=target,
                weights=np.zeros((fan_in, fan_out), dtype=np.int64),
            )
            for (source, target), (fan_in, fan_out) in zip(
                pairwise(names), pairwise(sizes), strict=True
            )
        ),
        outputs=(names[-1],),
        **widths,
    )


def needs(name: str, program: Program, lanes: int = 8) -> dict[str, int]:
    return needed(board(name), program.params(lanes=lanes), program)


DIGITS = chain(64, 128, 10)


@pytest.mark.parametrize("name, block_ram", [("icebreaker", 29), ("ulx3s", 13)])
def test_digits_take_what_synthesis_takes(name, block_ram):
    assert needs(name, DIGITS) == {"block_ram": block_ram, "dsp": 8}
    check_fit(board(name), DIGITS.params(), DIGITS)


@pytest.mark.parametrize(
    "name, sizes, lanes, weight_width, state_width, block_ram, dsp",
    [
        ("icebreaker", (64, 32, 10), 8, 8, 16, 17, 8),
        ("icebreaker", (64, 16, 10), 16, 8, 16, 25, 16),
        ("icebreaker", (100, 40, 20, 10), 4, 4, 24, 12, 8),
        ("icebreaker", (300, 20), 2, 8, 16, 17, 2),
        ("icebreaker", (784, 20), 8, 2, 16, 23, 8),
        # Weights are in SPRAM.
        ("icebreaker", (784, 128, 10), 2, 2, 16, 8, 2),
        ("ulx3s", (300, 70), 2, 2, 16, 6, 2),
    ],
)
def test_other_cores_take_what_yosys_made_of_them(
    name, sizes, lanes, weight_width, state_width, block_ram, dsp
):
    program = chain(*sizes, weight_width=weight_width, state_width=state_width)
    assert needs(name, program, lanes) == {"block_ram": block_ram, "dsp": dsp}


def convolution() -> Program:
    """Weights, biases, event lists and currents in block RAM; address tables in logic."""
    shape = Shape(8, 14, 14)
    return Program(
        inputs=(Source("i", Shape(2, 16, 16)),),
        populations=(
            Population(name="c", shape=shape, threshold=9, bias=np.arange(shape.neurons) % 50),
            Population(name="o", shape=Shape(10), threshold=9),
        ),
        projections=(
            Conv2d(name="a", source="i", target="c", weights=np.ones((8, 2, 3, 3), dtype=np.int64)),
            Dense(
                name="b",
                source="c",
                target="o",
                pool=(2, 2),
                weights=np.ones((392, 10), dtype=np.int64),
            ),
        ),
        outputs=("o",),
    )


def recurrent() -> Program:
    """CUBA neurons of 24 bits with a tenth of all synapses: targets and a table besides."""
    meets = np.random.default_rng(0).random((200, 200)) < 0.1
    return Program(
        inputs=(Source("i", Shape(20)),),
        populations=(
            Population(name="c", shape=Shape(200), threshold=9, decay=4000, u_decay=3000),
        ),
        projections=(
            Dense(name="a", source="i", target="c", weights=np.ones((20, 200), dtype=np.int64)),
            Sparse(
                name="s",
                source="c",
                target="c",
                delay=1,
                weights=np.ones(np.count_nonzero(meets), dtype=np.int64),
                first=np.concatenate([[0], np.cumsum(meets.sum(axis=1))]),
                targets=np.nonzero(meets)[1],
            ),
        ),
        outputs=("c",),
        state_width=24,
    )


@pytest.mark.parametrize("make, block_ram, dsp", [(convolution, 48, 8), (recurrent, 70, 32)])
def test_other_memories_take_what_yosys_made_of_them(make: Any, block_ram: int, dsp: int) -> None:
    # On an iCE40UP, the 16 that the weights of the convolution would take are SPRAM.
    assert needs("icebreaker", make()) == {"block_ram": block_ram, "dsp": dsp}


def test_small_memories_of_an_ecp5_are_no_block_ram() -> None:
    # Yosys makes 22: it leaves out a quarter of the weights that are all 0.
    assert needs("ulx3s", recurrent()) == {"block_ram": 24, "dsp": 32}


@pytest.mark.parametrize(
    "family, depth, width, blocks",
    [
        ("ice40", 256, 16, 1),
        ("ice40", 257, 16, 2),
        ("ice40", 2048, 2, 1),
        ("ice40", 1280, 64, 20),
        ("ecp5", 512, 36, 1),
        ("ecp5", 2048, 64, 8),
        # What Yosys 0.70 made of the weights of 784-128-10 and 784-336-10.
        ("ecp5", 16384, 64, 57),
        ("ecp5", 65536, 64, 228),
        # And of the event list of 784-128-10.
        ("ice40", 2304, 10, 6),
    ],
)
def test_block_rams(family, depth, width, blocks):
    assert block_rams(family, depth, width) == blocks


def test_a_core_that_does_not_fit_is_refused_with_the_numbers():
    program = chain(784, 128, 10)
    with pytest.raises(ValueError) as refused:
        check_fit(board("icebreaker"), program.params(lanes=16), program)
    assert str(refused.value) == (
        "784-128-10 with 16 lanes and 8-bit weights does not fit the iCEBreaker (iCE40UP5K): "
        "16 multipliers needed, 8 there, 8 blocks of SPRAM needed, 4 there; use fewer "
        "neurons, bits or lanes, or another board"
    )
