"""Numbers as text."""

import pytest

from hubel.sw.units import integer, number, percent, prefix, quantity


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (0.00123456, "0.00123"),
        (1.005e-7, "0.000000101"),
        (9.996, "10.0"),
        (999.6, "1,000"),
        (45312, "45,300"),
        (-2.5, "\u22122.50"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0 J"),
        (1e-18, "0.00100 fJ"),
        (3.4231e-6, "3.42 µJ"),
        (999.7, "1.00 kJ"),
        (2e15, "2,000 TJ"),
        (-0.05, "\u221250.0 mJ"),
    ],
)
def test_quantity(value, text):
    assert quantity(value, "J") == text.replace(" ", "\u00a0")


def test_prefix_suits_the_largest():
    assert prefix([1e-9, -2e-5]) == (1e-6, "µ")
    assert prefix([]) == (1.0, "")


def test_integer_and_percent():
    assert integer(-32768) == "\u221232,768"
    assert percent(-0.0194) == "\u22121.9"
