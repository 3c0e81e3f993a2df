"""Devices against closed forms and stored reference numbers.

Reference numbers are Monte-Carlo of aihwkit 1.1.0 with N = 1e6. Tolerances for our N = 2e5: five
standard errors of the mean, of ours and theirs; one percent of a standard deviation. Three percent
and the same number of standard errors for exponents and for conductances below 3 uS, where folding
and clamping act.
"""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from hubel.sim.memristor.device import Device
from hubel.sim.memristor.device_array import ArrayParams, DeviceArray, program_array
from hubel.sim.memristor.pcm import Pcm, pcm_joshi2020, pcm_nandakumar2019
from hubel.sim.memristor.presets import PRESETS, device_named
from hubel.sim.memristor.reram import generic, rram_cmo_falcone2025, rram_wan2022

N = 200_000
HOUR, DAY, MONTH, YEAR = 3600.0, 86400.0, 30 * 86400.0, 365 * 86400.0


def many(device: Device, g: float) -> DeviceArray:
    return program_array(ArrayParams(device=device), np.full((400, 500), g))


def close(values: np.ndarray, mean: float, std: float, *, loose: float = 0.0) -> None:
    # The numbers are printed with four digits: half of the last one.
    error = 5 * std * math.sqrt(1 / N + 1e-6) + 5e-5 + loose * mean
    assert abs(values.mean() - mean) < error, (values.mean(), mean, error)
    assert values.std() == pytest.approx(std, rel=0.01 + loose, abs=5e-5)


TIMES = (0.0, 1.0, HOUR, DAY, MONTH, YEAR)
#: Target: sigma of programming, exponent, and conductances at TIMES; means and sigmas.
NANDAKUMAR = {
    0.25: (0.2383, (0.09630, 0.04379), (
        (0.2822, 0.2923), (0.2809, 0.2912), (0.1768, 0.1982), (0.1364, 0.1660), (0.1052, 0.1425),
        (0.0881, 0.1295))),
    1: (0.3397, (0.07463, 0.03352), (
        (1.0010, 0.4499), (0.9969, 0.4487), (0.6900, 0.3544), (0.5574, 0.3239), (0.4494, 0.3019),
        (0.3862, 0.2885))),
    2.5: (0.4483, (0.06017, 0.02271), (
        (2.5007, 0.6073), (2.4934, 0.6065), (1.8419, 0.5269), (1.5378, 0.5121), (1.2765, 0.5026),
        (1.1162, 0.4962))),
    5: (0.6097, (0.04936, 0.01420), (
        (4.9993, 0.8037), (4.9868, 0.8030), (3.8777, 0.7224), (3.3292, 0.7122), (2.8349, 0.7079),
        (2.5225, 0.7053))),
    10: (0.8614, (0.04900, 0.00800), (
        (9.9992, 1.0901), (9.9763, 1.0871), (7.7578, 0.9490), (6.6502, 0.9061), (5.6414, 0.8717),
        (5.0021, 0.8497))),
    15: (1.0204, (0.04900, 0.00801), (
        (15.0005, 1.2777), (14.9649, 1.2758), (11.6370, 1.1522), (9.9754, 1.1403),
        (8.4632, 1.1371), (7.5027, 1.1295))),
    20: (1.0835, (0.04900, 0.00800), (
        (20.0002, 1.3779), (19.9521, 1.3751), (15.5154, 1.3013), (13.2989, 1.3390),
        (11.2831, 1.3785), (10.0041, 1.3944))),
    25: (1.0545, (0.04900, 0.00801), (
        (24.9985, 1.3983), (24.9390, 1.3968), (19.3933, 1.4097), (16.6236, 1.5155),
        (14.1038, 1.6086), (12.5026, 1.6501))),
}  # fmt: skip


@pytest.mark.parametrize("target", NANDAKUMAR)
def test_nandakumar(target: float) -> None:
    sigma, nu, at = NANDAKUMAR[target]
    loose = 0.015 if target < 3 else 0.0
    array = many(pcm_nandakumar2019(), target)
    assert array.cells.stored.std() == pytest.approx(sigma, rel=0.01 + loose)
    close(array.cells.frozen, *nu, loose=loose)
    for time, (mean, std) in zip(TIMES, at, strict=True):
        close(array.read(time), mean, std, loose=loose)


#: Preset, target: sigma of programming, and conductances after times.
HERMES = [
    ("pcm_hermes1", 5, 0.8528, {DAY: (3.5388, 0.7641), YEAR: (2.5441, 0.6541)}),
    ("pcm_hermes1", 10.35, 1.0078, {DAY: (9.3187, 1.2668), YEAR: (8.4233, 1.2943)}),
    ("pcm_hermes2", 10, 0.9945, {DAY: (7.2335, 1.0141), YEAR: (5.1790, 0.8951)}),
    ("pcm_hermes2", 20.7, 1.0927, {DAY: (18.7639, 1.6023), YEAR: (16.9536, 1.7402)}),
]


