"""What a core takes on a board, against what synthesis makes of it."""

import pytest

from hubel.boards import board
from hubel.hdl.params import CoreParams
from hubel.sw.fit import block_rams, check_fit, needed

DIGITS = CoreParams(inputs=(64, 128), neurons=(128, 10))


@pytest.mark.parametrize("name, block_ram", [("icebreaker", 29), ("ulx3s", 13)])
def test_digits_take_what_synthesis_takes(name, block_ram):
    assert needed(board(name), DIGITS) == {"block_ram": block_ram, "dsp": 8}
    check_fit(board(name), DIGITS)


@pytest.mark.parametrize(
    "family, depth, width, blocks",
    [
        ("ice40", 256, 16, 1),
        ("ice40", 257, 16, 2),
        ("ice40", 2048, 2, 1),
        ("ice40", 1280, 64, 20),
        ("ecp5", 512, 36, 1),
        ("ecp5", 2048, 64, 8),
    ],
)
def test_block_rams(family, depth, width, blocks):
    assert block_rams(family, depth, width) == blocks


def test_a_core_that_does_not_fit_is_refused_with_the_numbers():
    params = CoreParams(inputs=(784, 128), neurons=(128, 10), lanes=16)
    with pytest.raises(ValueError) as refused:
        check_fit(board("icebreaker"), params)
    assert str(refused.value) == (
        "784-128-10 with 16 lanes and 8-bit weights does not fit the iCEBreaker (iCE40UP5K): "
        "225 block RAMs needed, 30 there, 16 multipliers needed, 8 there; use fewer neurons, bits "
        "or lanes, or another board"
    )
