"""What a learning core takes on real chips."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubel.boards.learning import LEARNING_BUILDS, build_learning
from hubel.boards.report import BuildReport
from hubel.hdl.synapse_walk import learning_clocks


@dataclass(frozen=True, kw_only=True)
class StdpRow:
    """A build of a whole design: learning core, serial port and PLL.

    ``clock_mhz`` is what the build asks for, ``fmax_mhz`` what is reached in the slowest corner.
    ``logic`` counts cells after place and route, ``lut4`` LUTs after synthesis without carries
    (a carry cell of an ECP5 is made of two LUTs), ``with_carry`` with them. ``learning_clocks``:
    clocks that a spike of a neuron costs, in which everything waits.
    """

    board: str
    neurons: int
    synapses: int
    weight_width: int
    lanes: int
    clock_mhz: float
    fmax_mhz: float
    met: bool
    logic: int
    lut4: int
    with_carry: int
    ff: int
    block_ram: int
    spram: int
    dsp: int
    learning_clocks: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def bench_stdp(
    progress: Callable[[str], None], *, seeds: int = 4, out_dir: Path = Path("build/bench-stdp")
) -> list[StdpRow]:
    """Build :data:`~hubel.boards.learning.LEARNING_BUILDS`; what is built already is only read.

    Raises
    ------
    ToolMissing, BuildFailed
        From :mod:`hubel.boards`.
    """
    rows = []
    for which in LEARNING_BUILDS:
        name, params = which.board.name, which.params

        def tell(stage: str, name: str = name) -> None:
            progress(f"{name}, {stage}")

        report = build_learning(which, out_dir, seeds=seeds, progress=tell)
        carry = _cells(report, "carry") * (2 if which.board.family == "ecp5" else 0)
        rows.append(
            StdpRow(
                board=name,
                neurons=params.neurons,
                synapses=params.inputs * params.neurons,
                weight_width=params.weight_width,
                lanes=params.lanes,
                clock_mhz=report.clock_mhz,
                fmax_mhz=report.fmax_mhz,
                met=report.met,
                logic=report.utilisation["logic"].used,
                lut4=_cells(report, "lut4"),
                with_carry=_cells(report, "lut4") + carry,
                ff=_cells(report, "ff"),
                block_ram=_cells(report, "block_ram"),
                spram=_cells(report, "spram"),
                dsp=_cells(report, "dsp"),
                learning_clocks=learning_clocks(params),
            )
        )
    return rows


def _cells(report: BuildReport, kind: str) -> int:
    return report.cells.get(kind, 0)
