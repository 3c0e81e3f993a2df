"""FPGA energy: the coefficients follow from the measured rows, and the terms from them."""

import json
import re
from importlib import resources
from typing import Any

import numpy as np
import pytest

from hubel.sw.energy import coefficients, estimate
from hubel.sw.figure import USB_BOARD, total

UP5K = coefficients()["iCE40UP5K"]
ROWS = UP5K["measured"]
VOLTS = ROWS["volts"]


def joules(term: str, device: str = "iCE40UP5K") -> float:
    return coefficients()[device]["terms"][term]["joules"]


def line(rows: dict[str, float]) -> tuple[float, float, float]:
    """Return slope, intercept and largest relative residual of a straight line."""
    x, y = np.array([float(key) for key in rows]), np.array(list(rows.values()))
    slope, intercept = np.polyfit(x, y, 1)
    return slope, intercept, np.abs(1 - (slope * x + intercept) / y).max()


def core_microamps(mhz: float, **activity: Any) -> float:
    """Return the core current that the estimate implies over one second."""
    parts = estimate("iCE40UP5K", cycles=round(mhz * 1e6), clock_hz=mhz * 1e6, **activity)
    value = total(parts, "core").value
    assert value is not None
    return value / VOLTS * 1e6


def test_logic_cells_fit() -> None:
    slope, intercept, error = line(ROWS["external_12_mhz_by_logic_cells"])
    assert (slope, intercept) == pytest.approx((0.1432, 608.30), rel=5e-4)
    assert slope * 1e-6 * VOLTS / 12e6 == pytest.approx(14.6e-15, rel=5e-3)
    assert joules("logic cells") == pytest.approx(slope * 1e-6 * VOLTS / 12e6, rel=1e-4)
    assert UP5K["terms"]["logic cells"]["fit_error"] == pytest.approx(error, abs=1e-4)


def test_clock_fit() -> None:
    slope, intercept, error = line(ROWS["oscillator_28_logic_cells_by_mhz"])
    assert (slope, intercept) == pytest.approx((42.757, 132.8), rel=1e-4)
    per_cycle = slope * 1e-12 * VOLTS
    assert per_cycle == pytest.approx(52.1e-12, rel=1e-3)
    assert joules("clock") == pytest.approx(per_cycle - 28 * joules("logic cells"), rel=1e-4)
    assert joules("oscillator") == pytest.approx(
        (intercept - ROWS["blank"]) * 1e-6 * VOLTS, rel=1e-3
    )
    assert UP5K["terms"]["clock"]["fit_error"] == pytest.approx(error, abs=1e-4)


def test_low_end_of_the_clock_is_the_slope_of_the_pll_rows() -> None:
    currents = ROWS["pll_by_mhz"]
    slope = (currents["48"] - currents["16"]) / (48 - 16) * 1e-12 * VOLTS
    assert UP5K["terms"]["clock"]["interval"][0] == pytest.approx(slope, rel=5e-3)


def test_static() -> None:
    assert joules("static") == pytest.approx(ROWS["blank"] * 1e-6 * VOLTS, rel=1e-4)
    assert joules("static") == pytest.approx(0.104e-3, rel=5e-3)


def test_multiply() -> None:
    base = ROWS["oscillator_28_logic_cells_by_mhz"]["12"]
    lut, dsp = ROWS["multiply_8x8_12_mhz"]["lut"], ROWS["multiply_8x8_12_mhz"]["dsp"]
    extra = {
        row["logic_cells"]: (row["current"] - base) * 1e-6 * VOLTS / 12e6 for row in (lut, dsp)
    }
    assert extra == pytest.approx({208: 35.7e-12, 72: 24.1e-12}, rel=2e-3)
    assert joules("DSP operations") == pytest.approx(
        extra[72] - (72 - 28) * joules("logic cells"), rel=1e-3
    )
    # A cell of the multiplier, as busy as cells get, is the high end.
    assert UP5K["terms"]["logic cells"]["interval"][1] == pytest.approx(extra[208] / 180, rel=2e-3)


@pytest.mark.parametrize("mhz, current", ROWS["oscillator_28_logic_cells_by_mhz"].items())
def test_estimate_reproduces_the_measured_current(mhz: str, current: float) -> None:
    assert core_microamps(float(mhz), logic_cells=28) == pytest.approx(current, rel=0.003)


def test_estimate_reproduces_the_multiplier() -> None:
    current = core_microamps(12, logic_cells=72, dsp_ops=12_000_000)
    assert current == pytest.approx(882, rel=0.003)


@pytest.mark.parametrize("mhz, picojoules", [(12, 65.5), (24, 59.0), (48, 55.5)])
def test_energy_of_a_cycle(mhz: float, picojoules: float) -> None:
    per_cycle = core_microamps(mhz, logic_cells=28) * VOLTS / mhz
    assert per_cycle == pytest.approx(picojoules, rel=0.004)


