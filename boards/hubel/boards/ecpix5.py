"""LambdaConcept ECPIX-5: LFE5UM5G-85F (speed grade 8), FT2232H."""

from amaranth_boards.ecpix5 import ECPIX585Platform

from .description import Board
from .pll import Ecp5Pll

__all__ = ["BOARD"]


BOARD = Board(
    name="ecpix5",
    title="ECPIX-5 (ECP5 LFE5UM5G-85F)",
    platform=ECPIX585Platform,
    family="ecp5",
    pll=Ecp5Pll.search(100_000_000, 150e6),
    resources={"logic": 83640, "block_ram": 208, "spram": 0, "dsp": 156},
    price="200 and more",
    usb_id="0403:6010",
    loaders=(("openFPGALoader", "-b", "ecpix5", "{bitstream}"),),
    persistent=False,
    busy_pin=("pmod", 0, "1"),
)
