"""Figures refuse to exist without provenance, and add up without losing it."""

import json
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubel.sw.figure import Figure, error_sources, sample, share_text, total, weakest


def figure(**changes: Any) -> Figure:
    base: dict[str, Any] = {
        "name": "package",
        "value": 46.0,
        "unit": "W",
        "kind": "measured",
        "subkind": "meter",
        "boundary": "host package+DRAM",
        "source": "RAPL",
    }
    return Figure(**(base | changes))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": ""}, "figure 'package' has no kind"),
        ({"source": ""}, "figure 'package' has no source"),
        ({"boundary": ""}, "figure 'package' has no boundary"),
        ({"subkind": ""}, "figure 'package' has no subkind"),
        ({"unit": ""}, "figure 'package' has no unit"),
        ({"name": ""}, "figure '' has no name"),
        (
            {"kind": "guessed"},
            "package: kind must be one of ['measured', 'estimated', 'assumed'], not 'guessed'",
        ),
        (
            {"subkind": "default"},
            "package: subkind of 'measured' must be one of ['meter', 'counter'], not 'default'",
        ),
        (
            {"distribution": "lognormal", "interval": (1, 99)},
            "package: distribution must be one of ['fixed', 'normal', 'uniform', 'triangular'],"
            " not 'lognormal'",
        ),
        ({"value": math.nan}, "package: value must be finite or None, not nan"),
        ({"value": math.inf}, "package: value must be finite or None, not inf"),
        (
            {"interval": (46.1, 50.0), "distribution": "uniform"},
            "package: interval [46.1, 50.0] does not contain the value 46.0",
        ),
        (
            {"interval": (40.0, 45.9), "distribution": "normal"},
            "package: interval [40.0, 45.9] does not contain the value 46.0",
        ),
        (
            {"interval": (40.0, math.nan), "distribution": "normal"},
            "package: interval [40.0, nan] does not contain the value 46.0",
        ),
        (
            {"interval": (40.0, 50.0)},
            "package: distribution 'fixed' with interval (40.0, 50.0)"
            " ('fixed' has no interval, every other one needs it)",
        ),
        (
            {"distribution": "normal"},
            "package: distribution 'normal' with interval None"
            " ('fixed' has no interval, every other one needs it)",
        ),
        (
            {"value": None, "interval": (0.0, 1.0), "distribution": "uniform"},
            "package: an unknown value has no interval",
        ),
    ],
)
def test_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        figure(**changes)


def test_interval_may_touch_the_value() -> None:
    assert figure(interval=(46, 46), distribution="uniform").interval == (46.0, 46.0)


@pytest.mark.parametrize(
    "distribution, low, median, high",
    [
        ("normal", 36.0, 46.0, 56.0),
        ("uniform", 36.5, 46.0, 55.5),
        ("triangular", 36 + math.sqrt(0.025 * 200), 46.0, 56 - math.sqrt(0.025 * 200)),
    ],
)
def test_quantiles(distribution: str, low: float, median: float, high: float) -> None:
    part = figure(interval=(36.0, 56.0), distribution=distribution)
    np.testing.assert_allclose(part.quantile([0.025, 0.5, 0.975]), [low, median, high])


@pytest.mark.parametrize("mode", [36.0, 40.0, 56.0])
def test_skewed_triangle(mode: float) -> None:
    part = figure(value=mode, interval=(36.0, 56.0), distribution="triangular")
    drawn = part.quantile((np.arange(20_000) + 0.5) / 20_000)
    assert drawn.mean() == pytest.approx((36 + mode + 56) / 3, rel=1e-4)
    assert drawn.min() >= 36 and drawn.max() <= 56


@pytest.mark.parametrize("distribution", ["normal", "uniform", "triangular"])
def test_no_width_has_no_spread(distribution: str) -> None:
    part = figure(interval=(46.0, 46.0), distribution=distribution)
    assert list(part.quantile([0.1, 0.9])) == [46.0, 46.0]


def test_unknown_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match=r"^package is unknown and cannot be sampled$"):
        figure(value=None).quantile(0.5)


def test_group_shares_its_draw() -> None:
    spread = {"interval": (36.0, 56.0), "distribution": "uniform"}
    a, b = (figure(name=name, group="gain", **spread) for name in "ab")
    c, d = (figure(name=name, **spread) for name in "cd")
    drawn = sample([a, b, c, d], np.random.default_rng(1), 1000)
    assert drawn[a].std() > 1
    np.testing.assert_array_equal(drawn[a], drawn[b])
    assert abs(np.corrcoef(drawn[c], drawn[d])[0, 1]) < 0.1
    assert abs(np.corrcoef(drawn[a], drawn[c])[0, 1]) < 0.1


