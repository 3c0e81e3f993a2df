"""VTEAM: reference states, the exact pulse against the integrator, and ngspice as an oracle."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sim.memristor import spice
from hubel.sim.memristor.source import Source
from hubel.sim.memristor.vteam import PRESETS, Vteam
from hubel.sim.memristor.waveform import Waveform, simulate

#: Amplitude V, frequency Hz, duration s, step s, x0.
RUNS = {
    "vteam2015": (1.0, 50e6, 40e-9, 1e-12, 0.0),
    "magic": (2.0, 50e6, 40e-9, 1e-12, 0.0),
    "smooth": (1.0, 10e6, 200e-9, 1e-11, 0.3),
}


def run(name: str) -> Waveform:
    amplitude, hertz, seconds, step, x0 = RUNS[name]
    drive = 2 * math.pi * hertz
    return simulate(PRESETS[name], lambda t: amplitude * np.sin(drive * t), seconds, step, x0=x0)


@pytest.mark.parametrize(
    "name, nanoseconds, states",
    [
        ("vteam2015", (5, 10, 15, 30), (0.025698, 0.051396, 0.0, 0.051396)),
        ("smooth", (25, 50, 75, 100), (0.33722, 0.37444, 0.33722, 0.3)),
    ],
)
def test_reference_states(name, nanoseconds, states) -> None:
    wave = run(name)
    step = RUNS[name][3]
    got = [wave.states[round(ns * 1e-9 / step)] for ns in nanoseconds]
    # Half a digit of the reference, which has six of set A and five of set C.
    np.testing.assert_allclose(got, states, rtol=0, atol=0.51e-6 if name != "smooth" else 0.51e-5)


@pytest.mark.skipif(not spice.installed(), reason="ngspice is not installed")
@pytest.mark.parametrize(
    "name, state, current",
    [
        # Largest difference of the states, and rms of the currents over the largest one. The
        # edges where a state stops last a few steps, and there the two differ.
        ("vteam2015", 2e-4, 5e-5),
        ("magic", 1e-3, 3e-3),
        ("smooth", 1e-7, 1e-7),
    ],
)
def test_ngspice_agrees(name, state, current) -> None:
    ours = run(name)
    theirs = spice.run(spice.netlist(PRESETS[name], *RUNS[name]))
    assert len(theirs.times) >= RUNS[name][2] / RUNS[name][3]
    x = np.interp(theirs.times, ours.times, ours.states)
    assert np.abs(x - theirs.states).max() < state
    assert np.ptp(theirs.states) > 0.05
    i = np.interp(theirs.times, ours.times, ours.currents)
    assert np.sqrt(np.mean((i - theirs.currents) ** 2)) / np.abs(i).max() < current
    assert theirs.energy == pytest.approx(ours.energy, rel=1e-3)


def test_netlist_refuses_what_it_leaves_out() -> None:
    with pytest.raises(ValueError, match="without a window"):
        spice.netlist(dataclasses.replace(PRESETS["smooth"], window="biolek"), 1, 1e6, 1e-6, 1e-9)


def test_without_ngspice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="apt-get install ngspice"):
        spice.run("")


windows = st.sampled_from(["none", "joglekar", "biolek"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    window=windows,
    x0=st.floats(0, 1),
    volts=st.floats(-1, 1),
    nanoseconds=st.floats(0.1, 300),
)
def test_pulse_equals_the_integrator(window, x0, volts, nanoseconds) -> None:
    device = dataclasses.replace(PRESETS["smooth"], window=window)
    seconds = nanoseconds * 1e-9
    wave = simulate(device, lambda t: np.full_like(t, volts), seconds, seconds / 200, x0=x0)
    after = float(device.pulse(x0, volts, seconds))
    # 200 steps of Runge and Kutta leave 1e-8 of at most 34 logistic time constants.
    assert after == pytest.approx(wave.states[-1], abs=1e-6)
    assert 0 <= after <= 1
    if abs(volts) <= 0.3:
        assert after == x0
    elif window == "none":
        assert (after - x0) * volts >= 0


@settings(max_examples=40, deadline=None, derandomize=True)
@given(window=windows, x0=st.floats(0.05, 0.95), volts=st.floats(-1, 1))
def test_two_pulses_are_one_twice_as_long(window, x0, volts) -> None:
    device = dataclasses.replace(PRESETS["smooth"], window=window)
    twice = device.pulse(device.pulse(x0, volts, 5e-9), volts, 5e-9)
    assert float(twice) == pytest.approx(float(device.pulse(x0, volts, 10e-9)), abs=1e-12)


def test_windows() -> None:
    joglekar = dataclasses.replace(PRESETS["smooth"], window="joglekar", p=3)
    assert [joglekar.shape(x, True) for x in (0.0, 0.5, 1.0)] == [0, 1, 0]
    biolek = dataclasses.replace(PRESETS["smooth"], window="biolek", p=2)
    # Its ends are not traps: only the movement towards an end stops there.
    assert [biolek.shape(x, True) for x in (0.0, 1.0)] == [1, 0]
    assert [biolek.shape(x, False) for x in (0.0, 1.0)] == [0, 1]
    with pytest.raises(ValueError, match="closed form for p = 1, not p = 2"):
        biolek.pulse(0.5, 1.0, 1e-9)


def test_long_pulses_do_not_overflow() -> None:
    for window in ("none", "joglekar", "biolek"):
        device = dataclasses.replace(PRESETS["smooth"], window=window)
        np.testing.assert_allclose(device.pulse([0.2, 0.9], 2.0, 1.0), 1.0)
        np.testing.assert_allclose(device.pulse([0.2, 0.9], -2.0, 1.0), 0.0, atol=1e-300)


def test_resistance() -> None:
    assert PRESETS["smooth"].resistance([0, 0.5, 1]).tolist() == [1e3, 5.5e3, 10e3]
    curved = dataclasses.replace(PRESETS["smooth"], curve="exponential")
    np.testing.assert_allclose(curved.resistance([0, 0.5, 1]), [1e3, math.sqrt(1e7), 10e3])


def test_energy_of_a_resistor() -> None:
    wave = simulate(PRESETS["smooth"], lambda t: np.full_like(t, 0.2), 1e-6, 1e-8, x0=0.0)
    assert wave.energy == pytest.approx(0.2**2 / 1e3 * 1e-6, rel=1e-12)


@pytest.mark.parametrize(
    "fields, text",
    [
        ({"r_on": 0}, "r_on must be above 0 ohm, not 0"),
        ({"r_off": 10}, "r_off must be above r_on = 1000 ohm, not 10"),
        ({"k_on": 1.0}, "k_on must be below 0 m/s, not 1.0"),
        ({"v_on": math.nan}, "v_on must be below 0 V, not nan"),
        ({"v_off": -0.1}, "v_off must be above 0 V, not -0.1"),
        ({"window": "prodromakis"}, "window must be one of none, joglekar, biolek"),
        ({"curve": "cubic"}, "curve must be one of linear, exponential"),
        ({"p": 0}, "p must be a whole number, 1 or more, not 0"),
    ],
)
def test_bad_parameters(fields, text) -> None:
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(PRESETS["smooth"], **fields)


@pytest.mark.parametrize(
    "volts, seconds, step, x0, text",
    [
        (1.0, 1e-9, 1e-10, 1.5, "x0 must be in 0..1, not 1.5"),
        (1.0, 1e-9, 0.0, 0.5, "step must be above 0 s, not 0"),
        (1.0, 1e-9, 0.7e-9, 0.5, "whole steps, not 1.42857"),
        (1.0, 1.0, 1e-12, 0.5, "1 to 10 million whole steps"),
        (math.nan, 1e-9, 1e-10, 0.5, "voltage: 21 of 21 values are NaN"),
        (1e3, 1e-9, 1e-10, 0.5, "voltage must be in -100..100 V"),
    ],
)
def test_bad_runs(volts, seconds, step, x0, text) -> None:
    with pytest.raises(ValueError, match=text):
        simulate(PRESETS["smooth"], lambda t: np.full_like(t, volts), seconds, step, x0=x0)


def test_every_preset_has_a_source() -> None:
    assert all(isinstance(d, Vteam) and isinstance(d.source, Source) for d in PRESETS.values())
