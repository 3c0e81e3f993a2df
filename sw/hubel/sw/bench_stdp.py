"""What a learning core takes on real chips."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubel.boards.learning import LEARNING_BUILDS, LEARNING_VARIANTS, build_learning
from hubel.hdl.synapse_walk import learning_clocks


@dataclass(frozen=True, kw_only=True)
class StdpRow:
    """A build of a whole design: learning core, host link and PLL.

    ``clock_mhz`` is what the build asks for, ``fmax_mhz`` what is reached in the slowest corner.
    ``logic`` counts cells after place and route, ``lut4`` LUTs after synthesis without carries
    (a carry cell of an ECP5 is made of two LUTs), ``with_carry`` with them, ``core_with_carry``
    those of the core alone. ``learning_clocks``: clocks that a spike of a neuron costs, in which
    everything waits.
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
    core_with_carry: int
    ff: int
    block_ram: int
    spram: int
    dsp: int
    learning_clocks: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def bench_stdp(
    progress: Callable[[str], None],
    *,
    seeds: int = 4,
    variants: bool = False,
    out_dir: Path = Path("build/bench-stdp"),
) -> list[StdpRow]:
    """Build :data:`~hubel.boards.learning.LEARNING_BUILDS`, with ``variants`` also
    :data:`~hubel.boards.learning.LEARNING_VARIANTS`; what is built already is only read.

    Raises
    ------
    ToolMissing, BuildFailed
        From :mod:`hubel.boards`.
    """
    rows = []
    for which in LEARNING_BUILDS + (LEARNING_VARIANTS if variants else ()):
        params = which.params

        def tell(stage: str, name: str = str(which)) -> None:
            progress(f"{name}: {stage}")

        report = build_learning(which, out_dir, seeds=seeds, progress=tell)
        rows.append(
            StdpRow(
                board=which.board.name,
                neurons=params.neurons,
                synapses=params.inputs * params.neurons,
                weight_width=params.weight_width,
                lanes=params.lanes,
                clock_mhz=report.clock_mhz,
                fmax_mhz=report.fmax_mhz,
                met=report.met,
                logic=report.utilisation["logic"].used,
                lut4=report.cells.get("lut4", 0),
                with_carry=_with_carry(which.board.family, report.cells),
                core_with_carry=_with_carry(which.board.family, report.core_cells or {}),
                ff=report.cells.get("ff", 0),
                block_ram=report.cells.get("block_ram", 0),
                spram=report.cells.get("spram", 0),
                dsp=report.cells.get("dsp", 0),
                learning_clocks=learning_clocks(params),
            )
        )
    return rows


def _with_carry(family: str, cells: Mapping[str, int]) -> int:
    return cells.get("lut4", 0) + (2 if family == "ecp5" else 1) * cells.get("carry", 0)
