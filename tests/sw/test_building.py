"""Builds and the ledger: every joule once."""

from types import SimpleNamespace

import numpy as np
import pytest

from hubel.boards import board
from hubel.hdl.program import Population, Program
from hubel.sw import building
from hubel.sw.ledger import Ledger

PROGRAM = Program(
    populations=(
        Population(
            name="out",
            weights=np.ones((6, 4), dtype=np.int64),
            bias=np.zeros(4, dtype=np.int64),
            v_init=np.zeros(4, dtype=np.int64),
            threshold=50,
            v_reset=50,
        ),
    )
)


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
