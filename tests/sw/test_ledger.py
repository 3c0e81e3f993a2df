"""The ledger loses no attempt and counts none twice, whatever happens to its writers."""

import fcntl
import json
import math
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hubel.sw.attempt import STATUSES, Attempt
from hubel.sw.figure import Figure
from hubel.sw.ledger import Ledger

POWER = Figure(
    name="package",
    value=46.0,
    unit="W",
    kind="measured",
    subkind="meter",
    boundary="host package+DRAM",
    source="RAPL",
    interval=(44.0, 48.0),
    distribution="normal",
)
ROUTED = POWER.times(95, name="place and route", unit="J")


def attempt(**changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "id": "a",
        "name": "digits",
        "start": "2025-01-01T00:00:00+00:00",
        "status": "completed",
        "epochs": 2,
        "seconds": (42.0, 43.0),
        "power": (POWER,),
        "tools": (ROUTED,),
        "score": 0.97,
        "config": {"lr": 0.1, "layers": [64, 10]},
        "host": "desk",
        "versions": {"yosys": "0.50"},
    }
    return Attempt(**(fields | changes))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "attempts.jsonl")


def lines(ledger: Ledger) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ledger.path.read_text().splitlines()]


# --- Attempt ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"status": "done"},
            f"digits: status must be one of {list(STATUSES)}, not 'done'",
        ),
        (
            {"start": "2025-01-01T00:00:00+01:00"},
            "digits: start must be in UTC, not '2025-01-01T00:00:00+01:00'",
        ),
        (
            {"start": "2025-01-01T00:00:00"},
            "digits: start must be in UTC, not '2025-01-01T00:00:00'",
        ),
        ({"epochs": -1}, "digits: epochs must be at least 0, not -1"),
        ({"epochs": 3}, "digits: 2 values of seconds for 3 epochs"),
        ({"epochs": 1}, "digits: 2 values of seconds for 1 epochs"),
        ({"seconds": (42.0, -0.1)}, "digits: seconds must be at least 0, not -0.1"),
        ({"seconds": math.nan}, "digits: seconds must be at least 0, not nan"),
        ({"other_seconds": -1.0}, "digits: seconds must be at least 0, not -1.0"),
        ({"power": (ROUTED,)}, "digits: power must be in 'W', not 'place and route' in 'J'"),
        ({"setup": (POWER,)}, "digits: setup must be in 'J', not 'package' in 'W'"),
        ({"tools": (POWER,)}, "digits: tools must be in 'J', not 'package' in 'W'"),
    ],
)
def test_attempt_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        attempt(**changes)


@pytest.mark.parametrize("seconds", [(42.0, 43.0), 85.0])
def test_training_seconds(seconds: float | tuple[float, ...]) -> None:
    assert attempt(seconds=seconds).training_seconds == 85.0


@pytest.mark.parametrize("changes", [{}, {"seconds": 85.0}, {"other_seconds": None, "score": None}])
def test_round_trip(ledger: Ledger, changes: dict[str, Any]) -> None:
    ledger.add(attempt(**changes))
    assert ledger.read() == [attempt(**changes)]


# --- Context manager ----------------------------------------------------------------------------


def test_completed(ledger: Ledger) -> None:
    with ledger.attempt("digits", {"lr": 0.1}, power=[POWER], versions={"yosys": "0.50"}) as run:
        run.epoch(42.0)
        run.epoch(43.0)
        run.tools = [ROUTED]
        run.score = 0.97
    (read,) = ledger.read()
    assert (read.name, read.status, read.epochs) == ("digits", "completed", 2)
    assert read.seconds == (42.0, 43.0)
    assert read.other_seconds == 0.0
    assert (read.power, read.tools, read.score) == ((POWER,), (ROUTED,), 0.97)
    assert read.config == {"lr": 0.1}
    assert read.versions["yosys"] == "0.50" and "python" in read.versions
    assert read.host
    assert [line["event"] for line in lines(ledger)] == ["started", "epoch", "epoch", "ended"]
    assert len({line["id"] for line in lines(ledger)}) == 1


def test_epochs_and_the_rest_are_timed(ledger: Ledger) -> None:
    with ledger.attempt("digits") as run:
        time.sleep(0.05)
        run.epoch()
        time.sleep(0.02)
    (read,) = ledger.read()
    assert read.training_seconds >= 0.05
    assert read.other_seconds is not None and read.other_seconds >= 0.02


@pytest.mark.parametrize(
    "error, status",
    [(RuntimeError, "failed"), (KeyboardInterrupt, "killed"), (SystemExit, "killed")],
)
def test_exception(ledger: Ledger, error: type[BaseException], status: str) -> None:
    with pytest.raises(error), ledger.attempt("digits", power=[POWER]) as run:
        run.epoch(42.0)
        time.sleep(0.01)
        raise error
    (read,) = ledger.read()
    assert (read.status, read.epochs, read.training_seconds) == (status, 1, 42.0)
    assert read.power == (POWER,)
    assert read.other_seconds is not None


@pytest.mark.parametrize("status", ["early_stopped", "pruned", "debug"])
def test_assigned_status_is_kept(ledger: Ledger, status: str) -> None:
    with ledger.attempt("digits") as run:
        run.status = status
    with pytest.raises(RuntimeError), ledger.attempt("digits") as run:
        run.status = status
        raise RuntimeError
    assert [read.status for read in ledger.read()] == [status, status]


def test_nan_score_is_no_score_and_loses_no_attempt(ledger: Ledger) -> None:
    with ledger.attempt("digits") as run:
        run.score = math.nan
    (read,) = ledger.read()
    assert (read.status, read.score) == ("completed", None)


