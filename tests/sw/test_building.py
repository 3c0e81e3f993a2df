"""Builds and the ledger: every joule once."""

from types import SimpleNamespace

import numpy as np
import pytest

from hubel.boards import board
from hubel.boards.build import BuildFailed
from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sw import building
from hubel.sw.ledger import Ledger

PROGRAM = Program(
    inputs=(Source("in", Shape(6)),),
    populations=(Population(name="out", shape=Shape(4), threshold=50, v_reset=50),),
    projections=(
        Dense(name="w", source="in", target="out", weights=np.ones((6, 4), dtype=np.int64)),
    ),
    outputs=("out",),
)


@pytest.mark.parametrize(
    "error, status",
    [(BuildFailed, "failed"), (KeyboardInterrupt, "killed")],
)
def test_a_build_that_ends_early_is_in_the_ledger(error, status, tmp_path, monkeypatch):
    def fake(board, params, program, folder, *, seed, seeds, progress):
        progress("synthesis")
        raise error("synthesis: ERROR: no")

    monkeypatch.setattr(building, "build", fake)
    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(error):
        building.build_recorded(board("ulx3s"), PROGRAM, tmp_path, ledger=ledger)
    [attempt] = Ledger(ledger).read()
    assert (attempt.name, attempt.status, attempt.epochs) == ("build ulx3s", status, 0)
    [energy] = attempt.tools
    assert energy.value is not None and energy.value > 0


def test_a_network_that_does_not_fit_starts_no_tool(tmp_path, monkeypatch):
    def never(*_arguments, **_options):
        raise AssertionError("no tool should run")

    monkeypatch.setattr(building, "build", never)
    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(ValueError, match=r"32 multipliers needed, 8 there"):
        building.build_recorded(board("icebreaker"), PROGRAM, tmp_path, ledger=ledger, lanes=32)
    assert not ledger.exists()


@pytest.mark.parametrize("stages", [["synthesis", "bitstream"], []], ids=["made", "reused"])
def test_a_build_is_in_the_ledger_if_a_tool_ran(stages, tmp_path, monkeypatch):
    seen = []

    def fake(board, params, program, folder, *, seed, seeds, progress):
        assert params.lanes == board.lanes
        for stage in stages:
            progress(stage)
        return SimpleNamespace(board=board.name)

    monkeypatch.setattr(building, "build", fake)
    ledger = tmp_path / "new" / "ledger.jsonl"
    report, made = building.build_recorded(
        board("ulx3s"), PROGRAM, tmp_path, ledger=ledger, progress=seen.append
    )
    assert report.board == "ulx3s"
    assert seen == stages
    assert made == bool(stages)
    attempts = Ledger(ledger).read() if ledger.exists() else []
    assert [a.name for a in attempts] == (["build ulx3s"] if stages else [])
    for attempt in attempts:
        assert attempt.training_seconds == attempt.other_seconds == 0
        [energy] = attempt.tools
        assert energy.unit == "J"
        assert energy.value is not None and energy.value > 0
