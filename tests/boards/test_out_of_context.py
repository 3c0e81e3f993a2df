# pyright: reportAttributeAccessIssue=false
# (ports that are declared by a dict)
"""The wrapper of components that are placed alone, and what is read from the tools."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hubel.boards.build import BuildFailed
from hubel.boards.out_of_context import ShiftWrapper, place_ecp5

#: What is added.
NUMBERS = [(3, 9), (15, 31), (8, 0), (0, 16)]


class Adder(wiring.Component):
    """Adds in a clock."""

    def __init__(self):
        super().__init__({"a": In(4), "b": In(5), "total": Out(6)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.total.eq(self.a + self.b)
        return m


def test_wrapper_reaches_every_bit() -> None:
    """Numbers go in and come out bit by bit."""
    wrapper = ShiftWrapper(Adder())
    assert wrapper.flip_flops == 9 + 2 * 6
    totals = []

    async def bench(ctx):
        async def clock(si: int = 0, load: int = 0) -> int:
            so = ctx.get(wrapper.so)
            ctx.set(wrapper.si, si)
            ctx.set(wrapper.load, load)
            ctx.set(wrapper.clk, 1)
            await ctx.delay(1e-6)
            ctx.set(wrapper.clk, 0)
            await ctx.delay(1e-6)
            return so

        for a, b in NUMBERS:
            bits = a | b << 4
            for n in reversed(range(9)):
                await clock(si=bits >> n & 1)
            # A clock for the sum, one for the register behind it, one that loads.
            await clock()
            await clock()
            await clock(load=1)
            bits = [await clock() for _ in range(6)]
            totals.append(sum(bit << n for n, bit in enumerate(bits)))

    simulator = Simulator(wrapper)
    simulator.add_testbench(bench)
    simulator.run()
    assert totals == [a + b for a, b in NUMBERS]


@pytest.mark.long
def test_a_component_is_placed() -> None:
    stages: list[str] = []
    placed = place_ecp5(Adder, mhz=50, progress=stages.append)
    assert stages == ["synthesis", "place and route, seed 1"]
    assert placed.device == "LFE5U-85F-6"
    assert placed.fmax_mhz > 100 and placed.attempts == {1: placed.fmax_mhz}
    assert placed.cells["ff"] == 6
    # Yosys leaves out the bit of the loads that nobody sees, if there is one.
    assert placed.wrapper_ff + 6 - 1 <= placed.ff <= placed.wrapper_ff + 6


@pytest.mark.long
def test_a_tool_that_takes_too_long() -> None:
    with pytest.raises(BuildFailed, match=r"yosys did not end in 0.01 s"):
        place_ecp5(Adder, mhz=50, timeout_s=0.01)
