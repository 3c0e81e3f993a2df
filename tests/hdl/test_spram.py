# amaranth: UnusedElaboratable=no
"""The SPRAM array against a dict: every bank and column, byte by byte."""

import numpy as np
import pytest

from hubel.hdl.spram import SPRAM_ROWS, SpramArray
from hubel.hdl.word_memory import WordMemory

from .vectors import Clocks, compare


def vectors(width: int, depth: int, seed: int) -> tuple[Clocks, list[dict[str, int]]]:
    """Random reads and byte writes of a few rows in each bank; what is read was written before."""
    rng = np.random.default_rng(seed)
    lanes = width // 8
    rows = sorted({0, 1, depth - 1, *range(0, depth, SPRAM_ROWS // 2)})
    cells: dict[int, list[int]] = {}
    inputs: Clocks = []
    expected: list[dict[str, int]] = [{}]

    def clock(address: int, select: int, write: int, data: list[int]) -> None:
        value = sum(byte << 8 * i for i, byte in enumerate(data))
        inputs.append({"address": address, "select": select, "write": write, "i": value})
        last = expected[-1]
        if select and write:
            last = {}  # undefined after a write
            for i in range(lanes):
                if write >> i & 1:
                    cells[address][i] = data[i]
        elif select:
            last = {"o": sum(byte << 8 * i for i, byte in enumerate(cells[address]))}
        expected.append(last)

    def random_bytes() -> list[int]:
        return rng.integers(0, 256, lanes).tolist()

    for row in rows:
        cells[row] = [0] * lanes
        clock(row, 1, (1 << lanes) - 1, random_bytes())
    for _ in range(400):
        write = int(rng.integers(0, 1 << lanes)) * int(rng.integers(2))
        clock(int(rng.choice(rows)), int(rng.integers(2)), write, random_bytes())
    return inputs, expected[:-1]


@pytest.mark.parametrize("width, depth", [(64, 1 << 14), (32, 20_000), (16, 60_000), (8, 300)])
def test_random_accesses(width: int, depth: int) -> None:
    compare(SpramArray(width, depth), *vectors(width, depth, seed=width))


@pytest.mark.parametrize("width, depth, blocks", [(128, 1, 8), (64, 16_385, 8), (16, 65_537, 5)])
def test_refuses_what_does_not_fit(width: int, depth: int, blocks: int) -> None:
    with pytest.raises(ValueError, match=f"^{depth} words of {width} bits need {blocks} blocks of "
                                         f"SPRAM, and there are 4$"):  # fmt: skip
        SpramArray(width, depth)


def test_must_be_loadable() -> None:
    with pytest.raises(ValueError, match=r"^weights in SPRAM must be loadable"):
        WordMemory(16, [0], spram=True)
