"""The boards: every file of the package that describes one, and what it claims."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hubel.boards import Board, board, boards

from ..programs import random_chain


def test_knows_the_boards():
    assert {"icebreaker", "ulx3s", "orangecrab", "tang_nano_9k"} <= boards().keys()
    assert list(boards()) == sorted(boards())


def test_an_unknown_board_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"^no board is called 'arty'; there are: .*icebreaker, "):
        board("arty")


@pytest.mark.parametrize("name", boards())
class TestBoard:
    def test_name(self, name: str):
        assert board(name).name == name

    def test_clock(self, name: str):
        b = board(name)
        platform = b.platform()
        assert b.pll.input_hz == platform.default_clk_frequency
        assert b.clock_hz >= {"ice40": 36e6, "ecp5": 110e6, "gowin": 50e6}[b.family]

    def test_platform(self, name: str):
        b = board(name)
        platform: Any = b.platform()
        assert {"ice40": "iCE40", "ecp5": "ecp5", "gowin": "GW1NR-9C"}[b.family] == platform.family
        platform.lookup("uart", 0)

    def test_link(self, name: str):
        b = board(name)
        assert b.clock_hz / b.divisor == pytest.approx(b.baud, rel=0.02)

    def test_loaders(self, name: str):
        b = board(name)
        loaders = (*b.loaders, *b.boot_loaders)
        assert all(command.count("{bitstream}") == 1 for command in loaders)
        assert all(command.count("{boot}") == 1 for command in b.boot_loaders)
        assert bool(b.boot_loaders) == (b.boot is not None)
        vendor, product = b.usb_id.split(":")
        assert len(vendor) == len(product) == 4 and int(vendor + product, 16)


def test_weights_go_into_spram_where_block_ram_is_too_small():
    rng = np.random.default_rng(0)
    small, large = (random_chain(rng, *sizes) for sizes in ((64, 128, 10), (784, 128, 10)))
    for name, expected in (("icebreaker", True), ("ulx3s", False), ("ice40_hx8k", False)):
        assert board(name).uses_spram(large.params(lanes=8)) == expected
        assert not board(name).uses_spram(small.params(lanes=8))


def test_refuses_a_baud_rate_that_the_clock_does_not_make():
    with pytest.raises(
        ValueError, match=r"^icebreaker: 36 MHz makes 12000000 baud, more than 2 % off 14000000$"
    ):
        dataclasses.replace(board("icebreaker"), baud=14_000_000)


def test_a_board_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        board("icebreaker").lanes = 4  # pyright: ignore[reportAttributeAccessIssue]


def test_a_board_is_a_board():
    assert all(isinstance(b, Board) for b in boards().values())
