"""Builds, trainings and the ledger: every joule once."""

from types import SimpleNamespace

import numpy as np
import pytest

from hubel.boards import board
from hubel.hdl.program import Population, Program
from hubel.sw import building, training
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


def test_a_failed_training_keeps_its_joules(tmp_path, monkeypatch):
    def fails(digits, *, on_epoch, **_):
        on_epoch(1, 0.5)
        raise MemoryError("no memory")

    monkeypatch.setattr(training, "train_mlp", fails)
    with pytest.raises(MemoryError):
        training.train_digits(tmp_path / "ledger.jsonl", epochs=7)
    [attempt] = Ledger(tmp_path / "ledger.jsonl").read()
    assert (attempt.status, attempt.epochs) == ("failed", 1)
    assert attempt.power[0].unit == "W"
    assert attempt.config == {"hidden": 128, "epochs": 7, "seed": 0}


def test_a_training_counts_its_epochs(tmp_path):
    done = []
    mlp = training.train_digits(
        tmp_path / "ledger.jsonl",
        hidden=8,
        epochs=3,
        on_epoch=lambda epoch, total: done.append((epoch, total)),
    )
    [attempt] = Ledger(tmp_path / "ledger.jsonl").read()
    assert (attempt.status, attempt.epochs, attempt.score) == ("completed", 3, mlp.accuracy)
    assert done == [(1, 3), (2, 3), (3, 3)]
