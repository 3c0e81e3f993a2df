"""The boards: every file of the package that describes one, and what it claims."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module

from hubel.boards import Board, board, boards
from hubel.boards.build import SerialTop
from hubel.hdl.serial_soc import SerialSoc

from ..programs import random_chain


class Wires(SerialSoc):
    """A core that echoes, and is busy while it does."""

    def __init__(self):
        super().__init__(divisor=4)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.tx.eq(self.rx), self.busy.eq(~self.rx)]
        return m


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

    def test_busy_pin(self, name: str):
        """A free pin, which the constraints of a design name."""
        b = board(name)
        if b.busy_pin is None:
            pytest.skip(f"{name} has no connector that amaranth-boards knows")
        platform: Any = b.platform()
        plan = platform.build(SerialTop(b, Wires()), do_build=False)
        connector, number, pin = b.busy_pin
        [place] = [c.mapping[pin] for c in type(platform).connectors
                   if (c.name, c.number) == (connector, number)]  # fmt: skip
        suffix = {"ice40": "pcf", "ecp5": "lpf", "gowin": "cst"}[b.family]
        text, design = (
            file if isinstance(file, str) else file.decode()
            for file in (plan.files[f"top.{suffix}"], plan.files["top.il"])
        )
        text = re.sub("^#.*", "", text, flags=re.MULTILINE)
        lines = [line for line in text.splitlines() if re.search(rf"\b{place}\b", line)]
        assert len(lines) == 1 and "busy_0" in lines[0]
        # What comes out of the core goes into the buffer of the pin.
        core, buffer = (
            re.search(rf"^  cell \\top\.{name}\S* .*?^  end", design, re.DOTALL | re.MULTILINE)
            for name in ("soc", "busy")
        )
        assert core and buffer
        wire = re.search(r"connect \\busy (\S+)", core[0])
        assert wire and re.search(rf"connect \\o\S* {re.escape(wire[1])} ", buffer[0])

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
