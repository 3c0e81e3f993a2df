"""Synapses: the integers that come back, by pair, converter, tile, time and refresh."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubel.sim.memristor.adc import Adc, integer_gain, scaled
from hubel.sim.memristor.crossbar import SynapseParams, program_synapses
from hubel.sim.memristor.device_array import ArrayParams, program_array
from hubel.sim.memristor.ir_drop import effective_conductances
from hubel.sim.memristor.layers import DeviceToDevice, FiniteLevels, ReadNoise, StuckCells
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.presets import PRESETS, device_named
from hubel.sim.memristor.random import Where
from hubel.sim.memristor.reram import generic
from hubel.sim.memristor.write_verify import WriteVerify

DAY = 86400.0


def weights_of(width: int, shape=(6, 5)):
    half = 1 << (width - 1)
    return arrays(np.int64, shape, elements=st.integers(-half, half - 1))


@pytest.mark.parametrize("width", [2, 4, 8])
@given(data=st.data())
@settings(max_examples=60)
def test_without_noise_bit_identical(width, data) -> None:
    weights = data.draw(weights_of(width))
    bits = data.draw(st.integers(width, 16))
    on_off = data.draw(st.sampled_from([math.inf, 100.0, 2.0]))
    params = SynapseParams(
        array=ArrayParams(device=generic(on_off=on_off)), weight_width=width, adc=Adc(bits=bits)
    )
    array = program_synapses(params, weights)
    for scope in ("none", "global", "column"):
        found = array.weights_int(1e6, compensation=scope)
        np.testing.assert_array_equal(found, weights)
    assert found.dtype == np.int64


@given(
    weights=weights_of(8, (12, 10)),
    row=st.integers(1, 11),
    column=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_a_split_into_tiles_changes_no_weight(weights, row, column, seed) -> None:
    layers = (StuckCells(low=0.05, high=0.05), DeviceToDevice(0.05), ReadNoise(0.02))
    cells = ArrayParams(
        device=pcm_nandakumar2019(), layers=layers, write=WriteVerify(tolerance=1.0, pulses=5)
    )
    params = SynapseParams(array=cells)
    whole = program_synapses(params, weights, seed=seed, largest=128).weights_int(DAY)
    for r, c in ((0, 0), (0, column), (row, 0), (row, column)):
        cut = np.s_[r : row if r == 0 else None, c : column if c == 0 else None]
        part = program_synapses(params, weights[cut], seed=seed, largest=128, origin=(r, c))
        np.testing.assert_array_equal(part.weights_int(DAY), whole[cut])


def test_tiles_and_reads_do_not_depend_on_order() -> None:
    weights = np.random.default_rng(0).integers(-128, 128, (40, 30))
    cells = ArrayParams(device=pcm_nandakumar2019())
    one = program_synapses(SynapseParams(array=cells), weights)
    other = program_synapses(SynapseParams(array=cells, tile=(8, 6)), weights)
    other.weights_int(3.0, event=7)
    np.testing.assert_array_equal(one.weights_int(DAY), other.weights_int(DAY))


@pytest.mark.parametrize("preset", PRESETS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_never_nan_and_always_in_range(preset, data) -> None:
    device = device_named(preset)
    seed = data.draw(st.integers(0, 2**32 - 1))
    layers = (
        FiniteLevels(data.draw(st.integers(2, 300))),
        StuckCells(low=0.1, high=0.1, unformed=0.1),
        DeviceToDevice(data.draw(st.floats(0, 5))),
        ReadNoise(data.draw(st.floats(0, 5))),
    )
    time = data.draw(st.floats(0, min(device.known_until, 1e12)))
    params = SynapseParams(array=ArrayParams(device=device, layers=layers))
    weights = data.draw(weights_of(8))
    array = program_synapses(params, weights, seed=seed)
    real = array.weights_real(time)
    assert np.isfinite(real).all()
    assert np.isfinite(array.devices.read(time)).all() and array.devices.read(time).min() >= 0
    for scope in ("none", "global", "column"):
        found = array.weights_int(time, compensation=scope)
        assert -128 <= found.min() <= found.max() <= 127


@pytest.mark.parametrize(
    "preset", ["pcm_nandakumar2019", "pcm_hermes1", "pcm_hermes2", "rram_cmo_falcone2025"]
)
@given(seed=st.integers(0, 1000), times=st.lists(st.floats(0, 1e9), min_size=3, max_size=8))
@settings(max_examples=30, deadline=None)
def test_each_device_has_one_history(preset, seed, times) -> None:
    """What a device holds only ever moves one way: PCM falls, the others drift one way each."""
    device = device_named(preset)
    targets = np.linspace(device.g_min, device.g_max, 40).reshape(4, 10)
    array = program_array(ArrayParams(device=device), targets, Where(rows=4, columns=10, seed=seed))
    path = np.array([array.at(t) for t in sorted(times)])
    steps = np.diff(path, axis=0)
    slack = 1e-9 * device.g_max
    if preset.startswith("pcm"):
        assert (steps <= slack).all()
    else:
        assert ((steps <= slack).all(axis=0) | (steps >= -slack).all(axis=0)).all()


def test_pairs() -> None:
    array = program_synapses(
        SynapseParams(array=ArrayParams(device=generic(g_max=12.7, on_off=127))),
        np.array([[127, -127, 0, 5]]),
    )
    unit = (12.7 - 0.1) / 127
    expected = [12.7, 0.1, 0.1, 12.7, 0.1, 0.1, 0.1 + 5 * unit, 0.1]
    np.testing.assert_allclose(array.devices.at(0.0)[0], expected)


def test_the_converter_clips_and_rounds() -> None:
    params = SynapseParams(array=ArrayParams(device=generic()))
    array = program_synapses(params, np.array([[-128, -100, -3, 0, 3, 9, 127]]))
    coarse = array.weights_int(adc=Adc(bits=4))
    np.testing.assert_array_equal(coarse, [[-128, -96, 0, 0, 0, 16, 112]])
    narrow = array.weights_int(adc=Adc(bits=8, range=0.5))
    np.testing.assert_array_equal(narrow, [[-64, -64, -3, 0, 3, 9, 64]])


@given(code=st.integers(-(2**15), 2**15 - 1), gain=st.floats(2**-9, 255))
def test_integer_gain(code: int, gain: float) -> None:
    found = int(scaled(np.array(code), integer_gain(gain), 8))
    exact = code * gain
    if -128 < exact < 127:
        # A half, and what rounding the gain to 2^-16 can make of the largest code.
        assert abs(found - exact) <= 0.5 + abs(code) * 2.0**-17
    else:
        assert abs(found - np.clip(exact, -128, 127)) <= 1


def test_compensation_brings_drift_back() -> None:
    device = generic(drift=0.05)
    weights = np.random.default_rng(0).integers(-127, 128, (60, 50))
    array = program_synapses(SynapseParams(array=ArrayParams(device=device)), weights)
    drifted = array.weights_int(DAY)
    factor = (1 + DAY) ** -0.05
    np.testing.assert_allclose(drifted, weights * factor, atol=0.51)
    for scope in ("global", "column"):
        # One LSB: the code before the gain is rounded to 1/128 of a weight.
        error = np.abs(array.weights_int(DAY, compensation=scope) - weights)
        assert error.max() <= 1 and error.mean() < 0.05


def test_compensation_by_column_when_columns_differ() -> None:
    device = pcm_nandakumar2019()
    weights = np.random.default_rng(0).integers(-127, 128, (200, 8))
    weights[:, :4] //= 8
    array = program_synapses(SynapseParams(array=ArrayParams(device=device)), weights)

    def error(scope):
        return np.abs(array.weights_int(1e7, compensation=scope) - weights).mean()

    assert error("column") < error("none") / 2
    assert error("global") < error("none") / 2


def test_refresh_starts_anew() -> None:
    weights = np.random.default_rng(0).integers(-127, 128, (40, 30))
    params = SynapseParams(
        array=ArrayParams(device=pcm_nandakumar2019(), layers=(StuckCells(high=0.1),))
    )
    old = program_synapses(params, weights)
    new = old.refreshed(1e7)
    assert old.devices.pinned is not None and new.devices.pinned is not None
    np.testing.assert_array_equal(new.devices.pinned, old.devices.pinned)
    free = ~old.devices.pinned[0]
    assert (new.devices.cells.stored != old.devices.cells.stored)[free].mean() > 0.5
    error = np.abs(new.weights_int(0.0) - weights).mean()
    assert error < np.abs(old.weights_int(1e7) - weights).mean()
    names = [entry.name for entry in new.ledger.entries if entry.place == "array"]
    assert names == ["refresh: SET pulses", "refresh: RESET pulses"] and new.event == 1
    assert new.ledger.joules_of("array") > 0 and new.ledger.joules_of("periphery") > 0


def test_wires_weaken_what_is_far_away() -> None:
    """The tile of the reference, all of 100 uS and one row at a time: each tile by itself."""
    weights = np.full((64, 32), 127)
    device = generic(g_max=100.0)
    ideal = SynapseParams(array=ArrayParams(device=device), tile=(32, 32))
    array = program_synapses(replace(ideal, wire_resistance=2.93), weights)
    found = array.weights_real()
    np.testing.assert_array_equal(found[:32], found[32:])
    np.testing.assert_array_equal(found[:, :16], found[:, 16:])
    tile = np.zeros((32, 32))
    tile[:, ::2] = 100.0
    seen = effective_conductances(tile, 2.93)
    np.testing.assert_allclose(found[:32, :16], (seen[:, ::2] - seen[:, 1::2]) * 127 / 100)
    assert found.min() < 0.95 * 127
    np.testing.assert_array_equal(program_synapses(ideal, weights).weights_int(), weights)


BAD = [
    (np.array([[200]]), "weights must be in -128..127, not 200..200"),
    (np.array([[0.5]]), "weights must be integers, not float64"),
    (np.zeros((0, 3), dtype=int), "weights must have shape (rows, columns), not (0, 3)"),
]


@pytest.mark.parametrize("weights, message", BAD)
def test_refuses_weights(weights, message) -> None:
    params = SynapseParams(array=ArrayParams(device=generic()))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        program_synapses(params, weights)


@pytest.mark.parametrize(
    "g, message",
    [
        (30.0, "pcm_nandakumar2019: conductances must be in 0..25 uS, not 30..30"),
        (-1.0, "pcm_nandakumar2019: conductances must be in 0..25 uS, not -1..-1"),
        (math.nan, "pcm_nandakumar2019: 4 conductances are NaN or infinite"),
        (
            1e5,
            "pcm_nandakumar2019: conductances must be in 0..25 uS, not 100000..100000; they look "
            "like ohms, give microsiemens",
        ),
        (
            20e-6,
            "pcm_nandakumar2019: all conductances are below 0.025 of 25 uS; they look like S, give "
            "microsiemens",
        ),
        (
            2500.0,
            "pcm_nandakumar2019: conductances must be in 0..25 uS, not 2500..2500; they look like "
            "nS, give microsiemens",
        ),
    ],
)
def test_refuses_conductances(g, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        program_array(ArrayParams(device=pcm_nandakumar2019()), np.full((2, 2), g))


@pytest.mark.parametrize(
    "preset, time, message",
    [
        ("pcm_hermes1", -1.0, "pcm_hermes1: -1 s is before the end of programming, which is 0 s"),
        ("pcm_hermes1", math.nan, "pcm_hermes1: a time must be a number of seconds, not nan"),
        (
            "pcm_joshi2020",
            1.0,
            "pcm_joshi2020: 1 s cannot be answered: there are no data on retention, only as "
            "programmed, 0 s",
        ),
        ("rram_wan2022", 1e6, "rram_wan2022: 1e+06 s cannot be answered: data end at 172800 s"),
    ],
)
def test_refuses_times(preset, time, message) -> None:
    array = program_synapses(
        SynapseParams(array=ArrayParams(device=device_named(preset))), np.array([[1]])
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        array.weights_int(time)
