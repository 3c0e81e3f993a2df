"""`hubel diff`: two saved runs, and the first place where they differ."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.program import Program
from hubel.sim import golden
from hubel.sim.compare import diff
from hubel.sw import cli
from hubel.sw.spike_file import load_trace, save_trace

from ..programs import random_program, random_spikes


def a_run(seed: int = 0, **options: bool) -> tuple[Program, golden.Trace]:
    rng = np.random.default_rng(seed)
    program = random_program(rng, populations=3, features={"cuba", "adaptive", "loops"})
    return program, golden.run(program, random_spikes(rng, program), **options)


def save(path: Path, program: Program, trace: golden.Trace) -> Path:
    save_trace(path, program, trace, backend="golden", seconds=0.5)
    return path


def other_membrane(trace: golden.Trace) -> golden.Trace:
    """``trace`` with 5 more in sample 1, step 2, neuron 0 of its second population."""
    assert trace.membrane is not None
    changed = [array.copy() for array in trace.membrane]
    changed[1][1, 2, 0] += 5
    return replace(trace, membrane=tuple(changed))


@pytest.mark.parametrize("record", [True, False])
def test_a_run_comes_back(tmp_path: Path, record: bool) -> None:
    states = 0
    for seed in range(10):
        program, trace = a_run(seed, record_membrane=record)
        names, got = load_trace(save(tmp_path / "run.npz", program, trace))
        assert names == tuple(p.name for p in program.populations)
        assert diff(names, trace, got) is None
        assert (got.membrane is None) == (not record)
        assert got.counters.total() == trace.counters.total() and got.cycles is None
        for i, current in enumerate(trace.current or ()):
            assert got.current is not None and (got.current[i] is None) == (current is None)
            states += current is not None
    assert (states > 0) == record


def test_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, trace = a_run()
    a, b = (save(tmp_path / name, program, trace) for name in ("a.npz", "b.npz"))
    assert cli.main(["diff", str(a), str(b)]) == 0
    assert capsys.readouterr().out == "equal\n"
    assert cli.main(["diff", str(a), str(b), "--json"]) == 0
    assert capsys.readouterr().out == "null\n"


def test_the_first_divergence_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, trace = a_run()
    assert trace.membrane is not None
    v = int(trace.membrane[1][1, 2, 0])
    a = save(tmp_path / "a.npz", program, trace)
    b = save(tmp_path / "b.npz", program, other_membrane(trace))
    assert cli.main(["diff", str(a), str(b)]) == 1
    place = "sample 1, step 2, population p1, neuron 0"
    assert capsys.readouterr().out == f"{place}: membrane {v} expected, got {v + 5}\n"
    assert cli.main(["diff", str(b), str(a), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "kind": "membrane",
        "expected": v + 5,
        "got": v,
        "population": "p1",
        "sample": 1,
        "step": 2,
        "neuron": 0,
    }


def test_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, trace = a_run()
    a = save(tmp_path / "a.npz", program, trace)
    missing, inputs, damaged = (tmp_path / name for name in ("no.npz", "in.npz", "bad.npz"))
    np.savez(inputs, spikes=np.zeros((1, 1, 1)))
    damaged.write_bytes(a.read_bytes()[:-30])
    shapeless = tmp_path / "flat.npz"
    with np.load(a) as archive:
        arrays = {key: archive[key].ravel()[:1] for key in archive.files if key[:6] == "spikes"}
        np.savez(shapeless, counters=archive["counters"], timing=archive["timing"], **arrays)
    two = random_program(np.random.default_rng(0), populations=2)
    spikes = random_spikes(np.random.default_rng(0), two)
    b = save(tmp_path / "b.npz", two, golden.run(two, spikes))
    mend = "give a file that `hubel run` wrote"
    for path, message in (
        (missing, "there is no such file; `hubel run` writes one"),
        (inputs, f"not a readable run; {mend}"),
        (damaged, f"not a readable run; {mend}"),
        (shapeless, f"has no spikes of shape (samples, steps, neurons); {mend}"),
        (b, f"a run of p0, p1, but {a} is one of p0, p1, p2; give two runs of the same Program"),
    ):
        assert cli.main(["diff", str(a), str(path)]) == 2
        assert capsys.readouterr().err == f"hubel: {path}: {message}\n"
