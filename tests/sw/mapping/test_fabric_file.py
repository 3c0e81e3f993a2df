"""Files of meshes: an exact round trip, and one clear line for everything else."""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import layers, random_fabric
from programs import random_program

from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.program import Program
from hubel.sw.mapping import map_program
from hubel.sw.mapping.fabric_file import load_fabric, save_fabric
from hubel.sw.npz import read_npz, write_npz
from hubel.sw.program_file import save_program

MEND = "make it again with `hubel map`, or copy the file again from where it came"


def same(a: Program, b: Program) -> None:
    assert (a.inputs, a.outputs, a.weight_width, a.state_width) == (
        b.inputs, b.outputs, b.weight_width, b.state_width
    )  # fmt: skip
    pairs = zip((*a.populations, *a.projections), (*b.populations, *b.projections), strict=True)
    for one, other in pairs:
        assert type(one) is type(other)
        for field in fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fabric = random_fabric(rng, random_program(rng, lanes=4), 4)
    path = tmp_path_factory.mktemp("mesh") / "fabric.npz"
    save_fabric(path, fabric, {"seed": seed})
    loaded, metadata = load_fabric(path)
    assert metadata == {"seed": seed}
    same(loaded.whole, fabric.whole)
    for name in ("rows", "columns", "gateway", "gateway_node", "key_bits", "tables"):
        assert getattr(loaded, name) == getattr(fabric, name), name
    for one, other in zip(loaded.nodes, fabric.nodes, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.endpoint == other.endpoint
            same(one.program, other.program)


@pytest.fixture(scope="module")
def fabric() -> FabricProgram:
    return map_program(layers(20, 32, 10), rows=2, columns=2)


def edited(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Path:
    """The file after ``change`` of its header and arrays."""
    header, arrays = read_npz(path, "hubel mesh", 1, MEND)
    change(header, arrays)
    for what in ("format", "version"):
        del header[what]
    write_npz(path, "hubel mesh", 1, header, arrays)
    return path


def set_at(*where: Any, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(header: dict[str, Any], _: dict[str, Any]) -> None:
        at: Any = header
        for key in where[:-1]:
            at = at[key]
        at[where[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (set_at("rows", value=3), "a mesh of 3x2 has 6 nodes and tables, not 4 and 4"),
        (set_at("rows", value="2"), "'2' is no whole number"),
        (set_at("gateway_node", value=7), "the gateway is at node 7 of 4"),
        (set_at("gateway", "heard", 0, 1, value="x"), "a key means spikes or a grant, not 'x'"),
        (set_at("gateway", "heard", 0, 2, value=5), "the gateway takes key"),
        (set_at("gateway", "heard", 0, 2, value=True), "True is no whole number"),
        (set_at("gateway", "senders", 0, "readers", value=9), "the gateway: sender 0 waits for 9"),
        (set_at("gateway", "senders", 0, "shape", value=[0, 1, 1]), "a shape needs 1 or more"),
        (set_at("tables", 0, value=[]), "dead end"),
        (set_at("tables", 0, value=[[1, 2, 3]]), "too many values"),
        (set_at("key_bits", value=2), "do not fit 2 bits"),
        (set_at("nodes", 0, value=7), ""),
        (set_at("nodes", value=None), ""),
        (set_at("nodes", 0, "program", "outputs", value=[]), "one or more outputs"),
        (set_at("whole", "weight_width", value=3), "weight_width must be one of"),
    ],
)
def test_nonsense(
    tmp_path: Path,
    fabric: FabricProgram,
    change: Callable[[dict[str, Any], dict[str, Any]], None],
    why: str,
) -> None:
    path = tmp_path / "fabric.npz"
    save_fabric(path, fabric)
    edited(path, change)
    with pytest.raises(ValueError) as caught:
        load_fabric(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: not a valid hubel mesh: ") and text.endswith(MEND)
    assert why in text and "\n" not in text


def test_what_is_missing_is_named(tmp_path: Path, fabric: FabricProgram) -> None:
    path = tmp_path / "fabric.npz"
    save_fabric(path, fabric)
    edited(path, lambda header, arrays: arrays.pop("node.0.projection.0.weights"))
    expected = f"{path}: not a complete hubel mesh: no 'node.0.projection.0.weights'; {MEND}"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        load_fabric(path)


def test_other_files(tmp_path: Path, fabric: FabricProgram) -> None:
    path = tmp_path / "program.npz"
    save_program(path, fabric.whole)
    with pytest.raises(ValueError, match="holds a 'hubel Program', not a hubel mesh"):
        load_fabric(path)
    with pytest.raises(FileNotFoundError, match="there is no such file; make it again"):
        load_fabric(tmp_path / "none.npz")


def test_a_damaged_file(tmp_path: Path, fabric: FabricProgram) -> None:
    """Cut anywhere, or with a byte changed in its header: a line, or nothing that matters."""
    path = tmp_path / "fabric.npz"
    save_fabric(path, fabric)
    whole = path.read_bytes()
    for size in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="not a readable hubel mesh") as caught:
            load_fabric(path)
        assert "\n" not in str(caught.value)


def test_nothing_half_written(tmp_path: Path, fabric: FabricProgram) -> None:
    path = tmp_path / "fabric.npz"
    save_fabric(path, fabric)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="must be plain JSON"):
        save_fabric(path, fabric, {"x": object()})
    assert path.read_bytes() == before
    assert json.loads(json.dumps([p.name for p in tmp_path.iterdir()])) == ["fabric.npz"]
