"""Fixtures of the gateware tests."""

from pathlib import Path

import pytest

from hubel.sim.simulator import Simulator

from .vectors import Player, cocotb_player


@pytest.fixture(scope="session")
def play(simulator: Simulator, cache_dir: Path) -> Player:
    """Plays vectors in each of the simulators in turn."""
    return cocotb_player(simulator, cache_dir)
