"""Which nets of a design are registers: what the switching of its flip-flops is counted by."""

import re

__all__ = ["FLIP_FLOPS", "register_names"]

#: Outputs of the flip-flops of an iCE40 netlist, in a dump of it: a pattern for names.
FLIP_FLOPS = r"_SB_DFF\w*\.Q$"

_MODULE = re.compile(r"^module (?:\\(\S+)|(\w+))", re.MULTILINE)
_CLOCKED = re.compile(r"^ +(?:\\(\S+)|(\w+)) +<= ", re.MULTILINE)
# What Yosys names itself: the answers of memories, which are no flip-flops on a chip.
_UNNAMED = re.compile(r"_\d+_")
# Registers of the neuron update that an iCE40UP has in its multipliers.
_IN_MULTIPLIER = re.compile(r"(product|addend|decayed)_[uva]_\d+")


def register_names(verilog: str) -> list[str]:
    """Names of the registers in what :func:`hubel.hdl.verilog.to_verilog` wrote, as a dump of a
    simulation has them: module, then signal. Memories and their answers are not among them, nor is
    what an iCE40UP has in multipliers, whose energy is that of their operations.

    Raises
    ------
    ValueError
        If there are none.
    """
    found = []
    starts = [*_MODULE.finditer(verilog)]
    ends = [start.start() for start in starts[1:]] + [len(verilog)]
    for start, end in zip(starts, ends, strict=True):
        module = start[1] or start[2]
        for name in _CLOCKED.finditer(verilog, start.end(), end):
            register = name[1] or name[2]
            if not (_UNNAMED.fullmatch(register) or _IN_MULTIPLIER.fullmatch(register)):
                found.append(f"{module}.{register}")
    if not found:
        raise ValueError("this Verilog has no register that a clock drives")
    return list(dict.fromkeys(found))
