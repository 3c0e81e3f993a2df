"""Switching activity from dumps whose toggles are known."""

import json
import re

import pytest
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.sim import Simulator

from hubel.sw.cli import main
from hubel.sw.energy import coefficients
from hubel.sw.switching import read_activity, read_saif, read_vcd


class Counter(Elaboratable):
    def __init__(self, width):
        self.count = Signal(width)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)  # pyright: ignore[reportOperatorIssue]
        return m


@pytest.fixture
def dump(tmp_path):
    """200 cycles of a 28-bit counter, as Amaranth's simulator writes them."""
    counter = Counter(28)
    simulator = Simulator(counter)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        await ctx.tick().repeat(200)

    simulator.add_testbench(bench)
    path = tmp_path / "counter.vcd"
    with simulator.write_vcd(str(path)):
        simulator.run()
    return path


def counter_toggles(cycles):
    return sum(bin(n ^ (n + 1)).count("1") for n in range(cycles))


def test_a_counter(dump):
    found = read_vcd(dump, clock="clk", only=r"count$")
    assert abs(found.cycles - 200) <= 1
    assert found.toggles == counter_toggles(found.cycles)
    assert found.nets == 28
    assert found.seconds == pytest.approx(200e-6, rel=0.01)
    assert found.per_net_and_cycle == pytest.approx(2 / 28, rel=0.02)


def test_the_estimate_of_a_counter_is_that_of_its_cells(dump, capsys):
    """The coefficient of a toggle was fitted to counters: both ways must agree on one."""
    options = ["energy", "estimate", "--clock-mhz", "12", "--activity", str(dump), "--only",
               "count$", "--json"]  # fmt: skip
    assert main(options) == 0
    parts = json.loads(capsys.readouterr().out)["terms"]
    toggles = next(p for p in parts if p["name"] == "iCE40UP5K toggles")
    cells = coefficients()["iCE40UP5K"]["terms"]["logic cells"]["joules"]
    assert toggles["value"] == pytest.approx(28 * 200 * cells, rel=0.02)


VCD = """$timescale 10 ns $end
$scope module top $end
$var wire 1 ! clk $end
$var wire 1 " a $end
$var reg 4 # bus [3:0] $end
$scope module sub $end
$var wire 1 " same_as_a $end
$var real 64 r volts $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
0!
x"
bxxxx #
r0.5 r
$end
#5
1!
0"
b101 #
#10
0!
1"
b1010 #
r0.7 r
#15
1!
z"
b11 #
#20
0!
0"
"""


def test_bits_unknowns_and_aliases(tmp_path):
    path = tmp_path / "a.vcd"
    path.write_text(VCD)
    found = read_vcd(path, clock="top.clk")
    # a: x 0 1 z 0: one toggle; bus: 0101 1010 0011: four and two; the alias counts once.
    assert (found.toggles, found.cycles, found.nets) == (1 + 4 + 2, 2, 5)
    assert found.seconds == pytest.approx(200e-9)
    assert read_vcd(path, clock="clk", only="sub").toggles == 1


SAIF = """(SAIFILE (SAIFVERSION "2.0") (TIMESCALE 1 ps) (DURATION 4000)
 (INSTANCE top
  (NET (clk (T0 2000) (T1 2000) (TX 0) (TC 8)) (a (T0 1) (T1 2) (TX 0) (TC 3)))
  (INSTANCE sub (NET (bus\\[0\\] (T0 1) (T1 2) (TX 0) (TC 2)) (bus\\[1\\] (TC 5))))))
"""


def test_saif(tmp_path):
    path = tmp_path / "a.saif"
    path.write_text(SAIF)
    found = read_activity(path, clock="clk")
    assert (found.toggles, found.cycles, found.nets) == (10, 4, 3)
    assert found.seconds == pytest.approx(4e-9)
    assert read_saif(path, clock="top.clk", only=r"sub\.bus\[1\]").toggles == 5


def test_refuses(tmp_path):
    vcd, saif = tmp_path / "a.vcd", tmp_path / "a.saif"
    vcd.write_text(VCD)
    saif.write_text(SAIF)
    for path, options, message in (
        (vcd, {"clock": "ck"}, "0 nets are called 'ck'; give one clock"),
        (vcd, {"clock": "clk", "only": "zzz"}, "no net matches 'zzz'"),
        (saif, {"clock": "ck"}, "no net is called 'ck'"),
        (saif, {"clock": "clk", "only": "zzz"}, "no net matches 'zzz'"),
        (tmp_path / "a.fst", {"clock": "clk"}, "switching activity is a .vcd or a .saif"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            read_activity(path, **options)
    vcd.write_text("hello\n")
    saif.write_text("hello\n")
    with pytest.raises(ValueError, match="no value change dump"):
        read_vcd(vcd, clock="clk")
    with pytest.raises(ValueError, match="no SAIF file"):
        read_saif(saif, clock="clk")