@pytest.mark.parametrize(
    "device, idle, rows",
    [
        ("LFE5U-85F", 202, {"10": 211, "25": 220, "100": 251}),
        ("LFE5U-25F", 147, {"10": 253, "25": 236, "100": 230}),
        ("iCE40HX1K", 449, {"25": 918}),
    ],
)
def test_register_chains_of_boards(device: str, idle: float, rows: dict[str, float]) -> None:
    measured = coefficients()[device]["measured"]
    assert measured["register_chain_by_mhz"] == rows
    assert coefficients()[device]["boundary"] == USB_BOARD
    assert joules("board idle", device) == pytest.approx(idle / 1000)
    chain = np.array(list(rows.values()))
    assert joules("flip-flops", device) == pytest.approx(chain.mean() * 1e-15, rel=1e-4)
    term = coefficients()[device]["terms"]["flip-flops"]
    low, high = term["interval"]
    assert low == pytest.approx(0.125 * chain.min() * 1e-15, rel=0.02)
    if len(rows) > 1:
        assert term["fit_error"] == pytest.approx(chain.max() / chain.mean() - 1, abs=1e-3)
        assert high == pytest.approx(chain.max() * 1e-15)
    else:  # a single row has no fit
        assert term["fit_error"] is None and high == pytest.approx(1.1 * 918e-15)
    # At the clock of a row, one flip-flop that toggles takes what the row says, within the fit.
    for mhz, femtojoules in rows.items():
        hertz = float(mhz) * 1e6
        parts = estimate(device, round(hertz), hertz, flip_flops=1)
        watts = next(p.value for p in parts if p.name == f"{device} flip-flops")
        assert watts == pytest.approx(
            femtojoules * 1e-15 * hertz, rel=(term["fit_error"] or 0) + 0.01
        )


def test_board_idle_is_hundreds_of_cores() -> None:
    """190 to 570 times an iCE40UP5K at 12 MHz with 28 to 228 cells, on its core rail."""
    core = VOLTS * 1e-6 * np.array([645.0, 641.3])
    ratios = [joules("board idle", d) / c
              for d in ("LFE5U-25F", "LFE5U-85F", "iCE40HX1K") for c in core]  # fmt: skip
    assert min(ratios) == pytest.approx(187, abs=2) and max(ratios) == pytest.approx(574, abs=2)


def test_a_halted_core_takes_its_static_power() -> None:
    """Nothing, or a slow clock, moves: within the interval of the static power."""
    low, high = UP5K["terms"]["static"]["interval"]
    for name in ("blank", "halted_clock", "low_frequency_oscillator_10_khz"):
        assert low < ROWS[name] * 1e-6 * VOLTS < high
    assert (ROWS["halted_clock"], ROWS["low_frequency_oscillator_10_khz"]) == (92.1, 96.3)


def test_what_the_core_rail_leaves_out() -> None:
    """The PLL has a rail of its own, and loading a bitstream is no part of an inference."""
    assert ROWS["pll_rail_by_mhz"] == {"16": 138.6, "32": 138.9, "48": 103.6}
    assert ROWS["configuration"] == {"millijoules": 0.202, "milliseconds": 70}


def test_terms_of_the_up5k() -> None:
    parts = estimate("iCE40UP5K", 1000, 12e6, 100, 100, 10, 20, wall_seconds=1.0)
    assert {part.name: part.value for part in parts} == pytest.approx(
        {
            "iCE40UP5K static": 1.0435e-4,
            "iCE40UP5K oscillator": 5.755e-5,
            "iCE40UP5K clock": 1000 * 5.1714e-11,
            "iCE40UP5K logic cells": 100 * 1000 * 1.4551e-14,
            "iCE40UP5K DSP operations": 10 * 2.3437e-11,
            "iCE40UP5K RAM accesses": 20 * 1e-11,
        }
    )
    assert {part.boundary for part in parts} == {"FPGA core rail"}
    assert {part.unit for part in parts} == {"J"}
    kinds = {part.name.removeprefix("iCE40UP5K "): part.kind for part in parts}
    assert kinds.pop("RAM accesses") == "assumed"
    assert set(kinds.values()) == {"estimated"}


def test_terms_of_the_ecp5() -> None:
    parts = estimate("LFE5U-85F", 1000, 25e6, 100, 200, 10, 20, wall_seconds=2.0)
    assert {part.name: part.value for part in parts} == pytest.approx(
        {
            "LFE5U-85F board idle": 2 * 0.202,
            "LFE5U-85F flip-flops": 200 * 1000 * 2.2733e-13,
            "LFE5U-85F logic cells": 100 * 1000 * 1.4551e-14,
            "LFE5U-85F DSP operations": 10 * 2.3437e-11,
            "LFE5U-85F RAM accesses": 20 * 1e-11,
        }
    )
    assert {part.boundary for part in parts} == {"board at USB 5 V"}
    assert [part.name.split(" ", 1)[1] for part in parts if part.kind == "estimated"] == [
        "board idle",
        "flip-flops",
    ]


def test_ram_is_assumed_with_a_wide_interval() -> None:
    ram = estimate("iCE40UP5K", 10, 12e6, ram_accesses=1)[-1]
    assert ram.interval == (2.5e-12, 4e-11)
    assert "Horowitz" in ram.source


