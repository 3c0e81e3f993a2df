"""Layers: their statistics, that they compose, and that zero is nothing at all."""

import math
import re

import numpy as np
import pytest

from hubel.sim.memristor.device_array import ArrayParams, DeviceArray, program_array
from hubel.sim.memristor.lammie import Failure, LammieRetention, WindowClosing
from hubel.sim.memristor.layers import (
    CubicIV,
    CycleToCycle,
    DeviceToDevice,
    FiniteLevels,
    Layer,
    PowerRetention,
    ReadNoise,
    StuckCells,
)
from hubel.sim.memristor.random import Where
from hubel.sim.memristor.reram import generic, rram_milo2021

N = 200_000
SHAPE = (400, 500)


def array(*layers: Layer, g: float = 20.0, seed: int = 0, device=None) -> DeviceArray:
    params = ArrayParams(device=device or generic(), layers=layers)
    where = Where(rows=SHAPE[0], columns=SHAPE[1], seed=seed)
    return program_array(params, np.full(SHAPE, g), where)


ZERO = (
    DeviceToDevice(0.0),
    CycleToCycle(0.0),
    StuckCells(),
    ReadNoise(0.0),
    PowerRetention(0.0),
    CubicIV(0.0),
)


def test_zero_is_the_identity() -> None:
    g = np.random.default_rng(0).uniform(0, 25, (30, 40))
    programmed = program_array(ArrayParams(device=generic(), layers=ZERO), g)
    np.testing.assert_array_equal(programmed.read(1e7), g)


def test_sigmas() -> None:
    """Within one percent: the standard error of a sigma is 0.16 % for N = 2e5."""
    for layer in (DeviceToDevice(0.1), CycleToCycle(0.1), ReadNoise(0.1)):
        assert array(layer).read().std() == pytest.approx(2.0, rel=0.01)
    both = array(DeviceToDevice(0.1), CycleToCycle(0.1), ReadNoise(0.1)).read()
    # A read multiplies what the other two left.
    assert both.std() == pytest.approx(math.sqrt(2 * 4 + 0.01 * (400 + 8)), rel=0.01)


def test_device_to_device_stays_and_read_noise_does_not() -> None:
    stays = array(DeviceToDevice(0.1))
    np.testing.assert_array_equal(stays.read(event=1), stays.read(event=2))
    noisy = array(ReadNoise(0.1))
    assert (noisy.read(event=1) != noisy.read(event=2)).all()
    np.testing.assert_array_equal(noisy.read(event=1), noisy.read(event=1))


def test_cycles_differ_and_devices_do_not() -> None:
    params = ArrayParams(device=generic(), layers=(DeviceToDevice(0.1), CycleToCycle(0.05)))
    first, again = (program_array(params, np.full(SHAPE, 20.0), event=e).read() for e in (0, 1))
    r = np.corrcoef(first.ravel(), again.ravel())[0, 1]
    assert r == pytest.approx(0.01 / (0.01 + 0.0025), abs=0.01)


@pytest.mark.parametrize("low, high, unformed", [(0.1, 0.05, 0.02), (0.0, 0.2, 0.0), (0.5, 0.5, 0)])
def test_stuck_cells_are_disjoint_and_as_many(low, high, unformed) -> None:
    device = generic(on_off=10)
    stuck = array(StuckCells(low=low, high=high, unformed=unformed), device=device)
    assert stuck.pinned is not None
    mask, values = stuck.pinned
    for value, share in ((device.g_min, low), (device.g_max, high), (0.0, unformed)):
        found = np.mean(mask & (values == value))
        assert found == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / N))
    assert mask.mean() == pytest.approx(low + high + unformed, abs=5 * 0.5 / math.sqrt(N))
    g = stuck.read(1e6)
    np.testing.assert_array_equal(g[mask], values[mask])
    np.testing.assert_array_equal(g[~mask], 20.0)


def test_the_stuck_map_stays() -> None:
    params = ArrayParams(device=generic(sigma_rel=0.1), layers=(StuckCells(low=0.1, high=0.1),))
    maps = [
        program_array(params, np.full((50, 50), g), event=e).pinned
        for e, g in enumerate((1.0, 9.0, 25.0))
    ]
    assert maps[0] is not None
    for other in maps[1:]:
        assert other is not None
        np.testing.assert_array_equal(other, maps[0])


def test_stuck_cells_do_not_drift() -> None:
    drifting = array(StuckCells(low=0.1, high=0.1), device=generic(on_off=10, drift=0.1))
    assert drifting.pinned is not None
    mask, values = drifting.pinned
    g = drifting.at(1e6)
    np.testing.assert_array_equal(g[mask], values[mask])
    assert (g[~mask] < 10).all()


def test_two_layers_of_stuck_cells_share_their_numbers() -> None:
    """The same device is the one that fails first, so that yields nest."""
    few, many = array(StuckCells(low=0.05)), array(StuckCells(low=0.1))
    assert few.pinned is not None and many.pinned is not None
    assert (many.pinned[0] | ~few.pinned[0]).all()