def test_epoch_refuses_negative_seconds(ledger: Ledger) -> None:
    message = "^seconds of an epoch must be at least 0, not -1.0$"
    with pytest.raises(ValueError, match=message), ledger.attempt("digits") as run:
        run.epoch(-1)
    (read,) = ledger.read()
    assert (read.status, read.epochs) == ("failed", 0)


def test_start_without_end_is_killed_with_what_is_known(ledger: Ledger) -> None:
    with ledger.attempt("digits", power=[POWER]) as run:
        run.epoch(42.0)
        run.epoch(43.0)
    text = ledger.path.read_text().splitlines(keepends=True)
    ledger.path.write_text("".join(text[:-1]))
    (read,) = ledger.read()
    assert (read.status, read.epochs, read.seconds) == ("killed", 2, (42.0, 43.0))
    assert read.other_seconds is None
    assert read.power == (POWER,)


def test_a_killed_process_leaves_its_attempt(ledger: Ledger) -> None:
    script = (
        "import os, signal, sys\n"
        "from hubel.sw.ledger import Ledger\n"
        "with Ledger(sys.argv[1]).attempt('digits') as run:\n"
        "    run.epoch(42.0)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = spawn(script, ledger)
    assert process.wait(60) == -9
    (read,) = ledger.read()
    assert (read.status, read.epochs) == ("killed", 1)


# --- File ---------------------------------------------------------------------------------------


def spawn(script: str, ledger: Ledger, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(ledger.path), *arguments],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )


def test_two_processes_never_interleave(ledger: Ledger) -> None:
    script = (
        "import sys\n"
        "from hubel.sw.ledger import Ledger\n"
        "ledger = Ledger(sys.argv[1])\n"
        "for index in range(50):\n"
        "    with ledger.attempt(sys.argv[2], {'padding': 'x' * 20000}) as run:\n"
        "        run.epoch(float(index))\n"
    )
    processes = [spawn(script, ledger, name) for name in ("one", "two")]
    assert [process.wait(120) for process in processes] == [0, 0]
    read = ledger.read()
    for name in ("one", "two"):
        mine = [a for a in read if a.name == name]
        assert [a.training_seconds for a in mine] == [float(index) for index in range(50)]
        assert {a.status for a in mine} == {"completed"}
    assert len(read) == 100


def test_a_writer_waits_for_the_lock(ledger: Ledger) -> None:
    writer = threading.Thread(target=ledger.add, args=(attempt(),))
    with ledger.path.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.1)
        assert writer.is_alive()
        assert ledger.path.read_bytes() == b""
    writer.join(10)
    assert ledger.read() == [attempt()]


@pytest.mark.parametrize("kept", [1, 30, -2])
def test_truncated_last_line_is_skipped_with_a_warning(ledger: Ledger, kept: int) -> None:
    ledger.add(attempt())
    whole = ledger.path.read_text()
    ledger.path.write_text(whole + whole.replace('"a"', '"b"')[:kept])
    message = f"^{re.escape(str(ledger.path))}:2: truncated line skipped$"
    with pytest.warns(UserWarning, match=message):
        assert ledger.read() == [attempt()]


def test_writing_after_a_truncated_line_keeps_both_sides(ledger: Ledger) -> None:
    ledger.add(attempt())
    with ledger.path.open("a") as file:
        file.write('{"event": "ended", "id": "b", "att')
    ledger.add(attempt(id="c"))
    ledger.add(attempt(id="d"))
    with pytest.warns(UserWarning, match=r":2: truncated line skipped$"):
        assert [read.id for read in ledger.read()] == ["a", "c", "d"]


def test_a_last_line_that_lacks_only_its_newline_counts(ledger: Ledger) -> None:
    ledger.add(attempt())
    ledger.path.write_text(ledger.path.read_text().rstrip("\n"))
    assert ledger.read() == [attempt()]
    ledger.add(attempt(id="b"))
    assert [read.id for read in ledger.read()] == ["a", "b"]


@pytest.mark.parametrize(
    "line, message",
    [
        ('{"event": "en', "corrupt line: Unterminated string"),
        ("\x00\x00", "corrupt line: Expecting value"),
        ("7", "corrupt record: 'int' object is not subscriptable"),
        ('{"id": "b"}', "corrupt record: no 'event'"),
        ('{"event": "ended", "id": "b"}', "corrupt record: no 'attempt'"),
        ('{"event": "paused", "id": "b"}', "corrupt record: unknown event 'paused'"),
        ('{"event": "epoch", "id": "b", "seconds": 1}', "corrupt record: no 'b'"),
        ('{"event": "epoch", "id": "a", "seconds": 1}', "corrupt record: attempt a is counted tw"),
    ],
)
def test_corrupt_middle_line(ledger: Ledger, line: str, message: str) -> None:
    ledger.add(attempt())
    with ledger.path.open("a") as file:
        file.write(line + "\n")
    ledger.add(attempt(id="c"))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{ledger.path}:2: {message}')}"):
        ledger.read()


def test_an_attempt_cannot_end_twice(ledger: Ledger) -> None:
    ledger.add(attempt())
    ledger.add(attempt())
    with pytest.raises(ValueError, match=r":2: corrupt record: attempt a is counted twice$"):
        ledger.read()


def test_records_are_only_appended(ledger: Ledger) -> None:
    ledger.add(attempt())
    before = ledger.path.read_bytes()
    with ledger.attempt("digits"):
        assert ledger.path.read_bytes().startswith(before)
    assert ledger.path.read_bytes().startswith(before)
