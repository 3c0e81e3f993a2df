"""What travels on the mesh, and the sizes of its routers."""

from dataclasses import dataclass

from amaranth import *
from amaranth.lib import data

__all__ = ["MASK_BITS", "PacketLayout", "RouterParams", "TableRowLayout"]

#: A bit for each port of a router.
MASK_BITS = 5

_DEPTHS = (2, 4, 8, 16, 32)


@dataclass(frozen=True, kw_only=True)
class RouterParams:
    """Sizes of a router.

    Parameters
    ----------
    key_bits : int
        Of the number of a source, 1..14. The table of a router has a row for each.
    payload_bits : int
        Of what a packet says, 1..64; a router does not look at it.
    depth : int
        Packets that an input buffers, 2, 4, 8, 16 or 32. From 4 on an input takes one packet a
        clock; up to 16 it costs the same on an ECP5, whose LUT RAM has 16 rows.

    Raises
    ------
    ValueError
        If one of them is anything else.
    """
    key_bits: int = 10
    payload_bits: int = 22
    depth: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.key_bits <= 14:
            raise ValueError(f"key_bits must be in 1..14, not {self.key_bits!r}")
        if not 1 <= self.payload_bits <= 64:
            raise ValueError(f"payload_bits must be in 1..64, not {self.payload_bits!r}")
        if self.depth not in _DEPTHS:
            raise ValueError(f"depth must be one of {_DEPTHS}, not {self.depth!r}")

    @property
    def keys(self) -> int:
        """Rows of a table."""
        return 1 << self.key_bits

    def table_row(self, key: int, mask: int) -> tuple[int, int]:
        """``(key, mask)``; ValueError if there is no such row or port."""
        if not 0 <= key < self.keys:
            raise ValueError(f"key must be in 0..{self.keys - 1}, not {key!r}")
        if not 0 <= mask < 1 << MASK_BITS:
            raise ValueError(f"mask of key {key} must be in 0..{(1 << MASK_BITS) - 1}, "
                             f"not {mask!r}")
        return key, mask


class PacketLayout(data.StructLayout):
    """A packet: ``key``, the number of the source that it comes from, and its ``payload``.

    Parameters
    ----------
    key_bits, payload_bits : int
    """
    def __init__(self, key_bits: int, payload_bits: int):
        super().__init__({"key": key_bits, "payload": payload_bits})


class TableRowLayout(data.StructLayout):
    """A row of a table: packets with ``key`` go to each port whose bit is set in ``mask``.

    Parameters
    ----------
    key_bits : int
    """
    def __init__(self, key_bits: int):
        super().__init__({"key": key_bits, "mask": MASK_BITS})
