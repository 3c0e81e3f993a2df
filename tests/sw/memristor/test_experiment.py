"""What an experiment answers with, its files, and how many are run."""

import csv
import json
import math
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Drawing

from hubel.sw.memristor.bands import Band
from hubel.sw.memristor.catalogue import experiment_named
from hubel.sw.memristor.experiment import Experiment, Floor, Table
from hubel.sw.memristor.report import render, write_all
from hubel.sw.memristor.sweep import Sweep
from hubel.sw.svg import TEAL, pixels


def draw(width: int) -> Drawing:
    drawing = pixels(width, 100)
    drawing.subplots().plot([0, 1], [0, 1], color=TEAL)
    return drawing


EXAMPLE = Experiment(
    key="example",
    name="An example & more",
    question="Does it work?",
    table=Table(("device", "energy, pJ", "mark"), (("a", 1.25, None), ("b", 2.0, "knee"))),
    floor=Floor(quantity="accuracy", value=95.5, unit="%"),
    met=True,
    finding="b works at 2 pJ",
    figure=draw,
    caption="A line.",
)


def test_verdict() -> None:
    line = "core functionality met (accuracy at least 95.5 %): b works at 2 pJ"
    assert EXAMPLE.verdict == line
    lost = replace(EXAMPLE, met=False, floor=Floor(quantity="pulses", value=3, at_most=True))
    assert lost.verdict == "core functionality not met (pulses at most 3): b works at 2 pJ"


def test_floor() -> None:
    least, most = Floor(quantity="x", value=2), Floor(quantity="x", value=2, at_most=True)
    assert [least.met(v) for v in (1, 2, 3)] == [False, True, True]
    assert [most.met(v) for v in (1, 2, 3)] == [True, True, False]


def test_files(tmp_path: Path) -> None:
    page = write_all(tmp_path / "out", [EXAMPLE], ["digits", "20 seeds"])
    with open(page.parent / "example.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["device", "energy, pJ", "mark"], ["a", "1.25", ""], ["b", "2.0", "knee"]]
    picture = (page.parent / "example.svg").read_text()
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "#0a6a73" in picture and TEAL not in picture
    record = json.loads((page.parent / "experiments.json").read_text())
    assert record["experiments"][0]["verdict"] == EXAMPLE.verdict
    html = page.read_text()
    assert "An example &amp; more" in html and "b works at 2 pJ" in html
    assert html.count("<svg") == 2 and "<script" not in html
    assert sorted(p.name for p in page.parent.iterdir()) == [
        "example.csv", "example.svg", "experiments.json", "report.html",
    ]  # fmt: skip
    assert html == render([EXAMPLE], ["digits", "20 seeds"])


def test_png(tmp_path: Path) -> None:
    write_all(tmp_path, [EXAMPLE], [], pixels=True)
    image = matplotlib.image.imread(tmp_path / "example.png")
    assert image.shape[:2] == (200, 1440)
    seen = {to_hex(colour) for colour in image.reshape(-1, image.shape[2])[:, :3]}
    assert {"#ffffff", "#0a6a73"} <= seen
    # The template's colours are next to black; the darkest that is left is the ink of the text.
    assert 0.14 < image[:, :, :3].max(axis=2).min() < 0.2


def test_band() -> None:
    band = Band.of(list(range(101)))
    assert (band.mean, band.low, band.high) == (50, 5, 95)


def square(x: int) -> int:
    return x * x


def test_serial_sweep_keeps_the_order_and_tells() -> None:
    told: list[tuple[int, int]] = []
    sweep = Sweep(progress=lambda done, total: told.append((done, total)))
    assert sweep(square, [(3,), (1,), (2,)]) == [9, 1, 4]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said: list[str] = []
    assert Sweep(workers=2, say=said.append)(square, [(3,), (4,)]) == [9, 16]
    assert said == [
        "Dask is not installed: one core does all; for more, pip install 'hubel[sweep]'"
    ]


@pytest.mark.long
def test_through_dask() -> None:
    pytest.importorskip("distributed")
    told: list[int] = []
    sweep = Sweep(workers=2, progress=lambda done, total: told.append(done))
    assert sweep(square, [(x,) for x in range(20)]) == [x * x for x in range(20)]
    assert told == list(range(1, 21))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Table(("a",), ((1, 2),)), "row 0 has 2 cells, the table 1 columns"),
        (lambda: Table(("a",), ((math.nan,),)), "row 0, column 'a': nan is not finite"),
        (
            lambda: replace(EXAMPLE, key="a b"),
            "an experiment's key names files: letters and digits, not a b",
        ),
        (lambda: replace(EXAMPLE, seeds=0), "example: seeds must be 1 or more, not 0"),
        (lambda: Sweep(workers=0), "workers must be 1 or more, not 0"),
        (
            lambda: EXAMPLE.table.column("x"),
            "there is no column 'x', only device, energy, pJ, mark",
        ),
    ],
)
def test_refuses(make, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


def test_no_such_experiment() -> None:
    with pytest.raises(ValueError, match=r"^there is no experiment 'x'; there are programming, "):
        experiment_named("x")
