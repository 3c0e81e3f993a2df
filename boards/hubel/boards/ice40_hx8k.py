"""Lattice iCE40-HX8K breakout board: no multipliers, no SPRAM, FT2232H."""

from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform

from .description import Board
from .pll import Ice40Pll

__all__ = ["BOARD"]


BOARD = Board(
    name="ice40_hx8k",
    title="iCE40-HX8K breakout board",
    platform=ICE40HX8KBEVNPlatform,
    family="ice40",
    pll=Ice40Pll.search(12_000_000, 60e6, pad=False),
    # Decays are multiplied in LUTs: of 8 lanes they do not fit.
    lanes=4,
    resources={"logic": 7680, "block_ram": 32, "spram": 0, "dsp": 0},
    price="50 to 100",
    usb_id="0403:6010",
    # Into the flash: with the jumpers J6 as they come from the factory.
    loaders=(("openFPGALoader", "-b", "ice40_generic", "--verify", "{bitstream}"),
             ("iceprog", "{bitstream}")),
    persistent=True,
    busy_pin=("j", 2, "5"),
)
