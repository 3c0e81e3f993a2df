"""Programming with verify against the memoryless oracle, and what noise of its reads does."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from hubel.sim.memristor.device_array import ArrayParams, DeviceArray, program_array
from hubel.sim.memristor.layers import StuckCells
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import generic
from hubel.sim.memristor.write_verify import WriteVerify

N = 200_000


def programmed(how: WriteVerify, sigma: float, *, g: float = 50.0, layers=()) -> DeviceArray:
    # So far from both ends that nothing clamps.
    device = generic(g_max=100.0, sigma_abs=sigma)
    params = ArrayParams(device=device, write=how, layers=layers)
    return program_array(params, np.full((400, 500), g))


#: Sigma of a pulse, half band, uS: share inside, tries, sigma after.
MEMORYLESS = [
    (2.3, 1.0, 0.3363, 2.974, 0.5701),
    (2.3, 2.0, 0.6155, 1.625, 1.0973),
    (1.02, 0.5, 0.3760, 2.660, 0.2841),
    (1.02, 1.0, 0.6731, 1.486, 0.5410),
]


@pytest.mark.parametrize("sigma, band, inside, tries, after", MEMORYLESS)
def test_memoryless_oracle(sigma, band, inside, tries, after) -> None:
    array = programmed(WriteVerify(tolerance=band, pulses=500, read_sigma=0.0), sigma)
    assert not array.failed.any()
    # Five standard errors of a geometric number of tries, and half of the last digit printed.
    spread = math.sqrt(1 - inside) / inside
    assert array.pulses.mean() == pytest.approx(tries, abs=5 * spread / math.sqrt(N) + 5e-4)
    assert array.cells.stored.std() == pytest.approx(after, rel=0.01)
    a = band / sigma
    p = math.erf(a / math.sqrt(2))
    assert (p, 1 / p) == pytest.approx((inside, tries), abs=5.1e-4)
    formula = sigma * math.sqrt(1 - 2 * a * stats.norm.pdf(a) / p)
    assert formula == pytest.approx(after, abs=6e-5)
    first = np.mean(array.pulses == 1)
    assert first == pytest.approx(inside, abs=5 * math.sqrt(inside * (1 - inside) / N))


def test_failures_after_ten_pulses() -> None:
    array = programmed(WriteVerify(tolerance=1.0, pulses=10, read_sigma=0.0), 2.3)
    share = 0.0166
    assert array.failed.mean() == pytest.approx(share, abs=5 * math.sqrt(share / N) + 5e-5)
    assert (array.pulses[array.failed] == 10).all()
    outside = np.abs(array.cells.stored - 50.0) > 1.0
    np.testing.assert_array_equal(outside, array.failed)


def test_noise_triggers_falsely() -> None:
    """What passes with a noisy read is wider than the band, by the product of the two normals."""
    band, sigma, noise = 1.0, 2.3, 0.8
    array = programmed(WriteVerify(tolerance=band, pulses=500, read_sigma=noise), sigma)
    error = array.cells.stored - 50.0
    outside = np.mean(np.abs(error) > band)

    def density(e):
        passes = stats.norm.cdf((band - e) / noise) - stats.norm.cdf((-band - e) / noise)
        return stats.norm.pdf(e, 0, sigma) * passes

    e = np.linspace(-12, 12, 20_001)
    weights = density(e)
    expected = weights[np.abs(e) > band].sum() / weights.sum()
    # A grid cell at either end of the band, and five standard errors.
    assert outside == pytest.approx(expected, abs=2e-3 + 5 * math.sqrt(expected / N))
    assert outside > 0.1
    mean = np.sum(weights) * (e[1] - e[0])
    assert array.pulses.mean() == pytest.approx(1 / mean, rel=0.01)


def test_incremental_needs_fewer_pulses_and_ends_as_near() -> None:
    memoryless = programmed(WriteVerify(tolerance=0.5, pulses=100, read_sigma=0.1), 2.3)
    stepwise = programmed(
        WriteVerify(tolerance=0.5, pulses=100, read_sigma=0.1, policy="incremental"), 2.3
    )
    assert stepwise.pulses.mean() < memoryless.pulses.mean() / 2
    assert stepwise.cells.stored.std() < 0.5
    assert not stepwise.failed.any()


def test_polarity_follows_the_error() -> None:
    """Devices that start above and below their target both arrive: no loop runs away."""
    array = programmed(
        WriteVerify(tolerance=0.2, pulses=60, read_sigma=0.0, policy="incremental"), 5.0
    )
    assert np.abs(array.cells.stored - 50.0).max() <= 0.2
    names = {entry.name: entry.count for entry in array.ledger.entries}
    assert min(names["SET pulses"], names["RESET pulses"]) > N


def test_stuck_devices_use_up_the_budget() -> None:
    how = WriteVerify(tolerance=1.0, pulses=7, read_sigma=0.0)
    array = programmed(how, 0.5, layers=(StuckCells(low=0.05, high=0.05),))
    assert array.pinned is not None
    stuck = array.pinned[0]
    assert (array.pulses[stuck] == 7).all() and array.failed[stuck].all()
    assert set(np.unique(array.at(0.0)[stuck])) == {0.0, 100.0}
    assert not array.failed[~stuck].any()


def test_every_pulse_and_read_costs() -> None:
    array = programmed(WriteVerify(tolerance=1.0, pulses=50, read_sigma=0.0), 2.3)
    counts = {entry.name: entry.count for entry in array.ledger.entries}
    total = int(array.pulses.sum())
    assert counts == {"SET pulses": total, "RESET pulses": total, "verify reads": total}
    # V^2 G t of 2 V, 10 ns: a SET from 0 to about 50 uS, a RESET back from the last try.
    joules = {entry.name: entry.joules for entry in array.ledger.entries}
    assert joules["SET pulses"] == pytest.approx(total * 4 * 25e-6 * 10e-9, rel=1e-2, abs=0)
    assert joules["verify reads"] == pytest.approx(total * 0.16 * 50e-6 * 10e-9, rel=1e-2, abs=0)
    assert joules["RESET pulses"] == pytest.approx((total - N) * 4 * 25e-6 * 10e-9, rel=1e-2, abs=0)
    assert array.ledger.joules_of("array") == pytest.approx(sum(joules.values()), abs=0)


def test_a_band_below_the_noise_is_refused() -> None:
    params = ArrayParams(device=pcm_nandakumar2019(), write=WriteVerify(tolerance=0.1))
    message = (
        r"^pcm_nandakumar2019: a tolerance of 0\.1 uS is below the read noise of 0\.\d+ uS, "
        r"so that chance decides; widen the band or average the read$"
    )
    with pytest.raises(ValueError, match=message):
        program_array(params, np.full((2, 2), 20.0))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"tolerance": 0.0}, "tolerance must be above 0 uS, not 0.0"),
        ({"tolerance": math.nan}, "tolerance must be above 0 uS, not nan"),
        ({"pulses": 0}, "pulses must be in 1..65535, not 0"),
        ({"policy": "best"}, "policy must be 'memoryless' or 'incremental', not 'best'"),
        ({"scatter": -1.0}, "scatter must be 0 or more, not -1.0"),
    ],
)
def test_refuses(wrong, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        WriteVerify(**{"tolerance": 1.0, **wrong})
