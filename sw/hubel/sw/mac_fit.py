"""Whether a MAC core fits a board: asked before minutes of synthesis."""

from hubel.boards import Board
from hubel.hdl.mac_params import GROUP, MacParams

from .fit import block_rams


def mac_needed(board: Board, params: MacParams) -> dict[str, int]:
    """Block RAMs that the large memories of a core take at least (weights, and activations with
    which of them are zero), and multipliers, one a lane."""
    depth = params.weight_words
    if board.family == "ecp5":
        depth = 1 << (depth - 1).bit_length()  # as WordMemory does
    blocks = block_rams(board.family, depth, params.lanes * params.weight_width)
    blocks += block_rams(board.family, params.activations, params.activation_width)
    if params.skip_zeros:
        blocks += block_rams(board.family, params.activations // GROUP, GROUP)
    return {"block_ram": blocks} | ({"dsp": params.lanes} if board.resources["dsp"] else {})


def check_mac_fit(board: Board, params: MacParams) -> None:
    """Raise ValueError, naming what is needed and what there is, if a core does not fit."""
    names = {"block_ram": "block RAMs", "dsp": "multipliers"}
    short = [
        f"{count} {names[name]} needed, {board.resources[name]} there"
        for name, count in mac_needed(board, params).items()
        if count > board.resources[name]
    ]
    if short:
        raise ValueError(
            f"{params.inputs} inputs and {len(params.layers)} layers with {params.lanes} lanes do "
            f"not fit a MAC core on the {board.title}: {', '.join(short)}; use fewer neurons or "
            f"lanes, or another board"
        )