@pytest.mark.parametrize("preset, target, sigma, at", HERMES)
def test_hermes(preset: str, target: float, sigma: float, at: dict) -> None:
    array = many(device_named(preset), target)
    assert array.cells.stored.std() == pytest.approx(sigma, rel=0.01)
    for time, (mean, std) in at.items():
        close(array.read(time), mean, std)


@pytest.mark.parametrize(
    "preset, target, mean, std",
    [
        ("pcm_hermes1", 5, 0.05734, 0.01216),
        ("pcm_hermes1", 10.35, 0.01740, 0.00549),
        ("pcm_hermes2", 10, 0.05736, 0.00904),
    ],
)
def test_hermes_exponent(preset: str, target: float, mean: float, std: float) -> None:
    close(many(device_named(preset), target).cells.frozen, mean, std)


@pytest.mark.parametrize(
    "target, sigmas",
    [
        (5, (1.748, 2.677, 2.633)),
        (10, (2.259, 3.713, 3.656)),
        (20, (2.022, 3.911, 3.925)),
        (30, (1.533, 3.365, 3.376)),
        (40, (1.102, 2.652, 2.676)),
    ],
)
def test_wan(target: float, sigmas: tuple) -> None:
    device, array = rram_wan2022(), many(rram_wan2022(), target)
    for time, sigma in zip((1.0, DAY, 2 * DAY), sigmas, strict=True):
        # Theirs has three decimals and an error of its own; at 5 uS some clamp at 0.
        assert array.read(time).std() == pytest.approx(sigma, rel=0.01)
        assert device.sigma(np.array(40.0), time) == pytest.approx(
            {1.0: 1.103, DAY: 2.651, 2 * DAY: 2.677}[time], abs=1e-9
        )


def test_wan_clamps() -> None:
    array = many(rram_wan2022(), 1.0)
    for time, sigma in ((1.0, 0.671), (DAY, 1.011), (2 * DAY, 1.037)):
        assert array.read(time).std() == pytest.approx(sigma, rel=0.03)


def test_wan_between_its_times() -> None:
    """Sigma is linear in log t, the two fits of the day meet, and none is ever negative."""
    device, g = rram_wan2022(), np.linspace(0, 40, 401)
    middle = device.sigma(g, math.sqrt(DAY))
    np.testing.assert_allclose(middle, (device.sigma(g, 1.0) + device.sigma(g, DAY)) / 2)
    np.testing.assert_allclose(device.sigma(g, DAY * (1 - 1e-9)), device.sigma(g, DAY))
    for time in (1.0, 100.0, DAY, 1.5 * DAY, 2 * DAY):
        assert device.sigma(g, time).min() > 0


@pytest.mark.parametrize(
    "acceptance, at",
    [
        (0.2, ((50.0005, 0.4487), (49.2705, 0.7873), (48.9883, 0.9208), (48.4606, 1.1662))),
        (2.0, ((50.0004, 0.7282), (49.2711, 0.9746), (48.9887, 1.0844), (48.4636, 1.2995))),
    ],
)
def test_cmo(acceptance: float, at: tuple) -> None:
    array = many(rram_cmo_falcone2025(acceptance), 50.0)
    for time, (mean, std) in zip((1.0, HOUR, DAY, YEAR), at, strict=True):
        close(array.read(time), mean, std)


#: Sigma of programming of two open fits to the same data: ours is which, at uS: uS.
FITS = [
    ("pcm_joshi2020", {0.25: 0.3052, 5: 0.6210, 10: 0.8662, 12.5: 0.9553, 25: 1.0655}),
    ("pcm_nandakumar2019", {0.25: 0.2830, 5: 0.6096, 10: 0.8618, 12.5: 0.9527, 25: 1.0554}),
    ("rram_wan2022_crosssim", {1: 1.279, 5: 1.967, 10: 2.414, 20: 2.362, 30: 1.819, 39.26: 1.681}),
    ("rram_wan2022", {1: 0.722, 5: 1.751, 10: 2.258, 20: 2.023, 30: 1.533, 39.26: 1.151}),
]


@pytest.mark.parametrize("preset, sigmas", FITS)
def test_sigma_of_programming(preset: str, sigmas: dict) -> None:
    device = device_named(preset)
    found = device.program_sigma(np.array(list(sigmas), dtype=np.float64))
    # Half of the last digit of the table, and of coefficients with four digits.
    np.testing.assert_allclose(found, list(sigmas.values()), atol=2e-3)


def test_the_two_fits_of_pcm_agree_as_well_as_published() -> None:
    g = np.linspace(5, 25, 100)
    joshi = pcm_joshi2020().program_sigma(g)
    assert np.abs(joshi / pcm_nandakumar2019().program_sigma(g) - 1).max() < 0.021