def test_levels() -> None:
    device = generic(g_max=30.0, on_off=3)
    g = np.linspace(10, 30, 1000).reshape(10, 100)
    found = FiniteLevels(5).target(g, device)
    np.testing.assert_allclose(np.unique(found), [10, 15, 20, 25, 30])
    assert np.abs(found - g).max() <= 2.5 + 1e-9


def test_power_retention() -> None:
    """The default of MemTorch: 1 s divides by 10^(12 / 10)."""
    g = np.array([[10.0]])
    assert PowerRetention(0.1, 1e-12).aged(g, 1.0)[0, 0] == pytest.approx(10 / 10**1.2)
    assert PowerRetention(0.1).aged(g, 0.5)[0, 0] == 10.0


def test_cubic_iv() -> None:
    """The published fit, by hand, at 100 uS and 0.2 V."""
    log = -4.0
    a = 1.388e-4 * log**3 + 1.541e-3 * log**2 + 5.711e-3 * log + 7.063e-3
    b = 8.871e-5 * log**2 + 6.7919e-4 * log + 1.2968e-3
    current = 100e-6 * 0.2 + a * 0.2**2 + b * 0.2**3
    found = array(CubicIV(0.2), g=100.0, device=generic(g_max=225.0)).read()
    assert found[0, 0] == pytest.approx(1e6 * current / 0.2)
    assert program_array(
        ArrayParams(device=rram_milo2021(), layers=(CubicIV(0.5),)), np.full(SHAPE, 50.0)
    ).read().min() >= 0  # fmt: skip


def test_lammie_forms() -> None:
    gradual = Failure(p0=100.0, p1=0.01, p2=0.5, p3=0.1, cell_nm=50.0)
    threshold = 100 * math.exp(0.01 * 50 + 0.5)
    assert gradual.threshold == pytest.approx(threshold)
    assert gradual.resistance(1e4, threshold) == 1e4
    slope = 0.1 * (0.01 * 50 + 0.5)
    assert gradual.resistance(1e4, 10 * threshold) == pytest.approx(1e4 * 10**slope)
    sudden = Failure(p0=100.0, p1=0.01, p2=0.5, p3=0.0, cell_nm=50.0, stable_ohms=3e4)
    assert sudden.resistance(1e4, 2 * threshold) == 3e4
    hot = Failure(p0=100.0, p1=0.01, p2=0.5, p3=0.1, cell_nm=50.0, kelvin=596.0)
    assert hot.threshold == pytest.approx(100 * math.exp(0.5 + 0.25))
    g = np.array([[100.0]])
    assert LammieRetention(failure=sudden).aged(g, 2 * threshold)[0, 0] == pytest.approx(1e6 / 3e4)
    aged = LammieRetention(failure=gradual).aged(g, 10 * threshold)[0, 0]
    assert aged == pytest.approx(100 / 10**slope)


@pytest.mark.parametrize("cycles", [0, 200, 1e3, 1e5, 1e9])
def test_the_window_closes(cycles: float) -> None:
    falling = Failure(p0=100.0, p1=0.01, p2=0.5, p3=-0.02, cell_nm=50.0)
    rising = Failure(p0=100.0, p1=0.01, p2=0.5, p3=0.02, cell_nm=50.0)
    device = generic(g_max=100.0, on_off=100)
    layer = WindowClosing(cycles=cycles, high_resistance=falling, low_resistance=rising)
    g = np.linspace(1, 100, 50).reshape(5, 10)
    found = program_array(ArrayParams(device=device, layers=(layer,)), g).read()
    ends = layer.window(Where(rows=5, columns=10), device)
    assert ends is not None
    low, high = ends[0][0, 0], ends[1][0, 0]
    assert 1 - 1e-9 <= low <= high <= 100 + 1e-9
    np.testing.assert_allclose(found, np.clip(g, low, high))
    if cycles == 0:
        np.testing.assert_allclose(found, g)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: FiniteLevels(1), "levels must be 2 or more, not 1"),
        (lambda: DeviceToDevice(-0.1), "sigma from device to device must be 0 or more, not -0.1"),
        (lambda: ReadNoise(math.nan), "sigma of a read must be 0 or more, not nan"),
        (
            lambda: StuckCells(low=0.7, high=0.4),
            "shares of stuck cells must add up to at most 1, not 1.1",
        ),
        (
            lambda: StuckCells(low=1.5),
            "the share of stuck cells, low, must be 0 or more and at most 1, not 1.5",
        ),
        (
            lambda: Failure(p0=1.0, p1=100.0, p2=0.0, p3=0.0, cell_nm=50.0),
            "p1 cell + p2 min(T_th / T, 1) is 5000, which gives no threshold; cell_nm is in "
            "nanometres",
        ),
        (
            lambda: Failure(p0=1.0, p1=math.nan, p2=0.0, p3=0.0, cell_nm=50.0),
            "p0, p1, p2 and p3 of a failure must be finite",
        ),
        (lambda: CubicIV(1.0), "the I-V fit holds for 0..0.5 V, not 1.0"),
        (lambda: PowerRetention(0.1, 0.0), "t_start must be above 0 s, not 0.0"),
    ],
)
def test_refuses(make, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
