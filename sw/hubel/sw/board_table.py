"""Boards side by side, from the reports of their builds."""

from collections.abc import Sequence
from pathlib import Path

from hubel.boards import Board, boards
from hubel.boards.report import BuildReport
from hubel.hdl.spram import SPRAM_BLOCKS, SPRAM_ROWS, SPRAM_WIDTH

#: Bits of a block RAM, in rows whose width is a power of two.
_BLOCK_BITS = {"ice40": 4096, "ecp5": 16384, "gowin": 16384}

#: What a line says.
COLUMNS = (
    "board", "clock", "LUT", "block RAM", "SPRAM", "DSP", "neurons", "weights that fit",
    "M synaptic operations a second", "price (USD)",
)  # fmt: skip
#: What of it fits a terminal.
SHORT = ("clock", "LUT", "block RAM", "DSP", "weights that fit", "M synaptic operations a second")


def newest(folder: Path, board: Board) -> BuildReport | None:
    """The newest build for ``board`` in ``folder``."""
    found = sorted(folder.glob(f"{board.name}-*/build.json"), key=lambda p: p.stat().st_mtime)
    # The name of a board may be the beginning of another's.
    reports = [report for path in found if (report := BuildReport.load(path)).board == board.name]
    return reports[-1] if reports else None


def table(folder: Path) -> list[Sequence[str]]:
    """A line for each board, in the order of :data:`COLUMNS`; what was not built is "-".

    The clock is what the board runs at, and in brackets what the routed design reaches in the
    slowest corner. Weights are those of 8 bits for which there is SPRAM or, beside what the build
    has for everything else, block RAM. Synaptic operations: one a lane and clock.
    """
    return [_line(board, newest(folder, board)) for board in boards().values()]


def _line(board: Board, report: BuildReport | None) -> Sequence[str]:
    if report is None:
        return (board.title, *["-"] * (len(COLUMNS) - 2), board.price)
    core, used = report.core, report.utilisation
    assert core is not None

    def of(name: str) -> str:
        return f"{used[name].used} of {used[name].available}" if name in used else "-"

    if used.get("spram") and used["spram"].used:
        bits = SPRAM_BLOCKS * SPRAM_ROWS * SPRAM_WIDTH
    else:
        left = used["block_ram"].available - used["block_ram"].used
        bits = core.weight_words * core.lanes * core.weight_width
        bits += left * _BLOCK_BITS[board.family]
    rate = core.lanes * report.clock_mhz
    met = "" if report.met else ", not met"
    return (
        board.title,
        f"{report.clock_mhz:g} MHz ({report.fmax_mhz:.1f}{met})",
        of("logic"),
        of("block_ram"),
        of("spram"),
        of("dsp"),
        str(core.neurons),
        f"{bits // 8:,}",
        f"{rate:,.0f} at {core.weight_width} bits",
        board.price,
    )


def markdown(lines: list[Sequence[str]]) -> str:
    """The table for a README."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
