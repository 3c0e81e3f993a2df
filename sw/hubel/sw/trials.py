"""The trials of a sweep: a grid, or random points of it, put into a command."""

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """``"lr=0.1,0.01"`` as name and values: numbers where they are, else text.

    Raises
    ------
    ValueError
        If it has another form, or a value twice.
    """
    name, equals, rest = text.partition("=")
    values = [_value(word) for word in rest.split(",")] if rest else []
    if not equals or not name.isidentifier() or not values or "" in values:
        raise ValueError(f"axis {text!r}: give a name and values, as in lr=0.1,0.01")
    if len({repr(value) for value in values}) < len(values):
        raise ValueError(f"axis {text!r}: a value is given twice")
    return name, values


def _value(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def points(
    axes: Mapping[str, Sequence[Any]], *, most: int | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Every point of the grid, or ``most`` different ones chosen at random."""
    grid = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if most is not None and most < len(grid):
        grid = random.Random(seed).sample(grid, most)
    return grid


def fill(command: Sequence[str], point: Mapping[str, Any]) -> list[str]:
    """``command`` with each ``{name}`` replaced by the value of the point.

    Raises
    ------
    ValueError
        If an axis appears nowhere in the command: all its trials would be the same.
    """
    used: set[str] = set()

    def put(place: re.Match[str]) -> str:
        if place[1] not in point:
            return place[0]
        used.add(place[1])
        return str(point[place[1]])

    filled = [_PLACE.sub(put, word) for word in command]
    surplus = sorted(set(point) - used)
    if surplus:
        raise ValueError(f"the command has no place {{{surplus[0]}}} for the axis {surplus[0]!r}")
    return filled
