"""A comparison as one HTML file that needs nothing but a browser, and as pictures."""

import json
import os
from functools import partial
from pathlib import Path

import jinja2

from hubel.boards import board

from . import compare_chart, compare_tables
from .compare_ann import Comparison
from .npz import atomic_file
from .report import Chart
from .svg import picture, responsive


def render(found: Comparison) -> str:
    """``found`` as one HTML document; the same numbers make the same text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hubel.sw", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    overview = responsive(
        partial(compare_chart.overview, found), name="overview", title="SNN and ANN side by side"
    )
    ladder = responsive(
        partial(compare_chart.ladder, found), name="ladder", title="ANN by SNN, level by level"
    )
    return environment.get_template("compare.html.j2").render(
        title=f"hubel: spikes against int8, {found.task} on {found.board}",
        verdict=found.verdict,
        overview=Chart(
            overview,
            "Accuracy against the steps that the SNN takes (the upright line: the fewest that "
            "reach the floor), and what an inference takes on each side. Whiskers: 95 %.",
        ),
        ladder_chart=Chart(
            ladder, "How many times less the SNN takes at each level; left of the line it loses."
        ),
        sides=compare_tables.sides(found, board(found.board).baud),
        ladder=compare_tables.ladder(found),
        break_even=compare_tables.break_even(found),
    )


def write(found: Comparison, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``compare.html``, ``compare.json`` and the pictures ``compare.svg`` and ``ladder.svg``
    into ``folder``; return their paths."""
    texts = {
        "compare.html": render(found),
        "compare.json": json.dumps(found.to_json(), indent=2) + "\n",
        "compare.svg": picture(partial(compare_chart.overview, found), name="compare"),
        "ladder.svg": picture(partial(compare_chart.ladder, found), name="ladder"),
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        paths.append(Path(folder, name))
        with atomic_file(paths[-1]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths
