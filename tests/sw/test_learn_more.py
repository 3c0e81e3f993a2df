"""Features, the window and the hidden pattern: what the commands compute."""

import json
from pathlib import Path

import numpy as np
import pytest

from hubel.sw.cli import main
from hubel.sw.learn.features import FeatureSettings, learn_features, spike_times
from hubel.sw.learn.hidden_pattern import PATTERN, PatternSettings, hidden_pattern, judge


def test_bright_pixels_spike_early_and_dark_ones_in_the_other_channel() -> None:
    image = np.zeros(64, dtype=np.uint8)
    image[:3] = 16, 8, 1
    times = spike_times(image, 8)
    never = np.iinfo(np.int64).max
    assert times.shape == (2, 10, 10)
    assert times[0, 1, 1:5].tolist() == [0, 3, 7, never]
    assert times[1, 1, 1:5].tolist() == [never, 3, 0, 0]


@pytest.mark.long
def test_learned_features_are_better_than_random_ones() -> None:
    for seed in range(3):
        result = learn_features(FeatureSettings(), seed=seed)
        assert result.learned > max(result.shuffled, result.uniform) + 0.02
        assert min(result.wins) > 0


@pytest.mark.long
def test_the_command_compares_features(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    options = ["--seeds", "1", "--images", "500", "--out", str(tmp_path)]
    assert main(["learn", "features", "--json", *options]) == 0
    mean = json.loads(capsys.readouterr().out)["mean"]
    assert mean["learned"] > mean["uniform"]
    assert (tmp_path / "features-0.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_but_its_times_betrays_the_pattern() -> None:
    settings = PatternSettings()
    spikes, starts = hidden_pattern(settings, 0)
    assert (np.diff(starts) >= 2 * PATTERN).all()
    half = settings.inputs // 2
    shown = np.stack([spikes[s : s + PATTERN, :half] for s in starts])
    assert (shown == shown[0]).all()
    # Rates: Poisson, 5 standard deviations.
    chance = settings.rate / 1000
    for part in (spikes[:, half:], spikes[:, :half]):
        deviation = np.sqrt(chance / part.size)
        # A frozen pattern is 50 steps that count some 60 times.
        assert abs(part.mean() - chance) < 5 * deviation * np.sqrt(len(starts))


def test_hits_false_alarms_and_latency() -> None:
    found = judge(np.array([3, 9, 60, 105, 190]), np.array([0, 100, 200]), 0, 250)
    assert found.hit_rate == pytest.approx(2 / 3)
    assert found.false_alarms == pytest.approx(2 / 0.25)
    assert found.latency_ms == pytest.approx((3 + 5) / 2)


def test_a_neuron_finds_the_pattern_in_golden() -> None:
    settings = PatternSettings()
    spikes, starts = hidden_pattern(settings, 1)
    layer = settings.layer()
    fired = np.array([n for n, step in enumerate(spikes) if layer.step(np.flatnonzero(step))])
    early, late = (judge(fired, starts, n, n + 4000) for n in (0, len(spikes) - 4000))
    assert late.hit_rate >= 0.98 and late.false_alarms <= 0.5
    assert early.false_alarms > 10
    # Where in the pattern it fires depends on the noise, too.
    assert late.latency_ms < PATTERN
