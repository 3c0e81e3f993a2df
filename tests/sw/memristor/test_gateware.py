"""Digits with the weights of noisy devices through the gateware, in Verilator: what golden says."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sim import gateware, golden
from hubel.sim.compare import first_divergence
from hubel.sim.memristor.at_program import program_devices
from hubel.sim.memristor.crossbar import SynapseParams
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.layers import ReadNoise, StuckCells
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.simulator import find_simulator
from hubel.sw.memristor.task import digits_task


@pytest.mark.long
def test_noisy_devices_in_the_gateware(cache_dir: Path) -> None:
    """PCM after a day, with stuck cells and noisy reads: with compensation of the weights, and of
    the thresholds."""
    find_simulator("verilator")
    task = digits_task(images=4)
    layers = (StuckCells(low=0.02, high=0.01), ReadNoise(0.02))
    devices = program_devices(
        task.program,
        SynapseParams(array=ArrayParams(device=pcm_nandakumar2019(), layers=layers)),
        seed=20261125,
    )
    for program in (
        devices.at(86400.0, compensation="global"),
        devices.at_scaled_thresholds(86400.0),
    ):
        pairs = zip(program.projections, task.program.projections, strict=True)
        assert all((new.weights != old.weights).mean() > 0.5 for new, old in pairs)
        expected = golden.run(program, task.spikes)
        got = gateware.run(program, task.spikes, cache_dir=cache_dir)
        assert first_divergence(program, expected, got) is None
        assert all(fired.any() for fired in got.spikes)
        assert not np.array_equal(
            expected.spikes[0], golden.run(task.program, task.spikes).spikes[0]
        )
