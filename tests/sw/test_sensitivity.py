"""Hyper-parameter sensitivity against counting all subsets and all orders."""

import itertools
import json
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sw.attempt import Attempt
from hubel.sw.cli import main
from hubel.sw.footprint import declared, site
from hubel.sw.ledger import Ledger
from hubel.sw.sensitivity import expected_best, importance, joules_to_target, sensitivity

DESK = site(None, grid_loss=0.0)


def attempt(index, score, joules=10.0, status="completed", **config):
    return Attempt(
        id=str(index), name="search", start="2026-01-01T00:00:00+00:00", status=status, epochs=1,
        seconds=joules, power=(declared("power", 1.0, "W", "IT"),), score=score, config=config,
    )  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=7))
def test_expected_best_is_the_mean_over_all_subsets(scores):
    for n, best in enumerate(expected_best(scores), 1):
        subsets = itertools.combinations(scores, n)
        assert best == pytest.approx(statistics.fmean(max(s) for s in subsets), abs=1e-9)


def test_joules_to_target_against_all_orders():
    joules, scores = [1.0, 2.0, 4.0, 8.0, 16.0], [0.1, None, 0.9, 0.3, 0.95]
    exact = []
    for order in itertools.permutations(range(5)):
        spent = 0.0
        for index in order:
            spent += joules[index]
            if (scores[index] or 0.0) >= 0.9:
                break
        exact.append(spent)
    found = joules_to_target(joules, scores, 0.9, draws=20_000)
    assert found is not None
    # The quantiles of a discrete distribution: within one of its steps.
    for value, q in zip(found, (0.5, 0.05, 0.95), strict=True):
        low, high = np.quantile(exact, (max(q - 0.02, 0), min(q + 0.02, 1)))
        assert low <= value <= high
    assert joules_to_target(joules, scores, 0.99) is None


def test_of_a_ledger():
    attempts = [attempt(0, 0.5, 10), attempt(1, 0.8, 20), attempt(2, None, 30, "failed"),
                attempt(3, 0.7, 40), attempt(4, 0.99, 50, "debug")]  # fmt: skip
    found = sensitivity(attempts, DESK)
    assert (found.attempts, found.scored, found.best_score) == (5, 3, 0.8)
    assert found.joules == pytest.approx(150)  # of all, that of debug too
    assert found.search_factor == pytest.approx(150 / 20)
    assert found.iqr == pytest.approx(0.15)
    assert [joules for joules, _ in found.curve] == pytest.approx([50, 100, 150])
    assert [score for _, score in found.curve] == pytest.approx([2 / 3, (0.7 + 1.6) / 3, 0.8])
    assert found.target == 0.8
    assert (found.importance, found.importance_note) == ({}, "no parameter varies")


def test_importance_finds_what_matters():
    rng = np.random.default_rng(1)
    attempts = []
    for index in range(90):
        lr, seed, kind = rng.uniform(), int(rng.integers(9)), str(rng.choice(["a", "b"]))
        score = lr**2 + 0.4 * (kind == "a") + 0.01 * rng.standard_normal()
        attempts.append(attempt(index, float(score), lr=lr, seed=seed, kind=kind, fixed=3))
    table, note = importance(attempts, [a.score for a in attempts])
    assert set(table) == {"lr", "kind", "seed"}
    # lr moves the score by 0.3 (standard deviation), kind by 0.2, the seed not at all.
    above = {name: row["pawn"] - row["noise"] for name, row in table.items()}
    assert above["seed"] < 0 < 0.1 < min(above["kind"], above["lr"])
    assert note == "PAWN index of 90 attempts (SALib), and 95 % of it shuffled"


def test_no_importance():
    few = [attempt(i, 0.1 * i, lr=i) for i in range(5)]
    assert importance(few, [a.score for a in few])[1] == "5 scored attempts; 10 are needed at least"
    alike = [attempt(i, 0.5, lr=i) for i in range(12)]
    assert importance(alike, [a.score for a in alike])[1] == "all scores are equal"


def test_refuses():
    with pytest.raises(ValueError, match="no attempt has a score"):
        sensitivity([attempt(0, None)], DESK)


def test_command(tmp_path, capsys):
    path, picture = tmp_path / "ledger.jsonl", tmp_path / "search.png"
    rng = np.random.default_rng(2)
    for index in range(20):
        Ledger(path).add(attempt(index, float(rng.uniform()), lr=index))
    options = ["nature", "sensitivity", "--ledger", str(path)]
    assert main([*options, "--picture", str(picture), "--target", "0.5"]) == 0
    text = capsys.readouterr().out
    assert "best of 16" in text and "search factor" in text and "importance of lr" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*options, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["curve"]) == 20
    assert main([*options, "--name", "other"]) == 2
    assert main([*options, "--picture", "x.bmp"]) == 2
    assert "x.bmp: a picture is .png, .svg or .pdf" in capsys.readouterr().err
