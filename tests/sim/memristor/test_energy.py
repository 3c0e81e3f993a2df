"""The ledger: formulas by hand, that it adds up, and that array and periphery stay apart."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubel.sim.memristor.crossbar import SynapseParams, program_synapses
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.energy import YAO_2020, Entry, Ledger, Pulse, ReadPulse, total
from hubel.sim.memristor.reram import generic
from hubel.sim.memristor.source import Constant, Source

HERE = Source("test", "assumed")


def near(joules: float):
    """Relative only: the absolute tolerance of pytest is 1 pJ."""
    return pytest.approx(joules, rel=1e-9, abs=0)


def test_formulas() -> None:
    pulse = Pulse(volts=2.0, seconds=10e-9, source=HERE, farads=1e-15)
    found = pulse.energy(np.array([10.0]), np.array([20.0]))
    assert found[0] == near(4 * (15e-6 * 10e-9 + 1e-15))
    fixed = Pulse(volts=1.0, seconds=1.0, joules=13.5e-12, source=HERE)
    np.testing.assert_array_equal(fixed.energy(np.zeros(3), np.ones(3)), 13.5e-12)
    # The two examples of the reference: 250 fJ and 4 fJ.
    for volts, g, seconds, joules in ((0.2, 25.0, 250e-9, 250e-15), (0.2, 10.0, 10e-9, 4e-15)):
        read = ReadPulse(volts=volts, seconds=seconds, source=HERE)
        assert read.energy(np.array(g)) == near(joules)


entries = st.builds(
    Entry,
    name=st.sampled_from(["a", "b", "c"]),
    place=st.sampled_from(["array", "periphery"]),
    count=st.integers(0, 10**9),
    joules=st.floats(0, 1e3),
    source=st.just(HERE),
)
ledgers = st.lists(entries, max_size=8).map(lambda x: Ledger() + Ledger(tuple(x)))


@given(parts=st.lists(ledgers, max_size=5))
def test_ledgers_add_up(parts: list[Ledger]) -> None:
    whole = total(parts)
    for place in ("array", "periphery"):
        assert whole.joules_of(place) == pytest.approx(sum(p.joules_of(place) for p in parts))
    assert sum(e.count for e in whole.entries) == sum(e.count for p in parts for e in p.entries)
    assert whole.joules == whole.joules_of("array") + whole.joules_of("periphery")
    keys = [(e.name, e.place, e.source) for e in whole.entries]
    assert len(set(keys)) == len(keys)


@given(row=st.integers(1, 9), seed=st.integers(0, 100))
def test_energy_of_an_array_is_that_of_its_parts(row: int, seed: int) -> None:
    params = SynapseParams(array=ArrayParams(device=generic(sigma_abs=0.5)), tile=(5, 8))
    weights = np.random.default_rng(seed).integers(-128, 128, (10, 6))
    whole = program_synapses(params, weights, seed=seed, largest=128)
    parts = [
        program_synapses(params, w, seed=seed, largest=128, origin=(r, 0))
        for w, r in ((weights[:row], 0), (weights[row:], row))
    ]
    assert total(p.ledger for p in parts).joules == near(whole.ledger.joules)
    read = total(p.read_ledger(0.0) for p in parts)
    assert read.joules_of("array") == near(whole.read_ledger(0.0).joules_of("array"))


def test_periphery_is_separate_and_dominates_a_read() -> None:
    """The published share of the array in a read is below one percent; ours of a generic RRAM
    of 0..25 uS is, too."""
    params = SynapseParams(array=ArrayParams(device=generic()))
    array = program_synapses(params, np.random.default_rng(0).integers(-128, 128, (128, 64)))
    ledger = array.read_ledger()
    assert 0 < ledger.joules_of("array") < 0.02 * ledger.joules
    assert re.fullmatch(r"array \S+ J, periphery \S+ J", str(ledger))
    counts = {e.name: e.count for e in ledger.entries}
    assert counts == {
        "reads": 128 * 128,
        "ADC conversions": 128 * 64,
        "sample and hold": 128 * 64,
        "line drivers": 128,
    }


def test_leakage() -> None:
    ledger = YAO_2020.standby(8 * 2**20, 2.0)
    assert ledger.joules_of("periphery") == pytest.approx(2 * 3.43e-3)
    with pytest.raises(ValueError, match=r"^seconds must be 0 or more, not nan$"):
        YAO_2020.standby(1, math.nan)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Source("", "measured"), "a source needs a reference"),
        (
            lambda: Source("x", "guessed"),
            "kind of a source must be one of ['measured', 'simulated', 'assumed'], not 'guessed'",
        ),
        (
            lambda: Pulse(volts=-1.0, seconds=1.0, source=HERE),
            "volts of a pulse must be 0 or more, not -1.0",
        ),
        (
            lambda: ReadPulse(volts=1.0, seconds=math.inf, source=HERE),
            "seconds of a read must be 0 or more, not inf",
        ),
        (
            lambda: Entry(name="x", place="chip", count=1, joules=1.0, source=HERE),
            "x: place must be one of ['array', 'periphery']",
        ),
        (
            lambda: type(YAO_2020)(
                adc=Constant(1.0, "W", HERE), driver=YAO_2020.driver,
                sample_hold=YAO_2020.sample_hold, leakage=YAO_2020.leakage,
            ),
            "adc must be in J, not in W",
        ),
    ],
)  # fmt: skip
def test_refuses(make, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
