"""Whether a Program fits on a chip with memristors over CMOS, with the numbers."""

from dataclasses import dataclass

from hubel.hdl.program import Program
from hubel.sim.memristor.at_program import as_matrix
from hubel.sim.memristor.constraints import Chip, Mapping, broken
from hubel.sim.memristor.endurance import PRESETS
from hubel.sim.memristor.source import Source

#: A declared chip: nothing of it is measured. 40 nm, one layer of 1T1R cells of 53 F^2, pulses of
#: 2 V from two pump stages on 1.2 V.
EXAMPLE = Chip(
    area_mm2=1.0, layers=1, feature_nm=40, cell_f2=53, array_share=0.2, wire_ohm=2.93, g_on=40,
    most_ir_drop=0.25, writable_share=0.25, writes_per_second=1e6, write_volts=2.0,
    supply_volts=1.2, pump_stages=2, endurance=PRESETS["rram_typical"],
    source=Source("declared in hubel.sw.memristor.fits", "assumed"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Numbers of a mapping, and what does not fit (empty if all does)."""

    devices: int
    available: int
    tiles: int
    density: float
    ir_drop: float
    pump_volts: float
    broken: tuple[str, ...]

    def to_json(self) -> dict:
        """For ``json.dumps``."""
        return {
            "devices": self.devices,
            "available": self.available,
            "tiles": self.tiles,
            "devices_per_mm2": self.density,
            "ir_drop": self.ir_drop,
            "pump_volts": self.pump_volts,
            "broken": list(self.broken),
        }


def mapping_of(
    program: Program,
    *,
    tile: int = 32,
    learning_share: float = 0.0,
    updates_per_second: float = 0.0,
    years: float = 10.0,
) -> Mapping:
    """What ``program`` asks for: a differential pair a stored weight, each projection in tiles of
    its own; the rest as in :class:`~hubel.sim.memristor.constraints.Mapping`.

    Raises
    ------
    ValueError
        If ``tile`` is odd or less than 2, or another number is out of range.
    """
    if tile < 2 or tile % 2:
        raise ValueError(f"tile must be 2, 4, 6... rows and columns, not {tile!r}")
    tiles = synapses = 0
    for projection in program.projections:
        rows, columns = as_matrix(projection, tile // 2).shape
        tiles += -(-rows // tile) * -(-2 * columns // tile)
        synapses += projection.weights.size
    return Mapping(
        synapses=synapses, tile_rows=tile, tile_columns=tile, tiles=tiles,
        learning_share=learning_share, updates_per_second=updates_per_second, years=years,
    )  # fmt: skip


def fit(chip: Chip, mapping: Mapping) -> Fit:
    """The numbers of ``mapping`` on ``chip``."""
    return Fit(
        devices=mapping.cells,
        available=chip.cells,
        tiles=mapping.cells // (mapping.tile_rows * mapping.tile_columns),
        density=chip.density,
        ir_drop=chip.ir_drop(mapping.tile_rows, mapping.tile_columns),
        pump_volts=chip.pump_volts,
        broken=broken(chip, mapping),
    )
