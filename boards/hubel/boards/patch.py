"""New contents of block RAM in a design that is placed and routed: no synthesis for new weights.

A design is built with noise in its memories. A column of a block RAM that is full of noise is the
column of one memory only, so that the routed design itself tells what went where, however synthesis
cut the memories into blocks; the column then gets its new bits. The formats are those of the
projects IceStorm (``.asc``) and Trellis (``.config``).
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Contents", "PatchFailed", "noise", "patch"]

# Rows of a memory from one bit of a column to the next, and the ones that a column must have.
_STEPS, _LEAST = (1, 2, 4, 8), 8

Bits = npt.NDArray[np.bool_]


class PatchFailed(Exception):
    """Some column of a memory is not where it should be; the message names the memory."""


@dataclass(frozen=True)
class Contents:
    """Rows of a memory, ``width`` bits each, by which it was built and that it gets.

    Parameters
    ----------
    name : str
    width : int
    built, wanted : list of int
        As many rows.
    """
    name: str
    width: int
    built: list[int]
    wanted: list[int]


def noise(name: str, width: int, rows: int) -> list[int]:
    """Rows that no other memory has, the same for the same ``name``."""
    draw = random.Random(name)
    return [draw.getrandbits(width) for _ in range(rows)]


def patch(routed: str, family: str, memories: list[Contents]) -> str:
    """The routed design with new contents.

    Parameters
    ----------
    routed : str
        Text of nextpnr for the family "ice40" or "ecp5".
    family : str
    memories : list of Contents

    Raises
    ------
    PatchFailed
        If a column of a memory is not found.
    """
    blocks, views = {"ice40": (_ice40_blocks, _ice40_views),
                     "ecp5": (_ecp5_blocks, _ecp5_views)}[family]
    columns = _Columns(memories)

    def replaced(bits: Bits) -> Bits:
        bits = bits.copy()
        for view in views(bits):
            # ``view`` shares its memory with ``bits``.
            for lane in range(view.shape[1]):
                found = columns.wanted(view[:, lane])
                if found is not None:
                    view[:, lane] = found
        return bits

    result = blocks(routed, replaced)
    columns.check()
    return result


class _Columns:
    """Columns of the memories by their bits, for each depth of a block."""
    def __init__(self, memories: list[Contents]):
        self._memories = [
            (m, _matrix(m.built, m.width), _matrix(m.wanted, m.width)) for m in memories]
        self._known: dict[int, dict[bytes, tuple[int, int, slice]]] = {}
        self._left = {
            (i, bit): {row for row in range(len(built)) if built[row, bit] != wanted[row, bit]}
            for i, (_, built, wanted) in enumerate(self._memories)
            for bit in range(built.shape[1])}

    def _of_depth(self, depth: int) -> dict[bytes, tuple[int, int, slice]]:
        """The columns of ``depth`` bits: memory, bit, rows."""
        if depth not in self._known:
            known = self._known[depth] = {}
            for i, (_, built, _) in enumerate(self._memories):
                for rows in _slices(len(built), depth):
                    part = _padded(built[rows], depth)
                    for bit in range(part.shape[1]):
                        # Less than this might be in another memory as well.
                        if part[:, bit].sum() >= _LEAST:
                            known[np.packbits(part[:, bit]).tobytes()] = i, bit, rows
        return self._known[depth]

    def wanted(self, column: Bits) -> Bits | None:
        """What a column becomes, None if it is none of the memories'."""
        depth = len(column)
        place = self._of_depth(depth).get(np.packbits(column).tobytes())
        if place is None:
            return None
        i, bit, rows = place
        wanted = self._memories[i][2]
        self._left[i, bit] -= set(range(*rows.indices(len(wanted))))
        return _padded(wanted[rows], depth)[:, bit]

    def check(self) -> None:
        for (i, bit), rows in self._left.items():
            if rows:
                raise PatchFailed(f"bit {bit} of row {min(rows)} of the memory "
                                  f"{self._memories[i][0].name!r} is not in the routed design")


def _matrix(rows: list[int], width: int) -> Bits:
    size = -(-width // 8)
    data = np.frombuffer(b"".join(row.to_bytes(size, "little") for row in rows), dtype=np.uint8)
    bits = np.unpackbits(data.reshape(len(rows), size), axis=1, bitorder="little")
    return bits[:, :width].astype(bool)


def _slices(rows: int, depth: int) -> Iterator[slice]:
    """Rows that a column of ``depth`` bits can have: in the narrower modes of a block, the lowest
    bits of the address choose among columns."""
    for step in _STEPS:
        for first in range(0, rows, depth * step):
            for way in range(step):
                yield slice(first + way, min(rows, first + depth * step), step)


def _padded(part: Bits, depth: int) -> Bits:
    return np.pad(part, ((0, depth - len(part)), (0, 0)))


def _ice40_blocks(text: str, replaced: Callable[[Bits], Bits]) -> str:
    """``.ram_data``: 16 lines of 256 bits, the highest first; bit 16 r + c is bit c of row r."""
    def block(match: re.Match) -> str:
        lines = match[2].split()
        # Of each line, the last digit has the lowest bits.
        data = b"".join(bytes.fromhex(line)[::-1] for line in lines)
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").astype(bool)
        data = np.packbits(replaced(bits.reshape(256, 16)).ravel(), bitorder="little").tobytes()
        lines = [data[i:i + 32][::-1].hex() for i in range(0, len(data), 32)]
        return match[1] + "\n".join(lines) + "\n"

    return re.sub(r"(\.ram_data \d+ \d+\n)((?:[0-9a-fA-F]{64}\n){16})", block, text)


def _ice40_views(bits: Bits) -> Iterator[Bits]:
    """A column of a block has every, every 2nd, 4th or 8th row of a memory."""
    yield bits


def _ecp5_blocks(text: str, replaced: Callable[[Bits], Bits]) -> str:
    """``.bram_init``: 2048 words of 9 bits, in hexadecimal."""
    def block(match: re.Match) -> str:
        words = np.array([int(word, 16) for word in match[2].split()], dtype=np.uint16)
        bits = (words[:, None] >> np.arange(9) & 1).astype(bool)
        words = (replaced(bits) << np.arange(9)).sum(axis=1)
        lines = [" ".join(f"{word:03x}" for word in words[i:i + 8]) for i in range(0, 2048, 8)]
        return match[1] + "\n".join(lines) + "\n"

    return re.sub(r"(\.bram_init \d+\n)((?:(?:[0-9a-f]{3}[ \n]+){8}){256})", block, text)


def _ecp5_views(bits: Bits) -> Iterator[Bits]:
    """Rows of 18 and 36 bits lie in 2 and 4 words; otherwise a column is as in an iCE40."""
    for words in (1, 2, 4):
        yield bits.reshape(2048 // words, 9 * words)
