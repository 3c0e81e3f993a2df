"""OrangeCrab r0.2: LFE5U-25F (speed grade 8), loaded over its own USB."""

from amaranth.build import Attrs
from amaranth.vendor import LatticeECP5Platform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.resources import UARTResource

from .description import Board
from .pll import Ecp5Pll

__all__ = ["BOARD"]


class _Platform(OrangeCrabR0_2_25FPlatform):
    # The tools of any ECP5: the boot loader takes a file without a DFU suffix, too.
    required_tools = (  # pyright: ignore[reportIncompatibleMethodOverride]
        LatticeECP5Platform.required_tools)
    command_templates = (  # pyright: ignore[reportIncompatibleMethodOverride]
        LatticeECP5Platform.command_templates)
    # A serial adapter of 3.3 V on the Feather pins RX (0) and TX (1).
    resources = (*OrangeCrabR0_2_25FPlatform.resources,
                 UARTResource(0, rx="0", tx="1", conn=("io", 0),
                              attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")))


BOARD = Board(
    name="orangecrab",
    title="OrangeCrab r0.2 (ECP5 LFE5U-25F)",
    platform=_Platform,
    family="ecp5",
    pll=Ecp5Pll.search(48_000_000, 144e6),
    resources={"logic": 24288, "block_ram": 56, "spram": 0, "dsp": 28},
    price="100 to 200",
    # The boot loader's, which runs when the button is held while the board is plugged in.
    usb_id="1209:5af0",
    loaders=(("dfu-util", "-d", "1209:5af0", "-a", "0", "-D", "{bitstream}"),
             ("openFPGALoader", "-b", "orangeCrab", "{bitstream}")),
    persistent=True,
    busy_pin=("io", 0, "5"),
)
