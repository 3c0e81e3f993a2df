"""Energy of an inference on a board: what the core counted, times what a count costs."""

from math import ceil

from hubel.boards import Board
from hubel.boards.report import BuildReport
from hubel.hdl.params import CoreParams

from .energy import estimate
from .figure import Figure

#: Bits that a block RAM gives at once.
_RAM_WIDTH = {"ice40": 16, "ecp5": 36}

#: The device of :mod:`hubel.sw.energy` by the beginning of the device in a build report.
_DEVICES = {"iCE40UP5K": "iCE40UP5K", "LFE5U-85F": "LFE5U-85F"}


def ram_accesses(params: CoreParams, counters: dict[str, int], ram_width: int) -> int:
    """Reads and writes of block RAMs: a word that is wider than a block takes several at once.

    A synaptic word is read once; the membranes and the biases of a state word are read and its
    membranes written; an event is written into its list, and read for each state word.
    """
    weight_blocks = ceil(params.lanes * params.weight_width / ram_width)
    state_blocks = ceil(params.lanes * params.state_width / ram_width)
    return (
        counters["weight_reads"] * (weight_blocks + 1)
        + counters["updates"] * 3 * state_blocks
        + counters["events"]
    )


def inference_energy(
    board: Board,
    build: BuildReport,
    params: CoreParams,
    counters: dict[str, int],
    cycles: int,
    images: int,
) -> list[Figure]:
    """Joules of one inference, term by term, at the clock of ``board``.

    Parameters
    ----------
    board, build : Board, BuildReport
        Where the core was placed, and what it takes there.
    params : CoreParams
        Sizes of the core.
    counters : dict
        Totals of ``images`` inferences (:meth:`hubel.hdl.counters.Counters.total`).
    cycles : int
        Clocks that they took, back to back.
    images : int
        How many there were, 1 or more.

    Raises
    ------
    ValueError
        If there are no coefficients for the board's device.
    """
    device = next((d for prefix, d in _DEVICES.items() if build.device.startswith(prefix)), None)
    figures = estimate(
        device or build.device,
        cycles,
        board.clock_hz,
        logic_cells=build.utilisation["logic"].used,
        flip_flops=build.utilisation["ff"].used if "ff" in build.utilisation else 0,
        dsp_ops=counters["updates"] * params.lanes,
        ram_accesses=ram_accesses(params, counters, _RAM_WIDTH[board.family]),
    )
    return [figure.times(1 / images, name=figure.name, unit="J") for figure in figures]
