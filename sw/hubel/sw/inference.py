"""Energy of an inference on a board: what the core counted, times what a count costs."""

from math import ceil

from hubel.boards import Board
from hubel.boards.report import BuildReport
from hubel.hdl.image import neuron_row_shape
from hubel.hdl.params import CoreParams

from .energy import estimate
from .figure import Figure
from .fit import decaying_states

#: Bits that a block RAM gives at once, by family of boards.
RAM_WIDTH = {"ice40": 16, "ecp5": 36}

#: The device of :mod:`hubel.sw.energy` by the beginning of the device in a build report.
_DEVICES = {"iCE40UP5K": "iCE40UP5K", "LFE5U-85F": "LFE5U-85F"}


def ram_accesses(params: CoreParams, counters: dict[str, int], ram_width: int) -> int:
    """Reads and writes of block RAMs: a word that is wider than a block takes several at once.

    A synaptic word is read once; the states of a state word are read and written, and what
    differs between its neurons is read; an event is written into its list, and read for each
    synaptic word. In a core with a memory of currents, every synaptic word counts as if it were
    added there, with its targets where something is sparse: an upper bound where some are gathered.
    """
    word_blocks = ceil(params.lanes * params.weight_width / ram_width)
    if params.current_words:
        lane_blocks = ceil(params.accumulator_width / ram_width)
        row_blocks = ceil(params.lanes * params.accumulator_width / ram_width)
        word_blocks += 2 * (params.lanes * lane_blocks if params.sparse_words else row_blocks)
    if params.sparse_words:
        row_width = max(1, (params.current_words - 1).bit_length())
        word_blocks += ceil(params.lanes * row_width / ram_width)
    state_blocks = ceil(neuron_row_shape(params) / ram_width)
    return (
        counters["weight_reads"] * (word_blocks + 1)
        + counters["updates"] * (3 if params.neuron.varied else 2) * state_blocks
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
    figures = estimate(
        device_of(build),
        cycles,
        board.clock_hz,
        logic_cells=build.utilisation["logic"].used,
        flip_flops=build.utilisation["ff"].used if "ff" in build.utilisation else 0,
        dsp_ops=counters["updates"] * params.lanes * decaying_states(params),
        ram_accesses=ram_accesses(params, counters, RAM_WIDTH[board.family]),
    )
    return [figure.times(1 / images, name=figure.name, unit="J") for figure in figures]


def device_of(build: BuildReport) -> str:
    """The device of :mod:`hubel.sw.energy` that ``build`` is for; its own name if there is none."""
    known = (d for prefix, d in _DEVICES.items() if build.device.startswith(prefix))
    return next(known, build.device)
