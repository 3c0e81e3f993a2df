"""Turn a float Network into a Program of integers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.population import Population
from hubel.hdl.population import Values as Ints
from hubel.hdl.program import Program
from hubel.hdl.projection import Projection

from .network import Network, Neurons, Values
from .quantise_config import EXACT_PROFILE, Layer, layers_of, widths_of
from .relays import lower_delays
from .scales import to_grid


def quantise(
    network: Network,
    *,
    weight_width: int | None = None,
    state_width: int | None = None,
    fraction_bits: int | None = None,
    config: Mapping[str, Any] | None = None,
) -> Program:
    """Round ``network`` to integers, half to even, with one scale a population.

    All projections into a population share its scale, and so do its threshold, resets, bias and
    first membrane, so that it is only stretched, not changed. A threshold at which a neuron fires
    (``at_threshold``) becomes one LSB less, an infinite one the largest membrane. Delays of
    several steps become relays (:mod:`.relays`). That no step can overflow the accumulator is
    proved when the Program is built, from the sums of its positive and of its negative weights.

    A network of profile "loihi" has whole numbers: the largest power of two that divides all
    weights into a population becomes its ``shift``, and nothing is rounded.

    Parameters
    ----------
    network : Network
    weight_width : int, optional
        Bits of a weight: 2, 4 or 8; 8 if nothing else is said. Weights are symmetric: -127..127
        with 8 bits (-128..127 where they are exact).
    state_width : int, optional
        Bits of a membrane: 16 or 24; 16 if nothing else is said.
    fraction_bits : int, optional
        ``Population.shift`` of all populations; by default as
        :func:`.scales.best_fraction_bits` says.
    config : mapping, optional
        What :func:`.quantise_config.auto_config` returned, edited. What it does not say is
        chosen.

    Raises
    ------
    ValueError
        If a number does not fit, a threshold rounds to 0, a number of an exact network is not
        whole, or the configuration has a wrong name or value; the message names the population,
        the number and its scale.
    """
    weight_width, state_width = widths_of(config, weight_width, state_width)
    exact = network.profile == EXACT_PROFILE
    if exact and state_width != 24:
        raise ValueError(
            f"a network of profile {EXACT_PROFILE!r} has states of 24 bits; use a state_width of "
            f"24, not {state_width}"
        )
    network = lower_delays(network)
    layers = layers_of(network, weight_width, state_width, fraction_bits, config)
    populations, projections = [], {}
    for layer in layers:
        rounding = _Rounding(layer, weight_width, state_width, exact=exact)
        populations.append(rounding.population())
        for projection in network.into(layer.neurons.name):
            projections[projection.name] = rounding.projection(projection)
    return Program(
        inputs=network.inputs,
        populations=tuple(populations),
        projections=tuple(projections[p.name] for p in network.projections),
        outputs=network.outputs,
        weight_width=weight_width,
        state_width=state_width,
    )


class _Rounding:
    """The integers of one population and of what feeds it."""

    def __init__(self, layer: Layer, weight_width: int, state_width: int, *, exact: bool) -> None:
        self._neurons = layer.neurons
        self._scale = layer.scale
        self._shift = layer.fraction_bits
        self._lsb = layer.scale / (1 << layer.fraction_bits)
        self._weight_width = weight_width
        self._state_width = state_width
        self._exact = exact
        self._high = (1 << (state_width - 1)) - 1

    def projection(self, projection: Projection) -> Projection:
        """``projection`` with weights in LSB."""
        most = (1 << (self._weight_width - 1)) - 1
        if not self._exact:
            grid = to_grid(projection.weights, self._scale, most)
            return projection.with_weights(grid.astype(np.int64))
        grid = projection.weights / self._scale
        here = f"projection {projection.name!r}"
        if (grid != np.rint(grid)).any():
            raise ValueError(
                f"{here}: weights of an exact network must be whole numbers of {self._scale:g}, "
                f"not {projection.weights[grid != np.rint(grid)].flat[0]:.6g}"
            )
        if grid.size and not (-most - 1 <= grid.min() and grid.max() <= most):
            raise ValueError(
                f"{here}: weights must be kept exactly and are {grid.min():.0f}..{grid.max():.0f} "
                f"times 2**{self._shift}, but {self._weight_width} bits hold {-most - 1}..{most}"
            )
        return projection.with_weights(grid.astype(np.int64))

    def population(self) -> Population:
        """The population in LSB."""
        n = self._neurons
        return Population(
            name=n.name,
            shape=n.shape,
            threshold=self._threshold(n),
            decay=self._factor("decay", n.decay),
            reset=n.reset,
            v_reset=self._state("v_reset", n.v_reset),
            bias=self._state("bias", n.bias),
            v_init=self._state("v_init", n.v_init),
            v_min=None if n.v_min is None else self._shared("v_min", n.v_min),
            shift=self._shift,
            refractory=n.refractory,
            u_decay=None if n.u_decay is None else self._factor("u_decay", n.u_decay),
            u_init=self._state("u_init", n.u_init),
            u_wraps=n.u_wraps,
            a_decay=None if n.a_decay is None else round(n.a_decay * (1 << DECAY_SHIFT)),
            a_step=self._shared("a_step", n.a_step),
        )

    def _threshold(self, neurons: Neurons) -> Ints:
        threshold = np.asarray(neurons.threshold, dtype=np.float64)
        finite = np.where(threshold == np.inf, 0.0, threshold)
        rounded = np.asarray(self._state("threshold", finite))
        lost = (finite > 0) & (rounded == 0)
        if lost.any():
            raise ValueError(
                f"population {neurons.name!r}: threshold {finite[lost].flat[0]:.6g} rounds to 0 "
                f"LSB of {self._lsb:.6g}; use more bits a weight or smaller weights"
            )
        rounded = rounded - 1 if neurons.at_threshold else rounded
        return _plain(np.where(threshold == np.inf, self._high, rounded))

    def _factor(self, what: str, value: Values) -> Ints:
        """A decay in units of 1 / 4096."""
        scaled = np.asarray(value, dtype=np.float64) * (1 << DECAY_SHIFT)
        rounded = np.rint(scaled)
        if self._exact and (scaled != rounded).any():
            worst = scaled[scaled != rounded].flat[0]
            raise ValueError(
                f"population {self._neurons.name!r}: {what} of an exact network must be a whole "
                f"number of 1/4096, not {worst:.6g}"
            )
        return _plain(rounded)

    def _state(self, what: str, value: Values) -> Ints:
        """A number in LSB of the membrane, or ValueError if it does not fit."""
        here = f"population {self._neurons.name!r}: {what}"
        scaled = np.asarray(value, dtype=np.float64) / self._scale * (1 << self._shift)
        rounded = np.rint(scaled)
        if self._exact and (scaled != rounded).any():
            worst = scaled[scaled != rounded].flat[0]
            raise ValueError(f"{here} of an exact network must be a whole number, not {worst:.6g}")
        if not (-self._high - 1 <= rounded.min() and rounded.max() <= self._high):
            worst = rounded.flat[int(np.abs(rounded).argmax())]
            advice = "use 24 bits or smaller weights"
            if self._state_width == 24:
                advice = "rescale the layer"
            if self._shift and not self._exact:
                advice = "use fewer fraction bits"
            raise ValueError(
                f"{here} {worst * self._lsb:.6g} is {worst:.0f} LSB of {self._lsb:.6g}, but "
                f"{self._state_width} bits hold {-self._high - 1}..{self._high}; {advice}"
            )
        return _plain(rounded)

    def _shared(self, what: str, value: float) -> int:
        """As :meth:`_state`, for a number that all neurons share."""
        rounded = self._state(what, value)
        assert isinstance(rounded, int)
        return rounded


def _plain(values: np.ndarray) -> Ints:
    """``values`` as integers: one int where they are all equal."""
    first = int(values.flat[0])
    return first if (values == first).all() else values.astype(np.int64)
