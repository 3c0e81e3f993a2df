"""1BitSquared iCEBreaker: iCE40UP5K, 30 block RAMs, 8 multipliers, FT2232H."""

from amaranth_boards.icebreaker import ICEBreakerPlatform

from .description import Board
from .pll import Ice40Pll

__all__ = ["BOARD"]


BOARD = Board(
    name="icebreaker",
    title="iCEBreaker (iCE40UP5K)",
    platform=ICEBreakerPlatform,
    family="ice40",
    pll=Ice40Pll.search(12_000_000, 36e6),
    resources={"logic": 5280, "block_ram": 30, "spram": 4, "dsp": 8},
    price="50 to 100",
    usb_id="0403:6010",
    # openFPGALoader has no entry of its own for this board, which is wired like most iCE40 boards.
    loaders=(("openFPGALoader", "-b", "ice40_generic", "--verify", "{bitstream}"),
             ("iceprog", "{bitstream}")),
    persistent=True,
    busy_pin=("pmod", 0, "1"),
    boot=0x100000,
    boot_loaders=(("openFPGALoader", "-b", "ice40_generic", "--verify", "--file-type", "bin",
                   "-o", "{boot}", "{bitstream}"),
                  ("iceprog", "-o", "{boot}", "{bitstream}")),
)