def test_wall_time_defaults_to_the_cycles() -> None:
    default = estimate("iCE40UP5K", 12_000_000, 12e6)
    assert default == estimate("iCE40UP5K", 12_000_000, 12e6, wall_seconds=1.0)
    assert default[0].value == pytest.approx(1.0435e-4)


def test_the_fit_error_is_part_of_the_source() -> None:
    clock = estimate("iCE40UP5K", 10, 12e6)[2]
    assert clock.source.endswith("; fit error 0.26 %; leave-one-out 0.5 %")


def leave_one_out(rows: dict[str, float]) -> float:
    """Largest relative error of a row, by the line through all others."""
    errors = []
    for key, current in rows.items():
        slope, intercept, _ = line({k: v for k, v in rows.items() if k != key})
        errors.append(abs(1 - (slope * float(key) + intercept) / current))
    return max(errors)


def test_leave_one_out() -> None:
    terms = UP5K["terms"]
    cells = leave_one_out(ROWS["external_12_mhz_by_logic_cells"])
    clock = leave_one_out(ROWS["oscillator_28_logic_cells_by_mhz"])
    assert (cells, clock) == pytest.approx((0.0044, 0.0050), abs=1e-4)
    assert terms["logic cells"]["loo_error"] == pytest.approx(cells, abs=1e-4)
    assert terms["toggles"]["loo_error"] == pytest.approx(cells, abs=1e-4)
    assert terms["clock"]["loo_error"] == pytest.approx(clock, abs=1e-4)


def test_a_toggle_is_that_of_a_counter() -> None:
    """A counter of 28 bits toggles 2 - 2^-27 register bits a cycle in 28 cells."""
    assert joules("toggles") == pytest.approx(joules("logic cells") * 28 / 2, rel=1e-3)
    low, high = UP5K["terms"]["toggles"]["interval"]
    assert (low, high) == pytest.approx((joules("toggles") / 3, joules("toggles") * 1.15), rel=1e-3)
    assert joules("toggles", "LFE5U-85F") == joules("flip-flops", "LFE5U-85F")
    # The public register chains, on boards: 211 to 253 fJ a toggle.
    assert 203e-15 < joules("toggles") < 253e-15


def test_switching_takes_the_place_of_cells() -> None:
    parts = estimate("iCE40UP5K", 1000, 12e6, 100, toggles=5000)
    assert [p.name.removeprefix("iCE40UP5K ") for p in parts] == [
        "static", "oscillator", "clock", "DSP operations", "RAM accesses", "toggles",
    ]  # fmt: skip
    assert parts[-1].value == pytest.approx(5000 * joules("toggles"))
    names = {p.name for p in estimate("LFE5U-85F", 1000, 25e6, 100, 100, toggles=0)}
    assert names & {"LFE5U-85F flip-flops", "LFE5U-85F logic cells"} == set()
    static = {"X": {"boundary": "b", "terms": {"static": UP5K["terms"]["static"]}}}
    with pytest.raises(ValueError, match="no coefficient of a toggle for device 'X'"):
        estimate("X", 1, 1e6, toggles=1, table=static)


def test_the_table_has_a_version() -> None:
    text = resources.files("hubel.sw").joinpath("data/fpga_coefficients.json").read_text("utf-8")
    assert json.loads(text)["version"] == 3


def test_two_runs_share_their_coefficients() -> None:
    a, b = estimate("iCE40UP5K", 10, 12e6), estimate("iCE40UP5K", 20, 12e6)
    assert [part.group for part in a] == [part.group for part in b]
    assert len({part.group for part in a}) == len(a)


def test_core_and_board_are_not_added() -> None:
    parts = [*estimate("iCE40UP5K", 10, 12e6), *estimate("LFE5U-85F", 10, 12e6)]
    with pytest.raises(ValueError, match="'FPGA core rail' is inside 'board at USB 5 V'"):
        total(parts, "FPGA")


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"device": "GW1N-1"},
            "no coefficients for device 'GW1N-1'; there are iCE40UP5K, LFE5U-85F, "
            "LFE5U-25F, iCE40HX1K",
        ),
        ({"clock_hz": 0.0}, "clock_hz must be above 0, not 0.0"),
        ({"cycles": -1}, "cycles must be at least 0, not -1"),
        ({"logic_cells": -1}, "logic_cells must be at least 0, not -1"),
        ({"flip_flops": -1}, "flip_flops must be at least 0, not -1"),
        ({"dsp_ops": -1}, "dsp_ops must be at least 0, not -1"),
        ({"ram_accesses": -1}, "ram_accesses must be at least 0, not -1"),
        ({"wall_seconds": 0.9}, "12000000 cycles at 1.2e+07 Hz do not fit into 0.9 s"),
    ],
)
def test_refuses(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"device": "iCE40UP5K", "cycles": 12_000_000, "clock_hz": 12e6}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        estimate(**(arguments | changes))
