"""Recordings of event cameras, from the formats of their makers."""

import importlib
import importlib.util
import io
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

#: Suffix of a recording, and what it is.
FORMATS = {
    ".bin": "N-MNIST",
    ".bs2": "N-MNIST",
    ".aedat4": "AEDAT4",
    ".raw": "EVT",
    ".dat": "DAT",
    ".es": "Event Stream",
}

_MEND = "copy the file again from where it came"
_EVENT_BYTES = 5
_TIME_RANGE = 1 << 23
# The camera of N-MNIST has 240 rows, 0..239, and a counter of 13 bits that reports its overflows.
_OVERFLOW_ROW, _OVERFLOW_US = 240, 1 << 13
_EVT_WORD_BYTES = {"2": 4, "2.0": 4, "21": 8, "2.1": 8, "3": 2, "3.0": 2}
_EVT_NAMES = {4: "evt2", 8: "evt2.1", 2: "evt3"}
_MAGIC = {"AEDAT4": b"#!AER-DAT4.0\r\n", "Event Stream": b"Event Stream", "EVT": b"%", "DAT": b"%"}
_FAERY_TYPES = {"AEDAT4": "aedat", "EVT": "evt", "DAT": "dat", "Event Stream": "es"}
# More than any sensor has: a file that does not say the size of its sensor.
_UNKNOWN = 65_535
_PACKED = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("polarity", "u1")])


@dataclass(frozen=True, eq=False, kw_only=True)
class Events:
    """Events of one recording, in order of time.

    Parameters
    ----------
    t : int64 array of shape (events,)
        Microseconds since the recording began, 0 or more, never falling.
    x, y : uint16 arrays of shape (events,)
        Column and row, 0 at the left and at the top.
    polarity : uint8 array of shape (events,)
        1 where it became brighter, 0 where it became darker.
    width, height : int
        Pixels of the sensor, or the fewest that hold all events if the file does not say.
    t0 : int
        Time at which the recording began, in microseconds of the camera's clock. 0 for N-MNIST,
        whose times count from there; else the time of the first event.
    path : str
        Where they came from, for messages.
    """

    t: npt.NDArray[np.int64]
    x: npt.NDArray[np.uint16]
    y: npt.NDArray[np.uint16]
    polarity: npt.NDArray[np.uint8]
    width: int
    height: int
    t0: int = 0
    path: str = "events"

    def __post_init__(self) -> None:
        if len({array.shape for array in (self.t, self.x, self.y, self.polarity)}) != 1:
            raise ValueError(f"{self.path}: t, x, y and polarity must have one shape (events,)")
        if self.t.size and (self.t[0] < 0 or (np.diff(self.t) < 0).any()):
            raise ValueError(f"{self.path}: t must be 0 or more and in order")

    def __len__(self) -> int:
        return len(self.t)

    def until(self, us: int) -> "Events":
        """The events of the first ``us`` microseconds."""
        n = int(np.searchsorted(self.t, us))
        return replace(self, t=self.t[:n], x=self.x[:n], y=self.y[:n], polarity=self.polarity[:n])


