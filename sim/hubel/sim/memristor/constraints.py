"""What a hybrid CMOS-memristor chip can hold and rewrite; a mapping that asks for more is refused.

Two limits of stacking memristors over CMOS: how dense they are (cell area, layers, and tiles that
cannot grow because of their wires), and how far they can be programmed on board (which share is
writable, how fast, at which voltage, and how often before they wear out).
"""

import math
from dataclasses import dataclass

from .endurance import YEAR, Endurance
from .ir_drop import effective_conductances
from .source import Source
from .validate import number, positive

#: A cross-point has 4 F^2; a cell with a transistor has up to 53 F^2.
LEAST_CELL, LARGEST_CELL = 4.0, 53.0
#: An ideal Dickson charge pump adds the supply voltage with each stage.
_MOST_STAGES = 20


class MappingRefused(ValueError):
    """A mapping breaks constraints; ``broken`` has a line with the numbers of each."""

    def __init__(self, broken: tuple[str, ...]):
        self.broken = broken
        super().__init__("the mapping does not fit: " + "; ".join(broken))


def _whole(name: str, value: int, least: int = 1) -> None:
    if value != int(value) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Chip:
    """What there is.

    Parameters
    ----------
    area_mm2 : float
        Area over which memristors are stacked.
    layers : int
        Layers of memristors, 1 or more.
    feature_nm, cell_f2 : float
        F, and cell area in F^2, 4..53.
    array_share : float
        Share of the area that is cells, not periphery, above 0 and at most 1.
    wire_ohm, g_on : float
        Resistance of a wire segment, ohm, and conductance of a device that is on, uS.
    most_ir_drop : float
        Share of the current of the worst column that wires may take, 0..1.
    writable_share : float
        Share of the devices that can be rewritten on board, 0..1.
    writes_per_second : float
        Pulses that the board's programming circuits give, over all devices.
    write_volts, supply_volts : float
        Voltage of a pulse, and of the board.
    pump_stages : int
        Stages of the charge pump, 0 (none) or more.
    pump_efficiency : float
        Share of the ideal voltage that the pump reaches, above 0 and at most 1.
    endurance : Endurance
    source : Source
    """

    area_mm2: float
    layers: int
    feature_nm: float
    cell_f2: float
    array_share: float
    wire_ohm: float
    g_on: float
    most_ir_drop: float
    writable_share: float
    writes_per_second: float
    write_volts: float
    supply_volts: float
    pump_stages: int
    pump_efficiency: float = 0.8
    endurance: Endurance
    source: Source

    def __post_init__(self) -> None:
        for name, unit in (("area_mm2", "mm^2"), ("feature_nm", "nm"), ("array_share", ""),
                           ("g_on", "uS"), ("write_volts", "V"), ("supply_volts", "V"),
                           ("pump_efficiency", "")):  # fmt: skip
            positive(name, getattr(self, name), unit)
        for name in ("array_share", "most_ir_drop", "writable_share", "pump_efficiency"):
            number(name, getattr(self, name), 0.0, 1.0)
        number("cell_f2", self.cell_f2, LEAST_CELL, LARGEST_CELL, "F^2")
        number("wire_ohm", self.wire_ohm, 0.0, unit="ohm")
        number("writes_per_second", self.writes_per_second, 0.0, unit="1/s")
        _whole("layers", self.layers)
        _whole("pump_stages", self.pump_stages, 0)
        if self.pump_stages > _MOST_STAGES:
            raise ValueError(f"pump_stages must be at most {_MOST_STAGES}, not {self.pump_stages}")

    @property
    def cells(self) -> int:
        """Devices that fit."""
        cell = self.cell_f2 * (self.feature_nm * 1e-6) ** 2  # mm^2
        return int(self.layers * self.area_mm2 * self.array_share / cell)

    @property
    def density(self) -> float:
        """Devices a mm^2, over all layers and with the periphery."""
        return self.cells / self.area_mm2

    @property
    def pump_volts(self) -> float:
        """Largest voltage of a pulse: an ideal Dickson pump, (stages + 1) times the supply, at
        its efficiency; without a pump, the supply."""
        if not self.pump_stages:
            return self.supply_volts
        return self.supply_volts * (self.pump_stages + 1) * self.pump_efficiency

    def ir_drop(self, rows: int, columns: int) -> float:
        """Share of the current of the worst column that the wires take, with all devices on."""
        on = effective_conductances([[self.g_on] * columns] * rows, self.wire_ohm)
        return 1.0 - float(on.sum(axis=0).min()) / (self.g_on * rows)

    def largest_tile(self, most: int = 128) -> int:
        """Rows and columns of the largest square tile (a power of 2, up to ``most``) whose wires
        take no more than allowed; 0 if there is none."""
        size = 1
        if self.ir_drop(size, size) > self.most_ir_drop:
            return 0
        while 2 * size <= most and self.ir_drop(2 * size, 2 * size) <= self.most_ir_drop:
            size *= 2
        return size


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What a network asks for.

    Parameters
    ----------
    synapses : int
        Weights, 1 or more.
    cells_per_synapse : int
        Devices a weight: 2 in a differential pair.
    tile_rows, tile_columns : int
        Size of a tile, in devices.
    tiles : int, optional
        How many there are; by default as many as the devices fill.
    learning_share : float
        Share of the weights that are rewritten on board, 0..1.
    updates_per_second : float
        How often each of those is pulsed, on average.
    years : float
        How long it has to last, above 0.
    worn_share : float
        Share of the learning devices that may be worn by then.
    """

    synapses: int
    cells_per_synapse: int = 2
    tile_rows: int = 64
    tile_columns: int = 64
    tiles: int | None = None
    learning_share: float = 0.0
    updates_per_second: float = 0.0
    years: float = 10.0
    worn_share: float = 0.01

    def __post_init__(self) -> None:
        for name in ("synapses", "cells_per_synapse", "tile_rows", "tile_columns"):
            _whole(name, getattr(self, name))
        least = math.ceil(self.synapses * self.cells_per_synapse / self._tile)
        if self.tiles is not None and self.tiles < least:
            raise ValueError(f"tiles must be {least} or more, not {self.tiles}")
        number("learning_share", self.learning_share, 0.0, 1.0)
        number("updates_per_second", self.updates_per_second, 0.0, unit="1/s")
        positive("years", self.years)
        if not 0 < self.worn_share < 1:
            raise ValueError(f"worn_share must be between 0 and 1, not {self.worn_share!r}")

    @property
    def _tile(self) -> int:
        return self.tile_rows * self.tile_columns

    @property
    def cells(self) -> int:
        """Devices, with those of tiles that are not full."""
        needed = math.ceil(self.synapses * self.cells_per_synapse / self._tile)
        return (self.tiles or needed) * self._tile


def broken(chip: Chip, mapping: Mapping) -> tuple[str, ...]:
    """What of ``mapping`` does not fit on ``chip``, a line with its numbers each; empty if all
    does."""
    lines = []
    if mapping.cells > chip.cells:
        lines.append(
            f"it needs {mapping.cells:,} devices and {chip.layers} layers of "
            f"{chip.area_mm2:g} mm^2 hold {chip.cells:,} of {chip.cell_f2:g} F^2 at "
            f"{chip.feature_nm:g} nm"
        )
    drop = chip.ir_drop(mapping.tile_rows, mapping.tile_columns)
    if drop > chip.most_ir_drop:
        lines.append(
            f"wires of a {mapping.tile_rows}x{mapping.tile_columns} tile take {100 * drop:.1f} % "
            f"of a current, {100 * chip.most_ir_drop:.1f} % are allowed, which "
            f"{(size := chip.largest_tile())}x{size} keeps"
        )
    return (*lines, *_programmability(chip, mapping))


def _programmability(chip: Chip, mapping: Mapping) -> list[str]:
    lines = []
    if not mapping.learning_share:
        return lines
    if mapping.learning_share > chip.writable_share:
        lines.append(
            f"{100 * mapping.learning_share:.1f} % of the devices learn on board, "
            f"{100 * chip.writable_share:.1f} % can be rewritten there"
        )
    writes = (
        mapping.learning_share
        * mapping.synapses
        * mapping.cells_per_synapse
        * mapping.updates_per_second
    )
    if writes > chip.writes_per_second:
        lines.append(
            f"learning takes {writes:.3g} writes a second, the board gives "
            f"{chip.writes_per_second:.3g}"
        )
    if chip.write_volts > chip.pump_volts:
        lines.append(
            f"a pulse needs {chip.write_volts:g} V, {chip.pump_stages} pump stages on "
            f"{chip.supply_volts:g} V reach {chip.pump_volts:.3g} V"
        )
    years = chip.endurance.lifetime(mapping.updates_per_second, share=mapping.worn_share) / YEAR
    if years < mapping.years:
        lines.append(
            f"{100 * mapping.worn_share:g} % of the learning devices are worn after {years:.3g} "
            f"years at {mapping.updates_per_second:g} writes a second, {mapping.years:g} years are "
            f"asked for"
        )
    return lines


def require(chip: Chip, mapping: Mapping) -> None:
    """Raise :class:`MappingRefused` with the numbers if ``mapping`` does not fit on ``chip``."""
    if lines := broken(chip, mapping):
        raise MappingRefused(lines)
