"""What every experiment answers with: a table, a picture, and whether the network still works."""

import csv
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure as Drawing

from ..npz import atomic_file

Cell = float | int | str | bool | None


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words under column names; a column that has a unit names it, as in
    ``"energy, J"``.

    Raises
    ------
    ValueError
        If a row is not as long as the columns, or a number is not finite.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} has {len(row)} cells, the table {len(self.columns)} columns"
                )
            for name, cell in zip(self.columns, row, strict=True):
                if isinstance(cell, float) and not math.isfinite(cell):
                    raise ValueError(f"row {number}, column {name!r}: {cell!r} is not finite")

    def column(self, name: str) -> list[Cell]:
        """One column, or ValueError if there is none of that name."""
        if name not in self.columns:
            raise ValueError(f"there is no column {name!r}, only {', '.join(self.columns)}")
        at = self.columns.index(name)
        return [row[at] for row in self.rows]


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What the core functionality needs: ``quantity`` of at least ``value`` (at most, where
    ``at_most``)."""

    quantity: str
    value: float
    unit: str = ""
    at_most: bool = False

    def met(self, value: float) -> bool:
        """``value`` is good enough."""
        return value <= self.value if self.at_most else value >= self.value

    def __str__(self) -> str:
        relation = "at most" if self.at_most else "at least"
        return f"{self.quantity} {relation} {self.value:g} {self.unit}".strip()


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """Outcome of one experiment.

    Parameters
    ----------
    key : str
        Short name of it, also of its files: ``"energy"`` makes energy.csv and energy.svg.
    name : str
        Title.
    question : str
        What it asks, in one sentence.
    table : Table
        Everything that the picture shows, as numbers.
    floor : Floor
        What the core functionality needs.
    met : bool
        The operating point that ``finding`` names meets the floor.
    finding : str
        What was found at which operating point, in one sentence with numbers.
    figure : callable
        Draws at a width in CSS pixels, on :func:`hubel.sw.svg.pixels`, with its colours.
    caption : str
        Of the picture: what the bands and marks are.
    seeds : int
        Device seeds of the Monte-Carlo; 1 where nothing is random.
    notes : tuple of str
        Sources and limits, a sentence each.
    """

    key: str
    name: str
    question: str
    table: Table
    floor: Floor
    met: bool
    finding: str
    figure: Callable[[int], Drawing]
    caption: str
    seeds: int = 1
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.key.replace("_", "").isalnum():
            raise ValueError(f"an experiment's key names files: letters and digits, not {self.key}")
        if self.seeds < 1:
            raise ValueError(f"{self.key}: seeds must be 1 or more, not {self.seeds!r}")

    @property
    def verdict(self) -> str:
        """The line below the picture."""
        met = "met" if self.met else "not met"
        return f"core functionality {met} ({self.floor}): {self.finding}"

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table, atomically; an empty cell is None."""
        with atomic_file(path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.table.columns)
            writer.writerows(self.table.rows)

    def to_json(self) -> dict[str, Any]:
        """All but the picture, for ``json.dumps``."""
        return {
            "key": self.key,
            "name": self.name,
            "question": self.question,
            "columns": list(self.table.columns),
            "rows": [list(row) for row in self.table.rows],
            "floor": str(self.floor),
            "met": self.met,
            "finding": self.finding,
            "verdict": self.verdict,
            "seeds": self.seeds,
            "notes": list(self.notes),
        }
