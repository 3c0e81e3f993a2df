"""Carbon intensity by country."""

import re

import pytest

from hubel.sw.carbon import countries, intensity


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
    assert figure.source == "CodeCarbon 3.3.2, 2023"
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
