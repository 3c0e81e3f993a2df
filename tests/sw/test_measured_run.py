"""`hubel nature run`: whatever becomes of a command, its attempt is recorded once."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hubel.sw.cli import main
from hubel.sw.ledger import Ledger
from hubel.sw.measured_run import run_measured
from hubel.sw.sensors import ConstantSensor, declared_power

POWER = ConstantSensor(declared_power("bench", 10.0, "bench"))


def run(tmp_path, code: str, **options):
    return run_measured(
        [sys.executable, "-c", code], ledger=tmp_path / "ledger.jsonl", sensors=[POWER], **options
    )


def test_a_command_that_says_nothing(tmp_path):
    attempt, window = run(tmp_path, "import time; time.sleep(0.05)", name="sleep")
    assert (attempt.status, attempt.exit_code, attempt.epochs) == ("completed", 0, 1)
    assert attempt.training_seconds == pytest.approx(window.seconds, abs=0.05)
    assert attempt.power[0].value == pytest.approx(10.0)
    assert attempt.command[0] == sys.executable
    assert Ledger(tmp_path / "ledger.jsonl").read() == [attempt]


def test_a_command_that_reports(tmp_path):
    code = """
import json, os
with open(os.environ["HUBEL_ATTEMPT"], "a") as file:
    for note in ({"config": {"lr": 0.1}}, {"epoch": 1, "seconds": 0.01}, [], {"epoch": 2,
                 "seconds": 0.02}, {"score": 0.5}, {"score": 0.75}, {"status": "early_stopped"}):
        print(json.dumps(note), file=file)
    file.write('{"score": 0.9')
"""
    attempt, _ = run(tmp_path, code, config={"seed": 3})
    assert (attempt.status, attempt.epochs, attempt.score) == ("early_stopped", 2, 0.75)
    assert attempt.seconds == (0.01, 0.02)
    assert attempt.other_seconds is not None and attempt.other_seconds > 0
    assert attempt.config == {"seed": 3, "lr": 0.1}


@pytest.mark.parametrize(
    "code, status, exit_code",
    [
        ("raise SystemExit(7)", "failed", 7),
        ("import os; os.kill(os.getpid(), 9)", "killed", -9),
        ("raise SystemExit(130)", "killed", 130),
        ("import os; open(os.environ['HUBEL_ATTEMPT'], 'w').write('{\"status\": \"pruned\"}');"
         " raise SystemExit(1)", "failed", 1),
    ],
)  # fmt: skip
def test_a_command_that_fails_counts_all_its_seconds(tmp_path, code, status, exit_code):
    attempt, window = run(tmp_path, code)
    assert (attempt.status, attempt.exit_code, attempt.epochs) == (status, exit_code, 0)
    assert attempt.other_seconds == pytest.approx(window.seconds, abs=0.1)
    assert (attempt.other_seconds or 0) > 0


def test_nothing_was_started(tmp_path):
    for command, error in (([], ValueError), (["no-such-program"], FileNotFoundError)):
        with pytest.raises(error):
            run_measured(command, ledger=tmp_path / "l.jsonl", sensors=[POWER])
    with pytest.raises(ValueError, match="two probes for the boundary 'bench'"):
        run_measured(["true"], ledger=tmp_path / "l.jsonl", sensors=[POWER, POWER])
    assert not (tmp_path / "l.jsonl").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_and_recorded(tmp_path, number):
    ledger, sign = tmp_path / "ledger.jsonl", tmp_path / "sign"
    code = f"import time; open({str(sign)!r}, 'w').close(); time.sleep(60)"
    hubel = [sys.executable, "-c", "import sys; from hubel.sw.cli import main; sys.exit(main())"]
    command = [*hubel, "nature", "run", "--ledger", str(ledger),
               "--probe", "constant:10", "--", sys.executable, "-c", code]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    limit = time.monotonic() + 30
    while not sign.exists() and time.monotonic() < limit:
        time.sleep(0.02)
    os.kill(process.pid, number)
    process.communicate(timeout=30)
    (attempt,) = Ledger(ledger).read()
    assert attempt.status == "killed"
    assert attempt.exit_code in (-number, 128 + number, 1)
    assert attempt.other_seconds is not None and attempt.power[0].value == pytest.approx(10)
    assert process.returncode == 128 + number


def test_command_and_report(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    script = [sys.executable, "-c", "print('hello')"]
    assert main(["nature", "run", "--probe", "constant:40", "--rest-w", "25", "--json", "--",
                 *script]) == 0  # fmt: skip
    text = capfd.readouterr().out
    assert text.startswith("hello\n")
    data = json.loads(text.removeprefix("hello\n"))
    assert data["exit_code"] == 0 and data["overhead_seconds"] >= 0
    assert [e["kind"] for e in data["energies"]] == ["assumed", "assumed"]
    assert sum(p["value"] for p in data["power"]) == pytest.approx(65)
    assert main(["nature", "run", "--probe", "constant:40", "--", "false"]) == 1
    assert "false: failed, exit code 1, 0 epochs" in capfd.readouterr().err
    assert main(["nature", "report", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["n_exp"] == 2
    assert main(["nature", "run", "--probe", "watts", "--", "true"]) == 2
    assert main(["nature", "run", "--", "no-such-program"]) == 2
    assert "no-such-program: no such program" in capfd.readouterr().err
