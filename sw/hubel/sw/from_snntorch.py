"""A trained snnTorch network becomes a Network with the same spikes."""

from dataclasses import replace
from typing import Any

import numpy as np

from hubel.hdl.population import Reset, Source
from hubel.hdl.projection import Conv2d, Dense, Projection, Sparse
from hubel.hdl.shape import Shape

from .network import Floats, Network, Neurons, Values
from .torch_modules import (
    IGNORED,
    Linear,
    Module,
    Pair,
    check_flatten,
    in_order,
    input_shape_of,
    is_norm,
    linear_of,
    needed,
    pool_of,
)

#: Name of the input of the Network.
INPUT = "input"

_NEURONS = ("Leaky", "Synaptic", "RLeaky", "RSynaptic")


def from_snntorch(net: Any, sample_shape: tuple[int, ...]) -> Network:
    """Read an snnTorch network (1.0) as it acts after training: the same spikes, step by step.

    Supported, in the order in which the modules were registered:

    - Linear, Conv2d (padded with zeros), BatchNorm1d and BatchNorm2d right behind one of the two
      (folded into it), AvgPool2d without overlap and padding, Flatten, Dropout and Identity (left
      out);
    - Leaky, Synaptic, RLeaky, RSynaptic, the last two with the recurrence that they make
      themselves (Linear, Conv2d or one to one); beta, alpha and threshold of one number or one a
      neuron; ``init_hidden`` or not. Neurons are fed by a Linear, a Conv2d, an average, or
      directly.

    Resets, with the terms of :class:`~hubel.hdl.population.Reset`:

    =========  =======================  ===========================================
    mechanism  ``reset_delay=True``     ``reset_delay=False``
    =========  =======================  ===========================================
    subtract   soft-late                refused: snnTorch gives back what it took
    zero       hard; but Leaky alone    hard
               hears the step after it
    none       none                     none
    =========  =======================  ===========================================

    (Synaptic, RLeaky and RSynaptic with "zero" lose the input of the step after a spike: a
    refractory period of 1.) Everything else is an error. Numbers are float64; the Network's
    membranes after a hard reset are 0 one step earlier than those of snnTorch, and a bias that
    feeds a synaptic current there is a bias of the membrane here, with a current that starts below
    0: the same sum.

    Parameters
    ----------
    net : torch.nn.Module
        A Sequential, or a module whose children run in their order, once a step. That its
        ``forward`` does so is not checked. It is not changed.
    sample_shape : tuple of int
        Spikes of a step: (features,) or (channels, rows, columns), without the batch.

    Raises
    ------
    ValueError
        If a layer cannot be read; the message names it by its path in the network.
    ImportError
        If snnTorch is not installed.
    """
    snntorch = needed("snntorch", "snntorch", "from_snntorch")
    reader = _Reader(input_shape_of(sample_shape, "sample_shape"), flat=len(sample_shape) == 1)
    for layer in in_order(net, whole=(snntorch.SpikingNeuron,)):
        reader.read(layer)
    return reader.network()


class _Reader:
    """Takes the layers of a network one after the other."""

    def __init__(self, inputs: Shape, flat: bool) -> None:
        self._inputs = inputs
        self._source, self._shape, self._flat = INPUT, inputs, flat
        self._pool: Pair = (1, 1)
        self._linear: Linear | None = None
        self._populations: list[Neurons] = []
        self._projections: list[Projection] = []
        self._seen: list[Any] = []

    def read(self, layer: Module) -> None:
        """Take the next layer."""
        if layer.kind in IGNORED:
            return
        if layer.kind in _NEURONS:
            if any(layer.module is seen for seen in self._seen):
                raise layer.refused("is used twice, but neurons have one state")
            self._seen.append(layer.module)
            self._read_neurons(layer)
        elif is_norm(layer):
            if self._linear is None:
                raise layer.refused("must follow a Linear or Conv2d, to be folded into it")
            self._linear = self._linear.normalised(layer)
        elif layer.kind == "Flatten":
            if self._linear is not None:
                raise layer.refused(f"follows {self._linear.name!r} without neurons between")
            if not self._flat:
                check_flatten(layer, self._shape.sizes)
            self._flat = True
        elif layer.kind == "AvgPool2d":
            self._read_pool(layer)
        elif layer.kind in ("Linear", "Conv2d"):
            if self._linear is not None:
                raise layer.refused(f"follows {self._linear.name!r} without neurons between")
            self._linear = linear_of(layer, self._pool, self._flat)
            self._pool = (1, 1)
        else:
            known = "Linear, Conv2d, BatchNorm, AvgPool2d, Flatten, " + ", ".join(_NEURONS)
            raise layer.refused(f"cannot be read; from_snntorch knows {known}")

    def _read_pool(self, layer: Module) -> None:
        if self._flat:
            raise layer.refused("takes rows and columns, but values are flat here")
        window = pool_of(layer)
        if self._linear is not None:
            self._linear = self._linear.averaged(window, layer)
        else:
            self._pool = (self._pool[0] * window[0], self._pool[1] * window[1])

    def _read_neurons(self, layer: Module) -> None:
        linear = self._linear
        if linear is None:
            linear = self._direct(layer)
        shape = linear.shape(self._shape)
        neurons = _neurons(layer, shape)
        bias = linear.each_neuron(shape)
        self._projections.append(_projection(linear, self._source, layer.path))
        if layer.kind in ("RLeaky", "RSynaptic"):
            recurrent, extra = _recurrence(layer, shape)
            self._projections.append(recurrent)
            bias = bias + extra
        if neurons.u_decay is not None:
            neurons = _bias_of_current(layer, neurons, linear, bias)
        else:
            neurons = replace(neurons, bias=bias)
        self._populations.append(neurons)
        self._source, self._shape, self._linear, self._pool = layer.path, shape, None, (1, 1)

    def _direct(self, layer: Module) -> Linear:
        """What feeds neurons that have no Linear or Conv2d: averages, each of one channel."""
        channels, window = self._shape.channels, self._pool
        return Linear(
            name=f"{layer.path}_input",
            weights=np.full((channels, 1, *window), 1 / (window[0] * window[1])),
            bias=np.zeros(channels),
            stride=window,
            groups=channels,
        )

    def network(self) -> Network:
        """What was read; ValueError unless it ends in neurons."""
        if self._linear is not None or self._pool != (1, 1) or not self._populations:
            last = self._linear.name if self._linear is not None else self._source
            raise ValueError(
                f"the network must end in neurons ({', '.join(_NEURONS)}), not {last!r}"
            )
        return Network(
            inputs=(Source(INPUT, self._inputs),),
            populations=tuple(self._populations),
            projections=tuple(self._projections),
            outputs=(self._source,),
            profile="snntorch",
        )


