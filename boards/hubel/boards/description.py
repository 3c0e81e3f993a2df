"""What a board is: the one object that a board's file provides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from amaranth.build import Attrs, Pins, Resource, TemplatedPlatform

from hubel.hdl.image import neuron_kinds, neuron_row_shape, neuron_row_width
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program

from .pll import Pll

__all__ = ["Board"]

# Bits of a block RAM of an iCE40, the only family with SPRAM.
_ICE40_BLOCK = 4096


@dataclass(frozen=True, kw_only=True)
class Board:
    """A development board: a file of this package that defines ``BOARD`` adds one.

    Parameters
    ----------
    name : str
        What a user calls it by.
    title : str
        Name and chip, for people.
    platform : callable
        Makes the Amaranth platform; its default clock feeds ``pll``, its first UART is the link.
    family : str
        "ice40", "ecp5" or "gowin".
    pll : Pll
        Makes the clock of the core, and thus the frequency that a build must meet.
    lanes : int
        Lanes of a core that suits the chip: as many as it has multipliers, or block RAM columns.
    baud : int
        Bits a second of the link.
    resources : dict
        What the chip has: "logic" (cells of a LUT4 and a flip-flop), "block_ram", "spram", "dsp".
    price : str
        Price class in US dollars, as shops ask.
    usb_id : str
        Vendor and product of the USB cable, as ``lsusb`` prints them.
    loaders : tuple of tuple of str
        Commands that load a bitstream, first choice first; ``{bitstream}`` stands for its path.
    persistent : bool
        The bitstream survives a power cycle.
    boot : int or None
        Where in its SPI flash, behind the bitstream, there is room for a Program that a core with
        weights in SPRAM loads by itself.
    boot_loaders : tuple of tuple of str
        Commands that write it there; ``{boot}`` stands for the place.
    busy_pin : tuple of str, int and str, or None
        Connector, its number, and its pin where a meter finds out when the core works; 3.3 V.
    """
    name: str
    title: str
    platform: Callable[[], TemplatedPlatform]
    family: Literal["ice40", "ecp5", "gowin"]
    pll: Pll
    lanes: int = 8
    baud: int = 1_000_000
    resources: dict[str, int]
    price: str
    usb_id: str
    loaders: tuple[tuple[str, ...], ...]
    persistent: bool
    boot: int | None = None
    boot_loaders: tuple[tuple[str, ...], ...] = ()
    busy_pin: tuple[str, int, str] | None = None

    def __post_init__(self) -> None:
        actual = self.clock_hz / self.divisor
        if abs(actual / self.baud - 1) > 0.02:
            raise ValueError(f"{self.name}: {self.clock_hz / 1e6:g} MHz makes {actual:.0f} baud, "
                             f"more than 2 % off {self.baud}")

    @property
    def busy(self) -> Resource | None:
        """The busy pin, for a platform of this board."""
        if self.busy_pin is None:
            return None
        connector, number, pin = self.busy_pin
        attrs = {"ice40": Attrs(IO_STANDARD="SB_LVCMOS"), "ecp5": Attrs(IO_TYPE="LVCMOS33"),
                 "gowin": Attrs(IO_TYPE="LVCMOS33")}[self.family]
        return Resource("busy", 0, Pins(pin, dir="o", conn=(connector, number)), attrs)

    @property
    def clock_hz(self) -> float:
        """Frequency of the core."""
        return self.pll.output_hz

    @property
    def divisor(self) -> int:
        """Clocks a bit of the link."""
        return round(self.clock_hz / self.baud)

    def core_params(self, program: Program, lanes: int | None = None) -> CoreParams:
        """Sizes of a core for ``program``: with ``lanes``, or as many as suit the board, twice as
        many where weights of 4 bits come from SPRAM. Where the chip has half the multipliers that
        all lanes need, each is used twice."""
        if lanes is None:
            lanes, wide = self.lanes, program.params(lanes=2 * self.lanes)
            if wide.weight_width == 4 and self.uses_spram(wide):
                lanes *= 2
        params = program.params(lanes=lanes)
        if params.multipliers > self.resources["dsp"] >= params.multipliers // 2 > 0 and lanes > 2:
            return program.params(lanes=lanes, folds=2)
        return params

    def uses_spram(self, params: CoreParams) -> bool:
        """Weights of a core of these sizes go into SPRAM: the chip has it, and block RAM is too
        small for them beside the neurons."""
        bits = [(params.weight_words, params.lanes * params.weight_width),
                (neuron_kinds(params) << neuron_row_width(params), neuron_row_shape(params))]
        blocks = sum(-(-rows * width // _ICE40_BLOCK) for rows, width in bits)
        return self.resources["spram"] > 0 and blocks > self.resources["block_ram"]
