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
    return "\nmodule ".join(_started(module) for module in text.split("\nmodule "))


def _started(module: str) -> str:
    """``module`` with every ``always @*`` block run once at time 0.

    The writer gives a module a signal whose first change is to start its blocks. For Icarus an
    initial value in a declaration is no change, and what depends on constants stays X; an
    ``initial`` statement is one. And it leaves out blocks of a single assignment.
    """
    declaration = re.search(r"^  reg (\\\$auto\$verilog_backend\S+)  = 0;$", module, re.MULTILINE)
    start = declaration[1] if declaration else r"\$start "
    module, alone = re.subn(
        r"^  always @\*\n    (.* = .*;)$",
        lambda found: f"  always @* begin\n    if ({start} ) begin end\n    {found[1]}\n  end",
        module, flags=re.MULTILINE)
    if declaration:
        return module.replace(declaration[0], f"  reg {start} ;\n  initial {start} = 0;")
    if alone:
        head, ports, body = module.partition(");\n")
        return f"{head}{ports}  reg {start} ;\n  initial {start} = 0;\n{body}"
    return module
