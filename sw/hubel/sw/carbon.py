"""Carbon intensity of electricity by country, as figures with year and source.

From CodeCarbon's packaged data where it is installed, else from the rows that hubel ships (the
same, of CodeCarbon 3.3.2); or from a file.
"""

import csv
import difflib
import json
import math
import os
from functools import cache
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .figure import Figure

#: Half width of the 95 % interval, as a fraction: an annual mean of a country stands in for the
#: region and the hours of a run.
RELATIVE_HALF_WIDTH = 0.3
#: Where CodeCarbon keeps it.
_PACKAGED = "data/private_infra/global_energy_mix.json"


@cache
def countries() -> dict[str, Figure]:
    """Return the carbon intensity of every country in g/kWh, by ISO 3166-1 alpha-3 code."""
    return _packaged() or _shipped()


def _shipped() -> dict[str, Figure]:
    table = resources.files("hubel.sw").joinpath("data/carbon_intensity.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    return {row["iso3"]: _figure(row) for row in rows}


def _packaged() -> dict[str, Figure]:
    """CodeCarbon's rows, or none without it; it is read, not imported, which takes seconds."""
    spec = find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        return {}
    path = Path(spec.submodule_search_locations[0]) / _PACKAGED
    try:
        mix = json.loads(path.read_text("utf-8"))
        source = f"CodeCarbon {metadata.version('codecarbon')}"
        return {
            code: _figure(
                {
                    "iso3": code,
                    "name": row["country_name"],
                    "g_per_kwh": row["carbon_intensity"],
                    "year": row["year"],
                    "source": source,
                    "boundary": "generation",
                }
            )
            for code, row in mix.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError):
        return {}  # another layout than that of 3.x


def from_file(path: str | os.PathLike[str], code: str | None = None) -> Figure:
    """Return a carbon intensity from a CSV.

    Either of two kinds: rows of ``iso3, name, g_per_kwh, year, source, boundary``, from which
    ``code`` chooses; or an ``emissions.csv`` of CodeCarbon, whose emissions over energy are the
    intensity that it used.

    Raises
    ------
    ValueError, OSError
        If it is neither, or has nothing for ``code``.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    columns = set(rows[0]) if rows else set()
    try:
        if {"iso3", "g_per_kwh"} <= columns:
            table = {row["iso3"]: row for row in rows}
            if code is None or code not in table:
                raise ValueError(f"no row for country {code!r}; there are {', '.join(table)}")
            blank = {"name": code, "year": "year unknown", "source": path.name,
                     "boundary": "generation"}  # fmt: skip
            return _figure(blank | {k: v for k, v in table[code].items() if v})
        if {"emissions", "energy_consumed"} <= columns:
            kilograms = math.fsum(float(row["emissions"]) for row in rows)
            kwh = math.fsum(float(row["energy_consumed"]) for row in rows)
            if not kwh > 0:
                raise ValueError("no energy was consumed")
            places = sorted({row.get("country_iso_code") or "?" for row in rows})
            return _figure(
                {
                    "iso3": "+".join(places),
                    "name": "+".join(places),
                    "g_per_kwh": 1000 * kilograms / kwh,
                    "year": str(rows[-1].get("timestamp", "year unknown"))[:4],
                    "source": f"CodeCarbon, {path.name}",
                    "boundary": "generation",
                }
            )
        raise ValueError("no columns iso3 and g_per_kwh, and no emissions.csv of CodeCarbon")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def intensity(code: str) -> Figure:
    """Return the carbon intensity of a country.

    Parameters
    ----------
    code : str
        ISO 3166-1 alpha-3 code, upper case, for example ``"USA"``.

    Returns
    -------
    Figure
        In g CO2e per kWh generated, grid loss not included. Its interval is +-30 %.

    Raises
    ------
    ValueError
        If the code is unknown; the message names codes and countries that come close.
    """
    known = countries()
    if code not in known:
        names = {c: figure.name.removeprefix("carbon intensity of ") for c, figure in known.items()}
        codes = {name.casefold(): c for c, name in names.items()}
        close = difflib.get_close_matches(code.upper(), known)
        close += [codes[name] for name in difflib.get_close_matches(code.casefold(), codes)]
        hints = [f"{c} ({names[c]})" for c in dict.fromkeys(close)]
        text = f"; did you mean {', '.join(hints)}?" if hints else ""
        raise ValueError(f"no carbon intensity for country {code!r}{text}")
    return known[code]


def _figure(row: dict[str, Any]) -> Figure:
    # Electricity without carbon does not exist: 0 stands for no data.
    value = float(row["g_per_kwh"]) if row["g_per_kwh"] else None
    width = RELATIVE_HALF_WIDTH
    return Figure(
        name=f"carbon intensity of {row['name']}",
        value=value,
        unit="g/kWh",
        kind="assumed",
        subkind="published",
        boundary=row["boundary"],
        source=f"{row['source']}, {row['year']}",
        interval=None if value is None else (value * (1 - width), value * (1 + width)),
        distribution="fixed" if value is None else "normal",
        group=f"carbon intensity {row['iso3']}",
    )
