"""Endurance, constraints of a chip, break-even with SRAM: numbers, and refusals with them."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sim.memristor.breakeven import FEFET, NON_VOLATILE, RRAM, SRAM, break_even
from hubel.sim.memristor.constraints import Chip, Mapping, MappingRefused, broken, require
from hubel.sim.memristor.endurance import PRESETS, YEAR, Endurance, Wear
from hubel.sim.memristor.presets import device_named
from hubel.sim.memristor.random import Where
from hubel.sim.memristor.source import Source

HERE = Source("test", "assumed")
CHIP = Chip(
    area_mm2=1.0, layers=2, feature_nm=100, cell_f2=4, array_share=0.5, wire_ohm=1.0, g_on=100,
    most_ir_drop=0.1, writable_share=0.5, writes_per_second=1e6, write_volts=2.0, supply_volts=1.2,
    pump_stages=1, endurance=PRESETS["rram_best"], source=HERE,
)  # fmt: skip


def test_break_even_of_the_published_rows() -> None:
    assert break_even(SRAM, RRAM) == pytest.approx(8.3e9, rel=0.01)
    assert break_even(SRAM, RRAM, write_share=1) == pytest.approx(6.8e8, rel=0.01)
    assert break_even(SRAM, FEFET) == math.inf  # cheaper reads and less leakage
    assert break_even(RRAM, SRAM) == 0


@settings(max_examples=50, deadline=None, derandomize=True)
@given(other=st.sampled_from(NON_VOLATILE), share=st.floats(0, 1), factor=st.floats(0.01, 0.99))
def test_below_the_break_even_it_takes_less(other, share, factor) -> None:
    rate = break_even(SRAM, other, write_share=share)
    if math.isinf(rate):
        rate = 1e12

    def watts(memory, accesses):
        return memory.watts(accesses * (1 - share), accesses * share)

    assert watts(other, factor * rate) < watts(SRAM, factor * rate)
    if break_even(SRAM, other, write_share=share) < math.inf:
        assert watts(other, rate / factor) > watts(SRAM, rate / factor)
        assert watts(other, rate) == pytest.approx(watts(SRAM, rate), rel=1e-9)


def test_more_megabytes_leak_more() -> None:
    assert SRAM.megabytes(4).watts(0) == pytest.approx(4 * 28.2e-3)
    assert break_even(SRAM.megabytes(4), RRAM.megabytes(4)) == pytest.approx(
        4 * break_even(SRAM, RRAM)
    )
    for call, text in (
        (lambda: SRAM.megabytes(0), "size must be above 0 MB, not 0"),
        (lambda: SRAM.watts(-1), "reads_per_second must be in 0"),
        (lambda: SRAM.watts(math.nan), "reads_per_second: 1 of 1"),
        (lambda: break_even(SRAM, RRAM, write_share=2), "write_share must be in 0..1"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_lifetime() -> None:
    kind = Endurance(cycles=1e6, sigma_decades=0.3, source=HERE)
    assert kind.lifetime(1.0, share=0.5) == pytest.approx(1e6)
    # ndtri(0.01) = -2.3263
    assert kind.lifetime(10.0) == pytest.approx(1e5 * 10 ** (-0.3 * 2.3263479), rel=1e-6)
    assert kind.lifetime(0.0) == math.inf
    for call, text in (
        (lambda: kind.lifetime(-1), "writes_per_second must be in 0"),
        (lambda: kind.lifetime(1, share=0), "share must be between 0 and 1, not 0"),
        (lambda: Endurance(cycles=0.5, source=HERE), "cycles must be in 1"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_share_of_worn_devices_follows_the_quantile() -> None:
    wear = Wear(Where(rows=300, columns=300, seed=3), PRESETS["rram_typical"])
    wear.add(PRESETS["rram_typical"].quantile(0.1))
    # 5 sigma of a binomial share of 90,000.
    assert wear.worn.mean() == pytest.approx(0.1, abs=5 * math.sqrt(0.09 / 90_000))
    before = wear.worn.copy()
    wear.add(np.full((300, 300), 1e5))
    assert (wear.worn >= before).all() and wear.worn.sum() > before.sum()


def test_worn_windows_close_and_never_cross() -> None:
    device = device_named("rram_milo2021")
    where = Where(rows=20, columns=20, seed=1)
    wear = Wear(where, PRESETS["rram_worst"])
    last = np.full(where.shape, device.g_max)
    for pulses in (0, 1e3, 1e4, 1e7):
        wear.add(pulses)
        bounds = wear.layer().window(where, device)
        assert bounds is not None
        low, high = bounds
        assert (low == device.g_min).all() and (high >= low).all() and (high <= last).all()
        last = high
    assert (last == device.g_min).all()
    part = Where(rows=5, columns=6, seed=1, row=2, column=3)
    piece = wear.layer().window(part, device)
    assert piece is not None and piece[1].shape == (5, 6)
    with pytest.raises(ValueError, match="says nothing about"):
        wear.layer().window(Where(rows=21, columns=2, seed=1), device)
    with pytest.raises(ValueError, match="says nothing about"):
        wear.layer().window(Where(rows=2, columns=2, seed=2), device)
    with pytest.raises(ValueError, match="pulses must be 0 or more"):
        wear.add(-1)


def test_density() -> None:
    # 2 layers of half a mm^2 of cells of 4 (100 nm)^2.
    assert CHIP.cells == 2 * 0.5 / (4 * 1e-8) == 25_000_000
    assert CHIP.density == 25e6
    assert CHIP.pump_volts == pytest.approx(1.92)
    assert CHIP.ir_drop(64, 64) == pytest.approx(1 - 0.7401, abs=0.51e-4)
    assert CHIP.largest_tile() == 32
    assert dataclasses.replace(CHIP, wire_ohm=0.0).largest_tile(64) == 64


@pytest.mark.parametrize(
    "chip, mapping, text",
    [
        ({}, {"synapses": 20_000_000}, "needs 40,000,512 devices and 2 layers of 1 mm.2 hold 25,"),
        ({}, {"tile_rows": 64, "tile_columns": 64}, "a 64x64 tile take 26.0 %.*10.0 %.*32x32"),
        ({}, {"learning_share": 0.6}, "60.0 % of the devices learn on board, 50.0 % can be"),
        (
            {"writes_per_second": 10.0},
            {"learning_share": 0.5, "updates_per_second": 0.1, "years": 5},
            "learning takes 819 writes a second, the board gives 10",
        ),
        ({"write_volts": 3.0}, {"learning_share": 0.5}, "a pulse needs 3 V, 1 pump stages on 1.2"),
        (
            {"endurance": PRESETS["rram_worst"]},
            {"learning_share": 0.5, "updates_per_second": 0.1},
            "worn after 6.35e-05 years at 0.1 writes a second, 10 years",
        ),
    ],
)
def test_refusals_have_the_numbers(chip, mapping, text) -> None:
    fields = {"synapses": 8192, "tile_rows": 32, "tile_columns": 32} | mapping
    # Two volts are over the pump of the chip above, so give it a lower pulse where not tested.
    there = dataclasses.replace(CHIP, **({"write_volts": 1.5} | chip))
    lines = broken(there, Mapping(**fields))
    assert len(lines) == 1
    with pytest.raises(MappingRefused, match=text):
        require(there, Mapping(**fields))


def test_what_fits_passes() -> None:
    fits = Mapping(synapses=8192, tile_rows=32, tile_columns=32)
    require(CHIP, fits)
    assert fits.cells == 16_384
    learns = dataclasses.replace(fits, learning_share=0.5, updates_per_second=1e-3, years=1)
    require(dataclasses.replace(CHIP, write_volts=1.9), learns)
    assert 1e-3 * YEAR < PRESETS["rram_best"].quantile(0.01)


@pytest.mark.parametrize(
    "kind, fields, text",
    [
        (CHIP, {"layers": 0}, "layers must be a whole number, 1 or more, not 0"),
        (CHIP, {"cell_f2": 3.0}, r"cell_f2 must be in 4..53 F\^2, not 3"),
        (CHIP, {"array_share": 1.5}, "array_share must be in 0..1"),
        (CHIP, {"area_mm2": math.nan}, "area_mm2: 1 of 1 values are NaN"),
        (CHIP, {"pump_stages": 30}, "pump_stages must be at most 20, not 30"),
        (Mapping(synapses=1), {"synapses": 0}, "synapses must be a whole number, 1 or more"),
        (Mapping(synapses=1), {"years": 0}, "years must be above 0, not 0"),
        (Mapping(synapses=1), {"worn_share": 1.0}, "worn_share must be between 0 and 1"),
    ],
)
def test_bad_parameters(kind, fields, text) -> None:
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(kind, **fields)
