"""A NATURE card for a README or a paper: every number with what makes it defensible."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .attempt import Attempt
from .figure import share_text
from .units import number, quantity

_LATEX = str.maketrans(
    {
        **{c: f"\\{c}" for c in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "µ": r"$\mu$",
        "\N{NO-BREAK SPACE}": "~",
        "\N{MINUS SIGN}": "$-$",
    }
)


def rows(attempts: Sequence[Attempt], record: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines of a card."""
    energy = record["energy"]
    ends = Counter(attempt.status for attempt in attempts)
    counted = ", ".join(f"{count} {status}" for status, count in ends.items())
    found = [("Attempts", f"{len(attempts)} ({counted})")]
    if energy["value"] is None:
        found.append((f"NATURE ({record['reading']})", f"unknown: {', '.join(record['unknown'])}"))
    else:
        between = _interval(energy, "J")
        found += [
            (f"NATURE ({record['reading']})", quantity(energy["value"], "J") + between),
            ("Electricity", f"{number(record['kwh'])} kWh"),
            ("Rests on", share_text(record["shares"])),
        ]
    if "closed_form_joules" in record:
        closed = quantity(record["closed_form_joules"], "J")
        found.append(
            ("Closed form", f"{closed}, {record['residual']:+.1%} against the exact sum; N_exp"
             f" {record['n_exp']}, epochs {record['epochs']}")
        )  # fmt: skip
    if record["co2e"] is not None:
        carbon, grams = record["co2e"], record["intensity"]
        found.append(
            ("CO2e", f"{number(carbon['value'])} kg{_interval(carbon, 'kg')}, at"
             f" {grams['value']:g} g/kWh ({grams['source']}, {grams['boundary']})")
        )  # fmt: skip
    else:
        found.append(("CO2e", "unknown"))
    places = f"PUE {record['pue']['value']:g}, grid loss {record['grid_loss']['value']:g}"
    found += [("Boundary", energy["boundary"]), ("Place", places)]
    found += [
        (f"Uncertainty {place}", f"{100 * share:.0f} % {name}")
        for place, (name, share) in enumerate(record["contributors"], 1)
    ]
    if record["brain_seconds"] is not None:
        found.append(("A human brain", f"{number(record['brain_seconds'])} s at 20 W"))
    if record["incomplete"]:
        found.append(("A lower bound", f"no end of {', '.join(record['incomplete'])}"))
    return found


def markdown(attempts: Sequence[Attempt], record: dict[str, Any]) -> str:
    """The card as a table in Markdown."""
    lines = ["| NATURE card | |", "|---|---|"]
    lines += [f"| {name} | {value.replace('|', '/')} |" for name, value in rows(attempts, record)]
    return "\n".join(lines) + "\n"


def latex(attempts: Sequence[Attempt], record: dict[str, Any]) -> str:
    """The card as a tabular in LaTeX, which needs no package."""
    lines = [r"\begin{tabular}{l p{0.7\linewidth}}", r"\hline"]
    lines += [
        f"{name.translate(_LATEX)} & {value.translate(_LATEX)} \\\\"
        for name, value in rows(attempts, record)
    ]
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _interval(figure: dict[str, Any], unit: str) -> str:
    if figure["interval"] is None:
        return ""
    low, high = figure["interval"]
    if unit == "J":
        return f", 95 %: {quantity(low, unit)} to {quantity(high, unit)}"
    return f", 95 %: {number(low)} to {number(high)} {unit}"
