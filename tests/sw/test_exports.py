"""Exports: what other tools read, and the same joules in all of them."""

import csv
import importlib
import io
import json
import re
from importlib.util import find_spec
from typing import Any

import pytest

from hubel.sw.attempt import Attempt
from hubel.sw.carbon import from_file
from hubel.sw.cli import main
from hubel.sw.exports import CODECARBON, FORMATS, Context, export
from hubel.sw.figure import Figure
from hubel.sw.footprint import ledger_nature, site
from hubel.sw.ledger import Ledger

PLACE = site("USA")
#: Required by BoAmps' report, measure, hardware and dataset schemas (Boavizta/BoAmps, model/).
BOAMPS_REQUIRED = {
    "": ("task", "measures", "infrastructure"),
    "header": ("reportDatetime",),
    "task": ("taskStage", "taskFamily", "algorithms", "dataset"),
    "infrastructure": ("infraType", "components"),
    "environment": ("country",),
    "system": ("os",),
    "software": ("language",),
}


def power(watts, boundary="host package+DRAM"):
    return Figure(name="host power", value=watts, unit="W", kind="measured", subkind="meter",
                  boundary=boundary, source="RAPL", interval=watts and (watts * 0.95, watts * 1.05),
                  distribution="normal" if watts else "fixed", group="RAPL gain")  # fmt: skip


def attempt(key: str, watts: float | None = 50.0, **changes: Any) -> Attempt:
    values: dict[str, Any] = {
        "id": key, "name": "train_digits & more", "start": "2026-01-02T03:04:05+00:00",
        "status": "completed", "epochs": 3, "seconds": (600.0, 600.0, 600.0),
        "power": (power(watts),), "score": 0.9, "versions": {"python": "3.11.7"},
    }  # fmt: skip
    return Attempt(**(values | changes))


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for one in (
        attempt("a"),
        attempt("b", score=0.95),
        attempt("c", status="failed", epochs=1, seconds=(600.0,), other_seconds=30.0, score=None),
    ):
        Ledger(path).add(one)
    return path


def wanted(ledger):
    return ledger_nature(ledger, PLACE, "USA")


def as_json(ledger, form, **options):
    return json.loads(export(ledger, form, Context(place=PLACE, country="USA", **options)))


def test_json(ledger):
    data = as_json(ledger, "json")
    assert data["kwh"] == wanted(ledger)["kwh"]
    assert [Attempt.from_json(a).id for a in data["attempts"]] == ["a", "b", "c"]


def test_boamps(ledger):
    data = as_json(ledger, "boamps")
    for part, names in BOAMPS_REQUIRED.items():
        assert set(names) <= set(data[part] if part else data), part
    (measure,) = data["measures"]
    assert measure["powerConsumption"] == pytest.approx(wanted(ledger)["kwh"])
    assert measure["measurementDuration"] == 7 * 600 + 30
    assert data["task"]["measuredAccuracy"] == 0.95
    assert data["environment"]["powerSourceCarbonIntensity"] == 369.473
    assert data["quality"] == "high"  # 5 % of gain, and the grid loss
    assert data["header"]["reportId"] == as_json(ledger, "boamps")["header"]["reportId"]


def test_sci(ledger):
    data = as_json(ledger, "sci")
    assert (data["sci"], data["unknown"]) == (None, ["M"])
    data = as_json(ledger, "sci", embodied_kg=2.0, units=1000, unit="inference")
    grams = wanted(ledger)["co2e"]["value"] * 1000
    assert data["operational_g"] == pytest.approx(grams)
    assert data["sci"] == pytest.approx((grams + 2000) / 1000)
    assert data["unit"] == "gCO2eq/inference"


