"""The files of experiments: a table and a picture each, and one page with all of them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from ..npz import atomic_file
from ..png import png
from ..svg import picture, responsive
from .experiment import Cell, Experiment


def write_all(
    folder: str | os.PathLike[str],
    experiments: Sequence[Experiment],
    facts: Sequence[str],
    *,
    pixels: bool = False,
) -> Path:
    """Write KEY.csv and KEY.svg of each experiment, experiments.json, and report.html with all;
    return the path of the page; ``pixels`` adds KEY.png of each. Each file is the old one or the
    new one, never a part."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for experiment in experiments:
        experiment.write_csv(folder / f"{experiment.key}.csv")
        text = picture(experiment.figure, name=experiment.key)
        _write(folder / f"{experiment.key}.svg", text)
        if pixels:
            with atomic_file(folder / f"{experiment.key}.png") as temporary:
                temporary.write_bytes(png(experiment.figure))
    record: dict[str, Any] = {
        "facts": list(facts),
        "experiments": [experiment.to_json() for experiment in experiments],
    }
    _write(folder / "experiments.json", json.dumps(record, indent=2) + "\n")
    page = folder / "report.html"
    _write(page, render(experiments, facts))
    return page


def render(experiments: Sequence[Experiment], facts: Sequence[str]) -> str:
    """The page as one HTML document that needs nothing else; the same results make the same
    text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hubel.sw", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    charts = {
        e.key: responsive(e.figure, name=e.key, title=f"{e.name}: {e.finding}") for e in experiments
    }
    return environment.get_template("memristor.html.j2").render(
        experiments=experiments, facts=facts, charts=charts, cell=_cell
    )


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
