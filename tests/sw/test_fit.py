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
    "name, sizes, lanes, weight_width, state_width, block_ram, dsp",
    [
        ("icebreaker", (64, 32, 10), 8, 8, 16, 17, 8),
        ("icebreaker", (64, 16, 10), 16, 8, 16, 25, 16),
        ("icebreaker", (100, 40, 20, 10), 4, 4, 24, 12, 8),
        ("icebreaker", (300, 20), 2, 8, 16, 17, 2),
        ("icebreaker", (784, 20), 8, 2, 16, 23, 8),
        ("icebreaker", (784, 128, 10), 2, 2, 16, 60, 2),
        ("ulx3s", (300, 70), 2, 2, 16, 6, 2),
    ],
)
def test_other_cores_take_what_yosys_made_of_them(
    name, sizes, lanes, weight_width, state_width, block_ram, dsp
):
    params = CoreParams(
        inputs=sizes[:-1],
        neurons=sizes[1:],
        lanes=lanes,
        weight_width=weight_width,
        state_width=state_width,
    )
    assert needed(board(name), params) == {"block_ram": block_ram, "dsp": dsp}


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
    params = CoreParams(inputs=(784, 128), neurons=(128, 10), lanes=16)
    with pytest.raises(ValueError) as refused:
        check_fit(board("icebreaker"), params)
    assert str(refused.value) == (
        "784-128-10 with 16 lanes and 8-bit weights does not fit the iCEBreaker (iCE40UP5K): "
        "222 block RAMs needed, 30 there, 16 multipliers needed, 8 there; use fewer neurons, bits "
        "or lanes, or another board"
    )
