"""Carbon intensity of electricity by country, as figures with year and source."""

import csv
import difflib
from functools import cache
from importlib import resources

from .figure import Figure

#: Half width of the 95 % interval, as a fraction: an annual mean of a country stands in for the
#: region and the hours of a run.
RELATIVE_HALF_WIDTH = 0.3


@cache
def countries() -> dict[str, Figure]:
    """Return the carbon intensity of every country in g/kWh, by ISO 3166-1 alpha-3 code."""
    table = resources.files("hubel.sw").joinpath("data/carbon_intensity.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    return {row["iso3"]: _figure(row) for row in rows}


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


def _figure(row: dict[str, str]) -> Figure:
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
