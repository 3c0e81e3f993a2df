"""Program files: an exact round trip, and one clear line for everything else."""

import io
import json
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import random_program

from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source, Sparse
from hubel.sw import npz
from hubel.sw.program_file import load_program, save_program

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=30)

MEND = "make it again with `hubel compile`, or copy the file again from where it came"


def program(seed: int = 0) -> Program:
    """One to five populations with random parameters, and any projections."""
    return random_program(np.random.default_rng(seed))


def saved(tmp_path: Path, seed: int = 0) -> Path:
    path = tmp_path / "program.npz"
    save_program(path, program(seed), {"profile": "hubel"})
    return path


def assert_same(a: Program, b: Program) -> None:
    """Bit for bit the same Program."""
    assert (a.weight_width, a.state_width) == (b.weight_width, b.state_width)
    assert (a.inputs, a.outputs) == (b.inputs, b.outputs)
    layers = zip((*a.populations, *a.projections), (*b.populations, *b.projections), strict=True)
    for x, y in layers:
        assert type(x) is type(y)
        for field in fields(x):
            got, expected = getattr(x, field.name), getattr(y, field.name)
            assert type(got) is type(expected), field.name
            if isinstance(got, np.ndarray):
                np.testing.assert_array_equal(got, expected)
                assert got.dtype == np.int64
            else:
                assert got == expected, field.name


def test_the_random_programs_have_everything() -> None:
    """Otherwise the round trip would say little."""
    seen = set()
    for seed in range(100):
        made = program(seed)
        seen |= {type(p).__name__ for p in made.projections}
        for p in made.populations:
            seen |= p.varied()
            seen |= {
                what for what in ("v_min", "a_decay", "u_decay") if getattr(p, what) is not None
            }
            seen |= {"refractory"} if p.refractory else set()
            seen |= {p.reset.value}
    assert seen >= {"Dense", "Conv2d", "Sparse", "v_min", "a_decay", "u_decay", "refractory"}
    assert seen >= {"threshold", "bias", "v_init", "v_reset", "decay", "hard", "soft", "soft-late"}


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


