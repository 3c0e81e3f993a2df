"""The boards: every file of the package that describes one, and what it claims."""

import dataclasses
from typing import Any

import pytest

from hubel.boards import Board, board, boards


def test_knows_the_boards():
    assert {"icebreaker", "ulx3s"} <= boards().keys()
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
        assert b.clock_hz >= {"ice40": 30e6, "ecp5": 110e6}[b.family]

    def test_platform(self, name: str):
        b = board(name)
        platform: Any = b.platform()
        assert {"ice40": "iCE40", "ecp5": "ecp5"}[b.family] == platform.family
        platform.lookup("uart", 0)

    def test_link(self, name: str):
        b = board(name)
        assert b.clock_hz / b.divisor == pytest.approx(b.baud, rel=0.02)

    def test_loaders(self, name: str):
        b = board(name)
        assert all(command.count("{bitstream}") == 1 for command in b.loaders)
        vendor, product = b.usb_id.split(":")
        assert len(vendor) == len(product) == 4 and int(vendor + product, 16)


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
