"""What a measurement of the fabric found."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["FabricRow", "Progress"]

#: Told what is being done.
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FabricRow:
    """What one measurement found.

    Parameters
    ----------
    name : str
        Of the measurement, a key of :data:`ROWS`.
    figures : list of (str, number or str)
        What people read: what it is, and how much.
    data : dict
        All of it, as JSON.
    """

    name: str
    figures: list[tuple[str, float | int | str]]
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)
