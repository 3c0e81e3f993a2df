"""The ladder: regression numbers of the specification, and what each level adds."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubel.sw.ladder import (
    Constants,
    Rung,
    Work,
    break_even,
    constants,
    l0,
    l1,
    l2,
    l3,
    l4,
    l5,
    repay_inferences,
    table,
)

FP32 = constants("FP32")
S = 0.132
NAN = math.nan


def synapse(reuse: float = 1, s: float = S) -> Work:
    return Work.of_synapse(s, reuse=reuse, steps=8, fan_in=512)


def test_horowitz() -> None:
    macs = {name: constants(name).mac * 1e12 for name in table()["sets"]}
    assert macs == pytest.approx({"FP32": 4.6, "FP16": 1.5, "INT32": 3.2, "INT8": 0.23})
    assert FP32.weight == pytest.approx(5e-12)  # 32 of the 64 bits that cost 10 pJ
    assert constants("INT8", "1 MB").weight == pytest.approx(12.5e-12)
    memories = {
        name: (m["picojoules"], m["access_bits"]) for name, m in table()["memories"].items()
    }
    assert memories.pop("DRAM")[0] == (1300 + 2600) / 2
    assert memories == {"8 KB": (10, 64), "32 KB": (20, 64), "1 MB": (100, 64)}
    parts = {name: (s["mul"], s["add"]) for name, s in table()["sets"].items()}
    assert parts == {"FP32": (3.7, 0.9), "FP16": (1.1, 0.4), "INT32": (3.1, 0.1),
                     "INT8": (0.2, 0.03)}  # fmt: skip
    assert "Horowitz, ISSCC 2014" in FP32.source and "access of 64 bits" in FP32.source
    for field in ("unit", "year", "source", "boundary", "confidence"):
        assert table()[field]


def test_the_claim_of_38_7() -> None:
    assert l0(synapse(), FP32).ratio == pytest.approx(38.7, abs=0.05)
    assert l1(synapse(), FP32).ratio == pytest.approx(6.95, abs=0.01)
    assert l1(synapse(16), FP32).ratio == pytest.approx(2.49, abs=0.005)
    assert l2(synapse(16), FP32).ratio == pytest.approx(2.23, abs=0.005)


def test_break_even() -> None:
    assert break_even(synapse(16), FP32) == pytest.approx(0.31, abs=0.005)
    assert break_even(synapse(1), FP32) == pytest.approx(0.90, abs=0.005)
    low, high = table()["limits"][0]["low"], table()["limits"][0]["high"]
    assert (low, high) == (0.15, 1.38)  # Dampfhoffer 2023
    for reuse in (1, 16):
        s = break_even(synapse(reuse), FP32)
        assert s is not None and low < s < high
    assert break_even(synapse(), FP32, "L0", 38.7) == pytest.approx(S, abs=5e-4)
    assert break_even(synapse(16), FP32, "L2", 38.7) is None


@given(st.sampled_from(["L0", "L1", "L2"]), st.floats(1, 64), st.integers(1, 64), st.floats(0.1, 3))
def test_at_the_break_even_the_ratio_is_the_one_asked(
    level: str, reuse: float, steps: int, ratio: float
) -> None:
    work = Work.of_synapse(0, reuse=reuse, steps=steps, fan_in=512)
    s = break_even(work, FP32, level, ratio)
    if s is not None and s > 1e-6:
        rung = {"L0": l0, "L1": l1, "L2": l2}[level]
        found = rung(Work.of_synapse(s, reuse=reuse, steps=steps, fan_in=512), FP32)
        assert found.ratio == pytest.approx(ratio)


def test_terms_one_by_one() -> None:
    c = Constants(name="c", mul=1, add=10, weight=100, activation=1e3, state=1e4, address=1e5,
                  source="test")  # fmt: skip
    work = Work(macs=2, acs=3, neurons=5, steps=7, events=11, reuse=2)
    assert l0(work, c) == Rung(level="L0", ann=22, snn=30)
    assert l1(work, c) == Rung(level="L1", ann=22 + 1100, snn=30 + 3 * 20_100)
    assert l2(work, c).ann == 1122
    assert l2(work, c).snn == 30 + 3 * 20_100 + 35 * 20_021 + 11 * 100_010
    assert work.s == 1.5


def test_static() -> None:
    rung = l3(Rung(level="L2", ann=1.0, snn=0.5), leakage_watts=2, ann_seconds=3, snn_seconds=5)
    assert (rung.level, rung.ann, rung.snn) == ("L3", 7.0, 10.5)
    same = l3(Rung(level="L2", ann=1.0, snn=0.5), leakage_watts=2, ann_seconds=3)
    assert (same.ann, same.snn) == (7.0, 6.5)


def test_platform() -> None:
    rung = l4(ann_cycles=100, snn_cycles=50, ann_joules_per_cycle=2e-11)
    assert (rung.ann, rung.snn, rung.ratio) == (pytest.approx(2e-9), pytest.approx(1e-9), 2.0)
    other = l4(
        ann_cycles=100, snn_cycles=50, ann_joules_per_cycle=2e-11, snn_joules_per_cycle=8e-11
    )
    assert other.ratio == pytest.approx(0.5)


def test_system() -> None:
    below = Rung(level="L4", ann=1.0, snn=0.5)
    rung = l5(below, host_watts=2, ann_seconds=1, snn_seconds=2, psu_efficiency=0.8, pue=1.5,
              grid_loss=0.25)  # fmt: skip
    assert rung.ann == pytest.approx(3 * 1.5 / 0.75 / 0.8)
    assert rung.snn == pytest.approx(4.5 * 1.5 / 0.75 / 0.8)
    assert repay_inferences(below, 10.0) == 20
    assert repay_inferences(rung, 10.0) == math.inf


def test_a_silent_network_takes_no_operation() -> None:
    assert l0(synapse(s=0.0), FP32).ratio == math.inf
    assert l2(synapse(s=0.0), FP32).ratio < math.inf


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: constants("BF16"),
            "no set of constants 'BF16'; there are FP32, FP16, INT32, INT8",
        ),
        (
            lambda: constants("FP32", "L9"),
            "no memory of constants 'L9'; there are 8 KB, 32 KB, 1 MB, DRAM",
        ),
        (lambda: Work(macs=0, acs=1), "macs must be above 0: there is nothing to compare"),
        (lambda: Work(macs=1, acs=-1), "acs must be at least 0, not -1"),
        (lambda: Work(macs=1, acs=1, steps=0), "steps must be at least 1, not 0"),
        (lambda: Work(macs=1, acs=1, reuse=0.5), "reuse must be at least 1, not 0.5"),
        (lambda: Work.of_synapse(1, fan_in=0), "fan_in must be at least 1, not 0"),
        (lambda: Work.of_synapse(1, fan_in=NAN), "fan_in must be at least 1, not nan"),
        (lambda: break_even(synapse(), FP32, "L3"),
         "level must be one of ['L0', 'L1', 'L2'], not 'L3'"),
        (lambda: break_even(synapse(), FP32, "L0", 0), "ratio must be above 0, not 0"),
        (lambda: l5(Rung(level="L4", ann=1, snn=1), host_watts=1, ann_seconds=1, snn_seconds=1,
                    pue=0.9), "PUE must be at least 1, not 0.9"),
        (lambda: l3(Rung(level="L2", ann=1, snn=1), leakage_watts=-1, ann_seconds=1),
         "leakage must be at least 0, not -1"),
    ],
)  # fmt: skip
def test_refuses(call, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
