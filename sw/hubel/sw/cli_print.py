"""What the command line prints for people."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """Print ``value`` as JSON, for a machine."""
    print(json.dumps(value, indent=2))


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print ``rows`` under ``columns``, numbers to the right."""
    rows = [tuple(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        numbers = all(isinstance(row[i], int | float) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{x:,.4g}" if isinstance(x, float) else str(x) for x in row))
    console.print(table)


def print_nature(console: Console, nature: dict[str, Any]) -> None:
    """Print NATURE as :func:`hubel.sw.footprint.nature_json` gives it."""
    energy = nature["energy"]
    if energy["value"] is None:
        console.print(f"NATURE unknown: no {', '.join(nature['unknown'])}", highlight=False)
        return
    low, high = energy["interval"] or (energy["value"],) * 2
    rows = [
        ("NATURE", energy["value"], "J", f"95 %: {low:,.4g} to {high:,.4g}"),
        ("", nature["kwh"], "kWh", ", ".join(f"{100 * v:.0f} % {k}" for k, v in _shares(nature))),
    ]
    if nature["co2e"] is not None:
        carbon = nature["co2e"]
        where = f" ({nature['country']})" if nature["country"] else ""
        grams = nature["intensity"]["value"]
        rows.append(("CO2e", carbon["value"], "kg", f"at {grams:g} g/kWh{where}"))
    if "closed_form_joules" in nature:
        text = f"N_exp {nature['n_exp']}, epochs {nature['epochs']}, {nature['residual']:+.1%}"
        rows.append(("closed form", nature["closed_form_joules"], "J", text))
    rows += [
        ("E", nature["e_watts"], "W", "mean IT power in training"),
        ("U", nature["u_watts"], "W", f"facility, PUE {nature['pue']['value']:g}"),
        ("R", nature["r_watts"], "W", f"grid, loss {nature['grid_loss']['value']:g}"),
        ("A", nature["a_joules"], "J", "set-up, evaluation, synthesis, place and route"),
        ("T", nature["training_seconds"], "s", "training, all attempts"),
        ("a brain", nature["brain_seconds"], "s", "at 20 W"),
    ]
    print_table(console, ("", "value", "unit", ""), rows)
    for name, share in nature["contributors"]:
        console.print(f"{100 * share:.0f} % of the uncertainty: {name}", highlight=False)
    if nature["incomplete"]:
        names = ", ".join(nature["incomplete"])
        console.print(f"a lower bound: no end was recorded of {names}", highlight=False)


def _shares(nature: dict[str, Any]) -> list[tuple[str, float]]:
    return sorted(nature["shares"].items(), key=lambda pair: -pair[1])
