"""NATURE of a ledger in the formats of others: a card, BoAmps, SCI, CodeCarbon's CSV."""

import csv
import io
import json
import math
import os
import platform
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import cards
from .attempt import Attempt
from .footprint import ledger_nature, read_attempts
from .nature import JOULES_PER_KWH, nature_ledger
from .site import Site

#: Columns of ``emissions.csv`` in CodeCarbon 3.3; what hubel does not know stays empty.
CODECARBON = (
    *("timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions"),
    *("emissions_rate", "cpu_power", "gpu_power", "ram_power", "cpu_energy", "gpu_energy"),
    *("ram_energy", "energy_consumed", "water_consumed", "country_name", "country_iso_code"),
    *("region", "cloud_provider", "cloud_region", "os", "python_version", "codecarbon_version"),
    *("cpu_count", "cpu_model", "gpu_count", "gpu_model", "longitude", "latitude"),
    *("ram_total_size", "tracking_mode", "cpu_utilization_percent", "gpu_utilization_percent"),
    *("ram_utilization_percent", "ram_used_gb", "on_cloud", "pue", "wue"),
)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an export needs beyond the ledger.

    Parameters
    ----------
    place : Site
    country : str or None
        ISO code of three letters.
    embodied_kg : float or None
        Embodied carbon M of the share of hardware that was used, in kg; None is unknown.
    units : float
        Functional units R that the software served, above 0.
    unit : str
        What a functional unit is.
    """

    place: Site
    country: str | None = None
    embodied_kg: float | None = None
    units: float = 1.0
    unit: str = "training"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.units) and self.units > 0):
            raise ValueError(f"functional units must be above 0, not {self.units!r}")
        if self.embodied_kg is not None and not 0 <= self.embodied_kg < math.inf:
            raise ValueError(f"embodied carbon must be at least 0 kg, not {self.embodied_kg!r}")


def export(ledger: str | os.PathLike[str], form: str, context: Context) -> str:
    """Return NATURE of all attempts in ``ledger`` as the text of a file.

    Parameters
    ----------
    form : str
        One of :data:`FORMATS`.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such format, or the ledger cannot be read.
    """
    if form not in FORMATS:
        raise ValueError(f"no format {form!r}; there are {', '.join(FORMATS)}")
    attempts = read_attempts(ledger)
    record = ledger_nature(ledger, context.place, context.country)
    return FORMATS[form](attempts, record, context)


def _json(attempts: Sequence[Attempt], record: dict[str, Any], context: Context) -> str:
    return _text(record | {"attempts": [attempt.to_json() for attempt in attempts]})


def _boamps(attempts: Sequence[Attempt], record: dict[str, Any], context: Context) -> str:
    """BoAmps report (Boavizta): kWh at the boundary of NATURE."""
    scores = [a.score for a in attempts if a.score is not None and 0 <= a.score <= 1]
    task: dict[str, Any] = {
        "taskStage": "training",
        "taskFamily": ", ".join(dict.fromkeys(a.name for a in attempts)),
        "algorithms": [
            {"algorithmType": "neural network", "epochsNumber": sum(a.epochs for a in attempts)}
        ],
        "dataset": [{"dataUsage": "input", "dataType": "other"}],
        "taskDescription": f"{len(attempts)} attempts, failed and stopped ones included",
    }
    if scores:
        task["measuredAccuracy"] = max(scores)
    measure: dict[str, Any] = {
        "measurementMethod": "hubel",
        "version": record["reading"],
        "measurementDuration": math.fsum(a.training_seconds + (a.other_seconds or 0)
                                         for a in attempts),
        "measurementDateTime": _time(attempts[0].start),
    }  # fmt: skip
    if record["kwh"] is None:
        raise ValueError(f"BoAmps needs a known energy; unknown: {', '.join(record['unknown'])}")
    measure["powerConsumption"] = record["kwh"]
    report: dict[str, Any] = {
        "header": {
            "formatVersion": "1.1.0",
            "formatVersionSpecificationUri": "https://github.com/Boavizta/BoAmps/tree/main/model",
            "reportId": str(uuid.uuid5(uuid.NAMESPACE_URL, ",".join(a.id for a in attempts))),
            "reportDatetime": _time(datetime.now(UTC).isoformat()),
            "reportStatus": "draft",
        },
        "task": task,
        "measures": [measure],
        "system": {"os": platform.system()},
        "software": {"language": "python", "version": platform.python_version()},
        "infrastructure": {
            "infraType": "other",
            "components": [{"componentType": "cpu", "nbComponent": 1}],
        },
    }
    if context.country:
        report["environment"] = {"country": context.country}
        if record["intensity"] and record["intensity"]["value"] is not None:
            grams = record["intensity"]["value"]
            report["environment"]["powerSourceCarbonIntensity"] = grams
    quality = _quality(record["energy"])
    if quality:
        report["quality"] = quality
    return _text(report)


def _quality(energy: dict[str, Any]) -> str | None:
    """BoAmps' word for the interval: high within 10 %, medium 25 %, low 50 %; else none."""
    if energy["interval"] is None or not energy["value"]:
        return None
    error = max(abs(end / energy["value"] - 1) for end in energy["interval"])
    words = (("high", 0.10), ("medium", 0.25), ("low", 0.50))
    return next((word for word, most in words if error <= most), None)


