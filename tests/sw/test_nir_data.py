"""NIR data: spikes come back as they were, and what is no spikes is refused."""

from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sw.nir_data import read_nir_data, write_nir_data

SPIKES = np.random.default_rng(0).random((3, 20, 5)) < 0.3
NONE = np.zeros((1, 2, 3), bool)


def write(path: Path, **observables: nir.EventData | nir.TimeGriddedData) -> Path:
    """Write the observables of the node ``input`` with nir itself."""
    nir.write_data(path, nir.NIRGraphData({"input": nir.NIRNodeData({**observables})}))
    return path


def event_data(idx, time, *, neurons: int = 3, t_max: float = 1e-2) -> nir.EventData:
    return nir.EventData(np.array(idx), np.array(time), neurons, t_max)


def refusal(path: Path, dt: float = 1e-3, **kwargs) -> str:
    """Why ``path`` is refused, without its name."""
    with pytest.raises(ValueError) as refused:
        read_nir_data(path, dt=dt, **kwargs)
    message = str(refused.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("gridded", [False, True])
@pytest.mark.parametrize("spikes", [SPIKES, NONE])
@pytest.mark.parametrize("dt", [1e-3, 1e-4, 0.1, 1.0, 1 / 3])
def test_round_trip(tmp_path, spikes, gridded, dt):
    path = tmp_path / "spikes.nir"
    write_nir_data(path, {"input": spikes, "out": ~spikes}, dt=dt, gridded=gridded)
    got = read_nir_data(path, dt=dt)
    assert got.dtype == np.bool_
    np.testing.assert_array_equal(got, spikes)
    np.testing.assert_array_equal(read_nir_data(path, dt=dt, node="out"), ~spikes)
    longer = read_nir_data(path, dt=dt, steps=30)
    assert longer.shape[1] == 30 and not longer[:, spikes.shape[1] :].any()
    np.testing.assert_array_equal(longer[:, : spikes.shape[1]], spikes)


@pytest.mark.parametrize("dt", [1e-3, 0.1, 1 / 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_events_that_nir_made(tmp_path, dt, dtype):
    """At the beginning of their step, where rounding can put them into the step before."""
    spikes = np.ones((1, 1000, 1), bool)
    events = nir.TimeGriddedData(spikes, dt).to_event(1000)
    events.time = events.time.astype(dtype)
    np.testing.assert_array_equal(
        read_nir_data(write(tmp_path / "a.nir", spikes=events), dt=dt), spikes
    )


def test_nir_reads_what_was_written(tmp_path):
    path = tmp_path / "a.nir"
    write_nir_data(path, {"input": SPIKES}, dt=1e-3)
    node = nir.read_data(str(path)).nodes["input"]
    assert isinstance(node, nir.NIRNodeData)
    events = node.observables["spikes"]
    assert isinstance(events, nir.EventData)
    np.testing.assert_array_equal(events.to_time_gridded(1e-3).data, SPIKES)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), st.floats(0, 0.999)), max_size=30))
