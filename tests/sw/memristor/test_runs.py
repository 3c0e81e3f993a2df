"""The experiments on the digits, small: what must hold for any seed, and what the picture needs."""

import re

import numpy as np
import pytest

from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import generic
from hubel.sw.memristor import programming as programming_module
from hubel.sw.memristor import reading as reading_module
from hubel.sw.memristor import retention as retention_module
from hubel.sw.memristor import sweeps
from hubel.sw.memristor.context import Context
from hubel.sw.memristor.experiment import Experiment
from hubel.sw.memristor.grid import Point, measure
from hubel.sw.memristor.knee import knee
from hubel.sw.memristor.task import Task, digits_task


@pytest.fixture(scope="module")
def task() -> Task:
    return digits_task(images=60)


@pytest.fixture(scope="module")
def context(task: Task) -> Context:
    return Context(task=task, seeds=2)


def numbers(experiment: Experiment, column: str, **where) -> list[float]:
    """Cells of ``column`` in the rows where other columns are as said."""
    named = {name.split(",")[0].replace(" ", "_"): name for name in experiment.table.columns}
    keep = [
        all(experiment.table.column(named[k])[i] == v for k, v in where.items())
        for i in range(len(experiment.table.rows))
    ]
    cells = [c for c, kept in zip(experiment.table.column(column), keep, strict=True) if kept]
    return [float(c) for c in cells if isinstance(c, int | float)]


def test_ideal_devices_change_nothing(context: Context) -> None:
    points = [
        Point(cells=ArrayParams(device=generic()), compensation=c)
        for c in ("none", "global", "column", "thresholds")
    ]
    for cell in measure(context, points):
        for seed in cell.seeds:
            assert seed.accuracy == context.task.accuracy()
            assert seed.error == 0 and seed.failed == 0 and seed.pulses == 1
            assert seed.array_joules > 0 and seed.periphery_joules > 0


def test_seeds_differ_and_repeat(task: Task) -> None:
    points = [Point(cells=ArrayParams(device=pcm_nandakumar2019()))]
    one = measure(Context(task=task, seeds=2, seed=3), points)
    again = measure(Context(task=task, seeds=1, seed=4), points)
    assert one[0].seeds[1] == again[0].seeds[0]
    assert one[0].seeds[0].error != one[0].seeds[1].error


def test_programming(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programming_module, "BANDS", (0.6, 0.2, 0.05, 0.01))
    found = programming_module.programming(context)
    for policy in ("memoryless", "incremental"):
        where = {"device": "generic", "policy": policy}
        array = numbers(found, "array, pJ a synapse", **where)
        error = numbers(found, "weight error, LSB rms", **where)
        assert (np.diff(array) > 0).all() and (np.diff(error) < 0).all()
        assert min(numbers(found, "periphery, pJ a synapse", **where)) > 0
    marks = [str(mark) for mark in found.table.column("mark") if mark]
    assert sum("knee" in mark for mark in marks) == 4
    # 0.01 of the 22.5 uS of the generic device is below its verify noise, 0.25 uS.
    assert any(note.startswith("2 bands are narrower") for note in found.notes)
    assert found.met and "pJ" in found.finding
    assert re.search(r"array [\d.]+ pJ and periphery [\d.]+ pJ", found.finding)
    found.figure(720)


def test_knee_is_where_a_hyperbola_bends() -> None:
    assert knee([1.0, 10.0, 100.0, 1e3, 1e4], [10.0, 2.0, 1.5, 1.2, 1.0]) == 1
    assert knee([1e4, 1e3, 1.0, 10.0], [1.0, 1.2, 10.0, 2.0]) == 3
    assert knee([5.0], [1.0]) == 0


def test_retention(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        retention_module, "TIMES", (1.0, retention_module.MONTH, retention_module.YEAR)
    )
    found = retention_module.retention(context)

    def error(against: str) -> list[float]:
        where = {"device": "pcm_nandakumar2019", "against_drift": against}
        return numbers(found, "weight error, LSB rms", **where)

    assert error("none")[2] > 2 * error("none")[0]
    # A gain amplifies the noise that is left; programming anew takes it away.
    for against in ("global", "column", "refresh"):
        assert error(against)[2] < 0.9 * error("none")[2]
    assert error("refresh and global")[2] < error("none")[2] / 2
    where = {"device": "pcm_nandakumar2019", "against_drift": "refresh"}
    assert numbers(found, "refreshes", **where) == [0, 4, 52]
    joules = numbers(found, "array, J since the start", **where)
    assert joules[2] == pytest.approx(53 * joules[0], abs=0)
    grams = numbers(found, "programming, g CO2e (USA)", **where)
    assert grams[2] == pytest.approx(53 * grams[0], abs=0) and grams[0] > 0
    # Data of Wan et al. end after two days.
    assert numbers(found, "seconds", device="rram_wan2022") == [1.0]
    found.figure(350)


def test_levels(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "LEVELS", (2, 8, 128))
    found = sweeps.levels(context)
    error = numbers(found, "weight error, LSB rms", line="ideal")
    # 128 levels hold the magnitudes 0..127 of 8 bits exactly.
    assert error[0] > error[1] > error[2] == 0
    assert found.met
    found.figure(720)


def test_stuck(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "STUCK", (0.0, 2.0, 20.0))
    found = sweeps.stuck(context)
    for line in ("9 low : 1 high", "all low", "all high"):
        error = numbers(found, "weight error, LSB rms", line=line)
        assert error[0] == 0 and error[1] < error[2]
    assert numbers(found, "accuracy, %", line="all high")[2] < context.task.floor
    assert not found.met
    found.figure(720)


def test_read_noise(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "NOISES", (0.0, 15.0, 50.0))
    found = sweeps.read_noise(context)
    error = numbers(found, "weight error, LSB rms", line="ideal")
    assert error[0] == 0
    # Sigma is in proportion to the weight, and 0.5 of it is now and then clipped.
    assert error[2] / error[1] == pytest.approx(50 / 15, rel=0.1)
    found.figure(720)


def test_reading(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "VOLTS", (0.0001, 0.005, 0.5))
    monkeypatch.setattr(reading_module, "SECONDS", (1e-8, 1e-6))
    found = reading_module.reading(context)

    def column(name: str, device: str, seconds: float) -> list[float]:
        rows = zip(*(found.table.column(c) for c in ("device", "read, s", name)), strict=True)
        return [float(v) for d, s, v in rows if (d, s) == (device, seconds)]  # type: ignore[arg-type]

    for device in ("pcm_nandakumar2019", "rram_milo2021"):
        short, long = (column("array, fJ a synapse", device, s) for s in (1e-8, 1e-6))
        # V^2 G t.
        assert long == pytest.approx([100 * joules for joules in short], rel=1e-9, abs=0)
        assert short[2] / short[0] == pytest.approx(5000**2, rel=1e-9, abs=0)
        periphery = column("periphery, fJ a synapse", device, 1e-8)
        assert periphery == pytest.approx([periphery[0]] * 3, rel=1e-9) and periphery[0] > short[1]
    short, long = (column("weight error, LSB rms", "pcm_nandakumar2019", s) for s in (1e-8, 1e-6))
    assert short[0] > short[1] > short[2] and (np.array(long) < short).all()
    # RRAM: at 0.5 V its I-V curve bends.
    error = column("weight error, LSB rms", "rram_milo2021", 1e-6)
    assert error[0] > error[1] < error[2]
    assert column("accuracy, %", "pcm_nandakumar2019", 1e-8)[0] < context.task.floor
    assert found.met and "fJ" in found.finding
    found.figure(720)
