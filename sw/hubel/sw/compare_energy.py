"""Joules of an inference on a board, for both sides of a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hubel.boards import Board
from hubel.boards.report import BuildReport

from .compare_side import Side
from .energy import estimate
from .figure import Figure, weakest
from .inference import device_of
from .uncertainty import propagate


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A side on a board: its ``build``, its clock in Hz (what the board gives it, or what place and
    route reached, if that is less), and the joules of an inference, term by term and in sum."""

    build: dict[str, Any]
    family: str
    clock_hz: float
    terms: tuple[Figure, ...]
    energy: Figure

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return {
            "build": self.build,
            "clock_hz": self.clock_hz,
            "terms": [figure.to_json() for figure in self.terms],
            "energy": self.energy.to_json(),
        }


def place(board: Board, build: BuildReport, side: Side, images: int) -> Placed:
    """``side`` as it was built; its numbers are means over ``images``.

    ValueError if there are no coefficients for the board's device.
    """
    clock = min(board.clock_hz, build.fmax_mhz * 1e6)
    figures = estimate(
        device_of(build),
        round(side.clocks * images),
        clock,
        logic_cells=build.utilisation["logic"].used,
        flip_flops=build.utilisation["ff"].used if "ff" in build.utilisation else 0,
        dsp_ops=round(side.dsp_operations * images),
        ram_accesses=round(side.ram_accesses[board.family] * images),
    )
    terms = tuple(figure.times(1 / images, name=figure.name, unit="J") for figure in figures)
    return Placed(
        build=build.to_json(), clock_hz=clock, family=board.family, terms=terms, energy=_sum(terms)
    )


def _sum(terms: Sequence[Figure]) -> Figure:
    worst = weakest(terms)
    return propagate(lambda x: sum(x[figure] for figure in terms), terms).figure(
        name="energy of an inference",
        unit="J",
        kind=worst.kind,
        subkind=worst.subkind,
        boundary=worst.boundary,
        source="sum",
    )


def energy_ratio(ann: Placed, snn: Placed) -> Figure:
    """Joules of ``ann`` by those of ``snn``; equal coefficients of the two are one."""
    figures = [*ann.terms, *snn.terms]
    worst = weakest(figures)
    return propagate(
        lambda x: sum(x[f] for f in ann.terms) / sum(x[f] for f in snn.terms), figures
    ).figure(
        name="ANN / SNN",
        unit="1",
        kind=worst.kind,
        subkind=worst.subkind,
        boundary=worst.boundary,
        source="energy of the ANN by that of the SNN",
    )


def static_watts(device: str) -> Figure:
    """Power that ``device`` takes for as long as it is on: the terms of the energy model by time.

    ValueError if there are no coefficients for it.
    """
    second = estimate(device, 0, 1.0, wall_seconds=1.0)
    term = next(figure for figure in second if figure.name.endswith(("static", "board idle")))
    return term.times(1.0, name=term.name, unit="W")


def board_break_even(
    s: float, side: Side, snn: Placed, ann: Placed, *, accesses: int
) -> float | None:
    """s at which the board takes the same for both: what grows with the spikes is a clock and
    ``accesses`` of block RAM for each weight word; the rest of the SNN stays."""
    assert snn.energy.value is not None and ann.energy.value is not None
    ram = next(figure for figure in snn.terms if figure.name.endswith("RAM accesses"))
    multiplied = ("RAM accesses", "DSP operations")
    by_clock = [figure for figure in snn.terms if not figure.name.endswith(multiplied)]
    an_access = (ram.value or 0.0) / side.ram_accesses[snn.family]
    a_clock = sum(figure.value or 0.0 for figure in by_clock) / side.clocks
    grows = side.weight_reads * (a_clock + accesses * an_access)
    found = s * (ann.energy.value - (snn.energy.value - grows)) / grows
    return found if found >= 0 else None
