"""Masquelier, Guyonneau & Thorpe (2008) on the gateware: minutes."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim.learning_gateware import learn_in_gateware
from hubel.sim.simulator import find_simulator
from hubel.sw.learn.hidden_pattern import PatternSettings, hidden_pattern, judge

pytestmark = pytest.mark.long


def test_one_neuron_finds_a_hidden_pattern(cache_dir: Path) -> None:
    settings = PatternSettings()
    spikes, starts = hidden_pattern(settings, 0)
    layer = settings.layer()
    backend = find_simulator("verilator").name
    found = learn_in_gateware(layer, spikes[None], backend=backend, cache_dir=cache_dir)
    expected = [layer.step(np.flatnonzero(step)) for step in spikes]
    assert found.fired[0] == expected
    np.testing.assert_array_equal(found.read_weights, layer.weights)
    fired = np.array([n for n, neurons in enumerate(expected) if neurons])
    late = judge(fired, starts, len(spikes) - 5000, len(spikes))
    # As in the paper: more than 98 % hits, no false alarms.
    assert late.hit_rate > 0.98 and late.false_alarms == 0