def graph() -> Program:
    """Input "i" of 2x3x3, populations "c" (convolution) and "o" (dense, sparse loop)."""
    return Program(
        inputs=(Source("i", Shape(2, 3, 3)),),
        populations=(
            Population(name="c", shape=Shape(1, 2, 2), threshold=7, bias=np.arange(4)),
            Population(name="o", shape=Shape(2), threshold=9, decay=4000),
        ),
        projections=(
            Conv2d(name="k", source="i", target="c", weights=np.full((1, 2, 2, 2), 3)),
            Dense(name="d", source="c", target="o", weights=np.full((4, 2), -2)),
            Sparse(
                name="s",
                source="o",
                target="o",
                weights=np.array([5, -5]),
                first=np.array([0, 1, 2]),
                targets=np.array([1, 0]),
                delay=1,
            ),
        ),
        outputs=("o",),
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda h, a: h.update(format="hubel network file"),
            "holds a 'hubel network file', not a hubel Program",
        ),
        (
            lambda h, a: h.update(version=1),
            "has version 1 of the hubel Program format, this hubel reads version 2",
        ),
        (
            lambda h, a: h.update(version=3),
            "has version 3 of the hubel Program format, this hubel reads version 2",
        ),
        (
            lambda h, a: h.pop("weight_width"),
            "not a complete hubel Program: no 'weight_width'",
        ),
        (lambda h, a: h.pop("metadata"), "not a complete hubel Program: no 'metadata'"),
        (lambda h, a: h.pop("inputs"), "not a complete hubel Program: no 'inputs'"),
        (
            lambda h, a: a.pop("population.0.bias"),
            "not a complete hubel Program: no 'bias'",
        ),
        (
            lambda h, a: a.pop("projection.2.targets"),
            "not a complete hubel Program: no 'projection.2.targets'",
        ),
        (
            lambda h, a: h["populations"][0].pop("decay"),
            "not a complete hubel Program: no 'decay'",
        ),
        (
            lambda h, a: h["projections"][0].pop("stride"),
            "not a complete hubel Program: no 'stride'",
        ),
        (
            lambda h, a: h.update(populations=7),
            "not a valid hubel Program: 'int' object is not iterable",
        ),
        (
            lambda h, a: h.update(populations=[]),
            "not a valid hubel Program: a Program needs at least one input and one population",
        ),
        (
            lambda h, a: h["populations"][0].update(threshold="5"),
            "not a valid hubel Program: population 'c': threshold must be an int, not '5'",
        ),
        (
            lambda h, a: h["populations"][0].update(threshold=[1, 2]),
            "not a valid hubel Program: population 'c': threshold must be an int, not [1, 2]",
        ),
        (
            lambda h, a: h["populations"][0].update(threshold=True),
            "not a valid hubel Program: population 'c': threshold must be an int, not True",
        ),
        (
            lambda h, a: h["populations"][0].update(name="x", decay=5000),
            "not a valid hubel Program: population 'x': decay must be in 0..4096, not 5000",
        ),
        (
            lambda h, a: h["populations"][0].update(threshold=10**100),
            f"not a valid hubel Program: population 'c': threshold must be in 0..32767, "
            f"not {10**100}",
        ),
        (
            lambda h, a: h["populations"][0].update(u_wraps=1),
            "not a valid hubel Program: u_wraps must be true or false, not 1",
        ),
        (
            lambda h, a: h["populations"][0].update(v_min=0.5),
            "not a valid hubel Program: population 'c': v_min must be an int, not 0.5",
        ),
        (
            lambda h, a: h["populations"][0].update(reset="never"),
            "not a valid hubel Program: 'never' is not a valid Reset",
        ),
        (
            lambda h, a: h["populations"][0].update(name=3),
            "not a valid hubel Program: name must be text, not 3",
        ),
        (
            lambda h, a: h["populations"][0].update(shape=[1, 2]),
            "not a valid hubel Program: a shape must be three numbers in 1..65536, not [1, 2]",
        ),
        (
            lambda h, a: h["populations"][0].update(shape=[1, 2, 1 << 40]),
            f"not a valid hubel Program: a shape must be three numbers in 1..65536, "
            f"not {[1, 2, 1 << 40]}",
        ),
        (
            lambda h, a: h["inputs"][0].update(shape=[65536, 2, 1]),
            "not a valid hubel Program: a shape needs 1 or more channels, rows and columns and at "
            "most 65536 codes, not 65536x2x1",
        ),
        (
            lambda h, a: a.update({"population.0.bias": np.arange(4.0)}),
            "not a valid hubel Program: population 'c': bias must be signed integers, not float64",
        ),
        (
            lambda h, a: a.update({"population.0.bias": np.arange(5)}),
            "not a valid hubel Program: population 'c': bias must have shape (4,), not (5,)",
        ),
        (
            lambda h, a: a.update({"population.0.bias": np.array([None])}),
            "not a readable hubel Program: an array holds Python objects",
        ),
        (
            lambda h, a: h["projections"][0].update(kind="pool"),
            "not a valid hubel Program: projection 'k' is of kind 'pool'; there are dense, conv2d, "
            "sparse",
        ),
        (
            lambda h, a: h["projections"][0].update(stride=[1, 1 << 40]),
            f"not a valid hubel Program: projection 'k': stride must be two numbers in 0..65536, "
            f"not {[1, 1 << 40]}",
        ),
        (
            lambda h, a: h["projections"][0].update(padding=3),
            "not a valid hubel Program: projection 'k': padding must be two numbers in 0..65536, "
            "not 3",
        ),
        (
            lambda h, a: h["projections"][0].update(groups=0.5),
            "not a valid hubel Program: projection 'k': groups must be in 0..65536, not 0.5",
        ),
        (
            lambda h, a: h["projections"][0].update(groups=0),
            "not a valid hubel Program: projection 'k' from 'i' to 'c': stride, dilation, pool and "
            "groups must be 1 or more, padding 0 or more",
        ),
        (
            lambda h, a: h["projections"][2].update(delay=True),
            "not a valid hubel Program: projection 's': delay must be an int, not True",
        ),
        (
            lambda h, a: h["projections"][2].update(delay=2),
            "not a valid hubel Program: projection 's': delay must be 0 or 1, not 2",
        ),
        (
            lambda h, a: h["projections"][1].update(name="k"),
            "not a valid hubel Program: two projections are named 'k'",
        ),
        (
            lambda h, a: h["projections"][1].update(source=["c"]),
            "not a valid hubel Program: source must be text, not ['c']",
        ),
        (
            lambda h, a: a.update({"projection.2.first": np.array([0.0, 1.0, 2.0])}),
            "not a valid hubel Program: projection 's': first must be integers, not float64",
        ),
        (
            lambda h, a: a.update({"projection.2.targets": np.array([1, 1 << 40])}),
            "not a valid hubel Program: projection 's' from 'o' to 'o': targets must be in 0..1, "
            f"not 1..{1 << 40}",
        ),
        (
            lambda h, a: a.update({"projection.1.weights": np.full((4, 2), 300)}),
            "not a valid hubel Program: projection 'd': weights must be in -128..127, not "
            "300..300",
        ),
        (lambda h, a: h.update(outputs=["c", "c"]), "not a valid hubel Program: a Program needs "
         "one or more outputs, each of them once"),
    ],
)  # fmt: skip
def test_refused_contents(tmp_path: Path, change: Callable[..., Any], message: str) -> None:
    path = tmp_path / "program.npz"
    save_program(path, graph())
    assert_same(load_program(path)[0], graph())
    rewrite(path, change)
    assert refused(path) == message


def test_a_small_file_costs_little_memory(tmp_path: Path) -> None:
    """Shapes in a header declare neurons without any bytes behind them."""
    path = tmp_path / "program.npz"
    save_program(path, graph())

    def grow(header: dict[str, Any], _: Any) -> None:
        one = header["populations"][1]
        header["populations"] += [
            {**one, "name": f"more {i}", "shape": [1, 256, 256]} for i in range(200)
        ]

    rewrite(path, grow)
    tracemalloc.start()
    try:
        assert refused(path) == (
            "not a valid hubel Program: population 'more 0' is fed by no projection"
        )
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


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
    rewrite(path, lambda h, a: a.update(
            {key: np.asfortranarray(array) for key, array in a.items()}))  # fmt: skip
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
