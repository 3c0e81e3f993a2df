"""Sipeed Tang Nano 9K: Gowin GW1NR-9C, with a programmer that is its serial port, too."""

from amaranth_boards.tang_nano_9k import TangNano9kPlatform

from .description import Board
from .pll import GowinPll

__all__ = ["BOARD"]


BOARD = Board(
    name="tang_nano_9k",
    title="Tang Nano 9K (Gowin GW1NR-9C)",
    platform=TangNano9kPlatform,
    family="gowin",
    pll=GowinPll.search(27_000_000, 72e6, device="GW1NR-9C"),
    resources={"logic": 8640, "block_ram": 26, "spram": 0, "dsp": 20},
    price="under 50",
    usb_id="0403:6010",
    loaders=(("openFPGALoader", "-b", "tangnano9k", "-f", "{bitstream}"),),
    persistent=True,
)
