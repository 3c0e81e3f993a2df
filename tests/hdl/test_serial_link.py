# amaranth: UnusedElaboratable=no
"""Two sides of a serial link, and lines that spoil what they carry."""

import pytest

from hubel.hdl.verilog import to_verilog
from hubel.sim.simulator import build, run

from .link_line import LinkPair

WIDTH = 32
#: Two boards whose clocks differ by 1 %.
APART = [10_000, 10_100]


def passed(simulator, cache_dir, testcase: str = "passes_packets", **task):
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


@pytest.mark.parametrize("periods", [[10_000, 10_000], APART, [7_919, 7_840]])
def test_a_good_line(simulator, cache_dir, periods: list[int]) -> None:
    result = passed(simulator, cache_dir, periods=periods, gap=0.2, stall=0.3, count=25)
    for side in "ab":
        assert result[side]["bad"] == result[side]["resent"] == result[side]["dropped"] == 0
        assert result[side]["sent"] >= 25


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("fault", [2_000, 300])
def test_a_bad_line(simulator, cache_dir, seed: int, fault: int) -> None:
    """A fault every 20 or every 3 frames; and now and then nothing is taken for up to 8 of them."""
    result = passed(simulator, cache_dir, fault=fault, hold=3000, seed=seed, delay=97 * seed)
    for side in "ab":
        assert result[side]["bad"] > 0 and result[side]["resent"] > 0
        assert result[side]["dropped"] == 0


@pytest.mark.parametrize("side", [0, 1])
def test_nothing_is_sent_again_while_all_goes_well(simulator, cache_dir, side: int) -> None:
    """A packet takes the time of its frame on the line and no more, whichever clock is faster."""
    periods = [10_000, 10_000]
    periods[side] = 10_100
    result = passed(simulator, cache_dir, periods=periods, count=100)
    assert result["a"]["resent"] == result["b"]["resent"] == 0
    print("clocks a packet", result["clocks"] / 100)
    assert result["clocks"] / 100 < 1.1 * 400
