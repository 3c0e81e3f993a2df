"""A training is in the ledger, whatever becomes of it."""

import pytest

from hubel.sw import training
from hubel.sw.ledger import Ledger


def test_a_failed_training_keeps_its_joules(tmp_path, monkeypatch):
    def fails(digits, *, on_epoch, **_):
        on_epoch(1, 0.5)
        raise MemoryError("no memory")

    monkeypatch.setattr(training, "train_mlp", fails)
    with pytest.raises(MemoryError):
        training.train_digits(tmp_path / "ledger.jsonl", epochs=7)
    [attempt] = Ledger(tmp_path / "ledger.jsonl").read()
    assert (attempt.status, attempt.epochs) == ("failed", 1)
    [power] = attempt.power
    assert power.unit == "W"
    assert power.value is not None and power.value > 0
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
    [power] = attempt.power
    assert power.value is not None and power.value > 0
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_an_interrupted_training_is_killed(tmp_path):
    def interrupt(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train_digits(tmp_path / "ledger.jsonl", hidden=8, epochs=3, on_epoch=interrupt)
    [attempt] = Ledger(tmp_path / "ledger.jsonl").read()
    assert (attempt.status, attempt.epochs, attempt.score) == ("killed", 2, None)
    assert attempt.power


def test_the_folder_of_the_ledger_is_made(tmp_path):
    path = tmp_path / "new" / "ledger.jsonl"
    training.train_digits(path, hidden=8, epochs=1)
    assert len(Ledger(path).read()) == 1
