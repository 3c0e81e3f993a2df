"""Events as input spikes: which axon, which step, and what is refused."""

import os
import resource
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sw.event_file import Events
from hubel.sw.event_spikes import bin_events
from hubel.sw.nir_data import write_nir_data
from hubel.sw.spike_file import load_inputs

DATA = os.environ.get("HUBEL_CONFORMANCE_DATA")


def events_of(*events: tuple[int, int, int, int], width: int = 4, height: int = 3) -> Events:
    """Events (t, x, y, polarity) of a small sensor."""
    t, x, y, polarity = np.array(events, dtype=np.int64).reshape(-1, 4).T
    return Events(
        t=t,
        x=x.astype(np.uint16),
        y=y.astype(np.uint16),
        polarity=polarity.astype(np.uint8),
        width=width,
        height=height,
    )


def recording(*events: tuple[int, int, int, int]) -> bytes:
    """Bytes of N-MNIST of events (t, x, y, polarity)."""
    return b"".join(
        bytes((x, y)) + struct.pack(">I", polarity << 23 | t)[1:] for t, x, y, polarity in events
    )


def refusal(call, *args, **kwargs) -> str:
    with pytest.raises(ValueError) as refused:
        call(*args, **kwargs)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_inputs_are_polarity_y_x():
    spikes = bin_events(events_of((0, 1, 0, 0), (999, 3, 2, 1), (1000, 0, 1, 0)), bin_us=1000)
    assert spikes.dtype == np.bool_ and spikes.shape == (2, 24)
    expected = np.zeros((2, 2, 3, 4), bool)
    expected[0, 0, 0, 1] = expected[0, 1, 2, 3] = expected[1, 0, 1, 0] = True
    np.testing.assert_array_equal(spikes, expected.reshape(2, 24))


def test_an_input_fires_once_a_step():
    events = events_of((0, 1, 1, 1), (5, 1, 1, 1), (9, 1, 1, 0), (10, 1, 1, 1))
    spikes = bin_events(events, bin_us=10)
    assert len(events) - spikes.sum() == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)),
        min_size=1,
    ),
    st.integers(1, 60),
)
@settings(deadline=None)
def test_every_event_has_its_spike(events, bin_us):
    events = sorted(events)
    spikes = bin_events(events_of(*events), bin_us=bin_us)
    assert spikes.shape[0] == events[-1][0] // bin_us + 1
    expected = {(t // bin_us, polarity, y, x) for t, x, y, polarity in events}
    assert {*zip(*(map(int, i) for i in spikes.reshape(-1, 2, 3, 4).nonzero()), strict=True)} == (
        expected
    )


def test_steps_and_shape():
    events = events_of((0, 1, 1, 1), (25, 1, 1, 1))
    assert bin_events(events, bin_us=10, steps=7, shape=(2, 5, 6)).shape == (7, 60)
    assert bin_events(events.until(25), bin_us=10).shape == (1, 24)
    assert bin_events(events_of(), bin_us=10, steps=2).sum() == 0


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"bin_us": 0}, "bin_us must be 1 or more, not 0"),
        ({"bin_us": 1, "steps": 0}, "steps must be 1 or more, not 0"),
        (
            {"bin_us": 1, "shape": (1, 3, 4)},
            "shape must be (2, height, width), each 1 or more, not (1, 3, 4)",
        ),
        (
            {"bin_us": 1, "shape": (2, 0, 4)},
            "shape must be (2, height, width), each 1 or more, not (2, 0, 4)",
        ),
        (
            {"bin_us": 1, "shape": (2, 3, 3)},
            "events: event 1 at x 3, y 2, polarity 1 lies outside of shape (2, 3, 3); this "
            "recording needs (2, 3, 4) or more",
        ),
        (
            {"bin_us": 1, "shape": (2, 2, 4)},
            "events: event 1 at x 3, y 2, polarity 1 lies outside of shape (2, 2, 4); this "
            "recording needs (2, 3, 4) or more",
        ),
        (
            {"bin_us": 10, "steps": 2},
            "events: event 1 at 20 us lies after the last of 2 steps of 10 us; give 3 steps, or "
            "cut the events with until(20)",
        ),
    ],
)
def test_refused(kwargs, message):
    assert refusal(bin_events, events_of((0, 0, 0, 0), (20, 3, 2, 1)), **kwargs) == message


def test_no_event():
    assert refusal(bin_events, events_of(), bin_us=1) == "events: there is no event; give steps"


@pytest.mark.parametrize(
    "kwargs, cells",
    [
        ({"bin_us": 1}, "1 x 1000000000001 x 24"),
        ({"bin_us": 1 << 40, "shape": (2, 1 << 20, 1 << 20)}, f"1 x 1 x {1 << 41}"),
        ({"bin_us": 1 << 40, "steps": 1 << 40}, f"1 x {1 << 40} x 24"),
    ],
)
def test_a_huge_array_is_refused_before_it_is_made(kwargs, cells):
    begin, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refusal(bin_events, events_of((0, 0, 0, 0), (10**12, 1, 1, 1)), **kwargs)
    assert message.startswith(f"events: {cells} spikes (samples, steps, inputs) are ")
    assert message.endswith(", more than 2147483648; give a longer bin_us, or cut the recording")
    assert time.monotonic() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000  # KiB


