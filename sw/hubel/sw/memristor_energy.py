"""Joules of memristive arrays as figures: array and periphery are two boundaries, never one."""

from hubel.sim.memristor.energy import Ledger
from hubel.sim.memristor.source import Source

from .figure import Figure

ARRAY, PERIPHERY = "memristor array", "memristor periphery"
_BOUNDARY = {"array": ARRAY, "periphery": PERIPHERY}
#: Simulated events times a published constant are never a measurement of ours.
_KINDS = {
    "measured": ("estimated", "spec"),
    "simulated": ("assumed", "published"),
    "assumed": ("assumed", "declared"),
}


def figures(ledger: Ledger, *, per: int = 1, name: str = "") -> list[Figure]:
    """The entries of ``ledger`` in J, each divided by ``per``; ``name`` begins each name.

    A constant that was measured on a device gives an *estimated* figure, since the events are
    simulated; one that was simulated or declared an *assumed* one. Entries of one source share a
    correlation group.

    Raises
    ------
    ValueError
        If ``per`` is less than 1.
    """
    if per < 1:
        raise ValueError(f"per must be 1 or more, not {per!r}")
    found = []
    for entry in ledger.entries:
        kind, subkind = _KINDS[entry.source.kind]
        found.append(
            Figure(
                name=f"{name} {entry.name}".strip(),
                value=entry.joules / per,
                unit="J",
                kind=kind,
                subkind=subkind,
                boundary=_BOUNDARY[entry.place],
                source=source_text(entry.source),
                group=f"memristor {entry.source.reference}",
            )
        )
    return found


def source_text(source: Source) -> str:
    """``source`` in one line."""
    note = f"; {source.note}" if source.note else ""
    return f"{source.reference} ({source.kind}{note})"
