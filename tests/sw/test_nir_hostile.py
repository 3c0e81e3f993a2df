"""NIR and lava-dl files that are damaged or hostile: one line that names the file, or a Network."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sw.test_hdf5 import bounded

from hubel.sw.loihi_file import load_loihi
from hubel.sw.network import Network
from hubel.sw.nir import from_nir, load_nir

MEND = "write it again, or copy the file again from where it came"

fixed = settings(derandomize=True, deadline=None, max_examples=150)


def small() -> nir.NIRGraph:
    """A graph with a convolution, a nested cycle and everything else that is usual."""
    rng = np.random.default_rng(0)
    one = np.ones(3)
    inner = nir.NIRGraph(
        {
            "in": nir.Input({"input": np.array([3])}),
            "lif": nir.LIF(tau=2 * one, r=one, v_leak=0 * one, v_threshold=one, v_reset=0 * one),
            "w": nir.Affine(rng.normal(size=(3, 3)), one),
            "out": nir.Output({"output": np.array([3])}),
        },
        [("in", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "out")],
        type_check=False,
    )
    return nir.NIRGraph(
        {
            "input": nir.Input({"input": np.array([2, 4, 4])}),
            "conv": nir.Conv2d((4, 4), rng.normal(size=(2, 2, 3, 3)), 1, (1, 1), 1, 1, np.ones(2)),
            "if": nir.IF(r=np.ones((2, 4, 4)), v_threshold=np.ones((2, 4, 4))),
            "pool": nir.SumPool2d(*(np.array([v, v]) for v in (2, 2, 0))),
            "flat": nir.Flatten({"input": np.array([2, 2, 2])}, start_dim=0),
            "fc": nir.Linear(rng.normal(size=(3, 8))),
            "r": inner,
            "output": nir.Output({"output": np.array([3])}),
        },
        [("input", "conv"), ("conv", "if"), ("if", "pool"), ("pool", "flat"), ("flat", "fc"),
         ("fc", "r"), ("r", "output")],
        type_check=False,
    )  # fmt: skip


def saved(folder: Path) -> Path:
    path = folder / "network.nir"
    nir.write(path, small())
    return path


def load(path: Path) -> Network:
    return load_nir(path, profile="nir", dt=1.0)


def put(group: Any, name: str, value: Any) -> None:
    if name in group:
        del group[name]
    group[name] = value


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda g: g.pop("nodes/fc"), "the edge flat -> fc names 'fc', which is no node"),
        (lambda g: g.pop("nodes/fc/weight"), "node 'fc' is no Linear: "),
        (lambda g: g.pop("nodes/fc/type"), "node 'fc' has the type None; nir has "),
        (lambda g: put(g, "nodes/fc/type", "Magic"), "node 'fc' has the type 'Magic'; nir has "),
        (lambda g: put(g, "nodes/fc/type", 7), "node 'fc' has the type 7; nir has "),
        (lambda g: put(g, "nodes/fc/type", np.ones((9, 9))),
         "node 'fc' has the type array([[1., 1., 1., "),
        (lambda g: (put(g, "nodes/fc/weight", np.full((3, 8), 1e300)),
                    put(g, "nodes/r/nodes/lif/r", np.full(3, 1e300))) and None,
         "projection 'fc' to 'r.lif': 24 of 24 weights are NaN or infinite"),
        (lambda g: put(g, "nodes/r/nodes/lif/tau", "long"),
         "node 'r.lif': tau of LIF must be numbers"),
        (lambda g: put(g, "nodes/r/nodes/lif/tau", np.ones(4)), "node 'r.lif' is no LIF: "),
        (lambda g: put(g, "nodes/fc/weight", np.full((3, 8), np.nan)),
         "node 'fc' (Linear): weight: 24 of 24 values are NaN or infinite"),
        (lambda g: put(g, "nodes/fc/weight", np.ones((3, 9))),
         "node 'fc' (Linear): weight of shape (3, 9) does not fit an input of (8,)"),
        (lambda g: put(g, "nodes/fc/weight", np.ones(3)), "node 'fc' is no Linear: "),
        (lambda g: put(g, "nodes/fc/extra", 1), "node 'fc' is no Linear: "),
        (lambda g: put(g, "nodes/if/v_threshold", np.ones((4096, 1, 1))),
         "node 'if' is no IF: "),
        (lambda g: [put(g, f"nodes/if/{field}", np.ones(shape)) for field, shape in
                    (("v_threshold", (4096, 1)), ("r", (1, 4096)), ("v_reset", ()))],
         "node 'if' is no IF: parameters of shape (4096, 4096); 4194304 neurons are the most"),
        (lambda g: put(g, "nodes/input/shape", np.array([2**31])),
         "node 'input' (Input): shape must have 1 to 4194304 values, not (2147483648,)"),
        (lambda g: put(g, "nodes/input/shape", np.array([-3])),
         "node 'input' (Input): shape must have 1 to 4194304 values, not (-3,)"),
        (lambda g: put(g, "nodes/input/shape", np.array([1e300])),
         "node 'input' (Input): shape must"),
        (lambda g: put(g, "nodes/input/shape", np.array([np.nan])),
         "node 'input' (Input): shape must be whole numbers"),
        (lambda g: put(g, "nodes/conv/padding", np.array([2**30, 2**30])),
         "node 'conv' (Conv2d): its output must have 1 to 4194304 values"),
        (lambda g: put(g, "nodes/conv/padding", "around"), "node 'conv' is no Conv2d: padding"),
        (lambda g: put(g, "nodes/conv/stride", np.array([0, 1])),
         "node 'conv' (Conv2d): stride must be 2 numbers of 1 or more, not (0, 1)"),
        (lambda g: put(g, "nodes/conv/groups", 0),
         "node 'conv' (Conv2d): groups must be 1 numbers of 1 or more, not (0,)"),
        (lambda g: put(g, "nodes/conv/dilation", np.array([2**40, 1])),
         "node 'conv' (Conv2d): dilation must be less than 2147483648, not 1099511627776"),
        (lambda g: put(g, "nodes/pool/kernel_size", np.array([1.5, 1])),
         "node 'pool' (SumPool2d): kernel_size must be whole numbers, not [1.5 1. ]"),
        (lambda g: put(g, "nodes/pool/stride", np.zeros((2, 4, 4))),
         "node 'pool' (SumPool2d): stride must be whole numbers, not float64 (2, 4, 4)"),
        (lambda g: put(g, "nodes/flat/start_dim", np.zeros(0)),
         "node 'flat' (Flatten): start_dim must be whole numbers, not []"),
        (lambda g: put(g, "nodes/flat/end_dim", 9),
         "node 'flat' (Flatten): start_dim 0 and end_dim 9 do not fit an input of (2, 2, 2)"),
        (lambda g: put(g, "edges", np.arange(6).reshape(3, 2)), "the graph: edges must be pairs"),
        (lambda g: put(g, "edges", "all"), "the graph: edges must be pairs of names"),
        (lambda g: put(g, "nodes", 3), "the graph: nodes must be a group of groups"),
        (lambda g: put(g, "nodes/x", 3), "the graph: nodes must be a group of groups"),
        (lambda g: put(g, "nodes/r/edges", np.zeros((0, 2))),
         "node 'r.lif' (LIF) is fed by nothing: no edge ends in it"),
        (lambda g: put(g, "type", "LIF"), "the graph"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    path = saved(tmp_path)
    assert load(path).describe() == "2x4x4-2x4x4-3"
    with h5py.File(path, "r+") as file:
        change(file["node"])
    with bounded(), pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}") as e:
        load(path)
    assert "\n" not in str(e.value)


def test_a_graph_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    nir.write(path, small().nodes["fc"])
    with pytest.raises(ValueError, match=f"holds a single Linear, not a graph; {MEND}$"):
        load(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError, match="not a readable NIR file: it has no group 'node'"):
        load(path)
    path.write_text("not HDF5")
    with pytest.raises(ValueError, match=rf"^{path}: not a readable NIR file: .*{MEND}$"):
        load(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError) as raised:
        load(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: not a readable NIR file: ") and message.endswith(MEND)
    assert "\n" not in message


def attempt(path: Path, loader: Callable[[Path], Network]) -> bool:
    """Whether ``path`` is refused, as it should be: in one line that names it."""
    try:
        loader(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error), error
        return True
    return False


def loihi(path: Path) -> None:
    """A small file like those of lava-dl."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for i, (inputs, outputs) in enumerate(((5, 4), (4, 3))):
            layer = file.create_group(f"layer/{i}")
            layer["type"] = np.array([b"dense"], dtype="S10")
            layer["shape"] = np.array([outputs])
            layer["inFeatures"] = inputs
            layer["weight"] = rng.integers(-20, 20, (outputs, inputs)).astype(np.float32)
            for name, value in (("iDecay", 4096), ("vDecay", 128), ("vThMant", 25)):
                layer[f"neuron/{name}"] = value
            layer["neuron/type"] = "CUBA"