def read_events(path: str | os.PathLike[str]) -> Events:
    """Read a recording: N-MNIST (.bin, .bs2), AEDAT4, Prophesee EVT 2, 2.1 and 3 (.raw) and DAT,
    and Event Stream (.es).

    N-MNIST has 5 bytes an event: x, y, and 1 bit of polarity and 23 bits of time in microseconds,
    big end first. A time that falls by more than half of its range has wrapped. In .bin, as in the
    first N-MNIST, row 240 is no event: all times from there on are 8192 us later.

    The other formats are read by faery, the extra ``events``, in a process of its own: a damaged
    file can abort it, or ask for any amount of memory.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated, damaged, of another format, or holds no event; the message is one
        line that names the file.
    ImportError
        If faery is needed and not installed; the message has the command that installs it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give a recording of events")
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(
            f"{path}: not a known recording of events; give one that ends in {', '.join(FORMATS)}"
        )
    if kind == "N-MNIST":
        return _read_nmnist(path)
    return _read_with_faery(path, kind)


def _read_nmnist(path: Path) -> Events:
    raw = np.fromfile(path, dtype=np.uint8)
    if len(raw) % _EVENT_BYTES:
        raise ValueError(
            f"{path}: has {len(raw)} bytes, not a multiple of {_EVENT_BYTES}: it is truncated, or "
            f"not N-MNIST; {_MEND}"
        )
    x, y, high, middle, low = raw.reshape(-1, _EVENT_BYTES).T
    t = (high & 0x7F).astype(np.int64) << 16 | middle.astype(np.int64) << 8 | low
    t[1:] += _TIME_RANGE * np.cumsum(np.diff(t) < -_TIME_RANGE // 2)
    events = np.empty(len(t), _PACKED)
    events["t"], events["x"], events["y"], events["polarity"] = t, x, y, high >> 7
    if path.suffix.lower() == ".bin":
        overflows = y == _OVERFLOW_ROW
        events["t"] += _OVERFLOW_US * np.cumsum(overflows)
        events = events[~overflows]
    return _events(path, events, _UNKNOWN, _UNKNOWN, t0=0)


def _events(path: Path, packed: npt.NDArray, width: int, height: int, t0: int | None) -> Events:
    """Events of ``packed``, sorted, from ``t0`` or from the first."""
    if not len(packed):
        raise ValueError(f"{path}: holds no event; record it again")
    packed = packed[np.argsort(packed["t"], kind="stable")]
    first = int(packed["t"][0]) if t0 is None else t0
    x, y = packed["x"].copy(), packed["y"].copy()
    return Events(
        t=packed["t"] - first,
        x=x,
        y=y,
        polarity=packed["polarity"].copy(),
        width=int(x.max()) + 1 if width == _UNKNOWN else width,
        height=int(y.max()) + 1 if height == _UNKNOWN else height,
        t0=first,
        path=str(path),
    )


def _read_with_faery(path: Path, kind: str) -> Events:
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    if not head.startswith(_MAGIC[kind]):
        raise ValueError(
            f"{path}: does not begin like {kind}, {_MAGIC[kind]!r}; save it as {kind}, or give it "
            f"the suffix of what it is"
        )
    version = _version(path, kind, head, size)
    if importlib.util.find_spec("faery") is None:
        raise ImportError(
            f"{path}: reading {kind} needs faery, which is not installed; "
            f"run: pip install 'hubel[events]'"
        )
    code = f"from {__name__} import _decode; import sys; _decode(*sys.argv[1:])"
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", code, str(path.absolute()), _FAERY_TYPES[kind], version],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "RUST_BACKTRACE": "0", "OPENBLAS_NUM_THREADS": "1"},
            timeout=60 + size / 1e6,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"{path}: not a readable {kind} recording: no end after {error.timeout:.0f} s; {_MEND}"
        ) from None
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if child.returncode == 1 and said else "its reader broke down"
        raise ValueError(f"{path}: not a readable {kind} recording: {reason}; {_MEND}")
    stream = io.BytesIO(child.stdout)
    width, height = (int(n) for n in np.load(stream, allow_pickle=False))
    return _events(path, np.load(stream, allow_pickle=False), width, height, t0=None)


def _version(path: Path, kind: str, head: bytes, size: int) -> str:
    """faery's name of the version of an EVT or DAT file, whose last word must be whole."""
    if kind not in ("EVT", "DAT"):
        return ""
    # The header is lines that begin with %, to "% end" in newer files.
    lines = re.match(rb"(?:%(?! end)[^\n]*\n)*(?:% end[^\n]*\n)?", head)
    header = lines.group() if lines else b""
    if kind == "DAT":
        # Two bytes, the type and the size of an event, come before the events.
        words, word_bytes, version = size - len(header) - 2, 8, "dat2"
    else:
        found = re.search(rb"% (?:evt |format EVT)([\d.]+)", header)
        number = found[1].decode() if found else "none"
        if number not in _EVT_WORD_BYTES:
            raise ValueError(
                f"{path}: its header must name EVT version 2.0, 2.1 or 3.0, not {number}; save it "
                f"again in one of them"
            )
        word_bytes = _EVT_WORD_BYTES[number]
        words, version = size - len(header), _EVT_NAMES[word_bytes]
    if words < 0 or words % word_bytes:
        raise ValueError(f"{path}: ends inside of an event: it is truncated; {_MEND}")
    return version


def _decode(path: str, file_type: str, version: str) -> None:
    """Read a recording with faery, and write the size of its sensor and its events to the standard
    output as two .npy arrays; the process ends with one line if it cannot."""
    # Up to 6 events a byte are possible in EVT 3, each of them in memory a few times.
    limit = (512 << 20) + 512 * Path(path).stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        stream = importlib.import_module("faery").events_stream_from_file(
            path,
            file_type=file_type,
            dimensions_fallback=(_UNKNOWN, _UNKNOWN),
            version_fallback=version or None,
        )
        packets = list(stream)
        events = np.empty(sum(map(len, packets)), _PACKED)
        for name, source in (("t", "t"), ("x", "x"), ("y", "y"), ("polarity", "on")):
            if packets:
                np.concatenate([packet[source] for packet in packets], out=events[name])
        if (events["t"] < 0).any():
            raise ValueError("a time is out of range")
        out = io.BytesIO()
        np.save(out, np.array(stream.dimensions()))
        np.save(out, events)
        sys.stdout.buffer.write(out.getbuffer())
    except MemoryError:
        sys.exit(f"it needs more than {limit >> 20} MiB of memory")
    # faery raises bare Exceptions, and panics that are no Exceptions.
    except BaseException as error:
        sys.exit((str(error) or type(error).__name__).splitlines()[0])
