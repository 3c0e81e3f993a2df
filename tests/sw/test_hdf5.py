"""HDF5 files that are damaged or hostile: one line, quickly, in little memory."""

import pickle
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hubel.sw import hdf5, hdf5_walk
from hubel.sw.hdf5 import read_hdf5
from hubel.sw.hdf5_walk import MAX_DEPTH

MEND = "make it again"


@contextmanager
def bounded(megabytes: int = 512, seconds: float = 15.0) -> Iterator[None]:
    """Fail if the body takes more time, or its processes more memory (of those so far)."""
    before = _largest_child()
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds
    assert _largest_child() <= max(before, megabytes << 10)


def _largest_child() -> int:
    """Memory that the largest of all processes that were started had, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def refused(path: Path, why: str) -> None:
    """``path`` is refused in one line that ends as it should."""
    with bounded(), pytest.raises(ValueError) as raised:
        read_hdf5(path, "thing", MEND)
    message = str(raised.value)
    assert message.startswith(f"{path}: not a readable thing: ") and message.endswith(f"; {MEND}")
    assert why in message and "\n" not in message and "out of memory" not in message.lower()


def test_what_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 3, (100, 70))
    with h5py.File(path, "w") as file:
        file["a/b/number"] = 3
        file["a/text"] = "hello"
        file["a/fixed"] = np.array([b"dense"], dtype="S10")
        file.create_dataset("packed", data=packed, compression="gzip", shuffle=True, chunks=(32, 9))
        file.create_dataset("checked", data=packed, fletcher32=True, chunks=(32, 9))
        file["empty"] = np.zeros((0, 2))
        file["edges"] = np.array([["a", "b"]], dtype=object)
    tree = read_hdf5(path, "thing", MEND)
    assert tree["a"]["b"]["number"] == 3 and tree["a"]["text"] == "hello"
    assert list(tree["a"]["fixed"]) == ["dense"] and tree["edges"].tolist() == [["a", "b"]]
    np.testing.assert_array_equal(tree["packed"], packed)
    np.testing.assert_array_equal(tree["checked"], packed)
    assert tree["empty"].shape == (0, 2)


def test_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "no.h5", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"there is no such file; make it again$"):
            read_hdf5(path, "thing", MEND)


def no_data(file: Any) -> None:
    file.create_dataset("x", shape=(1 << 14, 1 << 10), dtype="f4")


def no_chunks(file: Any) -> None:
    file.create_dataset("x", shape=(1 << 14, 1 << 10), dtype="f4", chunks=(64, 64))


def large(file: Any) -> None:
    file.create_dataset("x", shape=(1 << 31,), dtype="f8")


def large_chunk(file: Any) -> None:
    file.create_dataset("x", shape=(1,), maxshape=(None,), chunks=(1 << 28,), dtype="f8")


def bomb(file: Any) -> None:
    """A chunk of 64 bytes that unpacks to a gigabyte."""
    x = file.create_dataset("x", shape=(8,), dtype="f8", chunks=(8,), compression="gzip")
    pack = zlib.compressobj(1)
    block = bytes(1 << 24)
    data = b"".join([pack.compress(block) for _ in range(64)] + [pack.flush()])
    x.id.write_direct_chunk((0,), data)


def short(file: Any) -> None:
    x = file.create_dataset("x", shape=(8,), dtype="f8", chunks=(8,), compression="gzip")
    x.id.write_direct_chunk((0,), zlib.compress(bytes(63)))


def deep(file: Any) -> None:
    file.create_group("/".join("a" * (MAX_DEPTH + 2)))


def itself(file: Any) -> None:
    group = file.create_group("a/b")
    group["c"] = file["a"]


def root(file: Any) -> None:
    file["a"] = file["/"]


def soft(file: Any) -> None:
    file["a"] = h5py.SoftLink("/a")


def external(file: Any) -> None:
    file["a"] = h5py.ExternalLink("/etc/passwd", "/")


def other_file(file: Any) -> None:
    file.create_dataset("x", shape=(8,), dtype="u1", external=[("/etc/passwd", 0, 8)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(8,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(8,))
    file.create_virtual_dataset("x", layout)


def reference(file: Any) -> None:
    file.create_dataset("x", data=file.ref, dtype=h5py.ref_dtype)


def ragged(file: Any) -> None:
    file.create_dataset("x", shape=(3,), dtype=h5py.vlen_dtype(np.int32))


def compound(file: Any) -> None:
    file["x"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])


def no_space(file: Any) -> None:
    file["x"] = h5py.Empty("f4")


def named_type(file: Any) -> None:
    file["x"] = np.dtype("f8")


def other_filter(file: Any) -> None:
    file.create_dataset("x", data=np.zeros(100), compression="lzf")


def many(file: Any) -> None:
    for i in range(20_001):
        file.create_group(str(i))


@pytest.mark.parametrize(
    "make, why",
    [
        (no_data, "x: declares 67108864 bytes, but the file does not hold them"),
        (no_chunks, "x: (16384, 1024) values are declared, but some are not there"),
        (large, "with what came before, are 17179869184 bytes; more than 1073741824 are not read"),
        (large_chunk, "x: has chunks of 2147483648 bytes"),
        (bomb, "x: a chunk does not unpack to 64 bytes"),
        (short, "x: a chunk does not unpack to 64 bytes"),
        (deep, f"more than {MAX_DEPTH} groups inside one another"),
        (itself, "a/b/c: has two names"),
        (root, "a: has two names"),
        (soft, "a: is a link; only what the file itself holds is read"),
        (external, "a: is a link; only what the file itself holds is read"),
        (other_file, "x: has no values in this file"),
        (virtual, "x: has no values in this file"),
        (reference, "x: is object; only numbers and text are read"),
        (ragged, "x: is object; only numbers and text are read"),
        (compound, "only numbers and text are read"),
        (no_space, "x: has no values in this file"),
        (named_type, "x: is neither a group nor a dataset"),
        (other_filter, "x: packed with HDF5 filter 32000; write it with gzip"),
        (many, "more than 20000 items"),
    ],
)
def test_refused(tmp_path: Path, make: Callable[[Any], None], why: str) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        make(file)
    refused(path, why)


def damaged_text(path: Path) -> None:
    """A file whose text has a length that HDF5 2.0 steps over in steps of 0, for ever."""
    with h5py.File(path, "w") as file:
        file["x"] = "hello"
    data = bytearray(path.read_bytes())
    # Global heap: signature, version and size take 16 bytes; the first object's own header, 16.
    data[data.index(b"GCOL") + 24] = 0
    path.write_bytes(data)


def test_a_file_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.h5"
    damaged_text(path)
    monkeypatch.setattr(hdf5, "_SECONDS", 2)
    refused(path, "the HDF5 library did not come to an end with it in 2 s")


def test_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the process: a signal that HDF5 provokes, or the lack of memory."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    monkeypatch.setattr(sys, "executable", "/bin/false")
    refused(path, "the HDF5 library crashed on it (exit 1)")


def test_memory_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk says so, should the library ask for too much."""
    limits = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, both: limits.append((kind, both)))
    monkeypatch.setattr(pickle, "dump", lambda found, *_, **__: limits.append(found))
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    hdf5_walk.main(str(path))
    most = 4 << 30
    assert limits[0] == (resource.RLIMIT_AS, (most, most)) and limits[1] == ({"x": 1}, None)
