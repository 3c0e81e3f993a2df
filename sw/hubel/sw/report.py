"""The report: one HTML file that needs nothing but a browser to read."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure as Drawing

from . import charts, report_tables, spike_chart
from .charts import Sum
from .figure import Figure, share_text, weakest
from .npz import atomic_file
from .report_data import ReportData
from .svg import responsive
from .uncertainty import propagate
from .units import integer, number, percent, quantity

SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Chart:
    """A drawing with its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class KeyFigure:
    """A number at the head of the report."""

    name: str
    value: str
    note: str


def write(data: ReportData, path: str | os.PathLike[str]) -> None:
    """Write the report to ``path``; a reader sees the old file or the new one, never a part."""
    html = render(data)
    with atomic_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def render(data: ReportData) -> str:
    """The report as one HTML document; the same data make the same text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hubel.sw", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sums = boundary_sums(data)
    return environment.get_template("report.html.j2").render(
        data=data,
        created=f"{datetime.fromisoformat(data.created):%Y-%m-%d %H:%M} UTC",
        facts=_facts(data),
        key_figures=_key_figures(data, sums),
        accuracy=_accuracy(data),
        samples=_samples(data),
        ranges=_ranges(data),
        builds=_builds(data),
        energy=_energy(sums),
        nature=_nature(data),
        tables=report_tables,
    )


def boundary_sums(data: ReportData) -> dict[str, list[Sum]]:
    """The energy of an inference by boundary, then by board: joules of two boundaries are never
    added."""
    sums: dict[str, list[Sum]] = {}
    for label, records in data.energy.items():
        parts: dict[str, list[Figure]] = {}
        for record in records:
            figure = Figure.from_json(record)
            if figure.unit != "J":
                raise ValueError(f"energy of {label!r} must be in 'J', not in {figure.unit!r}")
            parts.setdefault(figure.boundary, []).append(figure)
        for boundary, figures in parts.items():
            sums.setdefault(boundary, []).append(Sum(label, figures, _sum(figures, boundary)))
    return sums


def _sum(figures: list[Figure], boundary: str) -> Figure:
    """Sum with its 95 % interval; unknown if a part is."""
    worst = weakest(figures)
    label: dict[str, Any] = {
        "name": "sum",
        "unit": "J",
        "kind": worst.kind,
        "subkind": worst.subkind,
        "boundary": boundary,
        "source": "sum",
    }
    if any(figure.value is None for figure in figures):
        return Figure(value=None, **label)
    return propagate(lambda x: sum(x[figure] for figure in figures), figures).figure(**label)


def _chart(name: str, title: str, caption: str, draw: Callable[[int], Drawing]) -> Chart:
    return Chart(responsive(draw, name=name, title=title), caption)


def _facts(data: ReportData) -> list[str]:
    """What the network and the core are, for the line below the title."""
    known = [
        (data.network, f"network {data.network}"),
        (data.steps, f"{data.steps} steps"),
        (data.lanes, f"{data.lanes} lanes"),
        (data.weight_width, f"{data.weight_width}-bit weights"),
        (data.state_width, f"{data.state_width}-bit membranes"),
        (data.test_images, f"{integer(data.test_images or 0)} test images"),
    ]
    return [text for value, text in known if value]


def _key_figures(data: ReportData, sums: dict[str, list[Sum]]) -> list[KeyFigure]:
    """What a reader looks for first."""
    found = []
    if (curve := data.used_curve) is not None:
        steps = data.steps or len(curve.accuracy)
        note = f"{curve.label}, after {steps} steps"
        if data.ann_accuracy is not None:
            note += f"; ANN {percent(data.ann_accuracy)}{SPACE}%"
        value = f"{percent(curve.accuracy[steps - 1])}{SPACE}%"
        found.append(KeyFigure("Accuracy", value, note))
    if data.checks:
        equal = sum(check["result"] == "equal" for check in data.checks)
        note = "back ends equal to golden, bit for bit"
        found.append(KeyFigure("Equivalence", f"{equal} of {len(data.checks)}", note))
    for build in data.builds:
        needed = f"{number(build['clock_mhz'], 4)}{SPACE}MHz"
        note = f"{build['board']}; {needed} needed" + ("" if build["met"] else " and missed")
        found.append(KeyFigure("Clock", f"{number(build['fmax_mhz'], 4)}{SPACE}MHz", note))
    for boundary, entries in sums.items():
        for entry in entries:
            value, note = "unknown", f"{entry.label}, {boundary}, {entry.total.kind}"
            if entry.total.value is not None:
                value = quantity(entry.total.value, "J")
            if entry.total.interval is not None:
                low, high = (quantity(end, "J") for end in entry.total.interval)
                note += f"; 95{SPACE}% {low} to {high}"
            found.append(KeyFigure("Energy an inference", value, note))
    if data.nature is not None:
        whole = Figure.from_json(data.nature["energy"])
        value = "unknown" if whole.value is None else quantity(whole.value / 3600, "Wh")
        note = f"everything it took to get here, {whole.kind}"
        if data.nature["incomplete"]:
            note += "; a lower bound"
        if data.nature.get("co2e") is not None:
            carbon = Figure.from_json(data.nature["co2e"])
            note += f"; CO2e {quantity(1000 * (carbon.value or 0.0), 'g')}"
        found.append(KeyFigure("NATURE", value, note))
    return found


def _accuracy(data: ReportData) -> list[Chart]:
    if not data.curves:
        return []
    caption = (
        "Accuracy against the number of steps that the network is given to decide. The level line "
        "is the network that was converted, which does not spike; the upright line, what the "
        "hardware takes."
    )
    draw = partial(charts.accuracy, data.curves, data.ann_accuracy, data.steps)
    return [_chart("accuracy", "Accuracy against steps", caption, draw)]


def _samples(data: ReportData) -> list[Chart]:
    found = []
    for index, sample in enumerate(data.samples):
        steps = data.steps or 1 + max((s for r in sample.rasters for s, _ in r.spikes), default=0)
        verdict = "correct" if sample.label == sample.decided else "wrong"
        caption = (
            f"A {sample.label}, decided as {sample.decided} ({verdict}): "
            f"{integer(sum(len(r.spikes) for r in sample.rasters))} spikes in {steps} steps."
        )
        title = f"Spikes of a {sample.label}, decided as {sample.decided}"
        found.append(
            _chart(f"sample{index}", title, caption, partial(spike_chart.spikes, sample, steps))
        )
    return found


def _ranges(data: ReportData) -> list[Chart]:
    if not data.ranges:
        return []
    caption = (
        "From the least to the largest value, in percent of what the integers hold. Solid: "
        "reached. Striped: the bound of the accumulator that was proved for any input."
    )
    draw = partial(charts.ranges, data.ranges)
    return [_chart("ranges", "Range of the integers", caption, draw)]


def _builds(data: ReportData) -> list[Chart]:
    if not data.builds:
        return []
    used = "Resources of the whole design after place and route."
    clock = (
        "Clock that each place and route reached. The filled dot is the bitstream that is used; "
        "it has to be right of the bar, the clock that the board runs at."
    )
    return [
        _chart("used", "Resources used", used, partial(charts.utilisation, data.builds)),
        _chart("clocks", "Clocks reached", clock, partial(charts.clocks, data.builds)),
    ]


def _energy(sums: dict[str, list[Sum]]) -> list[tuple[Chart, list[report_tables.Table]]]:
    found = []
    for index, (boundary, entries) in enumerate(sums.items()):
        caption = (
            f"Energy of one inference. Boundary: {boundary}. Whiskers: the interval of each term, "
            "and 95 % of the sum."
        )
        title = f"Energy of one inference, {boundary}"
        chart = _chart(f"energy{index}", title, caption, partial(charts.energy, entries))
        found.append((chart, [report_tables.energy(entry) for entry in entries]))
    return found


def _nature(data: ReportData) -> list[Chart]:
    if data.nature is None or data.nature["energy"]["value"] is None:
        return []
    blames = ", ".join(f"{name} {percent(s)}{SPACE}%" for name, s in data.nature["contributors"])
    caption = (
        "Energy of all experiments with its 95 % interval, beside the closed form; the kinds of "
        f"source that the joules rest on ({share_text(data.nature['shares'])}); and the inputs "
        f"that the variance comes from ({blames or 'none has an interval'})."
    )
    draw = partial(charts.nature, data.nature)
    return [_chart("nature", "NATURE and its uncertainty", caption, draw)]