def test_draws_do_not_depend_on_order() -> None:
    parts = [figure(name=n, interval=(36, 56), distribution="normal") for n in "abc"]
    forward = sample(parts, np.random.default_rng(2), 10)
    backward = sample(parts[::-1], np.random.default_rng(2), 10)
    for part in parts:
        np.testing.assert_array_equal(forward[part], backward[part])


def test_equal_figures_are_one_source_of_error() -> None:
    assert len(error_sources([figure(), figure(), figure(name="package-1")])) == 2


def test_total() -> None:
    parts = [
        figure(),
        figure(name="rest", value=25.0, kind="assumed", subkind="declared", boundary="rest of PC"),
    ]
    whole = total(parts, "IT power")
    assert whole.value == 71.0
    assert whole.boundary == "host package+DRAM + rest of PC"
    assert str(whole) == "IT power: 71 W (65 % measured, 35 % assumed)"
    assert total(parts[::-1], "IT power").shares == whole.shares


def test_total_with_an_unknown_part_is_unknown() -> None:
    whole = total([figure(), figure(name="TPU", value=None)], "IT power")
    assert whole.value is None
    assert whole.shares == {}
    assert str(whole) == "IT power: unknown (TPU)"


def test_total_of_zero_has_no_shares() -> None:
    assert total([figure(value=0.0)], "IT power").shares == {}


@pytest.mark.parametrize(
    "parts, message",
    [
        ([], "sum: nothing to add"),
        (
            [figure(), figure(name="grid", unit="g/kWh")],
            "sum: cannot add 'grid' in 'g/kWh' to 'package' in 'W'",
        ),
        (
            [figure(boundary="board at USB 5 V"), figure(boundary="FPGA core rail")],
            "sum: 'FPGA core rail' is inside 'board at USB 5 V'; adding both overlaps",
        ),
        (
            [figure(boundary="board"), figure(boundary="board at USB 5 V")],
            "sum: 'board at USB 5 V' is inside 'board'; adding both overlaps",
        ),
    ],
)
def test_total_refuses(parts: list[Figure], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        total(parts, "sum")


def test_times() -> None:
    energy = figure(interval=(40.0, 50.0), distribution="triangular", group="gain").times(
        10, name="energy", unit="J"
    )
    assert (energy.name, energy.value, energy.unit) == ("energy", 460.0, "J")
    assert (energy.interval, energy.group, energy.kind) == ((400.0, 500.0), "gain", "measured")
    assert figure(value=None).times(10, name="energy", unit="J").value is None


@pytest.mark.parametrize("factor", [-1.0, math.nan])
def test_times_refuses(factor: float) -> None:
    message = f"^energy: factor must be finite and at least 0, not {factor}$"
    with pytest.raises(ValueError, match=message):
        figure().times(factor, name="energy", unit="J")


def test_weakest() -> None:
    published = figure(kind="assumed", subkind="published")
    estimated = figure(kind="estimated", subkind="spec")
    assert weakest([published, figure(), estimated]) is published
    assert weakest([figure(), estimated]) is estimated


def test_share_text() -> None:
    assert share_text({"measured": 0.648, "assumed": 0.352}) == "65 % measured, 35 % assumed"


finite = st.floats(-1e9, 1e9)


@given(value=finite, below=st.floats(0, 1e6), above=st.floats(0, 1e6), group=st.none() | st.text())
def test_json_round_trip(value: float, below: float, above: float, group: str | None) -> None:
    part = figure(
        value=value, interval=(value - below, value + above), distribution="uniform", group=group
    )
    again = Figure.from_json(json.loads(json.dumps(part.to_json())))
    assert again == part
    assert hash(again) == hash(part)


def test_json_of_numpy_and_unknown() -> None:
    assert json.loads(json.dumps(figure(value=np.float32(0.5)).to_json()))["value"] == 0.5
    assert Figure.from_json(figure(value=None).to_json()) == figure(value=None)


def test_json_refuses_other_fields() -> None:
    with pytest.raises(ValueError, match=r"^figure 'package' has unknown fields \['sigma'\]$"):
        Figure.from_json(figure().to_json() | {"sigma": 1})
    record = figure().to_json()
    del record["value"]
    with pytest.raises(ValueError, match=r"^figure 'package' lacks the fields \['value'\]$"):
        Figure.from_json(record)
