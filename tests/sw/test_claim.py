"""A claim of "N times better" taken apart."""

import json

import pytest

from hubel.sw.claim import claim
from hubel.sw.cli import main


def ratios(found, name):
    return {(r.level, r.reuse): r.ratio for r in found.readings if r.constants == name}


def test_the_38_7_of_the_paper():
    found = claim(38.7)
    assert found.s == pytest.approx(0.132, abs=5e-4)
    assert ratios(found, "FP32, 8 KB") == pytest.approx(
        {("L0", 1): 38.7, ("L1", 1): 6.95, ("L1", 16): 2.49, ("L2", 1): 6.23, ("L2", 16): 2.23},
        abs=0.01,
    )
    assert found.readings[0].constants == "FP32, 8 KB"
    ends = {(r.level, r.reuse): r.break_even for r in found.readings[:5]}
    assert (ends["L2", 16], ends["L2", 1]) == pytest.approx((0.31, 0.90), abs=0.005)
    assert found.verdict == (
        "38.7x is L0 (ops) with FP32, 8 KB at s = 0.132;"
        " the same spikes give 2.23x at L2 with reuse 16"
    )
    low, high = found.platform["joules_per_sop_at_least"]
    assert (low, high) == pytest.approx((55.5e-12, 65.5e-12), rel=2e-3)
    assert found.platform["ratio"] == pytest.approx(1 / (found.s + 8 / 512))


def test_a_measured_s_refutes():
    found = claim(38.7, s=1.0)
    assert found.s_source == "given"
    assert found.verdict.startswith("38.7x is not reached at s = 1: the nearest is 32x, L0")
    assert found.verdict.endswith("; there the SNN loses")
    hopeless = [r for r in found.readings if r.level == "L2" and r.reuse == 16]
    assert [r.needed for r in hopeless] == [None] * 4


def test_command(capsys):
    assert main(["nature", "claim", "38.7"]) == 0
    text = capsys.readouterr().out
    assert "38.7x is L0 (ops) with FP32, 8 KB at s = 0.132" in " ".join(text.split())
    assert "Dampfhoffer" in text
    assert main(["nature", "claim", "12.2", "--s", "0.4", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["ratio"], data["s"]) == (12.2, 0.4)
    assert main(["nature", "claim", "-3"]) == 2
    assert main(["nature", "claim", "38.7", "--memory", "L9"]) == 2
    assert "no memory of constants 'L9'; there are 8 KB" in capsys.readouterr().err
