"""Recordings of event cameras: what comes back, and what is refused."""

import os
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sw.event_file import Events, read_events

DATA = os.environ.get("HUBEL_CONFORMANCE_DATA")
EVENT = st.tuples(st.integers(0, 255), st.integers(0, 239), st.integers(0, 1))


def nmnist(*events: tuple[int, int, int, int]) -> bytes:
    """Bytes of events (t, x, y, polarity)."""
    return b"".join(
        bytes((x, y)) + struct.pack(">I", polarity << 23 | t)[1:] for t, x, y, polarity in events
    )


def columns(events: Events) -> list[tuple[int, ...]]:
    """Events (t, x, y, polarity)."""
    return [
        tuple(int(value) for value in event)
        for event in zip(events.t, events.x, events.y, events.polarity, strict=True)
    ]


def refusal(path: Path) -> str:
    """Why ``path`` is refused, without its name: one line, and soon."""
    begin = time.monotonic()
    with pytest.raises(ValueError) as refused:
        read_events(path)
    assert time.monotonic() - begin < 30
    message = str(refused.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("suffix", [".bin", ".bs2", ".BS2"])
def test_nmnist(tmp_path, suffix):
    path = tmp_path / f"digit{suffix}"
    written = [(5, 1, 2, 1), (5, 3, 33, 0), (0x7FFFF, 255, 0, 1)]
    path.write_bytes(nmnist(*written))
    events = read_events(path)
    assert columns(events) == written
    assert (events.width, events.height, events.t0, events.path) == (256, 34, 0, str(path))
    assert events.t.dtype == np.int64
    assert columns(events.until(6)) == written[:2]


def test_nmnist_is_sorted(tmp_path):
    path = tmp_path / "digit.bs2"
    path.write_bytes(nmnist((9, 1, 1, 0), (7, 2, 2, 0), *((9, x, 3, 0) for x in range(99))))
    same_time = [(9, 1, 1, 0), *((9, x, 3, 0) for x in range(99))]
    assert columns(read_events(path)) == [(7, 2, 2, 0), *same_time]


def test_nmnist_time_wraps(tmp_path):
    """A fall by more than half of the range, 2**22 us, is a wrap; by less, it is disorder."""
    path = tmp_path / "long.bs2"
    half, whole = 1 << 22, 1 << 23
    path.write_bytes(
        nmnist((whole - 9, 0, 0, 0), (3, 1, 0, 0), (half + 3, 2, 0, 0), (3, 3, 0, 0))
        + nmnist((half + 4, 4, 0, 0), (3, 5, 0, 0))
    )
    assert columns(read_events(path)) == [
        (whole - 9, 0, 0, 0),
        (whole + 3, 1, 0, 0),
        (whole + 3, 3, 0, 0),
        (whole + half + 3, 2, 0, 0),
        (whole + half + 4, 4, 0, 0),
        (2 * whole + 3, 5, 0, 0),
    ]


def test_nmnist_row_240_is_an_overflow_in_bin_alone(tmp_path):
    written = nmnist((8000, 1, 1, 1), (0, 0, 240, 0), (10, 2, 2, 0), (0, 9, 240, 1), (3, 3, 3, 0))
    path = tmp_path / "digit.bin"
    path.write_bytes(written)
    events = read_events(path)
    assert columns(events) == [(8000, 1, 1, 1), (8202, 2, 2, 0), (16387, 3, 3, 0)]
    assert (events.width, events.height) == (4, 4)
    path = tmp_path / "digit.bs2"
    path.write_bytes(written)
    assert len(read_events(path)) == 5


@given(st.lists(EVENT), st.data())
@settings(deadline=None)
def test_nmnist_round_trip(tmp_path_factory, pixels, data):
    times = sorted(data.draw(st.integers(0, (1 << 23) - 1)) for _ in pixels)
    path = tmp_path_factory.mktemp("nmnist") / "digit.bin"
    written = [(t, *pixel) for t, pixel in zip(times, pixels, strict=True)]
    path.write_bytes(nmnist(*written))
    if written:
        assert columns(read_events(path)) == written
    else:
        assert refusal(path) == "holds no event; record it again"


@given(st.binary(max_size=400), st.sampled_from([".bin", ".bs2"]))
@settings(deadline=None)
def test_any_bytes_are_events_or_refused(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("nmnist") / f"digit{suffix}"
    path.write_bytes(content)
    if len(content) % 5:
        assert refusal(path) == (
            f"has {len(content)} bytes, not a multiple of 5: it is truncated, or not N-MNIST; "
            f"copy the file again from where it came"
        )
        return
    overflows = sum(content[1::5][i] == 240 for i in range(len(content) // 5))
    expected = len(content) // 5 - (overflows if suffix == ".bin" else 0)
    if expected == 0:
        assert refusal(path) == "holds no event; record it again"
        return
    events = read_events(path)
    assert len(events) == expected
    assert (np.diff(events.t) >= 0).all() and events.t[0] >= 0
    assert events.x.max() < events.width and events.y.max() < events.height


def test_missing(tmp_path):
    path = tmp_path / "digit.bs2"
    with pytest.raises(FileNotFoundError) as refused:
        read_events(path)
    assert str(refused.value) == f"{path}: there is no such file; give a recording of events"


def test_unknown_suffix(tmp_path):
    path = tmp_path / "digit.mp4"
    path.write_bytes(b"")
    assert refusal(path) == (
        "not a known recording of events; give one that ends in "
        ".bin, .bs2, .aedat4, .raw, .dat, .es"
    )


@pytest.mark.parametrize("t", [[2, 1], [-1, 1]])
def test_times_of_events_are_in_order(t):
    pixels = np.zeros(2, np.uint16)
    with pytest.raises(ValueError, match=r"^events: t must be 0 or more and in order$"):
        Events(
            t=np.array(t), x=pixels, y=pixels, polarity=pixels.astype(np.uint8), width=1, height=1
        )


def test_columns_of_events_have_one_shape():
    pixels = np.zeros(2, np.uint16)
    message = r"^events: t, x, y and polarity must have one shape \(events,\)$"
    with pytest.raises(ValueError, match=message):
        Events(
            t=np.zeros(3, np.int64),
            x=pixels,
            y=pixels,
            polarity=pixels.astype(np.uint8),
            width=1,
            height=1,
        )


# EVT words, as Prophesee documents them.
EVT2 = b"% evt 2.0\n% format EVT2;height=480;width=640\n% geometry 640x480\n% end\n"
EVT3 = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% geometry 1280x720\n% end\n"


def evt2(*events: tuple[int, int, int, int]) -> bytes:
    """Bytes of events (t, x, y, polarity): the high bits of the time, and the event."""
    return b"".join(
        struct.pack("<II", 8 << 28 | t >> 6, polarity << 28 | (t & 63) << 22 | x << 11 | y)
        for t, x, y, polarity in events
    )


def evt3(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}H", *words)


@pytest.fixture
def faery():
    return pytest.importorskip("faery", reason="faery is not installed: the extra 'events'")


def test_evt2(tmp_path, faery):
    path = tmp_path / "a.raw"
    written = [(100, 10, 20, 0), (163, 639, 479, 1), (1 << 20, 0, 0, 1)]
    path.write_bytes(EVT2 + evt2(*written))
    events = read_events(path)
    assert columns(events) == [(t - 100, x, y, p) for t, x, y, p in written]
    assert (events.width, events.height, events.t0) == (640, 480, 100)


def test_evt2_of_unknown_size(tmp_path, faery):
    path = tmp_path / "a.raw"
    path.write_bytes(b"% evt 2.0\n" + evt2((100, 10, 20, 0), (163, 5, 30, 1)))
    events = read_events(path)
    assert (events.width, events.height) == (11, 31)


def test_evt3(tmp_path, faery):
    path = tmp_path / "a.raw"
    time_high, time_low, row = 0x8001, 0x6005, 20
    on_at_10 = 0x2000 | 1 << 11 | 10
    off_from_100, twelve, eight = 0x3000 | 100, 0x4000 | 0b101, 0x5000 | 0b11
    later, off_at_7 = 0x6006, 0x2000 | 7
    words = (time_high, time_low, row, on_at_10, off_from_100, twelve, eight, later, off_at_7)
    path.write_bytes(EVT3 + evt3(*words))
    events = read_events(path)
    assert columns(events) == [
        (0, 10, 20, 1),
        (0, 100, 20, 0),
        (0, 102, 20, 0),
        (0, 112, 20, 0),
        (0, 113, 20, 0),
        (1, 7, 20, 0),
    ]
    assert (events.width, events.height, events.t0) == (1280, 720, (1 << 12) + 5)


@pytest.mark.parametrize(
    "name, version",
    [("a.aedat4", None), ("a.raw", "evt2"), ("a.raw", "evt3"), ("a.dat", "dat2"), ("a.es", None)],
)
def test_what_faery_wrote(tmp_path, faery, name, version):
    rng = np.random.default_rng(1)
    written = np.zeros(500, np.dtype(faery.EVENTS_DTYPE))
    written["t"] = np.sort(rng.integers(1000, 100_000, 500))
    written["x"], written["y"] = rng.integers(0, 34, 500), rng.integers(0, 30, 500)
    written["on"] = rng.integers(0, 2, 500)
    path = tmp_path / name
    faery.events_stream_from_array(written, (34, 30)).to_file(path, version=version)
    events = read_events(path)
    assert (events.width, events.height) == (34, 30)
    np.testing.assert_array_equal(events.t, written["t"] - written["t"][0])
    np.testing.assert_array_equal(events.x, written["x"])
    np.testing.assert_array_equal(events.y, written["y"])
    np.testing.assert_array_equal(events.polarity, written["on"])


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_truncated_evt2(tmp_path, faery, cut):
    path = tmp_path / "a.raw"
    path.write_bytes((EVT2 + evt2((100, 10, 20, 0), (163, 5, 30, 1)))[:-cut])
    assert refusal(path) == (
        "ends inside of an event: it is truncated; copy the file again from where it came"
    )


@pytest.mark.parametrize("header", [b"% date today\n", b"% evt 4.0\n", b"% format EVT4\n"])
def test_unknown_evt(tmp_path, header):
    path = tmp_path / "a.raw"
    path.write_bytes(header + evt3(0x8001))
    number = header.decode()[-4:].strip("\nVT ") if b"4" in header else "none"
    assert refusal(path) == (
        f"its header must name EVT version 2.0, 2.1 or 3.0, not {number}; save it again in one "
        f"of them"
    )


@pytest.mark.parametrize(
    "suffix, kind, magic",
    [
        (".aedat4", "AEDAT4", b"#!AER-DAT4.0\r\n"),
        (".raw", "EVT", b"%"),
        (".dat", "DAT", b"%"),
        (".es", "Event Stream", b"Event Stream"),
    ],
)
def test_something_else(tmp_path, suffix, kind, magic):
    path = tmp_path / f"a{suffix}"
    for content in (b"", b"#!AER-DAT3.1\r\n", b"\0" * 100):
        path.write_bytes(content)
        assert refusal(path) == (
            f"does not begin like {kind}, {magic!r}; save it as {kind}, or give it the suffix of "
            f"what it is"
        )


def test_damaged_aedat4(tmp_path, faery):
    """Claims of 4 GiB, damaged tables that make the decoder panic or abort, and truncation."""
    written = np.zeros(99, np.dtype(faery.EVENTS_DTYPE))
    written["t"] = range(99)
    path = tmp_path / "a.aedat4"
    faery.events_stream_from_array(written, (34, 30)).to_file(path)
    whole = path.read_bytes()
    first_packet = 18 + struct.unpack_from("<I", whole, 14)[0]
    damaged = [
        whole[:14] + b"\xff" * 4 + whole[18:],
        whole[: first_packet + 4] + b"\xff" * 4 + whole[first_packet + 8 :],
        whole[:18] + b"\xff" * 20 + whole[38:],
        whole.replace(b"<dv", b"\xd7\xff\xff"),
        whole[: first_packet + 20],
        whole[:14],
    ]
    for content in damaged:
        path.write_bytes(content)
        reason = refusal(path)
        assert reason.startswith("not a readable AEDAT4 recording: ")
        assert reason.endswith("; copy the file again from where it came")


def test_events_outside_of_the_sensor(tmp_path, faery):
    path = tmp_path / "a.raw"
    path.write_bytes(EVT2 + evt2((100, 640, 20, 0)))
    assert refusal(path).startswith("not a readable EVT recording: x overflow")


def test_no_event(tmp_path, faery):
    path = tmp_path / "a.raw"
    path.write_bytes(EVT2)
    assert refusal(path) == "holds no event; record it again"


def test_without_faery(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faery", None)
    path = tmp_path / "a.raw"
    path.write_bytes(EVT2)
    with pytest.raises(ImportError) as refused:
        read_events(path)
    assert str(refused.value) == (
        f"{path}: reading EVT needs faery, which is not installed; run: pip install 'hubel[events]'"
    )


@pytest.mark.skipif(DATA is None, reason="HUBEL_CONFORMANCE_DATA is not set")
def test_real_recordings():
    """100 recordings of N-MNIST: event by event as a loop over the bytes reads them."""
    assert DATA is not None
    paths = sorted(Path(DATA, "nmnist_test100").glob("*.bs2"))
    assert len(paths) == 100
    for path in paths:
        expected = [
            ((high & 127) << 16 | middle << 8 | low, x, y, high >> 7)
            for x, y, high, middle, low in struct.iter_unpack("5B", path.read_bytes())
        ]
        events = read_events(path)
        assert columns(events) == expected
        assert events.width <= 34 and events.height <= 34
