"""Files of lava-dl: what their layers become, and which of them are refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hubel.hdl.program import Conv2d, Dense, Reset
from hubel.sim.golden import run
from hubel.sw.loihi_file import load_loihi, pixel_spikes
from hubel.sw.quantise import quantise

RNG = np.random.default_rng(0)


def neuron(group: Any, **changed: Any) -> None:
    """Neurons as lava-dl describes them."""
    said = {"iDecay": 1024, "vDecay": 128, "vThMant": 25, "refDelay": 1} | changed
    group["neuron/type"] = "CUBA"
    for name, value in said.items():
        group[f"neuron/{name}"] = value


def layer(file: Any, number: int, kind: str, shape: tuple[int, ...], **values: Any) -> Any:
    group = file.create_group(f"layer/{number}")
    group["type"] = np.array([kind.encode()], dtype="S10")
    group["shape"] = np.array(shape)
    for name, value in values.items():
        group[name] = value
    if kind != "flatten":
        neuron(group)
    return group


GEOMETRY: dict[str, Any] = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1]}
WEIGHTS = {
    "conv": RNG.integers(-128, 127, (4, 2, 3, 3, 1)).astype(np.float32) * 2,
    "dense": RNG.integers(-128, 127, (5, 4 * 3 * 3)).astype(np.float32),
}


def save(path: Path) -> None:
    """2x6x6 input, conv to 4x6x6, pool to 4x3x3, flatten, dense to 5."""
    with h5py.File(path, "w") as file:
        layer(file, 0, "input", (2, 6, 6), weight=np.full(1, 36.0), bias=np.full(1, 34.0))
        bias = np.arange(4, dtype=np.float32)
        layer(file, 1, "conv", (4, 6, 6), weight=WEIGHTS["conv"], bias=bias, groups=1, **GEOMETRY)
        pool = np.full((1, 1, 2, 2), 40, dtype=np.float32)
        geometry = GEOMETRY | {"stride": [2, 2], "padding": [0, 0]}
        layer(file, 2, "pool", (4, 3, 3), weight=pool, **geometry)
        layer(file, 3, "flatten", (36, 1, 1))
        layer(file, 4, "dense", (5,), weight=WEIGHTS["dense"], inFeatures=36)


def test_layers(tmp_path: Path) -> None:
    path = tmp_path / "x.net"
    save(path)
    network = load_loihi(path)
    assert network.describe() == "2x6x6-4x6x6-4x3x3-5" and network.profile == "loihi"
    conv, pool, dense = network.projections
    assert isinstance(conv, Conv2d) and isinstance(pool, Conv2d) and isinstance(dense, Dense)
    np.testing.assert_array_equal(conv.weights, WEIGHTS["conv"][..., 0] * 64)
    np.testing.assert_array_equal(dense.weights, WEIGHTS["dense"].T * 64)
    assert (pool.groups, pool.stride, pool.weights.shape) == (4, (2, 2), (4, 1, 2, 2))
    assert [p.delay for p in network.projections] == [0, 1, 1]
    assert [p.delay for p in load_loihi(path, hop_delay=0).projections] == [0, 0, 0]
    first = network.populations[0]
    assert (first.threshold, first.decay, first.u_decay) == (1600.0, 0.96875, 0.75)
    assert first.u_wraps and first.reset is Reset.HARD
    np.testing.assert_array_equal(first.bias, np.repeat([0.0, 64.0, 128.0, 192.0], 36))


def test_arithmetic(tmp_path: Path) -> None:
    """One dense layer, in plain integers: decay towards zero, u, v, compare, reset."""
    path = tmp_path / "x.net"
    weight = RNG.integers(-90, 120, (6, 10))
    with h5py.File(path, "w") as file:
        layer(file, 0, "dense", (6,), weight=weight, inFeatures=10, bias=np.arange(6) - 3)
    spikes = RNG.random((80, 10)) < 0.3
    trace = run(quantise(load_loihi(path), state_width=24), spikes[None])
    u: Any = np.zeros(6, dtype=np.int64)
    v: Any = u
    fired = 0
    for step in range(80):
        u = np.sign(u) * (abs(u) * (4096 - 1024) >> 12) + ((weight @ spikes[step]) << 6)
        v = np.sign(v) * (abs(v) * (4096 - 128) >> 12) + u + ((np.arange(6) - 3) << 6)
        z = v > 25 << 6
        v = np.where(z, 0, v)
        fired += z.sum()
        assert trace.current is not None and trace.membrane is not None
        assert trace.current[0] is not None
        np.testing.assert_array_equal(trace.current[0][0, step], u)
        np.testing.assert_array_equal(trace.membrane[0][0, step], v)
        np.testing.assert_array_equal(trace.spikes[0][0, step], z)
    assert 20 < fired < 400


def test_pixels(tmp_path: Path) -> None:
    """A pixel x is a bias of 2 * 36 * x - 36 + 34."""
    path = tmp_path / "x.net"
    save(path)
    pixels = np.zeros((1, 72))
    pixels[0, :3] = [0.5, 1.0, 0.02]
    spikes = pixel_spikes(path, pixels, 40)
    v: Any = np.zeros(3, dtype=np.int64)
    for step in range(40):
        v = np.sign(v) * (abs(v) * (4096 - 128) >> 12) + (np.array([34, 70, 0]) << 6)
        z = v > 1600
        np.testing.assert_array_equal(spikes[0, step, :3], z)
        v = np.where(z, 0, v)
    assert spikes[0, :, :2].any(axis=0).all() and not spikes[0, :, 2:].any()
    with pytest.raises(ValueError, match=r"pixels must have shape \(samples, 72\), not \(1, 3\)$"):
        pixel_spikes(path, np.zeros((1, 3)), 2)


def put(group: Any, name: str, value: Any) -> None:
    if name in group:
        del group[name]
    group[name] = value


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda f: put(f, "layer/4/type", "average"),
         "layer '4': has the type 'average', which cannot be run here"),
        (lambda f: put(f, "layer/4/type", 4), "layer '4': has the type '4', which cannot"),
        (lambda f: put(f, "layer/1/neuron/type", "SDNN"),
         "layer '1': has neurons of type 'SDNN'; CUBA and LOIHI are read"),
        (lambda f: f.pop("layer/1/neuron"), "layer '1': has no neurons"),
        (lambda f: f.pop("layer/1/neuron/iDecay"), "layer '1': has no 'iDecay'"),
        (lambda f: put(f, "layer/1/neuron/vDecay", 5000),
         "layer '1': vDecay must be in 0..4096, not 5000"),
        (lambda f: put(f, "layer/1/neuron/vThMant", "high"), "layer '1': vThMant must be numbers"),
        (lambda f: put(f, "layer/1/neuron/refDelay", 3),
         "layer '1': refDelay of its neurons is 3; only 1 can be run"),
        (lambda f: put(f, "layer/1/neuron/gradedSpike", True),
         "layer '1': gradedSpike of its neurons is 1; only 0 can be run"),
        (lambda f: put(f, "layer/1/neuron/wgtExp", 9), "layer '1': wgtExp must be in 0..7, not 9"),
        (lambda f: put(f, "layer/4/delay", [1, 0]), "layer '4': has axonal delays"),
        (lambda f: put(f, "layer/4/weight", np.full((5, 36), np.nan)),
         "layer '4': weight must be whole numbers"),
        (lambda f: put(f, "layer/4/weight", np.full((5, 36), 256)),
         "layer '4': weights must be in -256..254, where netx would clip them"),
        (lambda f: put(f, "layer/4/weight", np.ones((5, 35))),
         "layer '4': weight must have shape (5, 36), not (5, 35)"),
        (lambda f: put(f, "layer/1/shape", [4, 5, 6]),
         "layer '1': its shape 4x5x6 does not follow from its input 2x6x6"),
        (lambda f: put(f, "layer/1/shape", [2**31]), "layer '1': shape is out of range"),
        (lambda f: put(f, "layer/1/shape", [2**20]), "layer '1': a shape needs 1 or more"),
        (lambda f: put(f, "layer/1/stride", [0, 1]),
         "layer '1': stride must be 2 numbers of 1 or more, not [0, 1]"),
        (lambda f: put(f, "layer/1/bias", [1, 2, 3]), "layer '1': bias has 3 values for 4x6x6"),
        (lambda f: f.pop("layer/0"), "its layers must be groups 0 to 3"),
        (lambda f: f.pop("layer"), "no network of lava-dl: it has no group 'layer'"),
        (lambda f: put(f, "layer/0/type", "dense"), "layer '0': has no 'inFeatures'"),
        (lambda f: put(f, "layer/0/type", "conv"),
         "layer '0': the size of its input is not said: no input layer is before"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    path = tmp_path / "x.net"
    save(path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}") as raised:
        load_loihi(path)
    assert "\n" not in str(raised.value)


def test_refused_hop_delay(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^hop_delay must be 0 or 1, not 2$"):
        load_loihi(tmp_path / "x.net", hop_delay=2)
