"""Plain Verilog of a component."""

from amaranth.back import verilog
from amaranth.lib import wiring


__all__ = ["to_verilog"]


def to_verilog(component: wiring.Component, *, name: str) -> str:
    """Verilog of ``component`` as module ``name``: the same text for the same component.

    Streams become the ports ``x__payload``, ``x__valid`` and ``x__ready``; the fields of a
    payload are packed with the first in the lowest bits.
    """
    return verilog.convert(component, name=name, emit_src=False)
