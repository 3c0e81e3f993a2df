"""Spike files: what comes back, and what is refused."""

import json

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim import golden
from hubel.sw.encode import encode
from hubel.sw.network import Network, Neurons
from hubel.sw.quantise import quantise
from hubel.sw.spike_file import load_inputs, save_inputs, save_trace

SPIKES = np.random.default_rng(0).random((4, 3, 5)) < 0.5
NOT_SPIKES = "'spikes' must be 0 or 1, of shape (samples, steps, inputs), not "


@pytest.mark.parametrize("labels", [None, np.array([3, 1, 4, 1])])
def test_round_trip(tmp_path, labels):
    path = tmp_path / "inputs.npz"
    save_inputs(path, SPIKES, labels)
    spikes, got = load_inputs(path, steps=99)
    np.testing.assert_array_equal(spikes, SPIKES)
    assert spikes.dtype == np.bool_
    assert (got is None) == (labels is None)
    if labels is not None:
        np.testing.assert_array_equal(got, labels)
    first, got = load_inputs(path, steps=99, images=2)
    np.testing.assert_array_equal(first, SPIKES[:2])
    assert got is None or len(got) == 2


def test_digits_are_the_encoded_test_images(digits):
    spikes, labels = load_inputs("digits", steps=6, images=7)
    np.testing.assert_array_equal(spikes, encode(digits.test_images[:7], 6, 16))
    np.testing.assert_array_equal(labels, digits.test_labels[:7])


@pytest.mark.parametrize(
    "arrays, message",
    [
        (
            {"other": SPIKES},
            "has no array 'spikes'; save it with np.savez(path, spikes=array of 0 and 1, "
            "shape (samples, steps, inputs))",
        ),
        ({"spikes": SPIKES[0]}, f"{NOT_SPIKES}bool of shape (3, 5)"),
        ({"spikes": SPIKES * 2}, f"{NOT_SPIKES}int64 of shape (4, 3, 5)"),
        ({"spikes": SPIKES * 1.0}, f"{NOT_SPIKES}float64 of shape (4, 3, 5)"),
        (
            {"spikes": SPIKES, "labels": np.zeros(3, dtype=int)},
            "'labels' must have shape (4,), not (3,)",
        ),
        ({"spikes": SPIKES, "labels": np.zeros(4)}, "'labels' must be integers, not float64"),
        ({"spikes": SPIKES, "labels": np.array([*"3141"])}, "'labels' must be integers, not <U1"),
        (
            {"spikes": np.array([None])},
            "not a readable .npz file; save it again",
        ),
    ],
)
def test_refused(tmp_path, arrays, message):
    path = tmp_path / "inputs.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError) as refused:
        load_inputs(path, steps=1)
    assert str(refused.value) == f"{path}: {message}"


def test_missing(tmp_path):
    path = tmp_path / "inputs.npz"
    with pytest.raises(FileNotFoundError) as refused:
        load_inputs(path, steps=1)
    assert str(refused.value) == (
        f"{path}: there is no such file; give an .npz file with an array 'spikes', or 'digits'"
    )


def test_truncated(tmp_path):
    path = tmp_path / "inputs.npz"
    save_inputs(path, SPIKES)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError) as refused:
            load_inputs(path, steps=1)
        assert str(refused.value) == f"{path}: not a readable .npz file; save it again"


def test_no_images():
    with pytest.raises(ValueError, match=r"^images must be 1 or more, not 0$"):
        load_inputs("digits", steps=1, images=0)


def test_no_steps():
    with pytest.raises(ValueError, match=r"^steps must be 1 or more, not 0$"):
        load_inputs("digits", steps=0, images=1)


def test_a_trace_is_saved_whole(tmp_path):
    program = Program(
        inputs=(Source("in", Shape(5)),),
        populations=(Population(name="out", shape=Shape(2), threshold=20, v_reset=20),),
        projections=(Dense(name="w", source="in", target="out", weights=np.full((5, 2), 9)),),
        outputs=("out",),
    )
    trace = golden.run(program, SPIKES)
    assert trace.membrane is not None
    save_trace(tmp_path / "run.npz", program, trace, backend="golden", seconds=1.5)
    with np.load(tmp_path / "run.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["spikes.out"], trace.spikes[0])
        np.testing.assert_array_equal(archive["membrane.out"], trace.membrane[0])
        assert json.loads(str(archive["counters"])) == trace.counters.total()
        timing = json.loads(str(archive["timing"]))
    assert timing == {"backend": "golden", "seconds": 1.5, "cycles": None}


def test_states_are_saved_and_relays_are_not(tmp_path):
    network = Network(
        inputs=(Source("in", Shape(5)),),
        populations=(
            Neurons(name="a", shape=Shape(2), threshold=1.0, u_decay=0.5, a_decay=0.5, a_step=1.0),
            Neurons(name="b", shape=Shape(3), threshold=1.0),
        ),
        projections=(
            Dense(name="w", source="in", target="a", weights=np.ones((5, 2)), delay=2),
            Dense(name="x", source="a", target="b", weights=np.ones((2, 3))),
        ),
        outputs=("b",),
    )
    program = quantise(network)
    trace = golden.run(program, SPIKES)
    path = tmp_path / "run.npz"
    save_trace(path, program, trace, backend="golden", seconds=1.5)
    with np.load(path, allow_pickle=False) as archive:
        kept = {name: archive[name] for name in archive.files}
    names = {"spikes.a", "membrane.a", "current.a", "adaptation.a", "spikes.b", "membrane.b"}
    assert set(kept) == names | {"counters", "timing"}
    number = [p.name for p in program.populations].index("a")
    assert trace.current is not None and trace.adaptation is not None
    assert kept["current.a"].any() and kept["adaptation.a"].any()
    np.testing.assert_array_equal(kept["current.a"], trace.current[number])
    np.testing.assert_array_equal(kept["adaptation.a"], trace.adaptation[number])
