"""Routing tables: for each key the tree of links that brings it from its sender to its readers."""

from collections.abc import Iterable

#: Ports of a router.
NORTH, EAST, SOUTH, WEST, LOCAL = range(5)
PORT_NAMES = ("north", "east", "south", "west", "local")

#: Where a packet that leaves by a port arrives.
OPPOSITE = {NORTH: SOUTH, SOUTH: NORTH, EAST: WEST, WEST: EAST}


def neighbour(node: int, port: int, rows: int, columns: int) -> int | None:
    """The node that ``port`` of ``node`` leads to, None at the edge of the mesh."""
    row, column = divmod(node, columns)
    row += (port == SOUTH) - (port == NORTH)
    column += (port == EAST) - (port == WEST)
    return row * columns + column if 0 <= row < rows and 0 <= column < columns else None


def tree(start: int, ends: Iterable[int], columns: int) -> dict[int, int]:
    """The ports, as the sum of ``1 << port``, by which each node hands a packet on that goes from
    ``start`` to all of ``ends``: first along the row, then along columns, no link twice."""
    masks: dict[int, int] = {}
    row, column = divmod(start, columns)
    for end in ends:
        end_row, end_column = divmod(end, columns)
        side = EAST if end_column > column else WEST
        for at in _between(column, end_column):
            _add(masks, row * columns + at, side)
        side = SOUTH if end_row > row else NORTH
        for at in _between(row, end_row):
            _add(masks, at * columns + end_column, side)
        _add(masks, end, LOCAL)
    return masks


def _between(start: int, end: int) -> range:
    """From ``start`` up or down to the last one before ``end``."""
    return range(start, end, 1 if end > start else -1)


def _add(masks: dict[int, int], node: int, port: int) -> None:
    masks[node] = masks.get(node, 0) | 1 << port


def links(masks: dict[int, int]) -> list[tuple[int, int]]:
    """The links of a tree between routers: pairs (node, port by which it is left)."""
    return [
        (node, port) for node, mask in masks.items() for port in range(LOCAL) if mask >> port & 1
    ]


def tables(
    routes: Iterable[tuple[int, int, tuple[int, ...]]], rows: int, columns: int
) -> tuple[dict[int, int], ...]:
    """The table of each router, from (key, node of its sender, nodes of its readers)."""
    found: tuple[dict[int, int], ...] = tuple({} for _ in range(rows * columns))
    for key, start, ends in routes:
        for node, mask in tree(start, ends, columns).items():
            found[node][key] = mask
    return found
