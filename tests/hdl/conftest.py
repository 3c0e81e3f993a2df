"""Fixtures of the gateware tests."""

from pathlib import Path

import pytest

from hubel.sim.simulator import Simulator, ToolMissing, find_simulator

from .vectors import Player, cocotb_player


@pytest.fixture(scope="session")
def play(simulator: Simulator, cache_dir: Path) -> Player:
    """Plays vectors in each of the simulators in turn."""
    return cocotb_player(simulator, cache_dir)


@pytest.fixture(scope="session")
def icarus() -> Simulator:
    """Icarus, or the test is skipped."""
    try:
        return find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
