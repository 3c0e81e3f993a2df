"""Noise of a read pulse: its two limits in closed form, and what a read sees of it."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.constants import elementary_charge, k

from hubel.sim.memristor.device_array import ArrayParams, program_array
from hubel.sim.memristor.layers import ReadNoise
from hubel.sim.memristor.pulse_noise import PulseNoise
from hubel.sim.memristor.reram import generic


def test_nyquist() -> None:
    """Far below k T / q the energy of the read decides: (sigma / G)^2 = 2 k T / (V^2 G t)."""
    g = np.array([1.0, 25.0])
    noise = PulseNoise(volts=1e-4, seconds=1e-8, amplifier=0.0)
    joules = 1e-8 * g * 1e-6 * 1e-8
    # coth x = 1/x + x/3: with x = 0.0019 that is 1e-6 off.
    assert noise.sigma(g) / g == pytest.approx(np.sqrt(2 * k * 300 / joules), rel=2e-6, abs=0)


def test_shot() -> None:
    """Without heat the number of electrons decides: (sigma / G)^2 = 1 / n."""
    noise = PulseNoise(volts=0.2, seconds=1e-8, kelvin=0.0, amplifier=0.0)
    electrons = 25e-6 * 0.2 * 1e-8 / elementary_charge
    assert noise.sigma(25.0) / 25.0 == pytest.approx(electrons**-0.5, rel=1e-12, abs=0)


def test_amplifier() -> None:
    """Its voltage over the bandwidth 1 / (2 t), relative to that of the read."""
    quiet = PulseNoise(volts=0.01, seconds=1e-6, amplifier=0.0).sigma(25.0)
    both = PulseNoise(volts=0.01, seconds=1e-6, amplifier=20e-9).sigma(25.0)
    expected = 25.0 * 20e-9 * np.sqrt(5e5) / 0.01
    assert np.sqrt(both**2 - quiet**2) == pytest.approx(expected, rel=1e-9, abs=0)


@given(
    g=st.floats(0, 1e4), volts=st.floats(1e-4, 2.5), seconds=st.floats(1e-10, 1e-3),
    kelvin=st.floats(0, 500),
)  # fmt: skip
@example(g=0.0, volts=1.0, seconds=0.001, kelvin=5e-324)
def test_less_with_more_voltage_and_time(g, volts, seconds, kelvin) -> None:
    def sigma(**changed) -> float:
        how = {"volts": volts, "seconds": seconds, "kelvin": kelvin} | changed
        return float(PulseNoise(**how).sigma(g))

    assert np.isfinite(sigma())
    assert sigma(volts=2 * volts) <= sigma()
    assert sigma(seconds=4 * seconds) == pytest.approx(sigma() / 2, rel=1e-9, abs=0)
    assert sigma(kelvin=kelvin + 100) >= sigma()


def test_a_read_has_it() -> None:
    """200,000 devices at 20 uS; the standard error of a sigma is 0.16 %, 1 % is six of them."""
    noise = PulseNoise(volts=0.005, seconds=1e-8)
    params = ArrayParams(device=generic(), layers=(noise,))
    array = program_array(params, np.full((400, 500), 20.0))
    first, second = array.read(event=0), array.read(event=1)
    assert first.std() == pytest.approx(float(noise.sigma(20.0)), rel=0.01, abs=0)
    assert abs(first.mean() - 20.0) < 5 * first.std() / np.sqrt(first.size)
    assert (array.read(event=0) == first).all()
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01
    # It is not the same number that another layer of noise draws.
    other = ArrayParams(device=generic(), layers=(ReadNoise(0.1),))
    read = program_array(other, np.full((400, 500), 20.0)).read(event=0)
    assert abs(np.corrcoef(first.ravel(), read.ravel())[0, 1]) < 0.01


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"volts": 0.0}, "volts of a read must be above 0 V, not 0"),
        ({"volts": 200.0}, "a read takes at most 5 V, not 200; give volts, not millivolts"),
        ({"volts": float("nan")}, "volts of a read: 1 of 1 values are NaN or infinite"),
        ({"seconds": -1e-9}, "seconds of a read must be above 0 s, not -1e-09"),
        ({"kelvin": -1.0}, "kelvin must be in 0..inf K, not -1"),
    ],
)
def test_refuses(wrong, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PulseNoise(**({"volts": 0.2, "seconds": 1e-8} | wrong))
