"""Inferences on a board, repeated until the window of a meter is long enough."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.program import Program
from hubel.sim import golden
from hubel.sim.virtual import VirtualBoard, build_virtual
from hubel.sw.board_run import BoardRun
from hubel.sw.cli import main
from hubel.sw.figure import USB_BOARD, Figure
from hubel.sw.idle import Baseline, save_idle
from hubel.sw.meter_log import load_marks, save_marks
from hubel.sw.program_file import save_program
from hubel.sw.repeated import LONG_ENOUGH, repeat
from hubel.sw.sensors import ConstantSensor, MeterSensor, declared_power

from .board_program import board_program, board_spikes

LANES = 4
PROGRAM: Program = board_program(1)
SPIKES = board_spikes(3)
POWER = Figure(name="usb power", value=1.5, unit="W", kind="measured", subkind="meter",
               boundary=USB_BOARD, source="meter", interval=(1.485, 1.515),
               distribution="normal", group="usb gain")  # fmt: skip
IDLE = Baseline(power=POWER, sigma=0.01, seconds=30.0)


class Clocked:
    """A board whose runs take 0.4 s of a clock of its own, and the meter beside it: 2 W."""

    def __init__(self, spoil=lambda number, run: run):
        self.now = 0.0
        self.runs = 0
        self._spoil = spoil
        self.meter = MeterSensor("usb", lambda: 2.0 * self.now, counter=True, boundary=USB_BOARD,
                                 source="meter", gain=0.01, clock=lambda: self.now)  # fmt: skip

    def run(self, spikes) -> BoardRun:
        trace = golden.run(PROGRAM, spikes, lanes=LANES)
        names = [population.name for population in PROGRAM.populations]
        found = BoardRun(spikes=dict(zip(names, trace.spikes, strict=True)), states=None,
                         counters=trace.counters.total())  # fmt: skip
        self.now += 0.4
        self.runs += 1
        return self._spoil(self.runs, found)


def measured(board: Clocked, **changes):
    # In the window of the real clock only the meter's first and last readings are sure.
    with pytest.warns(UserWarning, match="window of"):
        return repeat(board, SPIKES, [board.meter], clock=lambda: board.now, **changes)


def test_repeats_until_the_window_is_long_enough():
    board = Clocked()
    found = measured(board)
    # 25 runs of 0.4 s are 10 s; the first run of all is before the window.
    assert LONG_ENOUGH == 10.0
    assert (found.runs, board.runs) == (25, 26)
    assert found.inferences == 25 * len(SPIKES)
    operations = golden.run(PROGRAM, SPIKES, lanes=LANES).counters.total()["synaptic_operations"]
    assert operations > 0 and found.operations == 25 * operations
    assert found.energies[0].value == pytest.approx(20.0)
    values = {figure.name: figure for figure in found.figures()}
    assert values["gross usb energy an inference"].value == pytest.approx(20 / found.inferences)
    per_operation = values["gross usb energy a synaptic operation"]
    assert per_operation.value == pytest.approx(20 / found.operations)
    assert (per_operation.unit, per_operation.boundary) == ("J/SOP", USB_BOARD)
    assert measured(Clocked(), seconds=10.1).runs == 26


def test_marks_trim_a_log_with_a_clock_of_its_own(tmp_path, capsys):
    """1.5 W, and 2 W while a run is under way; a pause of 0.2 s between them."""
    board = Clocked()
    epoch, pauses = 1.7e9, iter(np.arange(0, 100, 0.1).tolist())

    def wall() -> float:
        return epoch + board.now + next(pauses)

    found = measured(board, seconds=2.0, wall_clock=wall)
    assert len(found.windows) == found.runs == 5
    marks, log = tmp_path / "marks.csv", tmp_path / "log.csv"
    save_marks(marks, found.windows)
    assert load_marks(marks) == [pytest.approx(window) for window in found.windows]
    times = epoch + np.arange(0, 6, 0.001)
    busy = np.any([(times >= a) & (times < b) for a, b in found.windows], axis=0)
    rows = "\n".join(f"{t:.3f},{2.0 if b else 1.5}" for t, b in zip(times, busy, strict=True))
    log.write_text(f"time_s,power_w\n{rows}\n")
    options = ["energy", "log", str(log), "--boundary", "board", "--marks", str(marks),
               "--operations", str(found.operations), "--json"]  # fmt: skip
    assert main(options) == 0
    gross, net, _, per_operation = json.loads(capsys.readouterr().out)
    seconds = sum(end - begin for begin, end in found.windows)
    # Five windows, an edge of each within a sample.
    assert gross["value"] == pytest.approx(2.0 * seconds, rel=0.005)
    assert net["value"] == pytest.approx(0.5 * seconds, rel=0.01)
    assert per_operation["value"] == pytest.approx(net["value"] / found.operations)
    marks.write_text("begin_s,end_s\n2,1\n")
    assert main(options) == 2
    assert f"hubel: {marks}:2: ends before it begins" in capsys.readouterr().err
    marks.write_text("begin,end\n1,2\n")
    assert main(options) == 2
    assert f"hubel: {marks}:2: no begin_s and end_s" in capsys.readouterr().err


def test_net_of_an_idle_baseline_of_the_same_boundary():
    found = measured(Clocked(), baselines=[IDLE])
    # The window that counts for idle power is that of the real clock.
    net = next(f for f in found.figures() if f.name == "net usb energy an inference")
    expected = (20.0 - 1.5 * found.seconds) / found.inferences
    assert net.value == pytest.approx(expected)
    elsewhere = replace(IDLE, power=replace(POWER, boundary="host package"))
    assert not measured(Clocked(), baselines=[elsewhere]).nets


def test_a_run_that_differs_is_no_measurement():
    def flip(number: int, run: BoardRun) -> BoardRun:
        return replace(run, spikes={n: ~s for n, s in run.spikes.items()}) if number == 3 else run

    def count(number: int, run: BoardRun) -> BoardRun:
        return replace(run, counters=run.counters | {"busy": number})

    with pytest.raises(AssertionError, match=r"^run 2 gave other spikes of hidden than the first$"):
        measured(Clocked(flip))
    with pytest.raises(AssertionError, match=r"^run 1 counted 2 busy, the first 1$"):
        measured(Clocked(count))


def test_refuses():
    board = Clocked()
    for spikes, sensors, seconds, message in (
        (SPIKES, [], 10.0, "give a probe: nothing would be measured"),
        (SPIKES[:0], [board.meter], 10.0, "there are no samples to run"),
        (SPIKES, [board.meter], 0.0, "seconds must be above 0, not 0.0"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            repeat(board, spikes, sensors, seconds=seconds)
    assert board.runs == 0


def test_on_the_virtual_board(cache_dir, tmp_path, capsys):
    """The command; beside the board a replayed log of 1.8 W, and an idle power of 1.5 W."""
    save_program(tmp_path / "program.npz", PROGRAM)
    np.savez(tmp_path / "spikes.npz", spikes=SPIKES)
    save_idle(tmp_path / "idle.json", [IDLE])
    times = np.arange(0, 60, 0.1)
    rows = "\n".join(f"{t:.1f},1.8" for t in times)
    (tmp_path / "log.csv").write_text(f"time_s,power_w\n{rows}\n")
    executable = build_virtual(PROGRAM, lanes=LANES, cache_dir=cache_dir)
    with VirtualBoard(executable) as virtual:
        options = ["energy", "measure", str(tmp_path / "program.npz"), "--port", virtual.port,
                   "--probe", f"replay:{tmp_path / 'log.csv'}@{USB_BOARD}", "--seconds", "1.2",
                   "--inputs", str(tmp_path / "spikes.npz"), "--images", "2",
                   "--idle", str(tmp_path / "idle.json"), "--json"]  # fmt: skip
        assert main(options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] >= 1.2 and found["runs"] >= 2
    assert found["inferences"] == 2 * found["runs"]
    trace = golden.run(PROGRAM, SPIKES[:2], lanes=LANES)
    assert found["operations"] == found["runs"] * trace.counters.total()["synaptic_operations"]
    gross, _, net, _ = (figure["value"] for figure in found["figures"])
    each = found["seconds"] / found["inferences"]
    assert gross == pytest.approx(1.8 * each)
    assert net == pytest.approx(0.3 * each)
    # A virtual board does not know its clock.
    assert found["busy_share"] is None


def test_a_constant_needs_no_warning():
    board = Clocked()
    constant = ConstantSensor(declared_power("board", 2.0, USB_BOARD))
    found = repeat(board, SPIKES, [constant], clock=lambda: board.now, seconds=1.0)
    assert found.runs == 3 and found.energies[0].kind == "assumed"
