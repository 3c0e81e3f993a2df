"""MuseLab iCESugar: iCE40UP5K, with a programmer that is its serial port, too."""

from amaranth_boards.icesugar import ICESugarPlatform

from .description import Board
from .pll import Ice40Pll

__all__ = ["BOARD"]


BOARD = Board(
    name="icesugar",
    title="iCESugar (iCE40UP5K)",
    platform=ICESugarPlatform,
    family="ice40",
    pll=Ice40Pll.search(12_000_000, 36e6),
    resources={"logic": 5280, "block_ram": 30, "spram": 4, "dsp": 8},
    price="under 50",
    usb_id="1d50:602b",
    loaders=(("icesprog", "{bitstream}"),),
    persistent=True,
    busy_pin=("pmod", 1, "1"),
    boot=0x100000,
    boot_loaders=(("icesprog", "-o", "{boot}", "{bitstream}"),),
)
