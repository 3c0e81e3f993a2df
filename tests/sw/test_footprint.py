"""NATURE of a ledger at a place."""

import math

import pytest

from hubel.sw.carbon import intensity
from hubel.sw.footprint import declared, ledger_nature, site
from hubel.sw.ledger import Ledger


def test_a_desk_in_a_country():
    place = site("USA")
    assert (place.pue.value, place.loss.value) == (1.0, 0.05)
    assert place.intensity == intensity("USA")
    assert site("FRA").loss.value == 0.08


def test_what_is_declared_overrules():
    place = site("USA", pue=1.4, grid_loss=0.1, intensity_g_per_kwh=20)
    assert place.intensity is not None
    assert (place.pue.value, place.loss.value, place.intensity.value) == (1.4, 0.1, 20)
    assert {f.subkind for f in (place.pue, place.loss, place.intensity)} == {"declared"}


def test_nowhere_has_no_carbon():
    assert site(None).intensity is None


def test_refused():
    with pytest.raises(ValueError, match=r"PUE must be at least 1, not 0.5"):
        site("USA", pue=0.5)
    with pytest.raises(ValueError, match=r"^grid loss must be in 0\.\.1, without 1, not 1\.5$"):
        site("USA", grid_loss=1.5)
    with pytest.raises(ValueError, match=r"^no carbon intensity for country 'XXX'$"):
        site("XXX")


@pytest.mark.parametrize("value", [-3.0, math.inf, math.nan])
def test_a_carbon_intensity_out_of_range(value):
    with pytest.raises(ValueError) as refused:
        site(None, intensity_g_per_kwh=value)
    assert str(refused.value) == f"carbon intensity must be at least 0, not {value}"


def test_missing_and_empty_ledger(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(FileNotFoundError) as missing:
        ledger_nature(path, site("USA"), "USA")
    assert str(missing.value).startswith(f"{path}: there is no such ledger; ")
    path.touch()
    with pytest.raises(ValueError) as empty:
        ledger_nature(path, site("USA"), "USA")
    assert str(empty.value) == f"{path}: the ledger is empty; `hubel train` adds an attempt"


def test_one_attempt(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    with ledger.attempt("one", power=[declared("power", 50.0, "W", "host")]) as run:
        run.epoch(2.0)
        run.epoch(3.0)
    result = ledger_nature(tmp_path / "ledger.jsonl", site("FRA", grid_loss=0.0), "FRA")
    assert result["training_seconds"] == 5.0
    assert (result["n_exp"], result["epochs"]) == (1, 2)
    assert result["energy"]["value"] == pytest.approx(250 + result["a_joules"])
    assert result["residual"] == pytest.approx(0)
    assert result["kwh"] == pytest.approx(result["energy"]["value"] / 3.6e6)
    assert result["co2e"]["value"] == pytest.approx(result["kwh"] * 56.039 / 1000)
    assert result["brain_seconds"] == pytest.approx(result["energy"]["value"] / 20)
    assert result["shares"] == {"assumed": 1.0}
