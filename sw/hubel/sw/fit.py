"""Whether a Program fits a board: asked before minutes of synthesis."""

from math import ceil

from hubel.boards import Board
from hubel.hdl.image import NeuronRow, row_width
from hubel.hdl.params import CoreParams

#: Shapes of a block RAM, as (depth, width).
_SHAPES = {
    "ice40": ((256, 16), (512, 8), (1024, 4), (2048, 2)),
    "ecp5": ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
}

#: Resources, for people.
_NAMES = {"block_ram": "block RAMs", "dsp": "multipliers"}


def block_rams(family: str, depth: int, width: int) -> int:
    """Block RAMs that a memory of ``depth`` rows of ``width`` bits takes at least.

    Where rows need several blocks one behind the other, Yosys fills what is left of the last
    column with another part of the rows.
    """
    return min(ceil(ceil(depth / d) * width / w) for d, w in _SHAPES[family])


def needed(board: Board, params: CoreParams) -> dict[str, int]:
    """Block RAMs and multipliers that a core of these sizes takes on ``board``.

    Multipliers count where a chip has any: one a lane with 16-bit membranes, two with 24.
    """
    weight_depth = params.weight_words
    if board.family == "ecp5":
        # As WeightMemory does, to need no multiplexer.
        weight_depth = 1 << (weight_depth - 1).bit_length()
    memories = (
        (weight_depth, params.lanes * params.weight_width),
        (len(NeuronRow) << row_width(params), params.lanes * params.state_width),
        (
            sum(2 << (inputs - 1).bit_length() for inputs in params.inputs),
            (max(params.inputs) - 1).bit_length(),
        ),
    )
    need = {"block_ram": sum(block_rams(board.family, *memory) for memory in memories)}
    if board.resources["dsp"]:
        need["dsp"] = params.lanes * (1 if params.state_width == 16 else 2)
    return need


def check_fit(board: Board, params: CoreParams) -> None:
    """Raise ValueError, naming what is needed and what there is, if a core does not fit."""
    need = needed(board, params)
    short = [
        f"{count} {_NAMES[name]} needed, {board.resources[name]} there"
        for name, count in need.items()
        if count > board.resources[name]
    ]
    if short:
        sizes = "-".join(map(str, (params.inputs[0], *params.neurons)))
        raise ValueError(
            f"{sizes} with {params.lanes} lanes and {params.weight_width}-bit weights does not fit "
            f"the {board.title}: {', '.join(short)}; use fewer neurons, bits or lanes, or another "
            f"board"
        )