@settings(deadline=None)
def test_events_fall_into_their_step(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("nir") / "a.nir"
    idx = [[neuron for neuron, _, _ in events] + [-1]]
    time = [[(step + part) * 1e-3 for _, step, part in events] + [np.inf]]
    write(path, spikes=event_data(idx, time, neurons=4, t_max=0.1))
    spikes = read_nir_data(path, dt=1e-3)
    assert spikes.shape == (1, 100, 4)
    got = {(int(step), int(neuron)) for _, step, neuron in zip(*spikes.nonzero(), strict=True)}
    assert got == {(step, neuron) for neuron, step, _ in events}


def test_a_part_of_a_step_is_a_step(tmp_path):
    path = write(tmp_path / "a.nir", spikes=event_data([[0]], [[0.0]], t_max=0.0101))
    assert read_nir_data(path, dt=1e-3).shape == (1, 11, 3)
    assert read_nir_data(path, dt=0.0101).shape == (1, 1, 3)


def test_the_only_node_and_observable(tmp_path):
    path = tmp_path / "a.nir"
    grid = nir.TimeGriddedData(SPIKES.astype(np.float64), 1e-3)
    nir.write_data(path, nir.NIRGraphData({"x": nir.NIRNodeData({"out": grid})}))
    np.testing.assert_array_equal(read_nir_data(path, dt=1e-3), SPIKES)


def test_missing(tmp_path):
    path = tmp_path / "a.nir"
    with pytest.raises(FileNotFoundError) as refused:
        read_nir_data(path, dt=1e-3)
    assert str(refused.value) == (
        f"{path}: there is no such file; write it again with nir.write_data"
    )


@pytest.mark.parametrize("dt", [0, -1.0, np.inf, np.nan])
def test_dt_is_above_0(tmp_path, dt):
    message = f"dt must be above 0 and finite, not {dt!r}"
    for call in (
        lambda: read_nir_data(tmp_path / "a.nir", dt=dt),
        lambda: write_nir_data(tmp_path / "a.nir", {"input": SPIKES}, dt=dt),
    ):
        with pytest.raises(ValueError) as refused:
            call()
        assert str(refused.value) == message


@pytest.mark.parametrize(
    "data, message",
    [
        (
            nir.TimeGriddedData(SPIKES * 0.5, 1e-3),
            "the grid must hold 0 and 1, not other values; give spikes",
        ),
        (
            nir.TimeGriddedData(SPIKES, 1e-4),
            "its steps are 0.0001 s, not 0.001 s; give dt=0.0001",
        ),
        (
            event_data([[0, 3]], [[0.0, 0.001]]),
            "event 1 of sample 0, neuron 3 at 0.001 s, must have a neuron in 0..2 and a time of 0 "
            "or more; write it again with nir.write_data",
        ),
        (
            event_data([[0], [-2]], [[0.0], [0.001]]),
            "event 0 of sample 1, neuron -2 at 0.001 s, must have a neuron in 0..2 and a time of "
            "0 or more; write it again with nir.write_data",
        ),
        (
            event_data([[0]], [[np.inf]]),
            "event 0 of sample 0, neuron 0 at inf s, must have a neuron in 0..2 and a time of 0 "
            "or more; write it again with nir.write_data",
        ),
        (
            event_data([[0]], [[np.nan]]),
            "event 0 of sample 0, neuron 0 at nan s, must have a neuron in 0..2 and a time of 0 "
            "or more; write it again with nir.write_data",
        ),
        (
            event_data([[0]], [[0.02]]),
            "has a spike in step 20 (from 0), after the last of 10 steps; give 21 steps, or "
            "another dt",
        ),
        (event_data([[0]], [[0.0]], t_max=np.inf), "its t_max is inf s; give steps"),
        (event_data([[0]], [[0.0]], t_max=0), "its t_max is 0.0 s; give steps"),
        (
            event_data([[0.0]], [[0.0]]),
            "idx must be integers and time numbers, of shape (samples, events), not float64 of "
            "shape (1, 1) and float64",
        ),
        (
            event_data([[-1]], [[np.inf]], neurons=0),
            "at least 1 sample, 1 step and 1 neuron are needed, not 1, 10 and 0; write it again "
            "with nir.write_data",
        ),
        (
            event_data([[-1]], [[np.inf]], t_max=1e9),
            f"1 x {10**12} x 3 spikes (samples, steps, inputs) are {3 * 10**12}, more than "
            f"2147483648; give a longer dt, or fewer samples or steps",
        ),
        (
            nir.ValuedEventData(np.zeros((1, 1), int), np.zeros((1, 1)), 1, 1.0, np.ones((1, 1))),
            "its events have values; give events without, one a spike",
        ),
    ],
)
def test_refused(tmp_path, data, message):
    assert refusal(write(tmp_path / "a.nir", spikes=data)) == message


def test_steps_must_hold_all_spikes(tmp_path):
    path = tmp_path / "a.nir"
    spikes = np.ones((1, 4, 1), bool)
    write_nir_data(path, {"input": spikes}, dt=1e-3, gridded=True)
    assert refusal(path, steps=3) == ("has a spike after the last of 3 steps; give 4 steps")
    write_nir_data(path, {"input": spikes}, dt=1e-3)
    assert refusal(path, steps=3) == (
        "has a spike in step 3 (from 0), after the last of 3 steps; give 4 steps, or another dt"
    )
    with pytest.raises(ValueError, match=r"^steps must be 1 or more, not 0$"):
        read_nir_data(path, dt=1e-3, steps=0)


def test_names_that_are_not_there(tmp_path):
    path = tmp_path / "a.nir"
    write_nir_data(path, {"hidden": SPIKES, "out": SPIKES}, dt=1e-3)
    assert refusal(path) == "has no node 'input'; give node=, one of: hidden, out"
    assert refusal(path, node="out", observable="v") == (
        "has no observable 'v'; give observable=, one of: spikes"
    )


def test_truncated(tmp_path):
    path = tmp_path / "a.nir"
    write_nir_data(path, {"input": SPIKES}, dt=1e-3)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 499):
        path.write_bytes(whole[:length])
        assert refusal(path).startswith("not a readable file of NIR data: ")


def test_a_nir_graph_is_not_nir_data(tmp_path):
    path = tmp_path / "a.nir"
    nir.write(path, nir.NIRGraph.from_list(nir.Linear(weight=np.ones((2, 2)))))
    assert refusal(path).startswith("not a readable file of NIR data: ")


def test_a_small_file_that_declares_much(tmp_path):
    """HDF5 stores no chunk that nobody wrote: 3 KB can declare a terabyte."""
    path = write(tmp_path / "a.nir", spikes=nir.TimeGriddedData(SPIKES, 1e-3))
    with h5py.File(path, "r+") as file:
        group = file["nodes/input/observables/spikes"]
        assert isinstance(group, h5py.Group)
        del group["data"]
        group.create_dataset("data", shape=(1, 10**6, 10**6), dtype=bool, chunks=(1, 99, 99))
    assert refusal(path).startswith(
        "not a readable file of NIR data: its arrays declare 1000000000000 bytes, the file has "
    )


@pytest.mark.parametrize("gridded", [False, True])
def test_many_silent_steps_are_still_read(tmp_path, gridded):
    path = tmp_path / "a.nir"
    spikes = np.zeros((2, 5000, 2312), bool)
    spikes[1, 4999, 2311] = True
    write_nir_data(path, {"input": spikes}, dt=1e-3, gridded=gridded)
    np.testing.assert_array_equal(read_nir_data(path, dt=1e-3), spikes)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/"])
def test_names_that_hdf5_cannot_store(tmp_path, name):
    with pytest.raises(ValueError) as refused:
        write_nir_data(tmp_path / "a.nir", {name: SPIKES}, dt=1e-3)
    assert str(refused.value) == (
        f"{tmp_path / 'a.nir'}: {name!r} cannot be the name of a node; it must have no '/'"
    )


@pytest.mark.parametrize("spikes", [SPIKES[0], SPIKES.astype(int), SPIKES[:0]])
def test_only_spikes_are_written(tmp_path, spikes):
    path = tmp_path / "a.nir"
    with pytest.raises(ValueError) as refused:
        write_nir_data(path, {"out": spikes}, dt=1e-3)
    assert str(refused.value) == (
        f"{path}: spikes of 'out' must be bool of shape (samples, steps, neurons), each 1 or more, "
        f"not {spikes.dtype} of shape {spikes.shape}"
    )
    assert not path.exists()
