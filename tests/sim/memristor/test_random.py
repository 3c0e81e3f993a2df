"""Random numbers of devices: known answers, statistics, and that nothing but the key matters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hubel.sim.memristor.random import Purpose, Where, philox

#: Known answers of Philox4x32-10 that come with Random123: counter, key, words.
KNOWN = [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_known_answers(counter, key, words) -> None:
    w0, w1, w2, w3 = (np.array([word], dtype=np.uint64) for word in counter)
    assert tuple(int(word[0]) for word in philox((w0, w1, w2, w3), key)) == words


def test_normal() -> None:
    """N = 2e5; the limits are those of a p value of 1e-3, with a fixed seed."""
    x = Where(rows=400, columns=500, seed=1).normal(Purpose.READ)
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-3
    assert abs(stats.kurtosis(x.ravel())) < 0.04
    # Neighbours, and the four words of one counter, are independent: 5 / sqrt(N).
    for one, other in ((x[:, 1:], x[:, :-1]), (x[:, 2:], x[:, :-2]), (x[1:], x[:-1])):
        r = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(r) < 5 / np.sqrt(x.size)


def test_uniform() -> None:
    u = Where(rows=400, columns=500).uniform(Purpose.STUCK)
    assert 0 < u.min() < u.max() < 1
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3


def test_single_devices_are_normal() -> None:
    x = Where(rows=200, columns=200).normals_of(np.arange(40_000), Purpose.PULSE, 3)
    assert x.shape == (4, 40_000)
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(x) - np.eye(4)).max() < 5 / np.sqrt(40_000)


@given(
    row=st.integers(0, 40),
    column=st.integers(0, 40),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    event=st.integers(0, 2**32 - 1),
)
def test_a_part_draws_what_the_whole_does(row, column, rows, columns, seed, event) -> None:
    whole = Where(rows=50, columns=50, seed=seed)
    part = Where(rows=rows, columns=columns, seed=seed, row=row, column=column)
    cut = np.s_[row : row + rows, column : column + columns]
    np.testing.assert_array_equal(
        part.normal(Purpose.READ, event), whole.normal(Purpose.READ, event)[cut]
    )
    devices = np.arange(2500).reshape(50, 50)[cut].ravel()
    np.testing.assert_array_equal(
        part.normals_of(np.arange(rows * columns), Purpose.PULSE, event),
        whole.normals_of(devices, Purpose.PULSE, event),
    )


@pytest.mark.parametrize("change", ["seed", "array", "row", "event", "purpose"])
def test_every_part_of_the_key_matters(change) -> None:
    def drawn(*, seed=1, array=1, row=1, event=1, purpose: int = Purpose.READ):
        return Where(rows=8, columns=8, seed=seed, array=array, row=row).normal(
            Purpose(purpose), event
        )

    other = drawn(**{change: Purpose.DEVICE if change == "purpose" else 9})
    assert (other != drawn()).all()


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"rows": 0}, "rows must be 1 or more, not 0"),
        ({"seed": -1}, "seed must be in 0..4294967295, not -1"),
        ({"array": 2**32}, "array must be in 0..4294967295, not 4294967296"),
    ],
)
def test_refuses(wrong, message) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Where(**{"rows": 1, "columns": 1, **wrong})


def test_refuses_an_event() -> None:
    with pytest.raises(ValueError, match=r"^an event must be in 0..4294967295, not -1$"):
        Where(rows=1, columns=1).normal(Purpose.READ, -1)
