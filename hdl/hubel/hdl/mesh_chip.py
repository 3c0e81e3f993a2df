"""Some columns of a mesh on a chip of its own, with serial links to the others."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .fabric_packet import PacketLayout, RouterParams
from .fabric_program import FabricProgram
from .mesh import Mesh
from .serial_link import SerialLink

__all__ = ["MeshChip"]


class MeshChip(wiring.Component):
    """:class:`Mesh` of some columns; where there are more, a :class:`SerialLink` in each row.

    What it computes does not depend on which columns are on which chip.

    Parameters
    ----------
    fabric, router, lanes, columns
        As in :class:`Mesh`.
    divisor, wires : int
        Clocks a bit of a serial link, and its wires in each direction.

    Members
    -------
    west_tx, west_rx, east_tx, east_rx : :py:`Out(wires, init=-1).array(rows)`, the same in
        The serial links of each row, to the columns before and after, where there are any.
    up : :py:`Out(1)`
        All of them are.

    The others are those of :class:`Mesh`.
    """
    west_tx: Any
    west_rx: Any
    east_tx: Any
    east_rx: Any

    def __init__(self, fabric: FabricProgram, router: RouterParams, *, columns: range,
                 lanes: int = 8, divisor: int = 4, wires: int = 1):
        self._mesh = Mesh(fabric, router, lanes=lanes, columns=columns)
        self._divisor = divisor
        self._wires = wires
        members = self._mesh.signature.members
        self._sides = [side for side in ("west", "east") if f"{side}_i" in members]
        streams = {f"{side}_{way}" for side in self._sides for way in "io"}
        self._kept = {name: member for name, member in members.items() if name not in streams}
        wire = {"init": (1 << wires) - 1}
        lines = {}
        for side in self._sides:
            lines |= {f"{side}_tx": Out(wires, **wire).array(fabric.rows),
                      f"{side}_rx": In(wires, **wire).array(fabric.rows)}
        super().__init__({**self._kept, **lines, "up": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.mesh = mesh = self._mesh
        for name, member in self._kept.items():
            if member.is_signature:
                wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(mesh, name))
            else:
                m.d.comb += getattr(self, name).eq(getattr(mesh, name))
        layout = PacketLayout(mesh.router.key_bits, mesh.router.payload_bits)
        ups = []
        for side in self._sides:
            for row in range(mesh.fabric.rows):
                link = SerialLink(layout, divisor=self._divisor, lanes=self._wires)
                m.submodules[f"{side}_{row}"] = link
                wiring.connect(m, getattr(mesh, f"{side}_o")[row], link.i)
                wiring.connect(m, link.o, getattr(mesh, f"{side}_i")[row])
                m.d.comb += [
                    getattr(self, f"{side}_tx")[row].eq(link.tx),
                    link.rx.eq(getattr(self, f"{side}_rx")[row]),
                ]
                ups.append(link.up)
        m.d.comb += self.up.eq(Cat(ups).all())
        return m
