"""Radiona ULX3S with an LFE5U-12F (speed grade 6), FT231X."""

from amaranth_boards.ulx3s import ULX3S_12F_Platform

from .description import Board
from .pll import Ecp5Pll

__all__ = ["BOARD"]


BOARD = Board(
    name="ulx3s_12f",
    title="ULX3S (ECP5 LFE5U-12F)",
    platform=ULX3S_12F_Platform,
    family="ecp5",
    pll=Ecp5Pll.search(25_000_000, 62.5e6),
    # The die of a 25F: the tools give all of it.
    resources={"logic": 24288, "block_ram": 56, "spram": 0, "dsp": 28},
    price="100 to 200",
    usb_id="0403:6015",
    loaders=(("openFPGALoader", "-b", "ulx3s", "{bitstream}"),),
    persistent=False,
)
