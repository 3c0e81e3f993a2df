"""Networks for Loihi: the HDF5 files (``.net``) that lava-dl writes, as netx runs them.

Integers throughout. For each population (Lava's bit-accurate LIF, lava-dl's netx):

    u = u * (4096 - iDecay) >> 12, towards zero, + (sum of weights << 6); wraps at 24 bits
    v = v * (4096 - vDecay) >> 12, towards zero, + u + (bias << 6)
    v > vThMant << 6: spike, v = 0

A Network has u and v in LSB of these states, so its weights are those of the file times 64.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.population import Population, Reset, Source
from hubel.hdl.projection import Conv2d, Dense, Projection
from hubel.hdl.shape import Shape
from hubel.sim.lif import initial_state, lif_step

from .hdf5 import Tree, read_hdf5
from .loihi_fields import integers, pair, shape_of, type_of, whole
from .network import Network, Neurons, Values

_MEND = "export it again with lava-dl"
_ONE = 1 << DECAY_SHIFT
_STATE_SHIFT, _STATE_WIDTH = 6, 24
_WEIGHT_RANGE = (-256, 254)

#: Name of the input of a Network that was loaded.
INPUT = "input"


def load_loihi(path: str | os.PathLike[str], *, hop_delay: int = 1) -> Network:
    """Load a ``.net`` file of lava-dl as a Network of profile ``loihi``.

    Layers of type dense, conv, pool and flatten are read. A layer ``input`` becomes the input of
    the Network: its neurons turn pixels into spikes outside of it (:func:`pixel_spikes`).

    Parameters
    ----------
    path : path
    hop_delay : int
        Steps that a spike takes from one layer to the next: 1 as in Lava, where each layer hands
        on in the next step what it computed in this; 0 if all layers work on the same step, as in
        training, and as in Lava where each layer is reset one step after the one before it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or something else, or a layer cannot be run; one line that names
        the file and the layer.
    """
    if hop_delay not in (0, 1):
        raise ValueError(f"hop_delay must be 0 or 1, not {hop_delay!r}")
    layers = _layers(path)
    try:
        return _network(layers, hop_delay)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def pixel_spikes(
    path: str | os.PathLike[str], pixels: npt.ArrayLike, steps: int
) -> npt.NDArray[np.bool_]:
    """What the neurons of the layer ``input`` of a file make of pixels, as netx does it.

    The pixel ``x`` is a constant bias of ``2 * weight * x - weight + bias``, with the one weight
    and bias of that layer, rounded towards zero.

    Parameters
    ----------
    path : path
    pixels : array of float, shape (samples, inputs)
        0 to 1, in C order of (channel, row, column).
    steps : int

    Returns
    -------
    spikes : array of bool, shape (samples, steps, inputs)

    Raises
    ------
    FileNotFoundError, ValueError
        If the file cannot be read or has no such layer, or ``pixels`` have the wrong shape.
    """
    name, layer = _layers(path)[0]
    try:
        if type_of(layer) != "input":
            raise ValueError(f"layer {name!r} is no input layer; code the input yourself")
        shape = shape_of(layer)
        if np.ndim(pixels) != 2 or np.shape(pixels)[1] != shape.neurons:
            raise ValueError(
                f"pixels must have shape (samples, {shape.neurons}), not {np.shape(pixels)}"
            )
        weight = whole(layer, "weight", default=64)
        bias = whole(layer, "bias", default=0)
        current = np.trunc(2 * weight * np.asarray(pixels, np.float64) - weight + bias)
        said = _checked_neuron(layer)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    population = Population(
        name=name,
        shape=shape,
        threshold=said["vThMant"] << _STATE_SHIFT,
        decay=_ONE - said["vDecay"],
        reset=Reset.HARD,
        shift=_STATE_SHIFT,
    )
    state = initial_state(population, current.shape, np.int64)
    spikes = np.zeros((len(current), steps, shape.neurons), dtype=np.bool_)
    for step in range(steps):
        state, spikes[:, step], _ = lif_step(
            state, current.astype(np.int64), population, _STATE_WIDTH
        )
    return spikes


def _layers(path: str | os.PathLike[str]) -> list[tuple[str, Tree]]:
    """Layers in their order, by name."""
    tree = read_hdf5(path, "network of lava-dl", _MEND)
    layers = tree.get("layer")
    if not isinstance(layers, dict) or not layers:
        raise ValueError(f"{path}: no network of lava-dl: it has no group 'layer'; {_MEND}")
    names = [str(i) for i in range(len(layers))]
    if set(names) != set(layers) or not all(isinstance(layer, dict) for layer in layers.values()):
        raise ValueError(f"{path}: its layers must be groups 0 to {len(names) - 1}; {_MEND}")
    return [(name, layers[name]) for name in names]


def _network(layers: list[tuple[str, Tree]], hop_delay: int) -> Network:
    source: Source | Neurons | None = None
    inputs: tuple[Source, ...] = ()
    populations: list[Neurons] = []
    projections: list[Projection] = []
    for name, layer in layers:
        try:
            kind = type_of(layer)
            if kind == "input" and source is None:
                source = Source(INPUT, shape_of(layer))
                inputs = (source,)
                continue
            if kind == "flatten" and source is not None:
                continue
            if kind not in ("dense", "conv", "pool"):
                raise ValueError(f"has the type {kind!r}, which cannot be run here")
            if source is None:
                if kind != "dense":
                    raise ValueError("the size of its input is not said: no input layer is before")
                source = Source(INPUT, Shape(whole(layer, "inFeatures")))
                inputs = (source,)
            population = _population(name, layer)
            projections.append(
                _projection(layer, kind, source, population, hop_delay if populations else 0)
            )
            populations.append(population)
            source = population
        except ValueError as error:
            raise ValueError(f"layer {name!r}: {error}") from None
    return Network(
        inputs=inputs,
        populations=tuple(populations),
        projections=tuple(projections),
        outputs=(populations[-1].name,) if populations else (),
        profile="loihi",
    )


def _population(name: str, layer: Tree) -> Neurons:
    shape = shape_of(layer)
    said = _checked_neuron(layer)
    bias: Values = 0.0
    if "bias" in layer:
        values = integers(layer, "bias").reshape(-1) * float(1 << _STATE_SHIFT)
        if values.size not in (1, shape.channels, shape.neurons):
            raise ValueError(f"bias has {values.size} values for {shape} neurons")
        bias = np.repeat(values, shape.neurons // values.size)
    return Neurons(
        name=f"layer{name}",
        shape=shape,
        threshold=float(said["vThMant"] << _STATE_SHIFT),
        decay=1 - said["vDecay"] / _ONE,
        reset=Reset.HARD,
        bias=bias,
        u_decay=1 - said["iDecay"] / _ONE,
        u_wraps=True,
    )


def _checked_neuron(layer: Tree) -> dict[str, int]:
    """Decays and threshold of a layer; ValueError if its neurons are no plain CUBA neurons."""
    neuron = layer.get("neuron")
    if not isinstance(neuron, dict):
        raise ValueError("has no neurons")
    if type_of(neuron) not in ("CUBA", "LOIHI"):
        raise ValueError(f"has neurons of type {type_of(neuron)!r}; CUBA and LOIHI are read")
    for what, usual in (("refDelay", 1), ("gradedSpike", 0), ("weight_exp", 0)):
        if (value := whole(neuron, what, default=usual)) != usual:
            raise ValueError(f"{what} of its neurons is {value}; only {usual} can be run")
    said = {what: whole(neuron, what) for what in ("iDecay", "vDecay", "vThMant")}
    for what, most in (("iDecay", _ONE), ("vDecay", _ONE), ("vThMant", (1 << 17) - 1)):
        if not 0 <= said[what] <= most:
            raise ValueError(f"{what} must be in 0..{most}, not {said[what]}")
    return said


def _projection(
    layer: Tree, kind: str, source: Source | Neurons, target: Neurons, delay: int
) -> Projection:
    if "delay" in layer and integers(layer, "delay").any():
        raise ValueError("has axonal delays, which cannot be run here")
    exponent = whole(layer["neuron"], "wgtExp", default=0)
    if not 0 <= exponent <= 7:
        raise ValueError(f"wgtExp must be in 0..7, not {exponent}")
    common: dict[str, Any] = {
        "name": f"{target.name}.weight",
        "source": source.name,
        "target": target.name,
        "delay": delay,
    }
    weights = integers(layer, "weight")
    low, high = _WEIGHT_RANGE
    if not weights.size or weights.min() < low or weights.max() > high:
        raise ValueError(f"weights must be in {low}..{high}, where netx would clip them")
    weights = weights * float(1 << (_STATE_SHIFT + exponent))
    if kind == "dense":
        expected = (target.neurons, source.shape.neurons)
        if weights.size != expected[0] * expected[1] or weights.ndim > 2:
            raise ValueError(f"weight must have shape {expected}, not {weights.shape}")
        weights = weights.reshape(expected)
        return Dense(**common, weights=np.ascontiguousarray(weights.T))
    # A trailing dimension is time.
    if weights.ndim == 5 and weights.shape[4] == 1:
        weights = weights[..., 0]
    if weights.ndim != 4:
        raise ValueError(f"weight must have 4 dimensions, not shape {weights.shape}")
    groups = whole(layer, "groups", default=1)
    if kind == "pool":
        groups = source.shape.channels
        if weights.shape[:2] != (1, 1):
            raise ValueError(f"a pool has one kernel, not weights of shape {weights.shape}")
        weights = np.repeat(weights, groups, axis=0)
    projection = Conv2d(
        **common,
        weights=np.ascontiguousarray(weights),
        stride=pair(layer, "stride", 1),
        padding=pair(layer, "padding", 0),
        dilation=pair(layer, "dilation", 1),
        groups=groups,
    )
    projection.check(source.shape, target.shape)
    _check_size(projection, source.shape, target.shape)
    return projection


def _check_size(projection: Conv2d, source: Shape, target: Shape) -> None:
    """Raise ValueError unless the layer has the rows and columns that torch's formula gives."""
    for axis in (0, 1):
        reach = projection.dilation[axis] * (projection.weights.shape[2 + axis] - 1) + 1
        have, want = source.sizes[1 + axis], target.sizes[1 + axis]
        made = (have + 2 * projection.padding[axis] - reach) // projection.stride[axis] + 1
        if made != want:
            raise ValueError(f"its shape {target} does not follow from its input {source}")
