# amaranth: UnusedElaboratable=no
"""The four-phase interface against partners without a clock, and what it costs."""

import random
from itertools import pairwise

import pytest
from amaranth import sim
from amaranth.hdl import Elaboratable, Module

from hubel.hdl.four_phase import FourPhaseIn, FourPhaseLink, FourPhaseOut
from hubel.hdl.verilog import to_verilog
from hubel.sim.simulator import build, run

from .yosys import synthesise

WIDTH = 10


def addresses(count: int, seed: int) -> list[int]:
    """Random, with some that come twice in a row."""
    draw = random.Random(seed)
    values = [draw.getrandbits(WIDTH) for _ in range(count)]
    return [values[max(i - draw.choice([0, 0, 0, 1]), 0)] for i in range(count)]


def played(simulator, cache_dir, *, settle: int = 0, setup: int = 1, **task):
    text = to_verilog(FourPhaseLink(WIDTH, settle=settle, setup=setup), name="four_phase")
    built = build(text, "four_phase", simulator, cache_dir=cache_dir)
    parameters = {"gap": 0.0, "stall": 0.0, "joined": False, "slowest": 20_000, "skew": 0} | task
    return run(built, "hdl.cocotb_four_phase", parameters=parameters, seed=1)


# The clock has 10 ns: partners that are faster and slower than it.
@pytest.mark.parametrize("slowest", [900, 40_000, 300_000])
@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.7, 0.3), (0.3, 0.9)])
def test_every_event_passes_once(simulator, cache_dir, slowest: int, gap: float, stall: float):
    sent = addresses(150, seed=3)
    result = played(
        simulator, cache_dir, sent=sent, slowest=slowest, gap=gap, stall=stall, seed=slowest
    )
    assert result == {"out": sent, "back": sent, "more": 0}


@pytest.mark.parametrize("settle, setup, skew", [(0, 1, 9_900), (3, 2, 39_000)])
def test_out_joined_to_in(simulator, cache_dir, settle: int, setup: int, skew: int):
    sent = addresses(100, seed=4)
    for seed in range(3):
        task = {"sent": sent, "joined": True, "skew": skew, "stall": 0.4 * seed, "seed": seed}
        result = played(simulator, cache_dir, settle=settle, setup=setup, **task)
        assert (result["back"], result["more"]) == (sent, 0), f"seed {seed}"


def test_the_bench_finds_an_address_that_is_too_late(simulator, cache_dir):
    """30 ns of skew are more than a cycle of setup and the two of the synchroniser."""
    sent = addresses(50, seed=5)
    result = played(simulator, cache_dir, sent=sent, joined=True, skew=45_000, seed=1)
    assert result["back"] != sent


class Joined(Elaboratable):
    def __init__(self, settle: int, setup: int):
        self.sender = FourPhaseOut(WIDTH, setup=setup)
        self.receiver = FourPhaseIn(WIDTH, settle=settle)

    def elaborate(self, platform):
        m = Module()
        m.submodules.sender, m.submodules.receiver = sender, receiver = self.sender, self.receiver
        m.d.comb += [
            receiver.address.eq(sender.address),
            receiver.req.eq(sender.req),
            sender.ack.eq(receiver.ack),
            sender.i.valid.eq(1),
            receiver.o.ready.eq(1),
        ]
        return m


@pytest.mark.parametrize("settle, setup, clocks", [(0, 1, 15), (3, 1, 18), (0, 4, 18)])
def test_clocks_an_event(settle: int, setup: int, clocks: int):
    """Two of these on one clock: with wires and a partner, an event takes more."""
    dut = Joined(settle, setup)
    given: list[int] = []

    async def bench(ctx):
        for clock in range(200):
            if ctx.get(dut.receiver.o.valid):
                given.append(clock)
            await ctx.tick()

    simulator = sim.Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(given) > 10
    assert {after - before for before, after in pairwise(given)} == {clocks}


@pytest.mark.parametrize("family, lut4, ff", [("ice40", 30, 50), ("ecp5", 30, 50)])
def test_cells(family: str, lut4: int, ff: int) -> None:
    """Both directions, 16 bits. Measured: 24 LUT4 on iCE40, 21 on ECP5, 45 flip-flops."""
    cells, _ = synthesise(FourPhaseLink(16), f"synth_{family}")
    print(family, cells)
    assert cells["lut4"] <= lut4 and cells["ff"] <= ff


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda: FourPhaseIn(0), "width must be at least 1, not 0"),
        (lambda: FourPhaseIn(8, settle=-1), "settle must be at least 0, not -1"),
        (lambda: FourPhaseOut(8, setup=0), "setup must be at least 1, not 0"),
    ],
)
def test_refuses(make, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{error}$"):
        make()
