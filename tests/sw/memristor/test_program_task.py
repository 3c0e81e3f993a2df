"""Any Program on inputs with labels, as what devices are judged by."""

from pathlib import Path

import numpy as np
import pytest

from hubel.sw.cli import main
from hubel.sw.memristor.task import Task, digits_task, program_task
from hubel.sw.program_file import save_program


@pytest.fixture(scope="module")
def digits() -> Task:
    return digits_task(images=40)


@pytest.fixture
def program(digits: Task, tmp_path: Path) -> Path:
    save_program(tmp_path / "mine.npz", digits.program)
    return tmp_path / "mine.npz"


def test_the_digits_from_files(digits: Task, program: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "spikes.npz", spikes=digits.spikes, labels=digits.labels)
    task = program_task(program, tmp_path / "spikes.npz", images=30)
    assert task.name == "mine" and len(task.labels) == 30
    assert (task.spikes == digits.spikes[:30]).all()
    right = task.accuracy()
    assert right == digits_task(images=30).accuracy() and task.floor == round(right - 2, 2)
    assert (program_task(program, "digits", images=30).spikes == task.spikes).all()


def test_bad_input(digits: Task, program: Path, tmp_path: Path, capsys) -> None:
    np.savez(tmp_path / "no.npz", spikes=digits.spikes)
    np.savez(tmp_path / "few.npz", spikes=digits.spikes[:, :, :9], labels=digits.labels)
    run = ["memristor", "run", "levels", "--out", str(tmp_path / "out")]
    for inputs, line in (
        (["--program", str(program)], "--program and --inputs go together"),
        (["--inputs", "digits"], "--program and --inputs go together"),
        (["--program", str(program), "--inputs", str(tmp_path / "no.npz")],
         f"{tmp_path / 'no.npz'}: has no labels, so that there is no accuracy; add them"),
        (["--program", str(program), "--inputs", str(tmp_path / "few.npz")],
         "spikes have 9 inputs, the Program has 64"),
        (["--program", str(tmp_path / "none.npz"), "--inputs", "digits"],
         f"{tmp_path / 'none.npz'}: there is no such file"),
    ):  # fmt: skip
        assert main([*run, *inputs]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"hubel: {line}") and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()