def _sci(attempts: Sequence[Attempt], record: dict[str, Any], context: Context) -> str:
    """Software carbon intensity, ISO/IEC 21031: ((E I) + M) / R in g."""
    intensity = record["intensity"] and record["intensity"]["value"]
    operational = None
    if record["kwh"] is not None and intensity is not None:
        operational = record["kwh"] * intensity
    embodied = None if context.embodied_kg is None else 1000 * context.embodied_kg
    sci = None
    if operational is not None and embodied is not None:
        sci = (operational + embodied) / context.units
    gaps = {"E": record["kwh"], "I": intensity, "M": embodied}
    return _text(
        {
            "sci": sci,
            "unit": f"gCO2eq/{context.unit}",
            "E_kwh": record["kwh"],
            "I_g_per_kwh": intensity,
            "M_g": embodied,
            "R": context.units,
            "R_unit": context.unit,
            "operational_g": operational,
            "unknown": [name for name, value in gaps.items() if value is None],
            "standard": "ISO/IEC 21031:2024",
            "boundary": record["energy"]["boundary"],
        }
    )


def _codecarbon(attempts: Sequence[Attempt], record: dict[str, Any], context: Context) -> str:
    """A row an attempt; energy and emissions at the boundary of NATURE, PUE and grid included."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CODECARBON, restval="", lineterminator="\n")
    writer.writeheader()
    for attempt in attempts:
        one = nature_ledger([attempt], context.place, draws=1)
        seconds = attempt.training_seconds + (attempt.other_seconds or 0.0)
        carbon = None if one.co2e is None else one.co2e.value
        row: dict[str, Any] = {
            "timestamp": attempt.start.removesuffix("+00:00"),
            "project_name": attempt.name,
            "run_id": attempt.id,
            "experiment_id": attempt.name,
            "duration": seconds,
            "emissions": carbon,
            "emissions_rate": carbon / seconds if carbon is not None and seconds else None,
            "energy_consumed": one.kwh,
            "country_iso_code": context.country,
            "python_version": attempt.versions.get("python"),
            "codecarbon_version": f"hubel {record['reading']}",
            "tracking_mode": "machine",
            "pue": context.place.pue.value,
        }
        for part, prefix in (("cpu", "host package"), ("gpu", "GPU")):
            powers = [p.value for p in attempt.power if p.boundary.startswith(prefix)]
            if powers and None not in powers:
                watts = math.fsum(p for p in powers if p is not None)
                row |= {f"{part}_power": watts,
                        f"{part}_energy": watts * seconds / JOULES_PER_KWH}  # fmt: skip
        writer.writerow({key: value for key, value in row.items() if value is not None})
    return out.getvalue()


def _markdown(attempts: Sequence[Attempt], record: dict[str, Any], context: Context) -> str:
    return cards.markdown(attempts, record)


def _latex(attempts: Sequence[Attempt], record: dict[str, Any], context: Context) -> str:
    return cards.latex(attempts, record)


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2, allow_nan=False) + "\n"


def _time(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M:%S")


#: Formats by name.
FORMATS: dict[str, Callable[[Sequence[Attempt], dict[str, Any], Context], str]] = {
    "json": _json,
    "markdown": _markdown,
    "latex": _latex,
    "boamps": _boamps,
    "sci": _sci,
    "codecarbon": _codecarbon,
}
