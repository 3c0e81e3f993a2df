"""Whether a Program fits a board: asked before minutes of synthesis."""

from math import ceil
from typing import NamedTuple

from hubel.boards import Board
from hubel.hdl.address_tables import JobLayout
from hubel.hdl.event_list import list_rows
from hubel.hdl.image import neuron_kinds, neuron_row_shape, neuron_row_width
from hubel.hdl.params import CoreParams
from hubel.hdl.pipeline import direct
from hubel.hdl.program import Program
from hubel.hdl.spram import spram_blocks
from hubel.hdl.tables import tables_of

#: Shapes of a block RAM, as (depth, width).
_SHAPES = {
    "ice40": ((256, 16), (512, 8), (1024, 4), (2048, 2)),
    "gowin": ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
    "ecp5": ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
}

#: What Yosys says that a block RAM costs (brams.txt of its architectures).
_BLOCK_COST = {"ice40": 64, "ecp5": 128, "gowin": 128}

#: Block RAMs beside the core: the memory of the link; with weights in SPRAM, counters as well.
_LINK, _COUNTERS = 1, 2

#: Resources, for people.
_NAMES = {"block_ram": "block RAMs", "spram": "blocks of SPRAM", "dsp": "multipliers"}


class Memory(NamedTuple):
    """Rows and bits a row; ``constant`` if it is never written."""

    depth: int
    width: int
    constant: bool = False


def block_rams(family: str, depth: int, width: int) -> int:
    """Block RAMs that a memory of ``depth`` rows of ``width`` bits takes at least.

    Where rows need several blocks one behind the other, Yosys fills what is left of the last
    column with another part of the rows.
    """
    return min(ceil(ceil(depth / d) * width / w) for d, w in _SHAPES[family])


def memories(board: Board, params: CoreParams, program: Program) -> list[Memory]:
    """The memories of a core: weights and the targets of sparse ones, currents, neurons, event
    lists, address tables."""
    lanes, current_row = params.lanes, max(1, (params.current_words - 1).bit_length())
    code_width = max(shape.code_width for shape in params.sources)
    found = [] if board.uses_spram(params) else [
        _words(board, params.weight_words, lanes * params.weight_width)]  # fmt: skip
    found += [
        Memory(neuron_kinds(params) << neuron_row_width(params), neuron_row_shape(params)),
        *(Memory(rows, code_width) for rows in list_rows(params)),
    ]
    if params.sparse_words:
        found.append(_words(board, params.sparse_words, lanes * current_row))
    if params.current_words:
        depth, width = max(2, params.current_words), params.accumulator_width
        # Of sparse projections, each lane has a row of its own.
        found += [Memory(depth, width)] * lanes if params.sparse_words else [
            Memory(depth, lanes * width)]  # fmt: skip
    return found + _tables(params, program)


def _words(board: Board, depth: int, width: int) -> Memory:
    """Weights or targets: on an ECP5, WordMemory rounds the depth up to need no multiplexer."""
    depth = max(2, depth)
    if board.family == "ecp5":
        depth = 1 << (depth - 1).bit_length()
    return Memory(depth, width)


def _tables(params: CoreParams, program: Program) -> list[Memory]:
    """A table for each axis, with the rows of all projections that need one."""
    tables = tables_of(params, program)
    used = [t for j, t in enumerate(tables) if not direct(params, j)]
    if not used:
        return []
    job, found = JobLayout(params, tables), []
    for axis in ("c", "x", "y"):
        width = sum(job[field].width for field in ("address", "row", axis))
        if axis == "c":
            width += job["operations"].width
        depth = sum(len(getattr(t, axis).address) for t in used)
        found.append(Memory(max(2, depth), width, constant=True))
    return found


def needed(board: Board, params: CoreParams, program: Program) -> dict[str, int]:
    """Block RAMs and multipliers that the core for ``program`` takes on ``board``.

    Multipliers count where a chip has any: for each state that decays, one a lane with 16-bit
    states, two with 24.
    """
    need = {"block_ram": sum(_blocks(board.family, m) for m in memories(board, params, program))}
    if board.resources["dsp"]:
        need["dsp"] = params.multipliers
    return need


def decaying_states(params: CoreParams) -> int:
    """How many numbers of a neuron are multiplied by a decay in each step."""
    return 1 + params.neuron.current + params.neuron.adaptive


def _blocks(family: str, memory: Memory) -> int:
    """Block RAMs of ``memory``, 0 where logic costs Yosys less: a bit of a constant costs 1/16, and
    16x4 bits of the LUT RAM of an ECP5 cost 4."""
    blocks = block_rams(family, memory.depth, memory.width)
    logic = float("inf")
    if memory.constant:
        logic = memory.depth * memory.width / 16
    elif family in ("ecp5", "gowin"):
        logic = 4 * ceil(memory.depth / 16) * ceil(memory.width / 4)
    return 0 if logic < _BLOCK_COST[family] * blocks else blocks


def describe(params: CoreParams) -> str:
    """Shapes of the inputs and populations of a core, as in ``2x34x34-16x16x16-10``."""
    return "-".join(["+".join(map(str, params.inputs)), *map(str, params.populations)])


def check_fit(board: Board, params: CoreParams, program: Program) -> None:
    """Raise ValueError, naming what is needed and what there is, if a core does not fit."""
    need = needed(board, params, program)
    need["block_ram"] += _LINK
    if board.uses_spram(params):
        need["block_ram"] += _COUNTERS
        need["spram"] = spram_blocks(params.lanes * params.weight_width, params.weight_words)
    short = [
        f"{count} {_NAMES[name]} needed, {board.resources[name]} there"
        for name, count in need.items()
        if count > board.resources[name]
    ]
    if short:
        raise ValueError(
            f"{describe(params)} with {params.lanes} lanes and {params.weight_width}-bit weights "
            f"does not fit the {board.title}: {', '.join(short)}; use fewer neurons, bits or "
            f"lanes, or another board"
        )
