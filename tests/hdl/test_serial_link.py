# amaranth: UnusedElaboratable=no
"""Two sides of a serial link, and lines that spoil what they carry."""

from itertools import pairwise
from typing import Any

import pytest

from hubel.hdl.serial_params import SerialLinkParams
from hubel.hdl.verilog import to_verilog
from hubel.sim.simulator import Simulator, build, find_simulator, run

from .link_line import LinkPair

WIDTH = 32
#: Two boards whose clocks differ by 1 %.
APART = [10_000, 10_100]

SIZES = [
    {"lanes": 4, "divisor": 5, "window": 4, "width": 20},
    {"lanes": 2, "window": 2, "width": 3},
]

#: Packets each way of the long run.
LONG = 20_000


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


def passed(simulator, cache_dir, testcase: str = "passes_packets", **task: Any):
    sizes = {key: task.pop(key) for key in ("lanes", "divisor", "window") if key in task}
    width = task.pop("width", WIDTH)
    text = to_verilog(LinkPair(width, **sizes), name="link_pair")
    built = build(text, "link_pair", simulator, cache_dir=cache_dir)
    parameters = {
        "count": 40,
        "seed": 1,
        "periods": APART,
        "divisor": sizes.get("divisor", 4),
        "gap": 0.0,
        "stall": 0.0,
        "hold": 0,
        "delay": 20,
        "fault": 0,
        "faults": ["flip", "flip", "shift"],
        "patience": 15_000,
    } | task
    return run(
        built, "hdl.cocotb_link", testcase=testcase, parameters=parameters, seed=2, timeout_s=3000
    )


@pytest.fixture(scope="module")
def verilator() -> Simulator:
    return find_simulator("verilator")


@pytest.mark.parametrize("periods", [APART, long([10_000, 10_000]), long([7_920, 7_842])])
def test_a_good_line(verilator, cache_dir, periods: list[int]) -> None:
    result = passed(verilator, cache_dir, periods=periods, gap=0.2, stall=0.3, count=25)
    for side in "ab":
        assert result[side]["bad"] == result[side]["resent"] == result[side]["dropped"] == 0
        assert result[side]["sent"] >= 25


def spoiled(simulator, cache_dir, **task) -> None:
    """Now and then nothing is taken for up to 8 frames, too."""
    result = passed(simulator, cache_dir, hold=3000, **task)
    for side in "ab":
        assert result[side]["bad"] > 0 and result[side]["resent"] > 0
        assert result[side]["dropped"] == 0


@pytest.mark.parametrize("fault, seed", [(400, 2), long(1000, 1), long(250, 3)])
def test_a_bad_line(verilator, cache_dir, fault: int, seed: int) -> None:
    """A fault every 10 frames, every 4, every 2.5."""
    spoiled(verilator, cache_dir, fault=fault, seed=seed, delay=97 * seed)


def test_a_bad_line_in_icarus(icarus, cache_dir) -> None:
    spoiled(icarus, cache_dir, fault=200, seed=1, count=8)


@pytest.mark.parametrize("sizes", [SIZES[0], long(SIZES[1])])
def test_other_sizes(verilator, cache_dir, sizes: dict[str, Any]) -> None:
    spoiled(verilator, cache_dir, fault=150, seed=5, count=20, **sizes)


@pytest.mark.parametrize("periods", [[10_000, 10_100], long([10_100, 10_000])])
def test_clocks_a_packet(verilator, cache_dir, periods: list[int]) -> None:
    """Both directions are full, and still a packet takes the time of its frame on the line, but for
    the first ones, and some for the handshake."""
    few, many = (passed(verilator, cache_dir, periods=periods, count=n) for n in (20, 70))
    assert many["a"]["resent"] == many["b"]["resent"] == 0
    clocks = (many["clocks"] - few["clocks"]) / 50
    print("clocks a packet", clocks)
    assert SerialLinkParams(width=WIDTH).frame_clocks == 400
    assert clocks == pytest.approx(400, rel=0.01)


@pytest.mark.parametrize("fault, seed", [(0, 1), long(0, 2), long(1500, 3)])
def test_resets_of_one_side(verilator, cache_dir, fault: int, seed: int) -> None:
    """Nothing comes twice or out of order; what is missing is not more than what is reported by the
    side that was not reset."""
    task = {"fault": fault, "seed": seed, "hold": 1000 * (seed - 1), "resets": 6}
    result = passed(verilator, cache_dir, "survives_resets", **task)
    for side in "ab":
        came = result[f"to_{side}"]
        assert all(before < after for before, after in pairwise(came))
    came = result["to_b"]
    missing = came[-1] + 1 - len(came)
    print("missing", missing, "reported", result["a"]["dropped"])
    assert 0 < missing <= result["a"]["dropped"] <= 8 * 6
    assert result["to_a"][-1] + 1 - len(result["to_a"]) <= 6 * 8
    # Without a fault, a side that was reset finds the other one as it was.
    assert result["b"]["dropped"] == 0


@pytest.mark.long
@pytest.mark.parametrize("fault", [20_000, 2_000, 400])
def test_many_packets(verilator, cache_dir, fault: int) -> None:
    """Eight lanes, so that there are many frames; faults every 670, 67 and 13 frames."""
    task: dict[str, Any] = {"lanes": 8, "delay": 300, "hold": 300, "patience": 60_000}
    result = passed(verilator, cache_dir, count=LONG, fault=fault, seed=fault, **task)
    print("fault every", fault, "bits:", result)
    for side in "ab":
        assert result[side]["bad"] > 0 and result[side]["dropped"] == 0
