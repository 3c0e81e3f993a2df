"""What hubel writes as NIR: an exact round trip, readable by others, and nothing else accepted."""

import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sw.nir_reference import run

from hubel.hdl.program import Conv2d, Dense, Projection, Reset, Shape, Source, Sparse
from hubel.sw.network import Network, Neurons
from hubel.sw.nir import from_nir, load_nir, save_nir
from hubel.sw.simulate import simulate

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=25)

MEND = "write it again, or copy the file again from where it came"
OWN_MEND = "write it again with hubel, or take its metadata away and give a profile and dt"


def neurons(rng: np.random.Generator, name: str, shape: Shape) -> Neurons:
    """Neurons with random parameters, all that there are."""

    def values(low: float, high: float) -> Any:
        if rng.random() < 0.5:
            return float(rng.uniform(low, high))
        return rng.uniform(low, high, shape.neurons)

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.4 else None

    return Neurons(
        name=name,
        shape=shape,
        threshold=np.inf if rng.random() < 0.2 else values(0, 1),
        at_threshold=bool(rng.random() < 0.3),
        decay=float(rng.choice([0.0, 1.0, 1 - 1e-12])) if rng.random() < 0.5 else values(0, 1),
        reset=Reset(rng.choice([r.value for r in Reset])),
        v_reset=values(0, 1),
        bias=values(-1, 1),
        v_init=values(-1, 1),
        v_min=maybe(-1.5),
        refractory=int(rng.integers(0, 3)),
        u_decay=maybe(values(0, 1)),
        u_init=values(-1, 1),
        u_wraps=bool(rng.random() < 0.3),
        a_decay=maybe(0.75),
        a_step=float(rng.random()),
    )


def projection(
    rng: np.random.Generator, name: str, source: tuple[str, Shape], target: tuple[str, Shape],
    delay: int,
) -> Projection:  # fmt: skip
    """A random projection that fits."""
    common: dict[str, Any] = {
        "name": name, "source": source[0], "target": target[0], "delay": delay
    }  # fmt: skip
    kind = rng.integers(3)
    (_, height, width), after = source[1].sizes, target[1]
    if kind == 0 and after.height <= height and after.width <= width:
        padding = (int(rng.integers(0, 2)), int(rng.integers(0, 2)))
        kernel = (
            height - after.height + 1 + padding[0] * int(rng.integers(1, 3)),
            width - after.width + 1 + padding[1] * int(rng.integers(1, 3)),
        )
        weights = rng.normal(size=(after.channels, source[1].channels, *kernel))
        return Conv2d(**common, weights=weights, padding=padding)
    if kind == 1:
        matrix = rng.random((source[1].neurons, after.neurons)) < 0.3
        row, column = np.nonzero(matrix)
        first = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(matrix)))])
        # A synapse may have weight 0.
        weights = rng.integers(-1, 2, len(column)).astype(float)
        return Sparse(**common, weights=weights, first=first, targets=column)
    pool = (int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1)))
    axons = Shape(source[1].channels, height // pool[0], width // pool[1])
    return Dense(**common, weights=rng.normal(size=(axons.neurons, after.neurons)), pool=pool)


def network(seed: int = 0, names: tuple[str, ...] = ("zeta", "alpha")) -> Network:
    """A random network; by default the alphabet disagrees with the order."""
    rng = np.random.default_rng(seed)
    shapes = [Shape(3), Shape(2, 3, 4), Shape(1, 2, 2), Shape(4), Shape(2, 1, 3)]

    def shape() -> Shape:
        return shapes[rng.integers(len(shapes))]

    inputs = tuple(Source(f"in{i}", shape()) for i in range(rng.integers(1, 3)))
    populations = tuple(neurons(rng, name, shape()) for name in names)
    all_of = [(s.name, s.shape) for s in (*inputs, *populations)]
    projections = []
    for i, population in enumerate(populations):
        target = (population.name, population.shape)
        for j in range(rng.integers(1, 3)):
            k = int(rng.integers(len(all_of)))
            delay = int(rng.integers(0, 4)) if k < len(inputs) + i else int(rng.integers(1, 4))
            projections.append(projection(rng, f"{population.name}_{j}", all_of[k], target, delay))
    return Network(
        inputs=inputs,
        populations=populations,
        projections=tuple(projections),
        outputs=tuple(p.name for p in populations[-int(rng.integers(1, len(populations) + 1)) :]),
        profile="test",
        dt=float(rng.choice([0.1, 1.0])) if rng.random() < 0.5 else None,
    )


def assert_same(a: Network, b: Network) -> None:
    """Bit for bit the same network."""
    assert (a.inputs, a.outputs, a.profile, a.dt) == (b.inputs, b.outputs, b.profile, b.dt)
    for mine, yours in ((a.populations, b.populations), (a.projections, b.projections)):
        assert len(mine) == len(yours)
        for x, y in zip(mine, yours, strict=True):
            assert type(x) is type(y)
            for f in fields(x):
                one, other = getattr(x, f.name), getattr(y, f.name)
                assert type(one) is type(other) and np.array_equal(one, other), f.name


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.sampled_from([("a",), ("zeta", "alpha"), ("2", "10", "1"), ("metadata", "type")]),
    dt=st.sampled_from([None, 1.0, 1e-3, 1e-4, 0.3]),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, seed: int, names: tuple[str, ...], dt: float | None
) -> None:
    path = tmp_path_factory.mktemp("nir") / "network.nir"
    saved = network(seed, names)
    save_nir(path, saved, dt=dt)
    assert_same(load_nir(path), saved)
    assert [f.name for f in path.parent.iterdir()] == ["network.nir"]


