"""Memories of 1 MB side by side: at which activity leakage outweighs the price of an access.

The rows are those of NVMExplorer's tutorial (22 nm, 1 MB, words of 64 bits, one bit a cell).
A non-volatile memory costs more for each access and leaks less; so it wins while accesses are rare.
"""

import math
from dataclasses import dataclass

from .source import Source
from .validate import number, positive


@dataclass(frozen=True, kw_only=True)
class Memory:
    """1 MB of a memory: joules to read and to write a word of 64 bits, and watts of leakage."""

    name: str
    read_joules: float
    write_joules: float
    leak_watts: float
    source: Source

    def __post_init__(self) -> None:
        for name, unit in (("read_joules", "J"), ("write_joules", "J"), ("leak_watts", "W")):
            number(name, getattr(self, name), 0.0, unit=unit)

    def watts(self, reads_per_second: float, writes_per_second: float = 0.0) -> float:
        """Power at that many words a second; ValueError if one is negative or not finite."""
        reads = number("reads_per_second", reads_per_second, 0.0, unit="1/s")
        writes = number("writes_per_second", writes_per_second, 0.0, unit="1/s")
        return self.leak_watts + reads * self.read_joules + writes * self.write_joules

    def megabytes(self, size: float) -> "Memory":
        """As many MB of it, of which one word is accessed at a time: the leakage grows."""
        scale = positive("size", size, "MB")
        return Memory(name=self.name, read_joules=self.read_joules, write_joules=self.write_joules,
                      leak_watts=self.leak_watts * scale, source=self.source)  # fmt: skip


def break_even(volatile: Memory, other: Memory, *, write_share: float = 0.0) -> float:
    """Accesses a second below which ``other`` takes less power than ``volatile``.

    Parameters
    ----------
    volatile, other : Memory
        Of the same size.
    write_share : float
        Share of the accesses that are writes, 0..1.

    Returns
    -------
    rate : float
        0 if ``other`` never wins, infinite if it always does.
    """
    share = number("write_share", write_share, 0.0, 1.0)

    def access(memory: Memory) -> float:
        return (1 - share) * memory.read_joules + share * memory.write_joules

    saved = volatile.leak_watts - other.leak_watts
    dearer = access(other) - access(volatile)
    if dearer <= 0:
        # Cheaper at each access too; if it leaks more, it wins above a rate, not below one.
        return math.inf if saved >= 0 else 0.0
    return max(saved, 0.0) / dearer


_SOURCE = Source("NVMExplorer, EducationalTutorial, *_1BPC-combined.csv", "simulated",
                 "22 nm, 1 MB, 64-bit words")  # fmt: skip


def _row(name: str, read_pj: float, write_pj: float, leak_mw: float) -> Memory:
    return Memory(name=name, read_joules=read_pj * 1e-12, write_joules=write_pj * 1e-12,
                  leak_watts=leak_mw * 1e-3, source=_SOURCE)  # fmt: skip


SRAM = _row("SRAM", 1.03, 16.9, 28.2)
RRAM = _row("RRAM", 4.03, 53.2, 3.43)
PCM = _row("PCM", 3.76, 8.98, 21.4)
STT = _row("STT-MRAM", 3.79, 68.3, 2.10)
FEFET = _row("FeFET", 0.705, 18.9, 0.617)
NON_VOLATILE = (RRAM, PCM, STT, FEFET)
