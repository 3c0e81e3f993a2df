"""Numbers as text."""

import pytest

from hubel.sw.units import integer, number, percent, prefix, quantity


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (0.00123456, "0.00123"), (1.005e-7, "0.000000101"), (9.996, "10.0"), (45312, "45,300"),
     (-2.5, "−2.50"), (999.6, "1,000")],
)  # fmt: skip
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    "value, text",
    [(3.4231e-6, "3.42\u00a0µJ"), (0, "0\u00a0J"), (999.7, "1.00\u00a0kJ"), (1e-18, "0.00100\u00a0fJ"),
     (-0.05, "−50.0\u00a0mJ"), (2e15, "2,000\u00a0TJ")],
)  # fmt: skip
def test_quantity(value, text):
    assert quantity(value, "J") == text


def test_prefix_suits_the_largest():
    assert prefix([1e-9, -2e-5]) == (1e-6, "µ")
    assert prefix([]) == (1.0, "")


def test_integer_and_percent():
    assert integer(-32768) == "−32,768"
    assert percent(-0.0194) == "−1.9"
