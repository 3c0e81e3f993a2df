"""NATURE of a ledger, at a place: what the commands and the report say of it."""

import math
import os
from pathlib import Path
from typing import Any

from .attempt import Attempt
from .carbon import intensity
from .figure import Figure
from .ledger import Ledger
from .nature import Nature, brain_seconds, nature_ledger, summarise
from .site import DESK_PUE, GRID_LOSS, Site, expect_unit


def declared(name: str, value: float, unit: str, boundary: str) -> Figure:
    """A figure that the user declares."""
    return Figure(
        name=name,
        value=value,
        unit=unit,
        kind="assumed",
        subkind="declared",
        boundary=boundary,
        source="declared by the user",
        group=name,
    )


def refuse_unit(role: str, value: float, unit: str, wanted: str) -> None:
    """Raise the ValueError of ``role`` for a number in ``unit`` where ``wanted`` belongs."""
    expect_unit(declared(f"{value:g} {unit}", value, unit, "declared"), (wanted,), role)


def site(
    country: str | None,
    *,
    pue: float | None = None,
    grid_loss: float | None = None,
    intensity_g_per_kwh: float | None = None,
) -> Site:
    """The place of a computer: a desk in ``country`` unless told otherwise.

    Parameters
    ----------
    country : str, optional
        ISO 3166 code of three letters; sets the carbon intensity, and the grid loss where it is
        known (otherwise the world's).
    pue, grid_loss : float, optional
        Overrule 1.0 and the country's loss.
    intensity_g_per_kwh : float, optional
        Overrules the country's intensity, at generation.

    Raises
    ------
    ValueError
        If the country is unknown or a number is out of range.
    """
    carbon = None
    if intensity_g_per_kwh is not None:
        if not 0 <= intensity_g_per_kwh < math.inf:
            raise ValueError(f"carbon intensity must be at least 0, not {intensity_g_per_kwh}")
        carbon = declared("carbon intensity", intensity_g_per_kwh, "g/kWh", "generation")
    elif country is not None:
        carbon = intensity(country)
    return Site(
        pue=DESK_PUE if pue is None else declared("PUE", pue, "1", "facility"),
        loss=GRID_LOSS.get(country or "", GRID_LOSS["world"])
        if grid_loss is None
        else declared("grid loss", grid_loss, "1", "grid"),
        intensity=carbon,
    )


def read_attempts(ledger: str | os.PathLike[str]) -> list[Attempt]:
    """The attempts of ``ledger``.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, it is damaged, or it is empty.
    """
    path = Path(ledger)
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: there is no such ledger; `hubel train` and `hubel demo` write one"
        )
    attempts = Ledger(path).read()
    if not attempts:
        raise ValueError(f"{path}: the ledger is empty; `hubel train` adds an attempt")
    return attempts


def nature_json(nature: Nature, place: Site, country: str | None) -> dict[str, Any]:
    """``nature`` as plain JSON values, its inputs beside it."""
    joules = nature.energy.value
    return {
        "reading": nature.energy.source,
        "energy": nature.energy.to_json(),
        "kwh": nature.kwh,
        "quick_interval": nature.quick,
        "co2e": None if nature.co2e is None else nature.co2e.to_json(),
        "country": country,
        "intensity": None if place.intensity is None else place.intensity.to_json(),
        "pue": place.pue.to_json(),
        "grid_loss": place.loss.to_json(),
        "e_watts": nature.e_watts,
        "u_watts": nature.u_watts,
        "r_watts": nature.r_watts,
        "a_joules": nature.a_joules,
        "training_seconds": nature.training_seconds,
        "shares": nature.shares,
        "contributors": [list(pair) for pair in nature.contributors],
        "unknown": list(nature.unknown),
        "incomplete": list(nature.incomplete),
        "brain_seconds": None if joules is None else brain_seconds(joules),
    }


def ledger_nature(
    ledger: str | os.PathLike[str], place: Site, country: str | None
) -> dict[str, Any]:
    """NATURE of all attempts in ``ledger``, with the closed form and its residual beside it."""
    attempts = read_attempts(ledger)
    nature = nature_ledger(attempts, place)
    result = nature_json(nature, place, country)
    if nature.energy.value is not None and any(attempt.epochs for attempt in attempts):
        summary = summarise(attempts, nature)
        result |= {
            "n_exp": summary.n_exp,
            "epochs": summary.epochs,
            "seconds_per_epoch": summary.seconds_per_epoch,
            "closed_form_joules": summary.joules,
            "residual": summary.residual,
        }
    return result
