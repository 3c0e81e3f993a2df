"""Yakopcic's model: its equations at points, and what a sine does to the presets."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from hubel.sim.memristor.waveform import simulate
from hubel.sim.memristor.yakopcic import PRESETS

OBLEA = PRESETS["oblea2010"]


def test_current() -> None:
    # Computed with the published equation, I = a1 x sinh(b v).
    assert float(OBLEA.current(0.5, 0.45)) == pytest.approx(0.17 * 0.5 * math.sinh(0.05 * 0.45))
    jo = PRESETS["jo2010"]
    assert float(jo.current(1.0, -2.0)) == pytest.approx(4.35e-7 * math.sinh(-1.4))
    assert float(jo.current(1.0, 0.0)) == 0


def test_threshold_and_rate() -> None:
    assert OBLEA.rate([0.0, 0.16, -0.15, 0.1]).tolist() == [0, 0, 0, 0]
    up, down = OBLEA.rate([0.3, -0.3])
    assert up == pytest.approx(4000 * (math.exp(0.3) - math.exp(0.16)))
    assert down == pytest.approx(-4000 * (math.exp(0.3) - math.exp(0.15)))
    swapped = dataclasses.replace(OBLEA, eta=-1)
    assert swapped.rate([0.3, -0.3]).tolist() == [-up, -down]


def test_window() -> None:
    assert OBLEA.shape(0.2, True) == 1 == OBLEA.shape(0.3, True)
    assert OBLEA.shape(0.65, True) == pytest.approx(math.exp(-0.35) * 0.5)
    assert OBLEA.shape(1.0, True) == 0 == OBLEA.shape(0.0, False)
    assert OBLEA.shape(0.6, False) == 1
    assert OBLEA.shape(0.25, False) == pytest.approx(math.exp(5 * (0.25 + 0.5 - 1)) * 0.5)


@pytest.mark.parametrize("name, volts, hertz", [("oblea2010", 0.45, 100.0), ("jo2010", 4.0, 1.0)])
def test_against_another_integrator(name, volts, hertz) -> None:
    device = PRESETS[name]
    drive = lambda t: volts * np.sin(2 * np.pi * hertz * t)  # noqa: E731

    def slope(t, x):
        at = float(np.clip(x[0], 0, 1))
        rate = float(device.rate(drive(t)))
        return [rate * device.shape(at, rate > 0)]

    seconds = 0.4 / hertz  # the state does not reach an end
    wave = simulate(device, drive, seconds, seconds / 2000, x0=0.11)
    other = solve_ivp(slope, (0, seconds), [0.11], rtol=1e-9, atol=1e-12, max_step=seconds / 500)
    # A corner of the threshold inside a step leaves an error of second order.
    assert wave.states[-1] == pytest.approx(other.y[0, -1], abs=1e-5)
    assert wave.states[-1] > 0.12


@settings(max_examples=30, deadline=None, derandomize=True)
@given(name=st.sampled_from(sorted(PRESETS)), x0=st.floats(0, 1), volts=st.floats(-3, 3))
def test_state_stays_and_moves_with_the_voltage(name, x0, volts) -> None:
    device = PRESETS[name]
    wave = simulate(device, lambda t: np.full_like(t, volts), 1e-2, 1e-4, x0=x0)
    assert ((wave.states >= 0) & (wave.states <= 1)).all()
    assert (np.diff(wave.states) * np.sign(volts) >= 0).all()
    assert wave.energy >= 0


@pytest.mark.parametrize(
    "fields, text",
    [
        ({"a1": -1}, "a1 must be above 0, not -1"),
        ({"x_up": 1.0}, "x_up must be below 1, not 1.0"),
        ({"x0": 2.0}, "x0 must be in 0..1"),
        ({"eta": 0}, "eta must be 1 or -1, not 0"),
        ({"v_up": math.nan}, "v_up: 1 of 1 values"),
    ],
)
def test_bad_parameters(fields, text) -> None:
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(OBLEA, **fields)


def test_bad_voltage() -> None:
    with pytest.raises(ValueError, match=r"voltage must be in -10..10 V, not 50"):
        OBLEA.current(0.5, 50)
