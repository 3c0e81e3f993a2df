"""Sweeps: every trial once, and a worker that dies is one attempt more."""

import json
import os
import signal
import sys
import threading
import time

import psutil
import pytest

from hubel.sw.cli import main
from hubel.sw.ledger import Ledger
from hubel.sw.sensors import ConstantSensor, declared_power
from hubel.sw.shared_sensor import Roll, SharedSensor
from hubel.sw.sweep import sweep
from hubel.sw.trials import fill, parse_axis, points

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SCORE = (
    "import json, os, sys; x, y = float(sys.argv[1]), sys.argv[2];"
    " open(os.environ['HUBEL_ATTEMPT'], 'w').write(json.dumps({'score': x}));"
    " sys.exit(3 if y == 'bad' and x > 1 else 0)"
)


def test_axes():
    assert parse_axis("lr=0.1,1,adam") == ("lr", [0.1, 1, "adam"])
    grid = points({"a": [1, 2, 3], "b": ["x", "y"]})
    assert len(grid) == 6 and grid[1] == {"a": 1, "b": "y"}
    some = points({"a": [1, 2, 3], "b": ["x", "y"]}, most=4, seed=1)
    assert len(some) == 4 and all(point in grid for point in some)
    assert fill(["run", "--lr={lr}", "{other}"], {"lr": 0.1}) == ["run", "--lr=0.1", "{other}"]
    for bad in ("lr", "lr=", "1x=2", "lr=1,,2"):
        with pytest.raises(ValueError, match=r"give a name and values, as in lr=0\.1,0\.01"):
            parse_axis(bad)
    with pytest.raises(ValueError, match="axis 'lr=1,1': a value is given twice"):
        parse_axis("lr=1,1")
    with pytest.raises(ValueError, match=r"the command has no place \{lr\} for the axis 'lr'"):
        fill(["run"], {"lr": 0.1})


def test_a_meter_is_divided(tmp_path):
    """10 W for three trials, the third of which has died: two shares, which add up to the whole."""
    sensor = ConstantSensor(declared_power("machine", 10.0, "machine"))
    (tmp_path / "dead").write_text("999999999")
    with Roll(tmp_path, "a") as first, Roll(tmp_path, "b"):
        assert first.count() == 2
        assert not (tmp_path / "dead").exists()
        shared = SharedSensor(sensor, first)
        shared.start()
        time.sleep(0.1)
        shared.update()
        seconds = time.monotonic() - shared._begin
        assert shared._share == pytest.approx(5 * seconds, rel=0.05)
    shared.update()
    time.sleep(0.1)
    shared.update()
    energy = shared.energy(time.monotonic() - shared._begin)
    assert energy.value == pytest.approx(0.5 + 1.0, rel=0.1)
    assert energy.kind == "assumed" and energy.source.endswith("between the trials of the machine")
    assert list(tmp_path.iterdir()) == []


def test_grid_on_a_local_cluster(tmp_path, capsys):
    path = tmp_path / "ledger.jsonl"
    code = main(["sweep", "--grid", "x=0.5,1.5", "--grid", "y=good,bad", "--ledger", str(path),
                 "--probe", "constant:10", "--workers", "2", "--json", "--", sys.executable, "-c",
                 SCORE, "{x}", "{y}"])  # fmt: skip
    assert code == 1  # one trial failed
    rows = json.loads(capsys.readouterr().out)
    assert [(r["config"]["x"], r["config"]["y"], r["status"], r["score"]) for r in rows] == [
        (0.5, "good", "completed", 0.5), (0.5, "bad", "completed", 0.5),
        (1.5, "good", "completed", 1.5), (1.5, "bad", "failed", 1.5),
    ]  # fmt: skip
    attempts = Ledger(path).read()
    assert sorted(a.id for a in attempts) == sorted(r["id"] for r in rows)
    for attempt in attempts:
        (power,) = attempt.power
        assert power.value is not None and 4.5 <= power.value <= 10.5


def test_a_worker_that_dies(tmp_path):
    """Killed in the middle of its first trial, which is run again; its command dies with it."""
    path, sign = tmp_path / "ledger.jsonl", tmp_path / "sign"
    code = (
        "import os, sys, time\n"
        f"if sys.argv[1] == '1' and not os.path.exists({str(sign)!r}):\n"
        f"    open({str(sign)!r} + '.new', 'w').write(f'{{os.getpid()}} {{os.getppid()}}')\n"
        f"    os.rename({str(sign)!r} + '.new', {str(sign)!r})\n"
        "    time.sleep(300)\n"
    )
    pids: list[int] = []

    def kill() -> None:
        limit = time.monotonic() + 60
        while not sign.exists() and time.monotonic() < limit:
            time.sleep(0.05)
        pids.extend(int(word) for word in sign.read_text().split())
        time.sleep(1.5)  # for a beat, which tells the power
        os.kill(pids[1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = sweep([sys.executable, "-c", code, "{x}"], [{"x": 1}, {"x": 2}], ledger=path,
                  probes=["constant:10"])  # fmt: skip
    killer.join()
    assert [a.config["x"] for a in found] == [1, 2]
    assert [a.status for a in found] == ["completed", "completed"]
    attempts = Ledger(path).read()
    assert len(attempts) == 3  # two trials, and the one that was lost: no more, no less
    (lost,) = [a for a in attempts if a.status == "killed"]
    assert lost.config == {"x": 1} and lost.epochs == 0
    assert lost.other_seconds is not None and lost.other_seconds > 1.5
    assert lost.power[0].value == pytest.approx(10, rel=0.05)
    assert {a.id for a in found} == {a.id for a in attempts} - {lost.id}
    assert not _runs(pids[0])


def _runs(pid: int) -> bool:
    """Whether a process runs: one that is dead may still wait for somebody to ask how it ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_refuses(tmp_path, capsys):
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(ValueError, match="a sweep of no trials; give axes with --grid"):
        sweep(["true"], [], ledger=path)
    assert main(["sweep", "--grid", "x=1", "--grid", "x=2", "--", "true", "{x}"]) == 2
    assert "axis 'x' is given twice" in capsys.readouterr().err
    assert main(["sweep", "--grid", "x=1", "--scheduler", "tcp://127.0.0.1:1", "--ledger",
                 str(path), "--", "true", "{x}"]) == 2  # fmt: skip
    assert "127.0.0.1:1" in capsys.readouterr().err
    assert not path.exists()
