"""Coefficients of an FPGA from a user's own meter: a linear fit with its leave-one-out error.

One row is one design that ran at one clock: how many joules a second it took, and what it did in
that second. Everything is at one boundary, that of the meter: a rail or a board.
"""

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.stats import t as student

from .figure import CORE_RAIL, USB_BOARD
from .meter_log import load_log
from .npz import atomic_file

#: Version of the format of a table.
VERSION = 2
#: What a row may say, with the term that it is fitted to and its unit of activity.
COLUMNS = {
    "oscillator": ("oscillator", "second"),
    "clock_mhz": ("clock", "cycle"),
    "logic_cells": ("logic cells", "logic_cell_cycle"),
    "flip_flops": ("flip-flops", "flip_flop_cycle"),
    "dsp_per_cycle": ("DSP operations", "dsp_op"),
    "ram_per_cycle": ("RAM accesses", "ram_access"),
    "toggles_per_cycle": ("toggles", "toggle"),
}
#: Terms that a toggle takes the place of.
_ACTIVITY = ("logic cells", "flip-flops")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A linear fit of power to activity.

    Attributes
    ----------
    terms : tuple of str
        Names, ``"static"`` first.
    per : tuple of str
        Units of activity.
    joules, half_widths : arrays of shape (terms,)
        Joules of a unit of activity, at least 0, and half of their 95 % interval.
    errors, loo_errors : arrays of shape (rows,)
        Relative error of each row, by the fit to all rows and by the fit to all others.
    """

    terms: tuple[str, ...]
    per: tuple[str, ...]
    joules: npt.NDArray[np.float64]
    half_widths: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    loo_errors: npt.NDArray[np.float64]


def fit(rows: Sequence[Mapping[str, float]]) -> Fit:
    """Fit ``watts`` of ``rows`` to what they did; columns of :data:`COLUMNS` that are all 0 are no
    terms. Least squares of the relative error, no coefficient below 0.

    Raises
    ------
    ValueError
        If there are not more rows than terms, two terms cannot be told apart, or a power is not
        above 0.
    """
    names = [c for c in COLUMNS if any(row.get(c, 0.0) for row in rows)]
    activity = np.array([[1.0, *(_rate(row, column) for column in names)] for row in rows])
    watts = np.array([row["watts"] for row in rows])
    terms = ("static", *(COLUMNS[c][0] for c in names))
    if len(rows) <= len(terms):
        raise ValueError(
            f"{len(rows)} rows for {len(terms)} terms ({', '.join(terms)}); more rows are needed"
        )
    if not (watts > 0).all():
        raise ValueError(f"row {int(np.argmin(watts)) + 1}: watts must be above 0")
    scale = np.abs(activity).max(axis=0)
    design = activity / scale / watts[:, None]
    for index in range(1, len(terms)):
        if np.linalg.matrix_rank(design[:, : index + 1]) <= index:
            raise ValueError(
                f"{terms[index]!r} cannot be told from {', '.join(terms[:index])}: vary it alone"
            )
    x = _solve(design)
    errors = design @ x - 1
    loo = np.array([
        design[i] @ _solve(np.delete(design, i, axis=0)) - 1 for i in range(len(rows))
    ])  # fmt: skip
    freedom = len(rows) - len(terms)
    variance = float(errors @ errors) / freedom * np.linalg.inv(design.T @ design)
    half = float(student.ppf(0.975, freedom)) * np.sqrt(np.diag(variance))
    per = ("second", *(COLUMNS[c][1] for c in names))
    return Fit(
        terms=terms, per=per, joules=x / scale, half_widths=half / scale, errors=errors,
        loo_errors=loo,
    )  # fmt: skip


def _solve(design: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return nnls(design, np.ones(len(design)))[0]


def _rate(row: Mapping[str, float], column: str) -> float:
    """Units of activity a second."""
    value = row.get(column, 0.0)
    if column == "oscillator":
        return value
    return row["clock_mhz"] * 1e6 * (1.0 if column == "clock_mhz" else value)


def table(found: Fit, *, device: str, boundary: str, source: str) -> dict[str, Any]:
    """The table of one device that :func:`hubel.sw.energy.estimate` takes."""
    errors = {
        "fit_error": float(np.abs(found.errors).max()),
        "loo_error": float(np.abs(found.loo_errors).max()),
    }
    terms: dict[str, Any] = {}
    for name, per, value, half in zip(
        found.terms, found.per, found.joules, found.half_widths, strict=True
    ):
        joules = float(value)
        low, high = max(0.0, joules - float(half)), joules + float(half)
        terms[name] = {
            "per": per,
            "joules": joules,
            "interval": [low, high],
            "distribution": "uniform" if high > low else "fixed",
            "kind": "estimated",
            "subkind": "spec" if per == "second" else "activity",
            "source": source,
            **errors,
        }
        if high == low:
            terms[name]["interval"] = None
    if "toggles" in terms:
        terms["toggles"]["instead_of"] = [name for name in _ACTIVITY if name in terms]
    return {"version": VERSION, device: {"boundary": boundary, "terms": terms}}


def calibrate(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    device: str,
    boundary: str,
) -> Fit:
    """Fit the rows of a CSV and write the table as JSON.

    The CSV has a header: ``clock_mhz``; ``watts``, or ``log``, a file of :func:`load_log` whose
    busy stretches (all of it without a busy column) are averaged; and any of :data:`COLUMNS`.

    Raises
    ------
    ValueError, OSError
        If a row is not understood, or the rows cannot be fitted.
    """
    path = Path(path)
    if boundary not in (CORE_RAIL, USB_BOARD):
        raise ValueError(
            f"boundary must be {CORE_RAIL!r} or {USB_BOARD!r}, where the meter was: not"
            f" {boundary!r}"
        )
    rows = _read(path, boundary)
    found = fit(rows)
    made = table(
        found, device=device, boundary=boundary, source=f"calibrated from {path.name}, {len(rows)}"
        " rows",
    )  # fmt: skip
    with atomic_file(out) as temporary:
        temporary.write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return found


def load_table(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The devices of a table that :func:`calibrate` wrote; ValueError if it is something else."""
    try:
        record = json.loads(Path(path).read_text("utf-8"))
        if record["version"] != VERSION:
            raise ValueError(f"version {record['version']}, not {VERSION}")
        devices = {name: entry for name, entry in record.items() if isinstance(entry, dict)}
        for entry in devices.values():
            float(entry["terms"]["static"]["joules"])
            str(entry["boundary"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a table of coefficients: {error}") from error
    return devices


def _read(path: Path, boundary: str) -> list[dict[str, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(line for line in file if not line.startswith("#"))
        columns = set(reader.fieldnames or ())
        if "clock_mhz" not in columns or not columns & {"watts", "log"}:
            raise ValueError(f"{path}: needs the columns clock_mhz, and watts or log")
        surplus = sorted(columns - set(COLUMNS) - {"watts", "log", "label"})
        if surplus:
            raise ValueError(f"{path}: column {surplus[0]!r} is not known; {', '.join(COLUMNS)}")
        rows = []
        for number, record in enumerate(reader, 1):
            try:
                row = {c: float(record[c] or 0) for c in COLUMNS if c in columns}
                row["watts"] = (
                    float(record["watts"])
                    if record.get("watts")
                    else _mean_watts(path.parent / record["log"], boundary)
                )
                if not all(math.isfinite(v) and v >= 0 for v in row.values()):
                    raise ValueError("a value is below 0 or not finite")
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}: row {number}: {error}") from error
            rows.append(row)
    return rows


def _mean_watts(path: Path, boundary: str) -> float:
    log = load_log(path, boundary=boundary)
    if log.busy is None:
        return log.joules(float(log.times[0]), float(log.times[-1])) / log.seconds
    windows = log.windows()
    return math.fsum(log.joules(a, b) for a, b in windows) / math.fsum(b - a for a, b in windows)