def _neurons(layer: Module, shape: Shape) -> Neurons:
    """Neurons of ``layer``, without bias."""
    module = layer.module
    if module.inhibition or module.state_quant:
        raise layer.refused("inhibition and state_quant cannot be converted")
    if not (layer.array("graded_spikes_factor") == 1).all():
        raise layer.refused("graded_spikes_factor must be 1: a spike carries no number")
    threshold = _values(layer, "threshold", shape)
    if np.min(threshold) < 0:
        raise layer.refused(f"threshold must be 0 or more, not {np.min(threshold):.6g}")
    mechanism, late = module.reset_mechanism, module.reset_delay
    if mechanism == "subtract" and not late:
        raise layer.refused(
            "reset_delay=False with 'subtract' gives back what it subtracted when the membrane "
            "falls again, which no neuron here does; use reset_delay=True"
        )
    reset, v_reset = {
        "subtract": (Reset.SOFT_LATE, threshold),
        "zero": (Reset.HARD, 0.0),
        "none": (Reset.SOFT, 0.0),
    }[mechanism]
    current = layer.kind in ("Synaptic", "RSynaptic")
    loses = mechanism == "zero" and late and layer.kind != "Leaky"
    return Neurons(
        name=layer.path,
        shape=shape,
        threshold=threshold,
        decay=np.clip(_values(layer, "beta", shape), 0.0, 1.0),
        reset=reset,
        v_reset=v_reset,
        refractory=1 if loses else 0,
        u_decay=np.clip(_values(layer, "alpha", shape), 0.0, 1.0) if current else None,
    )


def _bias_of_current(layer: Module, neurons: Neurons, linear: Linear, bias: Floats) -> Neurons:
    """``neurons`` whose synaptic current is fed by ``bias`` each step.

    Here a bias acts on the membrane. Without bias the current is smaller by what the bias alone
    brings it to: ``rest = bias / (1 - alpha)``, which starts ``rest`` below and is added to the
    membrane each step instead.
    """
    if not bias.any():
        return neurons
    left = 1 - np.asarray(neurons.u_decay)
    if not left.all():
        raise layer.refused(f"alpha of 1 adds up the bias of {linear.name!r} without end")
    rest = bias / left
    return replace(neurons, bias=rest, u_init=-rest)


def _values(layer: Module, what: str, shape: Shape) -> Values:
    """Parameter of ``layer``: a number, or one for each neuron."""
    value = layer.array(what)
    if value.size == 1:
        return float(value.item())
    sizes = (1, shape.channels) if shape.plain else (1, *shape.sizes)
    try:
        return np.broadcast_to(value, sizes).reshape(-1)
    except ValueError:
        raise layer.refused(f"{what} of shape {value.shape} does not fit {shape} neurons") from None


def _projection(linear: Linear, source: str, target: str, delay: int = 0) -> Projection:
    """Synapses of ``linear``: pools of spikes are sums, so the weights are divided."""
    weights = linear.weights / (linear.pool[0] * linear.pool[1])
    if not linear.convolves:
        return Dense(
            name=linear.name,
            source=source,
            target=target,
            weights=weights.T,
            pool=linear.pool,
            delay=delay,
        )
    return Conv2d(
        name=linear.name,
        source=source,
        target=target,
        weights=weights,
        stride=linear.stride,
        padding=linear.padding,
        dilation=linear.dilation,
        groups=linear.groups,
        pool=linear.pool,
        delay=delay,
    )


def _recurrence(layer: Module, shape: Shape) -> tuple[Projection, Floats]:
    """What neurons send themselves, heard in the next step, and its bias for each neuron."""
    name, inner = f"{layer.path}_recurrent", Module(layer.path, layer.module.recurrent)
    if inner.kind == "RecurrentOneToOne":
        numbers = np.arange(shape.neurons)
        weights = np.broadcast_to(np.asarray(_values(inner, "V", shape)), numbers.shape)
        one_to_one = Sparse(
            name=name,
            source=layer.path,
            target=layer.path,
            weights=weights,
            first=np.arange(shape.neurons + 1),
            targets=numbers,
            delay=1,
        )
        return one_to_one, np.zeros(shape.neurons)
    linear = replace(linear_of(inner, (1, 1), flat=inner.kind == "Linear"), name=name)
    if linear.shape(shape) != shape:
        raise layer.refused(f"its recurrence makes {linear.shape(shape)} of {shape} neurons")
    return _projection(linear, layer.path, layer.path, delay=1), linear.each_neuron(shape)
