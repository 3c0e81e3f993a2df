"""Program files: an exact round trip, and one clear line for everything else."""

import io
import json
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Population, Program, Reset
from hubel.sw import npz
from hubel.sw.program_file import load_program, save_program

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=30)

MEND = "make it again with `hubel compile`, or copy the file again from where it came"


def program(seed: int = 0) -> Program:
    """One to three populations with random parameters."""
    rng = np.random.default_rng(seed)
    weight_width, state_width = int(rng.choice([2, 4, 8])), int(rng.choice([16, 24]))
    low, high = -(1 << (state_width - 1)), (1 << (state_width - 1)) - 1
    least = -(1 << (weight_width - 1))
    sizes = rng.integers(2, 8, size=rng.integers(2, 5))
    return Program(
        populations=tuple(
            Population(
                name=f"layer {i} µ",
                weights=rng.integers(least, -least, size=(sizes[i], sizes[i + 1])),
                bias=rng.integers(low, high + 1, size=sizes[i + 1]),
                v_init=rng.integers(low, high + 1, size=sizes[i + 1]),
                threshold=int(rng.integers(0, high + 1)),
                decay=int(rng.integers(0, 4097)),
                reset=Reset.SOFT if rng.random() < 0.5 else Reset.HARD,
                v_reset=int(rng.integers(0, high + 1)),
            )
            for i in range(len(sizes) - 1)
        ),
        weight_width=weight_width,
        state_width=state_width,
    )


def saved(tmp_path: Path, seed: int = 0) -> Path:
    path = tmp_path / "program.npz"
    save_program(path, program(seed), {"profile": "hubel"})
    return path


def assert_same(a: Program, b: Program) -> None:
    """Bit for bit the same Program."""
    assert (a.weight_width, a.state_width) == (b.weight_width, b.state_width)
    for x, y in zip(a.populations, b.populations, strict=True):
        for field in ("name", "threshold", "decay", "reset", "v_reset"):
            assert getattr(x, field) == getattr(y, field), field
        for field in ("weights", "bias", "v_init"):
            np.testing.assert_array_equal(getattr(x, field), getattr(y, field))
            assert getattr(x, field).dtype == np.int64


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    metadata=st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
    ),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, seed: int, metadata: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("program") / "program.npz"
    save_program(path, program(seed), metadata)
    loaded, said = load_program(path)
    assert_same(loaded, program(seed))
    assert said == metadata
    assert [f.name for f in path.parent.iterdir()] == ["program.npz"]


def test_metadata_are_optional(tmp_path: Path) -> None:
    save_program(tmp_path / "p.npz", program())
    assert load_program(tmp_path / "p.npz")[1] == {}


@pytest.mark.parametrize("value", [np.zeros(2), {1, 2}, float("nan")])
def test_metadata_must_be_json(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "p.npz"
    start = f"{path}: what describes a hubel Program must be plain JSON: "
    with pytest.raises(ValueError, match=f"^{re.escape(start)}"):
        save_program(path, program(), {"value": value})
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()

    def full(file: Any, **_: Any) -> None:
        file.write(b"part")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match=r"^disk full$"):
        save_program(path, program(1))
    assert path.read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["program.npz"]


def test_saving_replaces_the_file_and_does_not_write_into_it(tmp_path: Path) -> None:
    path, reader = saved(tmp_path), tmp_path / "reader.npz"
    # Another name for the old file stands for a reader that has it open.
    reader.hardlink_to(path)
    save_program(path, program(1))
    assert_same(load_program(path)[0], program(1))
    assert_same(load_program(reader)[0], program(0))


def test_save_to_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "no" / "p.npz"
    message = f"{path}: the folder {path.parent} does not exist"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        save_program(path, program())


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.npz"
    message = f"{path}: there is no such file; {MEND}"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_program(path)