@pytest.mark.parametrize("kind", ["nir", "loihi"])
def test_damaged_bytes(tmp_path: Path, kind: str) -> None:
    """Any byte may be wrong: the file loads or is refused, and nothing else happens."""
    path = tmp_path / "network"
    if kind == "nir":
        path = saved(tmp_path)
    else:
        loihi(path)
    loader = load if kind == "nir" else load_loihi
    assert not attempt(path, loader)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        refused += attempt(path, loader)
    assert refused > 5


NUMBERS = st.sampled_from(
    [0.0, -1.0, 1.0, 0.5, 3.0, 1e-300, 1e300, np.inf, -np.inf, np.nan, 2.0**31, -(2.0**63)]
)
SHAPES = st.sampled_from(
    [(), (1,), (3,), (2,), (0,), (8,), (2, 4, 4), (3, 8), (2, 2, 3, 3), (1, 1)]
)


@fixed
@given(data=st.data())
def test_mutated_graphs(data: st.DataObject) -> None:
    """Any field of any node may have any numbers of any shape, any edge may lead anywhere."""
    graph = small()
    graphs = [graph, graph.nodes["r"]]
    for _ in range(data.draw(st.integers(1, 3))):
        g = data.draw(st.sampled_from(graphs))
        assert isinstance(g, nir.NIRGraph)
        names = sorted(g.nodes)
        if data.draw(st.booleans()):
            ends = st.sampled_from([*names, "nowhere"])
            edge = (data.draw(ends), data.draw(ends))
            what = data.draw(st.sampled_from(["add", "remove"]))
            if what == "add":
                g.edges.append(edge)
            elif g.edges:
                g.edges.pop(data.draw(st.integers(0, len(g.edges) - 1)))
            continue
        node = g.nodes[data.draw(st.sampled_from(names))]
        fields = sorted(set(vars(node)) - {"nodes", "edges", "metadata"})
        field = data.draw(st.sampled_from(fields))
        value: Any = np.full(data.draw(SHAPES), data.draw(NUMBERS))
        if field in ("input_type", "output_type"):
            value = {field.removesuffix("_type"): value}
        elif data.draw(st.integers(0, 9)) == 0:
            value = np.full(3, "text")
        setattr(node, field, value)
    try:
        from_nir(graph, profile=data.draw(st.sampled_from(["nir", "sinabs"])), dt=1.0)
    except ValueError as error:
        assert "\n" not in str(error)
