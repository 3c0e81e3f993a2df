"""Random numbers that belong to a device: keyed by seed, array, row, column, event and purpose.

What a device draws depends on nothing else: not on the size of the array, on how it is split into
tiles, or on what was drawn before. The generator is Philox4x32-10 (Salmon et al. 2011, "Parallel
random numbers: as easy as 1, 2, 3"), a function from a counter and a key to four words.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_ROUNDS = 10
#: Rounds after which every word depends on every word of the counter.
_MIXED = 4
#: Devices at once: what is in work stays in the cache.
_CHUNK = 1 << 13
_TOP = 1 << 32


class Purpose(IntEnum):
    """What a number is drawn for; two purposes never share one."""

    PROGRAM = 0  #: the error of programming without a verify
    RETENTION = 1  #: the frozen exponent of a drift, or how far a cell relaxes
    READ = 2
    PULSE = 3  #: pulses and verify reads of a programming with verify
    STUCK = 4
    DEVICE = 5  #: what differs between devices and never changes
    CYCLE = 6  #: what differs from one programming of a device to the next
    READ_LAYER = 7
    WINDOW = 8
    PULSE_NOISE = 9


def philox(counter: tuple[Words, Words, Words, Words], key: tuple[int, int]) -> list[Words]:
    """Philox4x32-10: four words of 32 bits, held in uint64, for each counter; its four arrays
    broadcast."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for number in range(_ROUNDS):
        p0, p1 = c0 * _M0, c2 * _M1
        c0, c2 = p1 >> _HALF, p0 >> _HALF
        if number < _MIXED:
            # Rows and columns are still apart, so that this is next to no work.
            c0, c2 = c0 ^ (c1 ^ np.uint64(k0)), c2 ^ (c3 ^ np.uint64(k1))
        else:
            # In place, because most of the time goes into memory.
            c0 ^= c1
            c0 ^= np.uint64(k0)
            c2 ^= c3
            c2 ^= np.uint64(k1)
        p1 &= _LOW
        p0 &= _LOW
        c1, c3 = p1, p0
        k0, k1 = (k0 + _W0) % _TOP, (k1 + _W1) % _TOP
    return [c0, c1, c2, c3]


def _uniform(words: Words) -> Floats:
    """Numbers in (0, 1), never one of its ends."""
    values = words.astype(np.float64)
    values += 0.5
    values *= 1 / _TOP
    return values


def _normals(a: Words, b: Words, first: Floats, second: Floats) -> None:
    """Fill ``first`` and ``second`` with independent standard normal numbers (Box and Muller 1958);
    none is beyond 6.8 sigma."""
    radius = _uniform(a)
    np.log(radius, out=radius)
    radius *= -2
    np.sqrt(radius, out=radius)
    angle = (b * (2 * np.pi / _TOP)).astype(np.float32)
    np.multiply(radius, np.cos(angle), out=first)
    np.multiply(radius, np.sin(angle), out=second)


@dataclass(frozen=True, kw_only=True)
class Where:
    """Devices of a rectangle in an array: what a random number is keyed by.

    Parameters
    ----------
    rows, columns : int
        Size of the rectangle.
    seed, array : int
        Seed, and number of the array; 0..2**32 - 1.
    row, column : int
        Of the first device, counted in the whole array.
    """

    rows: int
    columns: int
    seed: int = 0
    array: int = 0
    row: int = 0
    column: int = 0

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            if not 1 <= getattr(self, name) < _TOP:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)!r}")
        for name in ("seed", "array", "row", "column"):
            if not 0 <= getattr(self, name) < _TOP:
                raise ValueError(f"{name} must be in 0..{_TOP - 1}, not {getattr(self, name)!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    def part(self, some: slice) -> "Where":
        """Those of the rows ``some.start`` to ``some.stop``."""
        return replace(self, row=self.row + some.start, rows=some.stop - some.start)

    def normal(self, purpose: Purpose, event: int = 0) -> Floats:
        """A standard normal number for each device, of shape (rows, columns)."""
        return self._field(purpose, event, normal=True)

    def uniform(self, purpose: Purpose, event: int = 0) -> Floats:
        """A number in (0, 1) for each device, of shape (rows, columns)."""
        return self._field(purpose, event, normal=False)

    def _field(self, purpose: Purpose, event: int, *, normal: bool) -> Floats:
        # Four neighbours share a counter: each takes the word of its column.
        first, last = self.column // 4, (self.column + self.columns - 1) // 4
        groups = np.arange(first, last + 1, dtype=np.uint64)[None]
        rows = np.arange(self.row, self.row + self.rows, dtype=np.uint64)[:, None]
        result = np.empty((self.rows, groups.size, 4))
        at_once = max(1, _CHUNK // groups.size)
        for start in range(0, self.rows, at_once):
            block = result[start : start + at_once]
            words = self._words(rows[start : start + at_once], groups, event, purpose)
            if normal:
                _normals(words[0], words[1], block[..., 0], block[..., 1])
                _normals(words[2], words[3], block[..., 2], block[..., 3])
            else:
                for number, word in enumerate(words):
                    block[..., number] = _uniform(word)
        skip = self.column - 4 * first
        return result.reshape(self.rows, -1)[:, skip : skip + self.columns]

    def normals_of(self, devices: npt.NDArray[np.int64], purpose: Purpose, event: int) -> Floats:
        """Four standard normal numbers, of shape (4, n), for each of n ``devices``, which are
        counted row by row in the rectangle."""
        result = np.empty((4, len(devices)))
        for start in range(0, len(devices), _CHUNK):
            part = devices[start : start + _CHUNK].astype(np.uint64)
            rows, columns = np.divmod(part, np.uint64(self.columns))
            rows += np.uint64(self.row)
            columns += np.uint64(self.column)
            a, b, c, d = self._words(rows, columns, event, purpose)
            into = result[:, start : start + _CHUNK]
            _normals(a, b, into[0], into[1])
            _normals(c, d, into[2], into[3])
        return result

    def _words(self, rows: Words, columns: Words, event: int, purpose: Purpose) -> list[Words]:
        if not 0 <= event < _TOP:
            raise ValueError(f"an event must be in 0..{_TOP - 1}, not {event!r}")
        one = (1,) * rows.ndim
        events = np.full(one, event, dtype=np.uint64)
        purposes = np.full(one, int(purpose), dtype=np.uint64)
        return philox((rows, columns, events, purposes), (self.seed, self.array))