def refused(path: Path) -> str:
    """What loading says between the path and the mend, in one line."""
    with pytest.raises(ValueError) as raised:
        load_program(path)
    message = str(raised.value)
    assert "\n" not in message
    start, end = f"{path}: ", f"; {MEND}"
    assert message.startswith(start) and message.endswith(end)
    return message[len(start) : -len(end)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_file(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert refused(path) == "not a readable hubel Program: File is not a zip file"


def test_wrong_type(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").rename(path)
    assert refused(path) == "not a readable hubel Program: File is not a zip file"
    np.savez(path, x=np.zeros(3))
    assert refused(path) == "not a readable hubel Program: it has no header"
    np.savez(path, header=np.array("[1, 2]"))
    assert refused(path) == "not a readable hubel Program: its header is not a JSON object"
    np.savez(path, header=np.array("{"))
    assert refused(path).startswith("not a readable hubel Program: Expecting property name")
    np.savez(path, header=np.array("[" * 100_000))
    assert refused(path).startswith("not a readable hubel Program: maximum recursion depth")


@pytest.mark.parametrize("checksums_right", [False, True])
def test_damaged_file(tmp_path: Path, checksums_right: bool) -> None:
    """Any byte may be wrong: the file loads or is refused in one line, and nothing else happens."""
    path = saved(tmp_path)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    rng = np.random.default_rng(0)

    def damaged(content: bytes) -> bytes:
        changed = bytearray(content)
        # Most of them in the headers.
        where = rng.integers(len(content) if rng.random() < 0.3 else min(200, len(content)))
        changed[where] ^= int(rng.integers(1, 256))
        return bytes(changed)

    count = 0
    for _ in range(500):
        if checksums_right:
            victim = rng.choice(list(members))
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in members.items():
                    archive.writestr(name, damaged(content) if name == victim else content)
        else:
            path.write_bytes(damaged(data))
        try:
            load_program(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            count += 1
    assert count > 200


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        load_program(tmp_path)


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], Any]) -> None:
    """Save a changed header and changed arrays, with correct checksums."""
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(str(arrays.pop("header")))
    change(header, arrays)
    np.savez(path, allow_pickle=True, header=np.array(json.dumps(header)), **arrays)  # type: ignore


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda h, a: h.update(format="hubel network file"),
            "holds a 'hubel network file', not a hubel Program",
        ),
        (
            lambda h, a: h.update(version=2),
            "has version 2 of the hubel Program format, this hubel reads version 1",
        ),
        (
            lambda h, a: h.pop("weight_width"),
            "not a complete hubel Program: no 'weight_width'",
        ),
        (lambda h, a: h.pop("metadata"), "not a complete hubel Program: no 'metadata'"),
        (lambda h, a: a.pop("0.bias"), "not a complete hubel Program: no '0.bias'"),
        (
            lambda h, a: h["populations"][0].pop("decay"),
            "not a complete hubel Program: no 'decay'",
        ),
        (
            lambda h, a: h.update(populations=7),
            "not a valid hubel Program: 'int' object is not iterable",
        ),
        (
            lambda h, a: h.update(populations=[]),
            "not a valid hubel Program: a Program needs at least one population",
        ),
        (
            lambda h, a: h["populations"][0].update(threshold="5"),
            "not a valid hubel Program: threshold, decay, v_reset must be integers",
        ),
        (
            lambda h, a: h["populations"][0].update(threshold=[1, 2]),
            "not a valid hubel Program: threshold, decay, v_reset must be integers",
        ),
        (
            lambda h, a: h["populations"][0].update(name="x", decay=5000),
            "not a valid hubel Program: population 'x': decay must be in 0..4096, not 5000..5000",
        ),
        (
            lambda h, a: h["populations"][0].update(reset="soft-late"),
            "not a valid hubel Program: 'soft-late' is not a valid Reset",
        ),
        (
            lambda h, a: a.update({"0.bias": a["0.bias"].astype(float)}),
            "not a valid hubel Program: population 'layer 0 µ': bias must be signed integers, "
            "not float64",
        ),
        (
            lambda h, a: a.update({"0.bias": np.array([None])}),
            "not a readable hubel Program: an array holds Python objects",
        ),
    ],
)
def test_refused_contents(tmp_path: Path, change: Callable[..., Any], message: str) -> None:
    path = saved(tmp_path)
    rewrite(path, change)
    assert refused(path) == message


def npy(shape: tuple[int, ...], data: bytes, descr: str = "|i1") -> bytes:
    """A .npy file that declares ``shape`` and holds ``data``."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return file.getvalue() + data


def with_member(path: Path, data: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """Add a member to an archive."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.npy", data, compress_type=compression)


@pytest.mark.parametrize(
    "shape, message",
    [
        ((1 << 40,), "an array declares shape (1099511627776,) of int8, but has 4 bytes"),
        (
            (1 << 40, 1 << 40),
            "an array declares shape (1099511627776, 1099511627776) of int8, but has 4 bytes",
        ),
        ((3,), "an array declares shape (3,) of int8, but has 4 bytes"),
        ((-4, -1), "an array declares shape (-4, -1) of int8, but has 4 bytes"),
    ],
)
def test_a_declared_shape_is_not_believed(
    tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    path = saved(tmp_path)
    with_member(path, npy(shape, b"1234"))
    tracemalloc.start()
    try:
        assert refused(path) == f"not a readable hubel Program: {message}"
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_a_compressed_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with_member(path, npy((1 << 20,), bytes(1 << 20)), zipfile.ZIP_DEFLATED)
    assert refused(path) == "not a readable hubel Program: it is compressed"


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with_member(path, npy((4096,), bytes(4096)))
    with zipfile.ZipFile(path, "a") as archive:
        # The directory names the same bytes twice more.
        archive.filelist += [archive.getinfo("extra.npy")] * 2
        archive._didModify = True  # type: ignore
    assert refused(path) == (
        "not a readable hubel Program: its members declare more bytes than the file has"
    )


def test_an_old_or_strange_npy_version(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with_member(path, b"\x93NUMPY\x09\x00" + bytes(100))
    assert refused(path) == "not a readable hubel Program: an array has .npy version (9, 0)"


def test_column_major_arrays_are_read_right(tmp_path: Path) -> None:
    path = saved(tmp_path)
    rewrite(path, lambda h, a: a.update({"0.weights": np.asfortranarray(a["0.weights"])}))
    assert_same(load_program(path)[0], program())


def test_files_are_not_private(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    assert saved(tmp_path).stat().st_mode == plain.stat().st_mode


def test_the_newest_npy_header_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.arange(3), version=(2, 0))
    path = tmp_path / "x.npz"
    npz.write_npz(path, "x", 1, {}, {})
    with_member(path, file.getvalue())
    _, arrays = npz.read_npz(path, "x", 1, "mend")
    assert arrays["extra"].tolist() == [0, 1, 2]
