"""Two chips of one mesh, and the lines between them: for simulation."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.mesh_chip import MeshChip

__all__ = ["MeshPair"]


class MeshPair(wiring.Component):
    """The columns before ``cut`` on one chip, the others on another one; the lines take ``delay``
    clocks and now and then invert what is on them.

    Parameters
    ----------
    fabric, router, lanes
        As in :class:`hubel.hdl.mesh.Mesh`.
    cut : int
    divisor, wires : int
        As in :class:`~hubel.hdl.mesh_chip.MeshChip`.
    delay : int
        1 or more.
    noise : int, optional
        A line is wrong in one of ``2**noise`` clocks, 1..16; never, if it is not given.

    Members
    -------
    Those of :class:`~hubel.hdl.mesh.Mesh` but for ``table``.
    """

    def __init__(
        self,
        fabric: FabricProgram,
        router: RouterParams,
        *,
        cut: int,
        lanes: int = 8,
        divisor: int = 4,
        wires: int = 1,
        delay: int = 3,
        noise: int | None = None,
    ):
        self._rows, self._delay, self._noise, self._wires = fabric.rows, delay, noise, wires
        self._chips = [
            MeshChip(fabric, router, columns=columns, lanes=lanes, divisor=divisor, wires=wires)
            for columns in (range(cut), range(cut, fabric.columns))
        ]
        self._names = [
            [name for name in chip.signature.members if name.split("_")[0] in
             ("events", "spikes", "counters", "update", "unrouted")]
            for chip in self._chips
        ]  # fmt: skip
        super().__init__(
            {
                name: chip.signature.members[name]
                for chip, names in zip(self._chips, self._names, strict=True)
                for name in names
            }
        )

    def elaborate(self, platform):
        m = Module()
        for number, (chip, names) in enumerate(zip(self._chips, self._names, strict=True)):
            m.submodules[f"chip_{number}"] = chip
            for name in names:
                mine, its = getattr(self, name), getattr(chip, name)
                if chip.signature.members[name].is_signature:
                    wiring.connect(m, wiring.flipped(mine), its)
                else:
                    m.d.comb += mine.eq(its)
        west, east = self._chips
        for row in range(self._rows):
            m.d.comb += [
                east.west_rx[row].eq(self._line(m, west.east_tx[row], f"there_{row}", row)),
                west.east_rx[row].eq(self._line(m, east.west_tx[row], f"back_{row}", ~row)),
            ]
        return m

    def _line(self, m: Module, start, name: str, seed: int):
        """What comes out of a line."""
        for clock in range(self._delay):
            later = Signal(self._wires, init=-1, name=f"{name}_{clock}")
            m.d.sync += later.eq(start)
            start = later
        if self._noise is None:
            return start
        # A Galois LFSR of maximal length (taps 16, 14, 13, 11).
        lfsr = Signal(16, init=(seed * 40503 + 12345) % 0xFFFF + 1, name=f"{name}_noise")
        m.d.sync += lfsr.eq(Mux(lfsr[0], 0xB400, 0) ^ lfsr[1:])
        wrong = ~Cat(*lfsr[: self._noise]).any()
        return start ^ wrong.replicate(self._wires)
