"""The experiments on wires, wear, learning, STDP windows and SRAM, on small tasks."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.counters import Counters
from hubel.sim import golden
from hubel.sim.memristor.breakeven import RRAM, SRAM
from hubel.sw.learn.digits import DigitsSettings, Epoch
from hubel.sw.memristor import lifetime, pulse_learning, sram, stdp_window, wires
from hubel.sw.memristor.context import Context
from hubel.sw.memristor.experiment import Experiment
from hubel.sw.memristor.task import Task, digits_task
from hubel.sw.svg import responsive


@pytest.fixture(scope="module")
def task() -> Task:
    return digits_task(images=60)


def numbers(experiment: Experiment, column: str) -> np.ndarray:
    """A column of numbers."""
    return np.array(experiment.table.column(column), dtype=float)


def is_whole(experiment: Experiment, folder, seeds: int) -> None:
    """The table reads back, the picture draws in both widths, and the verdict has its floor."""
    path = folder / "table.csv"
    experiment.write_csv(path)
    with open(path, newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == list(experiment.table.columns)
    assert len(lines) == len(experiment.table.rows) + 1
    svg = responsive(experiment.figure, name=experiment.key, title=experiment.name)
    assert svg.count("<svg") == 2
    assert experiment.verdict.startswith(
        "core functionality " + ("met" if experiment.met else "not")
    )
    assert str(experiment.floor) in experiment.verdict
    assert experiment.seeds == seeds and "nan" not in experiment.verdict.lower()


def test_sram(task, tmp_path) -> None:
    found = sram.sram(Context(task=task))
    is_whole(found, tmp_path, 1)
    assert found.met and found.floor.value == pytest.approx(8.3e9, rel=0.01)
    rates = numbers(found, "reads of 64 bits a second")
    power = numbers(found, "RRAM, mW")
    assert power[0] == pytest.approx(1e3 * RRAM.watts(rates[0]))
    carbon = numbers(found, "SRAM, kg CO2e in 5 years")
    hours = 5 * 365.25 * 24
    grams = carbon[0] * 1e3 / (SRAM.watts(rates[0]) / 1e3 * hours)
    assert 300 < grams < 500  # g/kWh of the USA
    # Words that the core reads: rows of a hidden layer of 128 8-bit weights are 16 words.
    trace = golden.run(task.program, task.spikes[:50], lanes=8)
    assert isinstance(trace.counters, Counters)
    hidden = task.spikes[:50].sum() * 16
    output = trace.spikes[0].sum() * 2  # 10 classes
    words = (hidden + output) / 50
    assert sram.reads_of(task) == pytest.approx(words * 1000 * 2**20 / (64 * 128 + 128 * 10))


def test_rule_window_has_the_time_constants_of_its_traces() -> None:
    window = stdp_window.rule_window(10.0, 5.0, 0.5, steps=(-10, -5, 1, 11, 21))
    # Decays are whole 4096ths and changes whole LSB of 16 bits.
    assert window[2] == 100
    assert window[3:] == pytest.approx([100 * math.exp(-1), 100 * math.exp(-2)], rel=0.01)
    assert window[0] / window[1] == pytest.approx(math.exp(-1), rel=0.01)
    assert window[1] < 0
    assert stdp_window.fired_window((-3, 3)).tolist() == [-75, 100]


def test_stdp_window(task, tmp_path) -> None:
    found = stdp_window.stdp_window(Context(task=task, seeds=5))
    is_whole(found, tmp_path, 5)
    assert found.met
    steps = numbers(found, "t_post - t_pre, ms")
    device = dict(zip(steps, numbers(found, "device, %"), strict=True))
    assert device[10] == pytest.approx(47.55, abs=0.0055)
    assert device[-10] == pytest.approx(-10.66, abs=0.0055)
    lows, highs = (numbers(found, f"devices {p}, %") for p in ("p5", "p95"))
    assert (lows <= highs).all() and (lows < highs).any()


def test_wires(task, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(wires, "SIZES", (16, 64, 128))
    monkeypatch.setattr(wires, "WIRINGS", ((10.0, 2.93), (10.0, 100.0)))
    found = wires.wires(Context(task=task, seeds=2))
    is_whole(found, tmp_path, 2)
    assert found.met
    left = numbers(found, "current left in the last column, all on, %")
    assert left[1] == pytest.approx(48.81, abs=0.0051)  # the reference number of this tile
    accuracy = numbers(found, "accuracy, %")
    assert np.ptp(accuracy[:3]) < 8 and accuracy[5] < 80


def test_no_wires_and_no_noise_are_the_digital_core(task, monkeypatch) -> None:
    monkeypatch.setattr(wires, "SIGMA", 0.0)
    assert wires.accuracy_with_wires(task, 64, 0.0, 10.0, seed=1) == task.accuracy()


def test_lifetime(task, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lifetime, "SHARES", (0.01, 1.0, 100.0))
    found = lifetime.lifetime(Context(task=task, seeds=3))
    is_whole(found, tmp_path, 3)
    accuracy = numbers(found, "accuracy, %")
    assert accuracy[0] == task.accuracy()
    assert accuracy[2] < 60
    years = numbers(found, "rram_best at a write a minute, years")
    assert years[1] == pytest.approx(1e8 / (365.25 * 24 * 60))
    hard = Context(task=replace(task, floor=100.1), seeds=2)
    assert not lifetime.lifetime(hard).met  # no accuracy is that good


def test_pulse_learning(task, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pulse_learning, "LABELS", (0.0, 6.0))
    monkeypatch.setattr(pulse_learning, "SIGMAS", (0.0, 0.2))
    epoch = Epoch(a_plus=0.08, a_minus=0.08, a_step=400)
    small = DigitsSettings(neurons=24, epochs=(epoch,))
    found = pulse_learning.pulse_learning(Context(task=task, seeds=2), small, images=300)
    is_whole(found, tmp_path, 2)
    names = found.table.column("device")
    accuracy = numbers(found, "accuracy, %")
    assert names == ["the rule", *["swept"] * 4, *pulse_learning.DEVICES]
    # Without noise it learns (chance is 10 %); pulses of a fifth of the range drown in noise.
    assert accuracy[0] > 50 and accuracy[1:3].min() > 45
    assert accuracy[3:5].max() < accuracy[1:3].min() - 5
    assert found.floor.value == pytest.approx(accuracy[0] - 2, abs=0.01)
