"""What lies in block RAM: noise when a design is built, and a Program when it is patched."""

from hubel.hdl.identity import Identity
from hubel.hdl.link_memory import link_memory
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.memory_image import memory_rows, memory_widths
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.program_tag import program_tag

from .description import Board
from .patch import Contents, noise

__all__ = ["NOISE_TAG", "PATCHABLE", "patched_link", "patched_memories"]

#: Families whose routed designs can be patched.
PATCHABLE = ("ice40", "ecp5")

#: The tag of a Program in a design that is full of noise.
NOISE_TAG = noise("tag", 64, 1)[0].to_bytes(8, "little")


def patched_memories(board: Board, params: CoreParams,
                     program: Program) -> dict[MemoryKind, Contents]:
    """The memories of a core that are in block RAM and depend on the Program. Those that are in
    flip-flops or LUTs are not among them: a Program that differs there is another design."""
    kinds = [MemoryKind.NEURONS, MemoryKind.TARGETS]
    if not board.uses_spram(params):
        kinds.append(MemoryKind.WEIGHTS)
    widths, rows = memory_widths(params, program), memory_rows(params, program)
    return {kind: Contents(kind.name.lower(), widths[kind],
                           noise(kind.name, widths[kind], len(rows[kind])), rows[kind])
            for kind in kinds if kind in widths}


def patched_link(board: Board, params: CoreParams, program: Program) -> Contents:
    """The memory of the link, which has the tag of the Program."""
    def contents(tag: bytes) -> list[int]:
        identity = Identity.of(params, tag=tag, clock_hz=board.clock_hz)
        return link_memory(identity.to_bytes())

    return Contents("link", 8, contents(NOISE_TAG), contents(program_tag(params, program)))
