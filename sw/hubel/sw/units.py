"""Numbers as people read them: few digits, SI prefixes, thousands apart."""

import math
from collections.abc import Iterable

#: Three significant digits are all that an energy claim can carry.
DIGITS = 3

_PREFIXES = {
    -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"
}  # fmt: skip


def number(value: float, digits: int = DIGITS) -> str:
    """``value`` with ``digits`` significant digits, never in powers of ten: ``0.00123``, ``45,300``
    for 45,312."""
    if value == 0:
        return "0"
    # Rounded first: 9.996 is 10.0, not 10.00.
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def integer(value: float) -> str:
    """``value`` as a whole number, thousands apart: ``1,797``."""
    return f"{round(value):,}".replace("-", "\N{MINUS SIGN}")


def percent(fraction: float, decimals: int = 1) -> str:
    """``fraction`` of 1 in percent, without the sign: ``97.2``."""
    return f"{100 * fraction:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def prefix(values: Iterable[float]) -> tuple[float, str]:
    """Factor and letter of the SI prefix that puts the largest of ``values`` into 1..1000."""
    largest = max((abs(value) for value in values), default=0.0)
    if largest == 0:
        return 1.0, ""
    # Rounded first: 999.7 is shown as 1.00 k.
    power = math.floor(math.log10(float(f"{largest:.{DIGITS - 1}e}")) / 3) * 3
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    return 10.0**power, _PREFIXES[power]


def quantity(value: float, unit: str) -> str:
    """``value`` with ``unit`` and its SI prefix: ``3.42 µJ``."""
    factor, letter = prefix([value])
    return f"{number(value / factor)}\N{NO-BREAK SPACE}{letter}{unit}"
