"""What Yosys makes of a router."""

from functools import cache

import pytest

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router import Router

from .yosys import synthesise

INPUTS = [f"{port}_input" for port in ("north", "east", "south", "west", "local")]


@cache
def synthesis(script: str) -> tuple[dict[str, int], dict[str, str]]:
    """A router of the default sizes: 10 bits of key, 22 of payload, 16 packets an input."""
    params = RouterParams()
    return synthesise(Router(params, {k: (7 * k + 3) % 32 for k in range(params.keys)}), script)


def test_ecp5_memories() -> None:
    """A block RAM for each input's table; buffers and their masks in LUT RAM of 16 x 4 bits. A mask
    has a bit for each turn: five for the local input."""
    found, memories = synthesis("synth_ecp5")
    assert found["block_ram"] == 5
    assert found["lut_ram"] == 5 * (8 + 1) + 1
    assert memories == {
        f"{part}.{name}": cell
        for part in INPUTS
        for name, cell in [
            ("table", "DP16KD"),
            ("buffer", "TRELLIS_DPR16X4"),
            ("masks", "TRELLIS_DPR16X4"),
        ]
    }


def test_ecp5_logic() -> None:
    """Measured: 756 LUT4, 9 carry cells of two, 46 LUT RAMs of four, and 636 flip-flops."""
    found, _ = synthesis("synth_ecp5")
    print(found)
    assert found["lut4"] + 2 * found["carry"] + 4 * found["lut_ram"] <= 1000
    assert found["ff"] <= 650


def test_ice40() -> None:
    """There is no LUT RAM: a table and two halves of a buffer in block RAM for each input, the
    masks of the buffer in flip-flops. The five bits of the local table take a block RAM more."""
    found, memories = synthesis("synth_ice40")
    assert found["block_ram"] == 5 * (1 + 2) + 1
    assert memories == {
        f"{part}.{name}": "ICE40_RAM4K" for part in INPUTS for name in ("table", "buffer")
    }
    assert found["lut4"] <= 1000
    assert found["ff"] <= 750


@pytest.mark.long
@pytest.mark.parametrize("depth", [4, 32])
def test_other_depths(depth: int) -> None:
    """32 rows take two LUT RAMs of 16."""
    _, memories = synthesise(Router(RouterParams(depth=depth)), "synth_ecp5")
    assert {memories[f"{part}.buffer"] for part in INPUTS} == {"TRELLIS_DPR16X4"}
