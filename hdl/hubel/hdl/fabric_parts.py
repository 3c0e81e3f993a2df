"""Names of the parts that populations are cut into."""

import re
from collections.abc import Collection

from .program import Program

__all__ = ["origin", "part_name"]

_PART = re.compile(r"(.*)\[(\d+):(\d+)\]", re.DOTALL)


def part_name(name: str, first: int, stop: int, taken: Collection[str] = ()) -> str:
    """Name of channels ``first`` up to and without ``stop`` of ``name``: ``hidden[8:16]``, with
    as many primes behind it as make it none of ``taken``."""
    part = f"{name}[{first}:{stop}]"
    while part in taken:
        part += "'"
    return part


def origin(whole: Program, name: str) -> tuple[str, int]:
    """The population of ``whole`` that a core's population ``name`` is or is a part of, and the
    first of its channels there.

    Raises
    ------
    ValueError
        If it is neither.
    """
    names = [population.name for population in whole.populations]
    if name in names:
        return name, 0
    found = _PART.fullmatch(name.rstrip("'"))
    if found is None or found[1] not in names:
        raise ValueError(f"population {name!r} is no part of any population of the whole")
    return found[1], int(found[2])