def test_codecarbon(ledger, tmp_path):
    text = export(ledger, "codecarbon", Context(place=PLACE, country="USA"))
    table = list(csv.DictReader(io.StringIO(text)))
    assert tuple(table[0]) == CODECARBON
    assert [row["run_id"] for row in table] == ["a", "b", "c"]
    kwh = sum(float(row["energy_consumed"]) for row in table)
    assert kwh == pytest.approx(wanted(ledger)["kwh"])
    assert float(table[0]["cpu_power"]) == 50.0
    assert float(table[0]["cpu_energy"]) == pytest.approx(50 * 1800 / 3.6e6)
    assert table[0]["gpu_power"] == ""
    (tmp_path / "emissions.csv").write_text(text)
    assert from_file(tmp_path / "emissions.csv").value == pytest.approx(369.473)


@pytest.mark.skipif(find_spec("codecarbon") is None, reason="codecarbon is not installed")
def test_codecarbon_reads_what_was_written(ledger):
    """It refuses a key of BoAmps, or a column, that is not in its format."""
    emissions = importlib.import_module("codecarbon.output_methods.emissions_data")
    models = importlib.import_module("codecarbon.output_methods.boamps.models")
    data = as_json(ledger, "boamps")
    assert models.BoAmpsReport.from_dict(data).to_dict() == data
    text = export(ledger, "codecarbon", Context(place=PLACE, country="USA"))
    row = next(csv.DictReader(io.StringIO(text)))
    assert list(emissions.EmissionsData(**row).values) == list(CODECARBON)


def test_markdown(ledger):
    text = export(ledger, "markdown", Context(place=PLACE, country="USA"))
    assert "| Attempts | 3 (2 completed, 1 failed) |" in text
    assert "| Rests on | 100 % measured |" in text
    assert re.search(r"\| NATURE \(nature-power/1\) \| 223.kJ, 95 %: 21\d.kJ to 23\d.kJ \|", text)
    assert "369.473 g/kWh (CodeCarbon" in text
    assert "A human brain | 11,100 s at 20 W" in text


def test_latex(ledger):
    text = export(ledger, "latex", Context(place=PLACE, country="USA"))
    assert text.startswith("\\begin{tabular}") and text.endswith("\\end{tabular}\n")
    assert r"100 \% measured \\" in text
    assert r"N\_exp 3" in text
    body = text.splitlines()[2:-2]
    assert all(line.count("&") == 1 and line.endswith(r" \\") for line in body)
    assert not re.search(r"(?<!\\)[%#_]", "".join(body))


def test_unknown_stays_unknown(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add(attempt("a", watts=None))
    context = Context(place=PLACE, country="USA", embodied_kg=1.0)
    assert "unknown: host power" in export(path, "markdown", context)
    assert json.loads(export(path, "sci", context))["unknown"] == ["E"]
    row = next(csv.DictReader(io.StringIO(export(path, "codecarbon", context))))
    assert (row["energy_consumed"], row["emissions"], row["cpu_power"]) == ("", "", "")
    with pytest.raises(ValueError, match="BoAmps needs a known energy; unknown: host power"):
        export(path, "boamps", context)


def test_refuses(ledger):
    with pytest.raises(ValueError, match="no format 'pdf'; there are json, markdown, latex"):
        export(ledger, "pdf", Context(place=PLACE))
    with pytest.raises(ValueError, match="functional units must be above 0, not 0"):
        Context(place=PLACE, units=0)
    with pytest.raises(ValueError, match="embodied carbon must be at least 0 kg, not -1"):
        Context(place=PLACE, embodied_kg=-1)


@pytest.mark.parametrize("form", FORMATS)
def test_command(ledger, tmp_path, capsys, form):
    out = tmp_path / "out"
    options = ["nature", "export", "--format", form, "--ledger", str(ledger)]
    assert main([*options, "--out", str(out)]) == 0
    assert main(options) == 0
    same = re.compile(r'"reportDatetime": "[^"]*"')
    assert same.sub("", capsys.readouterr().out) == same.sub("", out.read_text("utf-8"))
