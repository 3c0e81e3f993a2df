"""Plain Verilog of a component."""

import re

from amaranth.back import verilog
from amaranth.lib import wiring

__all__ = ["to_verilog"]


def to_verilog(component: wiring.Component, *, name: str) -> str:
    """Verilog of ``component`` as module ``name``: the same text for the same component.

    Streams become the ports ``x__payload``, ``x__valid`` and ``x__ready``; the fields of a
    payload are packed with the first in the lowest bits.
    """
    text = verilog.convert(component, name=name, emit_src=False)
    # The writer gives each module a signal whose first change starts every ``always @*`` block.
    # For Icarus an initial value in a declaration is no change, and what depends on constants
    # stays X; an ``initial`` statement is one.
    return re.sub(r"^  reg (\\\$auto\$verilog_backend\S+)  = 0;$", r"  reg \1 ;\n  initial \1 = 0;",
                  text, flags=re.MULTILINE)
