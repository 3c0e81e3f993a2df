"""Where a constant comes from; no constant of a device is without one."""

from dataclasses import dataclass

#: What a number rests on, strongest first.
KINDS = ("measured", "simulated", "assumed")


@dataclass(frozen=True)
class Source:
    """Where a constant comes from.

    Parameters
    ----------
    reference : str
        Publication with year, data base or open-source file.
    kind : str
        ``"measured"`` on a device or chip, ``"simulated"`` (also: derived from a published
        model), or ``"assumed"``.
    note : str
        What else there is to know, for example the conditions.
    """

    reference: str
    kind: str
    note: str = ""

    def __post_init__(self) -> None:
        if not self.reference:
            raise ValueError("a source needs a reference")
        if self.kind not in KINDS:
            raise ValueError(f"kind of a source must be one of {list(KINDS)}, not {self.kind!r}")


@dataclass(frozen=True)
class Constant:
    """A number with its unit and source."""

    value: float
    unit: str
    source: Source
