"""Carbon intensity by country."""

import re
import sys

import pytest

from hubel.sw import carbon
from hubel.sw.carbon import countries, from_file, intensity


@pytest.mark.parametrize(
    "code, value",
    [
        ("USA", 369.473),
        ("FRA", 56.039),
        ("DEU", 380.95),
        ("GBR", 237.589),
        ("IND", 713.441),
        ("CHN", 582.317),
        ("SWE", 40.695),
        ("POL", 661.926),
        ("NOR", 30.08),
    ],
)
def test_value(code: str, value: float) -> None:
    figure = intensity(code)
    assert figure.value == value
    assert figure.interval == pytest.approx((0.7 * value, 1.3 * value))
    assert (figure.unit, figure.boundary) == ("g/kWh", "generation")
    assert (figure.kind, figure.subkind) == ("assumed", "published")
    assert re.fullmatch(r"CodeCarbon 3\.\S+, 2023", figure.source)
    assert carbon._shipped()[code].value == value
    assert carbon._shipped()[code].source == "CodeCarbon 3.3.2, 2023"
    assert figure.group == f"carbon intensity {code}"


def test_every_country_is_a_figure() -> None:
    assert len(countries()) == 213
    for figure in countries().values():
        assert figure.value is None or 15 < figure.value < 1400


def test_the_impossible_zero_is_unknown() -> None:
    assert [code for code, figure in countries().items() if figure.value is None] == ["CAF"]


@pytest.mark.parametrize(
    "code, message",
    [
        ("xyzzy", "no carbon intensity for country 'xyzzy'"),
        ("Germny", "no carbon intensity for country 'Germny'; did you mean DEU (Germany)?"),
        ("NOW", "no carbon intensity for country 'NOW'; did you mean NOR (Norway)?"),
    ],
)
def test_unknown_code(code: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        intensity(code)


def test_lower_case_is_a_near_miss() -> None:
    with pytest.raises(ValueError, match=r"'usa'; did you mean USA \(United States\)"):
        intensity("usa")


def test_the_package_is_read_where_it_is_installed(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "codecarbon/data/private_infra"
    folder.mkdir(parents=True)
    rows = (
        '{"XYZ": {"country_name": "Xyz", "carbon_intensity": 12.5, "year": 2031},'
        ' "NUL": {"country_name": "Nul", "carbon_intensity": 0.0, "year": 2031}}'
    )
    (folder / "global_energy_mix.json").write_text(rows)
    (tmp_path / "codecarbon/__init__.py").touch()
    (tmp_path / "codecarbon-9.9.dist-info").mkdir()
    (tmp_path / "codecarbon-9.9.dist-info/METADATA").write_text("Name: codecarbon\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "codecarbon", raising=False)
    found = carbon._packaged()
    assert (found["XYZ"].value, found["XYZ"].source) == (12.5, "CodeCarbon 9.9, 2031")
    assert found["NUL"].value is None
    (folder / "global_energy_mix.json").write_text("[]")
    assert carbon._packaged() == {}


def test_without_the_package_the_shipped_rows_count(monkeypatch) -> None:
    monkeypatch.setattr(carbon, "find_spec", lambda name: None)
    carbon.countries.cache_clear()
    try:
        assert countries()["USA"].source == "CodeCarbon 3.3.2, 2023"
    finally:
        carbon.countries.cache_clear()


def test_rows_of_a_file(tmp_path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("iso3,g_per_kwh,boundary\nUSA,400,consumption\nFRA,50,\n")
    assert (from_file(path, "USA").value, from_file(path, "USA").boundary) == (400, "consumption")
    assert from_file(path, "FRA").boundary == "generation"
    with pytest.raises(
        ValueError, match=r"rows\.csv: no row for country 'DEU'; there are USA, FRA"
    ):
        from_file(path, "DEU")


def test_emissions_of_codecarbon(tmp_path) -> None:
    path = tmp_path / "emissions.csv"
    path.write_text(
        "timestamp,emissions,energy_consumed,country_iso_code\n"
        "2025-01-01T00:00:00,0.1,1,DEU\n2025-01-02T00:00:00,0.5,1,DEU\n"
    )
    figure = from_file(path)
    assert figure.value == pytest.approx(300)
    assert figure.source == "CodeCarbon, emissions.csv, 2025"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"emissions\.csv: no columns iso3"):
        from_file(path)
