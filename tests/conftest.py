"""Fixtures of all tests: the simulators, and the folder where their builds are kept."""

import signal
from pathlib import Path

import pytest

from hubel.sim.simulator import Simulator, ToolMissing, find_simulator

# Where a shell runs the tests in the background, Ctrl-C is ignored, by every child too; the tests
# of an interruption need it back.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
