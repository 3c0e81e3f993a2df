"""Radiona ULX3S with the largest ECP5: LFE5U-85F (speed grade 6), FT231X."""

from amaranth_boards.ulx3s import ULX3S_85F_Platform

from .description import Board
from .pll import Ecp5Pll

__all__ = ["BOARD"]


BOARD = Board(
    name="ulx3s",
    title="ULX3S (ECP5 LFE5U-85F)",
    platform=ULX3S_85F_Platform,
    family="ecp5",
    pll=Ecp5Pll.search(25_000_000, 112.5e6),
    resources={"logic": 83640, "block_ram": 208, "spram": 0, "dsp": 156},
    price="100 to 200",
    usb_id="0403:6015",
    loaders=(("openFPGALoader", "-b", "ulx3s", "{bitstream}"),),
    persistent=False,
    busy_pin=("gpio", 0, "0+"),
)
