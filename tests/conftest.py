"""Fixtures of all tests: the simulators, and the folder where their builds are kept."""

from pathlib import Path

import pytest

from hubel.sim.simulator import Simulator, ToolMissing, find_simulator


@pytest.fixture(scope="session", params=["verilator", "icarus"])
def simulator(request: pytest.FixtureRequest) -> Simulator:
    """Each simulator in turn; without Icarus its tests are skipped."""
    try:
        return find_simulator(request.param)
    except ToolMissing as missing:
        if request.param == "icarus":
            pytest.skip(str(missing))
        raise


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """Where builds are kept from one test run to the next."""
    return Path(__file__).parent.parent / "build" / "sim"