def test_load_one_recording(tmp_path):
    path = tmp_path / "digit.bs2"
    path.write_bytes(recording((0, 1, 2, 0), (1500, 3, 0, 1)))
    spikes, labels = load_inputs(path, steps=99)
    assert spikes.shape == (1, 2, 2 * 3 * 4) and labels is None
    assert spikes.sum() == 2 and spikes[0, 0, 9] and spikes[0, 1, 15]
    spikes, _ = load_inputs(path, steps=99, bin_us=500, shape=(2, 34, 34))
    assert spikes.shape == (1, 4, 2312)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two recordings, of 2 and 5 steps, and their classes in another order."""
    (tmp_path / "a.bs2").write_bytes(recording((1999, 1, 2, 0)))
    (tmp_path / "b.bs2").write_bytes(recording((4000, 3, 0, 1)))
    (tmp_path / "labels.txt").write_bytes(b"#sample #class\r\nb\t7\r\na\t2\r\n\r\n")
    return tmp_path


def test_load_a_folder(folder):
    spikes, labels = load_inputs(folder, steps=99)
    assert spikes.shape == (2, 5, 24)
    assert [[*map(int, i)] for i in spikes.nonzero()] == [[0, 1], [4, 1], [15, 9]]
    assert labels is not None and labels.tolist() == [7, 2]
    spikes, labels = load_inputs(folder, steps=99, images=1)
    assert spikes.shape == (1, 5, 2 * 1 * 4)
    assert labels is not None and labels.tolist() == [7]


def test_load_a_folder_without_labels(folder):
    (folder / "labels.txt").unlink()
    spikes, labels = load_inputs(folder, steps=99)
    assert labels is None
    assert [int(i) for i in spikes.nonzero()[1]] == [1, 4]


@pytest.mark.parametrize(
    "labels, message",
    [
        ("a 1\n", "b has no line; give each recording one line: its name without suffix, and "),
        ("a 1\nb 2\nc 3", "c has no recording; give each recording one line: its name without "),
        ("a 1\nb x\n", "line 2 must be the name of a recording, once, and its class, a number of"),
        ("a 1\na 2\nb 1", "line 2 must be the name of a recording, once, and its class, a number"),
        ("a\n", "line 1 must be the name of a recording, once, and its class, a number of 0 or "),
        (f"a {'9' * 5000}", "line 1 must be the name of a recording, once, and its class, a num"),
    ],
)
def test_labels_must_fit(folder, labels, message):
    (folder / "labels.txt").write_text(labels)
    assert refusal(load_inputs, folder, steps=1).startswith(f"{folder / 'labels.txt'}: {message}")


def test_a_folder_without_recordings(tmp_path):
    assert refusal(load_inputs, tmp_path, steps=1) == (
        f"{tmp_path}: this folder has no recording; give one with files that end in "
        f".bin, .bs2, .aedat4, .raw, .dat, .es"
    )


def test_a_bad_recording_in_a_folder_is_named(folder):
    (folder / "a.bs2").write_bytes(b"123")
    message = refusal(load_inputs, folder, steps=1)
    assert message.startswith(f"{folder / 'a.bs2'}: has 3 bytes, ")


def test_a_folder_of_long_recordings(folder):
    """Each fits, all of them do not."""
    (folder / "a.bs2").write_bytes(recording((1, 33, 33, 0)))
    (folder / "b.bs2").write_bytes(recording((900_000, 33, 33, 0)))
    message = refusal(load_inputs, folder, steps=1, bin_us=1)
    assert message == (
        f"{folder}: 2 x 900001 x 2312 spikes (samples, steps, inputs) are 4161604624, more than "
        f"2147483648; give a longer bin_us, or fewer images"
    )


def test_load_nir_data(tmp_path):
    written = np.random.default_rng(0).random((3, 4, 5)) < 0.5
    path = tmp_path / "spikes.nir"
    write_nir_data(path, {"input": written}, dt=1e-3)
    spikes, labels = load_inputs(path, steps=99, images=2)
    assert labels is None
    np.testing.assert_array_equal(spikes, written[:2])


@pytest.mark.skipif(DATA is None, reason="HUBEL_CONFORMANCE_DATA is not set")
def test_real_recordings():
    """100 recordings of N-MNIST in steps of 1 ms: spikes where a loop over the bytes sets them."""
    assert DATA is not None
    spikes, labels = load_inputs(Path(DATA, "nmnist_test100"), steps=1, shape=(2, 34, 34))
    assert labels is not None and labels[:5].tolist() == [7, 2, 1, 0, 4]
    expected = np.zeros((100, spikes.shape[1], 2, 34, 34), bool)
    events = 0
    for sample in range(100):
        content = Path(DATA, "nmnist_test100", f"{60001 + sample}.bs2").read_bytes()
        for x, y, high, middle, low in struct.iter_unpack("5B", content):
            t = (high & 127) << 16 | middle << 8 | low
            expected[sample, t // 1000, high >> 7, y, x] = True
            events += 1
    np.testing.assert_array_equal(spikes, expected.reshape(spikes.shape))
    assert (spikes.shape, events) == ((100, 337, 2312), 385_596)
    assert events - spikes.sum() == 452  # merged
