"""Digits learned without labels, and the file that keeps what was learned."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from hubel.sim.learning import run
from hubel.sw.cli import main
from hubel.sw.learn.digits import DigitsSettings, learn_digits, to_spikes, untrained
from hubel.sw.learn.layer_file import load_layer, save_layer
from hubel.sw.learn.naming import name_neurons, vote


def test_neurons_are_named_by_the_class_they_answer_most() -> None:
    counts = np.array([[3, 0, 0], [1, 2, 0], [0, 2, 0]])
    names = name_neurons(counts, np.array([0, 1, 1]), 2)
    assert names.tolist() == [0, 1, -1]
    assert vote(np.array([[2, 1, 0], [0, 1, 5], [0, 0, 9]]), names, 2).tolist() == [0, 1, -1]
    with pytest.raises(ValueError, match=r"^there is no sample of class \[2\]$"):
        name_neurons(counts, np.array([0, 1, 1]), 3)


def test_digits_are_learned() -> None:
    result = learn_digits(DigitsSettings(), seed=0)
    assert result.test_accuracy >= 0.85
    assert result.used_neurons >= 100


@pytest.mark.long
def test_five_seeds_reach_85_percent() -> None:
    found = [learn_digits(DigitsSettings(), seed=seed).test_accuracy for seed in range(5)]
    assert min(found) >= 0.85
    # The first weights, homeostasis and names alone.
    assert learn_digits(untrained(DigitsSettings()), seed=0).test_accuracy < 0.7


def test_the_command_prints_the_accuracy_of_each_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ["--seeds", "2", "--images", "20", "--neurons", "16", "--out", str(tmp_path)]
    assert main(["learn", "digits", "--json", *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["test_accuracy"]) == 2
    assert answer["mean"] == pytest.approx(np.mean(answer["test_accuracy"]))
    for picture in answer["pictures"]:
        assert Path(picture).read_bytes().startswith(b"\x89PNG")


def test_what_was_learned_is_saved_and_fires_the_same(tmp_path: Path) -> None:
    result = learn_digits(DigitsSettings(neurons=16), seed=1, images=10)
    save_layer(tmp_path / "layer.npz", result.layer)
    again = load_layer(tmp_path / "layer.npz")
    shown = to_spikes(np.random.default_rng(1).integers(0, 17, (3, 64)).astype(np.uint8), 8)
    expected = run(result.layer, shown)
    assert expected.any()
    np.testing.assert_array_equal(run(again, shown), expected)
    np.testing.assert_array_equal(again.weights, result.layer.weights)


def test_power_loss_in_the_middle_of_a_save_leaves_the_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the save stops, a file of before is there, and readable."""
    path = tmp_path / "layer.npz"
    result = learn_digits(DigitsSettings(neurons=16), seed=1, images=2)
    save_layer(path, result.layer)
    before = path.read_bytes()
    result.layer.weights[:] = 7

    class PowerLoss(BaseException):
        pass

    def lost(*args, **kwargs):
        raise PowerLoss

    def half(file, **arrays):
        file.write(before[: len(before) // 2])
        raise PowerLoss

    for target, name, stop in ((np, "savez", half), (os, "replace", lost)):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, stop)
            with pytest.raises(PowerLoss):
                save_layer(path, result.layer)
        assert path.read_bytes() == before
    assert not (load_layer(path).weights == 7).all()
    save_layer(path, result.layer)
    assert (load_layer(path).weights == 7).all()


def test_a_damaged_file_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "layer.npz"
    save_layer(path, learn_digits(DigitsSettings(neurons=16), seed=1, images=2).layer)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a readable learned layer") as caught:
        load_layer(path)
    assert "\n" not in str(caught.value)
