"""The benchmark compares like with like."""

import shutil
from importlib import resources

import pytest

from hubel.sw import bench_golden


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(bench_golden.NETWORKS, "tiny", (40, 30, 5))


def test_the_c_loop_gives_the_same_spikes(tiny):
    # bench_network asserts that; here, that it does look.
    speed = bench_golden.bench_network("tiny", samples=3)
    assert speed.synaptic_operations > 0
    assert speed.golden > 0
    assert speed.single > 0
    assert speed.c is not None and speed.c > 0


def test_a_wrong_c_loop_is_noticed(tiny, monkeypatch):
    read = resources.files("hubel.sw").joinpath("data/yardstick.c").read_text
    wrong = read("utf-8").replace("total > threshold", "total >= threshold - 40")

    class Files:
        def joinpath(self, _):
            return self

        def read_text(self, _):
            return wrong

    monkeypatch.setattr(resources, "files", lambda _: Files())
    with pytest.raises(AssertionError, match="the C loop and the golden model differ"):
        bench_golden.bench_network("tiny", samples=3)


def test_without_a_compiler_there_is_no_yardstick(tiny, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert bench_golden.bench_network("tiny", samples=2).c is None
