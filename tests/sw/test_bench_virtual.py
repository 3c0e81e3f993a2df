"""The measurement of the virtual board."""

import pytest

from hubel.sw import bench_virtual
from hubel.sw.bench_virtual import bench_virtual as measure


@pytest.mark.long
def test_is_fast_enough_to_be_useful(cache_dir, monkeypatch):
    """At least 200,000 clocks in a second of the processor: a shared one gives less of its time."""
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    monkeypatch.setattr(bench_virtual, "CASES", {"64-128-10": bench_virtual.CASES["64-128-10"]})
    [speed] = measure(seconds=2.0)
    print(speed)
    assert speed.clocks_per_cpu_second >= 200_000
    assert speed.steps_per_second > 0 and speed.operations_per_second > 0
    assert speed.to_json()["network"] == "64-128-10"
