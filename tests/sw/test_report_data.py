"""The data of a report: through JSON and back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.sw.report_data import Curve, Raster, ReportData, Sample

EMPTY = ReportData(title="Nothing yet", created="2026-05-04T12:31:07+00:00")


def test_data_survives_json():
    record = json.loads(Path(__file__).with_name("report.json").read_text())
    data = ReportData.from_json(record)
    assert data.to_json()["energy"] == record["energy"]
    assert ReportData.from_json(json.loads(json.dumps(data.to_json()))) == data


def test_numpy_values_become_json():
    spikes = np.array([[False, True], [True, False]])
    sample = Sample(
        label=np.int64(1),  # type: ignore[arg-type]
        decided=np.int64(1),  # type: ignore[arg-type]
        image=np.ones((2, 2)),  # type: ignore[arg-type]
        rasters=(Raster.of("input", spikes),),
        counts=tuple(spikes.sum(axis=0)),
    )
    curve = Curve(label="int8", accuracy=tuple(np.array([0.5, 1.0])))
    record = json.loads(json.dumps(replace(EMPTY, curves=(curve,), samples=(sample,)).to_json()))
    assert record["samples"][0]["rasters"][0]["spikes"] == [[0, 1], [1, 0]]
    assert ReportData.from_json(record).samples == (sample,)


@pytest.mark.parametrize(
    "record, message",
    [
        ({"title": "t", "created": EMPTY.created, "colour": 1}, r"unknown fields \['colour'\]"),
        ({"title": "t"}, r"absent \['created'\]"),
        ({"title": "t", "created": "2026-05-04T12:31:07"}, "created must be in UTC"),
        (
            {"title": "t", "created": EMPTY.created, "steps": 3,
             "curves": [{"label": "int8", "accuracy": [0.5]}]},
            "curve 'int8' ends after 1 of 3 steps",
        ),
    ],
)  # fmt: skip
def test_bad_data_is_refused(record, message):
    with pytest.raises(ValueError, match=message):
        ReportData.from_json(record)
