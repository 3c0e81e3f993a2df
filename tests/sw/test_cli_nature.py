"""`hubel nature compute`: published tables from the command line, and units that are refused."""

import json

import pytest

from hubel.sw.cli import main

POUND = 0.45359237  # kg


def compute(capsys, *options: str) -> dict:
    assert main(["nature", "compute", *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_example_a(capsys):
    options = ["--power-w", "1515.43", "--pue", "1.58", "--grid-loss", "0", "--seconds",
               "986832000", "--epochs", "1", "--n-exp", "1", "--setup-j", "0"]  # fmt: skip
    found = compute(capsys, *options, "--intensity-g-per-kwh", str(954 * POUND))
    assert found["energy"]["value"] == pytest.approx(2.36285e12, rel=3e-6)
    assert found["kwh"] == pytest.approx(656_347.28, abs=0.005)
    assert found["co2e"]["value"] == pytest.approx(284_019.27, abs=0.005)
    assert main(["nature", "compute", *options, "--country", "USA"]) == 0
    text = capsys.readouterr().out
    for row in ("2.363e+12  J", "6.563e+05  kWh", "369.473 g/kWh (USA)", "a brain"):
        assert row in text


def test_example_b_as_a_closed_form(capsys):
    """The product assumes that all 20 attempts ran 30 epochs: 11.5 % too much."""
    found = compute(
        capsys, "--power-w", "71 W", "--seconds", "42", "--epochs", "30", "--n-exp", "20",
        "--setup-j", str((25_560 + 7_315) / 20), "--grid-loss", "0.05",
    )  # fmt: skip
    assert found["r_watts"] == pytest.approx(3.737, abs=5e-4)
    assert found["energy"]["value"] / 1_720_220 - 1 == pytest.approx(0.115, abs=0.001)


@pytest.mark.parametrize(
    "watts, hours, kwh, pounds",
    [(1415.78, 12, 27, 26), (1515.43, 84, 201, 192), (517.66, 336, 275, 262),
     (12041.51, 79.2, 1507, 1438), (1515.43, 274_120, 656_347, 626_155)],
)  # fmt: skip
def test_strubell(capsys, watts, hours, kwh, pounds):
    found = compute(
        capsys, "--power-w", str(watts), "--seconds", str(3600 * hours), "--pue", "1.58",
        "--intensity-g-per-kwh", str(954 * POUND),
    )  # fmt: skip
    assert round(found["kwh"]) == kwh
    assert round(found["co2e"]["value"] / POUND) == pounds


@pytest.mark.parametrize(
    "chips, watts, days, pue, mwh, grams, tonnes",
    [(200, 208, 6.8, 1.10, 7.5, 431, 3.2), (512, 310, 20, 1.12, 85.7, 545, 46.7),
     (1024, 289, 30, 1.09, 232, 415, 96.4), (1024, 288, 3.1, 1.09, 24.1, 201, 4.8),
     (1024, 288, 3.1, 1.09, 24.1, 177, 4.3), (1024, 245, 27, 1.10, 179, 403, 72.2),
     (1024, 245, 27, 1.10, 179, 330, 59.1), (10_000, 330, 14.8, 1.10, 1287, 429, 552.1)],
)  # fmt: skip
def test_patterson(capsys, chips, watts, days, pue, mwh, grams, tonnes):
    found = compute(
        capsys, "--power-w", str(chips * watts), "--seconds", str(86_400 * days), "--pue",
        str(pue), "--intensity-g-per-kwh", str(grams),
    )  # fmt: skip
    # Days and chips of the table are rounded.
    assert found["kwh"] / 1000 == pytest.approx(mwh, rel=0.008)
    assert found["co2e"]["value"] / 1000 == pytest.approx(tonnes, rel=0.016)


@pytest.mark.parametrize(
    "watts, seconds, kwh, tonnes",
    [(400, 1_082_990 * 3600, 433_196, 24.69), (256_646_000, 3600, 256_646, 14.63)],
)
def test_bloom(capsys, watts, seconds, kwh, tonnes):
    found = compute(
        capsys, "--power-w", str(watts), "--seconds", str(seconds), "--intensity-g-per-kwh", "57"
    )
    assert found["kwh"] == pytest.approx(kwh)
    assert found["co2e"]["value"] / 1000 == pytest.approx(tonnes, abs=0.005)


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--power-w", "5000 J", "E must be in 'W', not '5000 J' in 'J': an energy is not"
         " multiplied by seconds"),
        ("--power-w", "369 g/kWh", "E must be in 'W', not '369 g/kWh' in 'g/kWh': a carbon"
         " intensity is no part of a power; CO2e is a separate output"),
        ("--power-w", "-1", "E must be at least 0 in 'W', not -1"),
        ("--power-w", "nan", "E must be a number in 'W', not 'nan'"),
        ("--seconds", "2h", "T must be in 's', not '2 h' in 'h'"),
        ("--setup-j", "3 kWh", "A must be in 'J', not '3 kWh' in 'kWh'"),
        ("--intensity-g-per-kwh", "0.4 kg/kWh", "carbon intensity must be in 'g/kWh', not"
         " '0.4 kg/kWh' in 'kg/kWh'"),
        ("--grid-loss", "1.5", "grid loss must be in 0..1, without 1, not 1.5"),
        ("--country", "XXX", "no carbon intensity for country 'XXX'"),
    ],
)  # fmt: skip
def test_refused_by_unit(capsys, option, value, message):
    options = {"--power-w": "71", "--seconds": "42"} | {option: value}
    code = main(["nature", "compute", *(word for pair in options.items() for word in pair)])
    assert code == 2
    assert capsys.readouterr().err.startswith(f"hubel: {message}")