def sayable(seed: int) -> Network:
    """A random network that NIR can say: hard reset, all starts from 0."""
    made = network(seed, ("zeta", "alpha", "beta"))
    populations = tuple(
        replace(
            p, reset=Reset.HARD, v_init=0.0, v_min=None, refractory=0, u_init=0.0, u_wraps=False,
            a_decay=None, a_step=0.0, threshold=p.threshold if p.fires else np.inf,
        )
        for p in made.populations
    )  # fmt: skip
    return replace(made, populations=populations)


@fixed
@given(seed=st.integers(0, 2**32 - 1))
def test_the_graph_says_the_same(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without the metadata it is the same network in profile nir, apart from rounding."""
    path = tmp_path_factory.mktemp("nir") / "network.nir"
    saved = sayable(seed)
    save_nir(path, saved, dt=0.25)
    graph = nir.read(path, type_check=False)
    graph.metadata = {}
    loaded = from_nir(graph, profile="nir", dt=0.25)
    rng = np.random.default_rng(0)
    spikes = rng.random((1, 12, saved.input_neurons)) < 0.4
    order = [s.name for s in saved.inputs]
    ends = np.cumsum([s.shape.neurons for s in saved.inputs])[:-1]
    parts = dict(zip(order, np.split(spikes, ends, axis=2), strict=True))
    mine = simulate(saved, spikes)
    yours = simulate(loaded, np.concatenate([parts[s.name] for s in loaded.inputs], axis=2))
    names = [p.name for p in loaded.populations]
    # Which projection closes a cycle is found anew; elsewhere than in the order that was saved it
    # is another network.
    said = {p.name: p.delay for p in saved.projections}
    assume(all(said.get(p.name, p.delay) == p.delay for p in loaded.projections))
    for i, population in enumerate(saved.populations):
        k = names.index(population.name)
        np.testing.assert_allclose(mine.membrane[i], yours.membrane[k], atol=1e-6)
        np.testing.assert_array_equal(mine.spikes[i], yours.spikes[k])


def chain(**changed: Any) -> Network:
    weights = np.array([[1.0, 0.25], [0.5, -0.5], [0.25, 1.0]])
    said: dict[str, Any] = {
        "name": "a", "shape": Shape(2), "threshold": 1.0, "v_reset": -0.25, "decay": 0.75,
        "bias": np.array([0.125, 0.0]), "reset": Reset.HARD,
    }  # fmt: skip
    return Network(
        inputs=(Source("input", Shape(3)),),
        populations=(Neurons(**said | changed),),
        projections=(Dense(name="w", source="input", target="a", weights=weights),),
        outputs=("a",),
    )


@pytest.mark.parametrize(
    "changed, kind",
    [
        ({}, nir.LIF),
        ({"decay": 1.0}, nir.IF),
        ({"threshold": np.inf}, nir.LI),
        ({"threshold": np.inf, "decay": 1.0}, nir.I),
        ({"u_decay": 0.5}, nir.CubaLIF),
        ({"u_decay": 0.5, "threshold": np.inf}, nir.CubaLI),
        ({"at_threshold": True}, nir.LIF),
    ],
)
def test_other_tools_run_the_same_network(
    tmp_path: Path, changed: dict[str, Any], kind: type
) -> None:
    """Euler's method with the file's dt, on what nir itself reads and checks."""
    path = tmp_path / "network.nir"
    net, dt = chain(**changed), 2.0**-10
    save_nir(path, net, dt=dt)
    graph = nir.read(path)
    assert isinstance(graph.nodes["a"], kind) and graph.metadata["dt"] == dt
    spikes = np.random.default_rng(0).random((1, 30, 3)) < 0.5
    trace = simulate(net, spikes)
    assert trace.spikes[0].any() == net.populations[0].fires
    ordered = nir.NIRGraph(
        {name: graph.nodes[name] for name in ("input", "w", "a", "output")}, graph.edges
    )
    fired, v = run(ordered, {"input": spikes[0]}, dt=dt)["a"]
    np.testing.assert_allclose(v, trace.membrane[0][0], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(fired, trace.spikes[0][0])


def test_nir_checks_what_is_written(tmp_path: Path) -> None:
    """A convolution, a pooling and a dense layer pass the type check of nir."""
    rng = np.random.default_rng(0)
    shapes = {"a": Shape(2, 6, 6), "b": Shape(3)}
    net = Network(
        inputs=(Source("input", Shape(2, 6, 6)),),
        populations=tuple(Neurons(name=n, shape=s, threshold=1.0) for n, s in shapes.items()),
        projections=(
            Conv2d(name="c", source="input", target="a", weights=rng.normal(size=(2, 2, 3, 3)),
                   padding=(1, 1)),
            Dense(name="d", source="a", target="b", weights=rng.normal(size=(18, 3)), pool=(2, 2)),
        ),
        outputs=("b",),
    )  # fmt: skip
    save_nir(tmp_path / "network.nir", net)
    graph = nir.read(tmp_path / "network.nir", type_check=True)
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds == {
        "input": "Input", "c": "Conv2d", "a": "IF", "d.pool": "SumPool2d", "d.flatten": "Flatten",
        "d": "Linear", "b": "IF", "output": "Output",
    }  # fmt: skip


def test_too_large_for_nir(tmp_path: Path) -> None:
    """A sparse projection can only be written with all its zeros."""
    net = Network(
        inputs=(Source("input", Shape(10_000)),),
        populations=(Neurons(name="a", shape=Shape(10_000), threshold=1.0),),
        projections=(
            Sparse(name="s", source="input", target="a", weights=np.ones(1),
                   first=np.ones(10_001, dtype=np.int64) - (np.arange(10_001) == 0),
                   targets=np.zeros(1, dtype=np.int64)),
        ),
        outputs=("a",),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"^projection 's': NIR can only say it as a matrix of "
                       r"10000 x 10000 weights, which is too large$"):  # fmt: skip
        save_nir(tmp_path / "network.nir", net)
    assert not list(tmp_path.iterdir())


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


def edit(path: Path, change: Callable[[h5py.Group], None]) -> None:
    """Change the graph in a file."""
    with h5py.File(path, "r+") as file:
        change(file["node"])  # pyright: ignore[reportArgumentType]


def put(group: Any, name: str, value: Any) -> None:
    del group[name]
    group[name] = value


def says(group: Any, old: str, new: str) -> None:
    """Change a word of the description of the network."""
    text = group["metadata/network"][()].decode()
    assert old in text
    put(group["metadata"], "network", text.replace(old, new))


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda g: put(g["metadata"], "writer_version", 1),
            "has version 1 of the metadata of hubel, this hubel reads version 2; " + OWN_MEND,
        ),
        (
            lambda g: put(g["metadata"], "writer_version", np.full((2, 2), 2)),
            "has version array([[2, 2], [2, 2]]) of the metadata of hubel, this hubel reads "
            "version 2; " + OWN_MEND,
        ),
        (
            lambda g: put(g["nodes/output"], "shape", 3),
            "node 'output': its output_type is not what the metadata say; it was changed after "
            "hubel wrote it; " + OWN_MEND,
        ),
        (
            lambda g: put(g["nodes/a"], "r", g["nodes/a/r"][()] * 2),
            "node 'a': its r is not what the metadata say; it was changed after hubel wrote it; "
            + OWN_MEND,
        ),
        (
            lambda g: says(g, '"decay": 0.75', '"decay": 0.125'),
            "node 'a': its tau is not what the metadata say; it was changed after hubel wrote it; "
            + OWN_MEND,
        ),
        (
            lambda g: says(g, '"reset": "hard"', '"reset": "sideways"'),
            "'sideways' is not a valid Reset",
        ),
        (
            lambda g: says(g, '"threshold"', '"other"'),
            "not complete metadata of hubel: Neurons.__init__() missing 1 required keyword-only "
            "argument: 'threshold'; " + OWN_MEND,
        ),
        (
            lambda g: says(g, '"refractory": 0', '"refractory": 0.5'),
            "not complete metadata of hubel: refractory is 0.5; " + OWN_MEND,
        ),
        (lambda g: put(g["metadata"], "dt", 0.0), "dt must be above 0 and finite, not 0.0"),
        (
            lambda g: put(g, "edges", g["edges"][()][:-1]),
            "the edge a -> output is not what the metadata say; it was changed after hubel wrote "
            "it; " + OWN_MEND,
        ),
        (
            lambda g: put(g["nodes/w"], "weight", np.full((2, 3), np.nan)),
            "projection 'w' to 'a': 6 of 6 weights are NaN or infinite",
        ),
        (
            lambda g: put(g["nodes/w"], "weight", np.zeros((2, 4))),
            "projection 'w' from 'input' to 'a': weights must have shape (axons, neurons) = "
            "(3, 2), not (4, 2)",
        ),
    ],
)
def test_refused_changes(
    tmp_path: Path, change: Callable[[h5py.Group], None], message: str
) -> None:
    path = tmp_path / "network.nir"
    save_nir(path, chain())
    assert_same(load_nir(path), chain())
    edit(path, change)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_nir(path)


def test_own_files_say_their_profile(tmp_path: Path) -> None:
    path = tmp_path / "network.nir"
    save_nir(path, chain())
    message = (
        f"{path}: hubel wrote this graph, and it says its profile, dt and reset; give none of them"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_nir(path, profile="nir", dt=1.0)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.nir"
    message = f"{path}: there is no such file; {MEND}"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_nir(path)
