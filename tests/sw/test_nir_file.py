"""NIR files: an exact round trip, and one clear line for everything else."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Reset
from hubel.sw.network import DenseProjection, LifPopulation, Network, simulate
from hubel.sw.nir_file import load_nir, save_nir

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=30)

MEND = "write it again with hubel, or copy the file again from where it came"


def network(seed: int = 0, names: tuple[str, ...] = ("zeta", "alpha")) -> Network:
    """A chain with random parameters; by default the alphabet disagrees with the order."""
    rng = np.random.default_rng(seed)
    populations, projections = [], []
    source, inputs = "input", 3
    for name in names:
        neurons = int(rng.integers(1, 6))
        projections.append(
            DenseProjection(
                name=f"{name}_weights",
                source=source,
                target=name,
                weights=rng.normal(size=(inputs, neurons)),
            )
        )
        populations.append(
            LifPopulation(
                name=name,
                threshold=float(rng.random()),
                v_reset=float(rng.random()),
                bias=rng.normal(size=neurons),
                v_init=rng.normal(size=neurons),
                decay=float(rng.choice([0.0, 1.0, rng.random(), 1 - 1e-12])),
                reset=Reset.SOFT if rng.random() < 0.5 else Reset.HARD,
            )
        )
        source, inputs = name, neurons
    return Network(
        inputs=3, populations=tuple(populations), projections=tuple(projections), profile="test"
    )


def assert_same(a: Network, b: Network) -> None:
    """Bit for bit the same network."""
    assert (a.inputs, a.profile) == (b.inputs, b.profile)
    for x, y in zip(a.populations, b.populations, strict=True):
        for field in ("name", "threshold", "v_reset", "decay", "reset"):
            assert getattr(x, field) == getattr(y, field), field
        np.testing.assert_array_equal(x.bias, y.bias)
        np.testing.assert_array_equal(x.v_init, y.v_init)
    for x, y in zip(a.projections, b.projections, strict=True):
        assert (x.name, x.source, x.target) == (y.name, y.source, y.target)
        np.testing.assert_array_equal(x.weights, y.weights)


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.sampled_from([("a",), ("zeta", "alpha"), ("2", "10", "1"), ("metadata", "type")]),
    dt=st.sampled_from([1.0, 1e-3, 1e-4, 0.3]),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, seed: int, names: tuple[str, ...], dt: float
) -> None:
    path = tmp_path_factory.mktemp("nir") / "network.nir"
    saved = network(seed, names)
    save_nir(path, saved, dt=dt)
    assert_same(load_nir(path), saved)
    assert [f.name for f in path.parent.iterdir()] == ["network.nir"]


def test_other_tools_read_the_same_network(tmp_path: Path) -> None:
    """Euler's method with the file's dt is the network that was saved, where NIR can say it."""
    path = tmp_path / "network.nir"
    weights = np.array([[1.0, 0.25], [0.5, -0.5], [0.25, 1.0]])
    population = LifPopulation(
        name="a",
        threshold=1.0,
        v_reset=-0.25,
        bias=np.array([0.125, 0.0]),
        v_init=np.zeros(2),
        decay=0.75,
        reset=Reset.HARD,
    )
    net = Network(
        inputs=3,
        populations=(population,),
        projections=(DenseProjection(name="w", source="input", target="a", weights=weights),),
    )
    dt = 2.0**-10
    save_nir(path, net, dt=dt)
    graph = nir.read(path)
    affine, lif = graph.nodes["w"], graph.nodes["a"]
    assert isinstance(affine, nir.Affine) and isinstance(lif, nir.LIF)
    assert graph.metadata["dt"] == dt
    spikes = np.random.default_rng(0).random((1, 30, 3)) < 0.5
    trace = simulate(net, spikes)
    assert trace.spikes[0].any()
    v = np.zeros(2)
    for step in range(30):
        current = affine.weight @ spikes[0, step] + affine.bias
        v = v + dt / lif.tau * (lif.v_leak - v + lif.r * current)
        fired = v > lif.v_threshold
        v = np.where(fired, lif.v_reset, v)
        np.testing.assert_array_equal(fired, trace.spikes[0][0, step])
        np.testing.assert_array_equal(v, trace.membrane[0][0, step])


@pytest.mark.parametrize("dt", [0.0, -1.0, np.inf, np.nan])
def test_refused_dt(tmp_path: Path, dt: float) -> None:
    with pytest.raises(ValueError, match=f"^dt must be above 0 and finite, not {dt!r}$"):
        save_nir(tmp_path / "network.nir", network(), dt=dt)
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "network.nir"
    save_nir(path, network())
    before = path.read_bytes()

    def full(path: Path, graph: Any) -> None:
        path.write_bytes(b"part")
        raise OSError("disk full")

    monkeypatch.setattr(nir, "write", full)
    with pytest.raises(OSError, match=r"^disk full$"):
        save_nir(path, network(1))
    assert path.read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["network.nir"]


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.nir"
    message = f"{path}: there is no such file; {MEND}"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_nir(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_file(tmp_path: Path, share: float) -> None:
    path = tmp_path / "network.nir"
    save_nir(path, network())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError) as raised:
        load_nir(path)
    one_line(raised, f"{path}: not a readable NIR file: ", MEND)


def one_line(raised: "pytest.ExceptionInfo[ValueError]", start: str, end: str) -> None:
    """The message is one line between ``start`` and ``end``, and hides what caused it."""
    message = str(raised.value)
    assert message.startswith(start) and message.endswith(end) and "\n" not in message
    assert raised.value.__suppress_context__


def test_damaged_file(tmp_path: Path) -> None:
    """Any byte may be wrong: the file loads or is refused in one line, and nothing else happens."""
    path = tmp_path / "network.nir"
    save_nir(path, network(names=("a",)))
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            load_nir(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            refused += 1
    assert refused > 5


def test_wrong_type(tmp_path: Path) -> None:
    path = tmp_path / "text.nir"
    path.write_text("not HDF5")
    with pytest.raises(ValueError) as raised:
        load_nir(path)
    one_line(raised, f"{path}: not a readable NIR file: ", MEND)


def test_other_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError) as raised:
        load_nir(path)
    one_line(raised, f"{path}: not a readable NIR file: ", MEND)


def edit(path: Path, change: Callable[[h5py.Group], None]) -> None:
    """Change the graph in a file."""
    with h5py.File(path, "r+") as file:
        change(file["node"])  # pyright: ignore[reportArgumentType]


def put(group: Any, name: str, value: Any) -> None:
    del group[name]
    group[name] = value


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda g: put(g["nodes/alpha"], "type", "LI") or delete(g, "alpha"),
            "node 'alpha' is a LI; hubel reads back only the Input, Affine, IF, LIF and Output "
            "nodes that it writes",
        ),
        (
            lambda g: put(g["metadata"], "writer", "snntorch"),
            "written by 'snntorch', version 1; hubel reads back only its own files, version 1, "
            "because NIR leaves the reset and the time step open",
        ),
        (
            lambda g: put(g["metadata"], "writer_version", 2),
            "written by 'hubel', version 2; hubel reads back only its own files, version 1, "
            "because NIR leaves the reset and the time step open",
        ),
        (
            lambda g: g.pop("metadata"),
            "written by None, version None; hubel reads back only its own files, version 1, "
            "because NIR leaves the reset and the time step open",
        ),
        (
            lambda g: put(g["nodes/alpha"], "r", g["nodes/alpha/r"][()] * 2),
            "node 'alpha': its r is not what its metadata say; it was changed after hubel wrote it",
        ),
        (
            lambda g: put(g["nodes/alpha/metadata"], "decay", 0.125),
            "node 'alpha': its tau is not what its metadata say; it was changed after hubel wrote "
            "it",
        ),
        (
            lambda g: put(g["nodes/alpha/metadata"], "reset", "sideways"),
            "'sideways' is not a valid Reset",
        ),
        (
            lambda g: g["nodes/alpha/metadata"].pop("v_init"),
            f"not a complete NIR file of hubel: 'v_init'; {MEND}",
        ),
        (
            lambda g: put(g["metadata"], "dt", 0.0),
            "dt must be above 0 and finite, not 0.0",
        ),
        (
            lambda g: put(g, "edges", g["edges"][()][:-1]),
            "the nodes are not one chain from 'input' to 'output'",
        ),
        (
            lambda g: put(g, "edges", [*map(tuple, g["edges"][()]), (b"alpha", b"zeta_weights")]),
            "the nodes are not one chain from 'input' to 'output'",
        ),
        (
            lambda g: put(g["nodes/zeta_weights"], "weight", np.full((4, 3), np.nan)),
            "projection 'zeta_weights' to 'zeta': 12 of 12 weights are NaN or infinite",
        ),
    ],
)
def test_refused_graphs(tmp_path: Path, change: Callable[[h5py.Group], None], message: str) -> None:
    path = tmp_path / "network.nir"
    save_nir(path, leaky())
    assert_same(load_nir(path), leaky())
    edit(path, change)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_nir(path)


def delete(group: Any, name: str) -> None:
    """Leave of a LIF node what a LI node has."""
    for field in ("v_reset", "v_threshold"):
        del group[f"nodes/{name}/{field}"]


def leaky() -> Network:
    """3 inputs, "zeta" of 4 and "alpha" of 2, both LIF."""

    def population(name: str, neurons: int) -> LifPopulation:
        return LifPopulation(
            name=name,
            threshold=1.0,
            v_reset=1.0,
            bias=np.zeros(neurons),
            v_init=np.zeros(neurons),
            decay=0.5,
        )

    return Network(
        inputs=3,
        populations=(population("zeta", 4), population("alpha", 2)),
        projections=(
            DenseProjection(
                name="zeta_weights", source="input", target="zeta", weights=np.ones((3, 4))
            ),
            DenseProjection(
                name="alpha_weights", source="zeta", target="alpha", weights=np.ones((4, 2))
            ),
        ),
    )


def test_wrong_order_of_nodes(tmp_path: Path) -> None:
    path = tmp_path / "network.nir"
    save_nir(path, leaky())

    def swap(graph: Any) -> None:
        names = [b"input", b"zeta", b"zeta_weights", b"alpha_weights", b"alpha", b"output"]
        put(graph, "edges", list(pairwise(names)))

    edit(path, swap)
    message = (
        f"{path}: nodes 'zeta' and 'zeta_weights' are LIF and Affine; a chain needs Affine and "
        f"then IF or LIF"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_nir(path)
