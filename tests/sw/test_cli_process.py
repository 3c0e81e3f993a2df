"""The command line as a process: Ctrl-C, folders that cannot be written, a reader that leaves."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sw.ledger import Ledger
from hubel.sw.program_file import save_program

HUBEL = [sys.executable, "-c", "import sys; from hubel.sw.cli import main; sys.exit(main())"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HUBEL, *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing happened in two minutes"
        time.sleep(0.05)


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_ctrl_c_in_a_training_keeps_the_joules_and_no_file(tmp_path):
    process = start(tmp_path, "train", "--epochs", "100000", "--ledger", "ledger.jsonl")
    ledger = tmp_path / "ledger.jsonl"
    wait_until(lambda: ledger.exists() and ledger.read_text().count("epoch") > 3, process)
    assert interrupt(process) == (130, "hubel: interrupted; what was finished is kept\n")
    [attempt] = Ledger(ledger).read()
    assert attempt.status == "killed"
    assert attempt.epochs > 0
    assert attempt.power[0].value is not None
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["ledger.jsonl"]


def test_ctrl_c_in_a_simulation_leaves_no_process(tmp_path):
    weights = np.ones((64, 64), dtype=np.int64)
    program = Program(
        inputs=(Source("input", Shape(64)),),
        populations=(Population(name="out", shape=Shape(64), threshold=50, v_reset=50),),
        projections=(Dense(name="in", source="input", target="out", weights=weights),),
        outputs=("out",),
    )
    save_program(tmp_path / "program.npz", program)
    process = start(tmp_path, "sim", "program.npz", "--images", "360", "--steps", "500")
    cache = tmp_path / "build" / "sim"
    wait_until(lambda: any(cache.glob("*/*/*.log")) if cache.exists() else False, process)
    assert interrupt(process) == (130, "hubel: interrupted; what was finished is kept\n")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in running.stdout
    assert not [path for path in cache.iterdir() if path.is_dir() and path.name != "runs"]


@pytest.mark.parametrize("command", [["demo"], ["train"]], ids=" ".join)
def test_a_folder_that_cannot_be_written(command, tmp_path):
    # Below a regular file nobody can make a folder, not even root.
    (tmp_path / "file").touch()
    out = "file/demo" if command == ["demo"] else "file/mlp.npz"
    process = start(tmp_path, *command, "--out", out)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("hubel: file")
    assert errors.count("\n") == 1


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path):
    with start(tmp_path, "doctor", "--json") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