def moments(device: Pcm, target: float, time: float) -> tuple[float, float]:
    """Mean and sigma of a read in closed form; the folding of nu is left out."""
    one = np.array([target])
    sigma = float(device.program_sigma(one)[0])
    assert device.nu is not None
    mean, spread = (float(x[0]) for x in device.nu(one / device.g_max))
    log = math.log((time + device.t0) / device.t0)
    growth = math.log((time + device.t0 + device.t_read) / (2 * device.t_read))

    def expected(f):
        inside, _ = integrate.quad(
            lambda g: f(g) * stats.norm.pdf(g, target, sigma),
            max(0, target - 9 * sigma), target + 9 * sigma,
        )  # fmt: skip
        return inside

    def q(g: float) -> float:
        return min(0.0088 / max((g / device.g_max) ** 0.65, 1e-3), 0.2)

    first = expected(lambda g: g) * math.exp(-mean * log + spread**2 * log**2 / 2)
    second = expected(lambda g: g**2 * (1 + q(g) ** 2 * growth)) * math.exp(
        -2 * mean * log + 2 * spread**2 * log**2
    )
    return first, math.sqrt(second - first**2)


@pytest.mark.parametrize("target", [5, 10, 15, 20, 25])
@pytest.mark.parametrize("time", [0.0, HOUR, YEAR])
def test_pcm_closed_form(target: float, time: float) -> None:
    device = pcm_nandakumar2019()
    close(many(device, target).read(time), *moments(device, target, time))


def test_closed_form_is_the_published_one() -> None:
    for target, time, mean, std in (
        (10, HOUR, 7.7580, 0.9490), (10, DAY, 6.6501, 0.9063), (10, YEAR, 5.0019, 0.8495),
        (25, YEAR, 12.5049, 1.6503),
    ):  # fmt: skip
        found = moments(pcm_nandakumar2019(), target, time)
        assert found == pytest.approx((mean, std), abs=6e-5)


def test_deterministic_parts_of_pcm() -> None:
    device, g = pcm_nandakumar2019(), np.array([5.0, 10, 15, 20, 25])
    np.testing.assert_allclose(
        device.program_sigma(g), [0.60956, 0.86178, 1.02016, 1.08470, 1.05538], atol=6e-6
    )
    np.testing.assert_allclose(
        device.read_noise(g), [0.02505, 0.01596, 0.01227, 0.01017, 0.00880], atol=6e-6
    )
    cells = device.cells(g, g, np.zeros(5))
    for time, growth in zip(TIMES, (4.1838, 4.1897, 4.7648, 5.0868, 5.4108, 5.6370), strict=True):
        sigma = device.read_sigma(cells, g, time)
        assert sigma is not None
        np.testing.assert_allclose(sigma / (g * cells.noise), growth, atol=6e-5)


#: Levels that fit, spaced by k (s_i + s_(i+1)): preset, seconds, range, levels for k = 1, 2, 3.
LEVELS = [
    ("pcm_nandakumar2019", 0.0, (0.25, 25), (17, 9, 6)),
    ("rram_wan2022", 1.0, (1, 40), (12, 6, 4)),
    ("rram_wan2022", DAY, (1, 40), (7, 4, 3)),
    ("rram_milo2021", 0.0, (50, 225), (26, 13, 9)),
]


@pytest.mark.parametrize("preset, time, ends, levels", LEVELS)
def test_levels_that_fit(preset: str, time: float, ends: tuple, levels: tuple) -> None:
    device = device_named(preset)

    def sigma(g: float) -> float:
        one = np.array([g])
        if preset == "rram_wan2022":
            return float(rram_wan2022().sigma(one, time)[0])
        return float(device.program_sigma(one)[0])

    for k, expected in zip((1, 2, 3), levels, strict=True):
        grid = np.linspace(ends[0], ends[1], 40_000)
        sigmas = np.array([sigma(g) for g in grid[::40]])
        fine = np.interp(grid, grid[::40], sigmas)
        at, count = 0, 1
        while True:
            free = grid - grid[at] >= k * (fine + fine[at])
            free[: at + 1] = False
            if not free.any():
                break
            at, count = int(free.argmax()), count + 1
        assert count == expected, (preset, k)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_constant_has_a_source(preset: str) -> None:
    device = device_named(preset)
    assert device.sources
    assert {s.kind for s in device.sources} <= {"measured", "simulated", "assumed"}


def test_refuses() -> None:
    with pytest.raises(ValueError, match=r"^there is no device 'pcm'; there are pcm_"):
        device_named("pcm")
    with pytest.raises(ValueError, match=r"^rram_cmo_falcone2025: acceptance must be 0.2 or 2.0"):
        rram_cmo_falcone2025(1.0)
    with pytest.raises(ValueError, match=r"^generic: on_off must be more than 1, not 1"):
        generic(on_off=1)
    with pytest.raises(ValueError, match=r"^generic: sigma_abs must be 0 or more, not nan$"):
        generic(sigma_abs=math.nan)
    with pytest.raises(ValueError, match=r"^rram_wan2022: fit must be 'aihwkit' or 'crosssim'"):
        rram_wan2022("best")  # pyright: ignore[reportArgumentType]
