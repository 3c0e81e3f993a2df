"""The report as a document: whole, self-contained, escaped, the same every time.

``report.json`` holds made-up numbers for all sections.
"""

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hubel.sw.report import boundary_sums, render, write
from hubel.sw.report_data import Curve, Raster, ReportData, Sample

EXAMPLE = Path(__file__).with_name("report.json")
EMPTY = ReportData(title="Nothing yet", created="2026-05-04T12:31:07+00:00")
VOID = {"meta", "link", "img", "br", "hr", "input"}
#: Letters of typography, as one types them.
PLAIN = str.maketrans("\u00a0\u2007\u2008\u2212\u2013", "   --")


class Page(HTMLParser):
    """Elements, attributes and text of a page; raises where an element is not closed in turn."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).translate(PLAIN).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def data() -> ReportData:
    return ReportData.from_json(json.loads(EXAMPLE.read_text()))


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


@pytest.fixture(scope="module", params=["full", "empty"])
def any_html(request: pytest.FixtureRequest, html: str) -> str:
    return html if request.param == "full" else render(EMPTY)


def test_nothing_outside_the_file(any_html):
    page = Page(any_html)
    assert not {"script", "link", "img", "image", "iframe"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert "src" not in attributes and "xlink:href" not in attributes, tag
        assert (attributes.get("href") or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"https?://|@import|data:", any_html)
    assert set(re.findall(r"url\((.)", any_html)) <= {"#"}


def test_references_have_one_target(any_html):
    page = Page(any_html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    targets = [a["href"] for _, a in page.elements if "href" in a]
    targets += re.findall(r"url\(([^)]*)\)", any_html)
    assert {str(target).removeprefix("#") for target in targets} <= set(ids)


def test_charts_take_every_colour_from_the_page(html):
    charts = re.findall(r"<svg.*?</svg>", html, re.S)
    assert charts
    for chart in charts:
        assert not re.search(r"#[0-9a-f]{6}|black|white|rgb\(", chart)
    used = set(re.findall(r"var\(--([a-z]+)\)", "".join(charts)))
    assert used <= set(re.findall(r"--([a-z]+):", html))


def test_every_chart_has_title_and_caption(html, data):
    page = Page(html)
    figures = len(page.all("figure"))
    assert figures == len(page.all("figcaption")) == 7 + len(data.samples)
    drawings = page.all("svg")
    assert len(drawings) == 2 * figures
    assert all(d["role"] == "img" and d["aria-label"] for d in drawings)


@pytest.mark.parametrize(
    "words",
    [
        "Digits on a spiking core, with made-up numbers",
        "network 64-128-10",
        "2026-05-04 12:31 UTC",
        "97.5 % int8 golden, after 16 steps; ANN 97.5 %",
        "2 of 3 back ends equal to golden",
        "27.31 MHz icebreaker; 24.00 MHz needed",
        "1.45 µJ icebreaker, FPGA core rail, assumed; 95 % 1.45 µJ to 7.40 µJ",
        "22.2 µJ ulx3s, board at USB 5 V, assumed",
        "3.71 Wh everything it took to get here, assumed; CO2e 1.37 g",
        "int4 golden 55.0 83.1 93.1 95.6 -1.9",
        "A 8, decided as 1 (wrong)",
        "output membrane -21,044 32,767 -32,768 32,767 100.0 12",
        "verilator equal 360 794,880 794,880 8 3,391,220 1.034 7.4",
        "virtual differs. first divergence: image 3, step 7, population hidden, neuron 41",
        "icebreaker Logic cells 3,911 5,280 74.1",
        "core alone, LUT4 2,411 2,511",
        "clock reached, MHz 27.31 121.40",
        "RAM accesses 0.0775 0.310 1.24 assumed, published",
        "Horowitz, ISSCC 2014",
        "N_exp experiments, failed and stopped ones included 7",
        "exact sum over the ledger, assumed 13.4 kJ, 95 % 12.0 kJ to 15.6 kJ",
        "closed form N_exp (A + T (E + U + R) epochs) 13.8 kJ",
        "closed form against exact sum +3.64 %",
        "68 % measured, 32 % assumed",
        "rest of the computer 93.7 %",
        "CO2e carbon dioxide equivalent, USA 1.37 g",
        "human brain (20 W) for 668 s",
        "decay: v <- sign(v) * ((|v| * d) >> 12)",
        "verilator 5.48",
    ],
)
def test_key_figure(html, words):
    assert words in Page(html).text


def test_empty_report_names_the_commands():
    text = Page(render(EMPTY)).text
    said = "Not run. hubel demo runs it; hubel doctor says what is missing for it."
    assert text.count(said) == 9


@pytest.mark.parametrize(
    "field",
    ["curves", "samples", "ranges", "checks", "builds", "energy", "nature", "profile", "tools"],
)
def test_a_section_alone(data, field):
    alone = render(replace(EMPTY, **{field: getattr(data, field)}))
    assert Page(alone).text.count("Not run.") == 8


def test_markup_is_escaped(data):
    evil = '</title><script>alert("$x$")</script>'
    page = render(
        replace(
            data,
            title=evil,
            network=evil,
            curves=tuple(replace(curve, label=evil) for curve in data.curves),
            ranges=tuple(entry | {"population": evil} for entry in data.ranges),
            checks=({**data.checks[0], "backend": evil, "result": evil},),
            builds=({**data.builds[0], "board": evil, "device": evil},),
            energy={evil: data.energy["icebreaker"]},
            profile=(evil,),
            tools={evil: evil},
        )
    )
    assert "<script" not in page
    assert "script" not in {tag for tag, _ in Page(page).elements}
    assert page.count("&lt;script&gt;") > 10


def test_letters_that_the_layout_font_lacks(data):
    assert "数字" in render(replace(EMPTY, curves=(Curve(label="数字 $T$", accuracy=(0.5,)),)))


def test_boundaries_are_never_added(data):
    both = [*data.energy["icebreaker"], *data.energy["ulx3s"]]
    sums = boundary_sums(replace(data, energy={"one board": both}))
    assert list(sums) == ["FPGA core rail", "board at USB 5 V"]
    for boundary, (part,) in sums.items():
        expected = sum(figure["value"] for figure in both if figure["boundary"] == boundary)
        assert part.total.value == pytest.approx(expected)
        assert part.total.kind == "assumed"


def test_unknown_energy_stays_unknown(data):
    gap = {**data.energy["icebreaker"][0], "value": None, "interval": None, "distribution": "fixed"}
    text = Page(
        render(replace(EMPTY, energy={"icebreaker": [gap, data.energy["icebreaker"][1]]}))
    ).text
    assert "Energy an inference unknown" in text
    assert "sum - unknown -" in text


def test_energy_in_another_unit_is_refused(data):
    watts = {**data.energy["icebreaker"][0], "unit": "W"}
    with pytest.raises(ValueError, match="energy of 'icebreaker' must be in 'J', not in 'W'"):
        render(replace(EMPTY, energy={"icebreaker": [watts]}))


def test_missed_clock_is_said(data):
    missed = {**data.builds[0], "fmax_mhz": 20.0, "met": False}
    text = Page(render(replace(EMPTY, builds=(missed,)))).text
    assert "20.00 MHz icebreaker; 24.00 MHz needed and missed" in text
    assert "clock met no" in text


def test_unknown_nature_names_the_gap(data):
    energy = data.nature["energy"] | {"value": None, "interval": None, "distribution": "fixed"}
    known = {"reading", "country", "training_seconds"}
    record = {name: value if name in known else None for name, value in data.nature.items()}
    record |= {"energy": energy, "unknown": ["power of 'run 3'"], "incomplete": ["run 4"]}
    text = Page(render(replace(EMPTY, nature=record))).text
    assert "Unknown, because these inputs are: power of 'run 3'." in text
    assert "A lower bound, because the end of these was not recorded: run 4." in text
    assert "exact sum over the ledger, assumed unknown" in text
    assert "NATURE unknown everything it took to get here, assumed; a lower bound" in text


def test_silent_network_can_be_drawn():
    silent = Raster.of("only", np.zeros((1, 3), dtype=bool))
    sample = Sample(label=0, decided=0, image=((0.0,),), rasters=(silent,), counts=(0, 0, 0))
    assert "A 0, decided as 0 (correct): 0 spikes" in render(replace(EMPTY, samples=(sample,)))


def test_same_data_same_bytes(html):
    """Also in another process, with another order of sets."""
    code = (
        "import json, sys; from hubel.sw.report import render; "
        "from hubel.sw.report_data import ReportData; "
        "sys.stdout.buffer.write(render(ReportData.from_json(json.load(sys.stdin))).encode())"
    )
    again = subprocess.run(
        [sys.executable, "-c", code],
        input=EXAMPLE.read_bytes(),
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
    )
    assert again.stdout.decode() == html


def test_write_replaces_the_file(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write(EMPTY, path)
    assert path.read_text(encoding="utf-8") == render(EMPTY)
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(*_args, **_kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        write(EMPTY, path)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
