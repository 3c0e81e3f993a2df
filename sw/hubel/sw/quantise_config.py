"""The choices of quantisation, population by population: made, shown, edited and checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hubel.hdl.params import check_widths
from hubel.hdl.program import weight_sums

from .network import Network, Neurons, Values
from .scales import best_fraction_bits, best_scale, common_shift, to_grid

#: Networks of this profile hold integers already, and are kept exactly.
EXACT_PROFILE = "loihi"

# Numbers of a population that a configuration may change, in the units of the Network.
_NUMBERS = ("threshold", "v_reset", "decay", "u_decay")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What is to be rounded, and how: a weight is a whole number of ``scale``, everything else of
    ``scale / 2**fraction_bits``."""

    neurons: Neurons
    scale: float
    fraction_bits: int


def auto_config(
    network: Network, *, weight_width: int = 8, state_width: int = 16
) -> dict[str, Any]:
    """What :func:`.quantise.quantise` would choose for ``network``, to edit and give back to it.

    Returns
    -------
    config : dict
        Plain JSON: ``weight_width`` and ``state_width``, one for all, and ``populations`` by name
        with ``scale`` (what one LSB of a weight stands for), ``fraction_bits`` (bits of the
        membrane after the point of the weights) and, in the units of the network, ``threshold``
        (null for neurons that never fire), ``v_reset``, ``decay`` and ``u_decay`` (where there is
        one). A list holds one number for each neuron.

    Raises
    ------
    ValueError
        If a width is not allowed.
    """
    check_widths(8, weight_width, state_width)
    layers = layers_of(network, weight_width, state_width, None, None)
    return {
        "weight_width": weight_width,
        "state_width": state_width,
        "populations": {
            layer.neurons.name: {
                "scale": layer.scale,
                "fraction_bits": layer.fraction_bits,
                **{what: _to_json(getattr(layer.neurons, what)) for what in _names(layer.neurons)},
            }
            for layer in layers
        },
    }


def widths_of(
    config: Mapping[str, Any] | None, weight_width: int | None, state_width: int | None
) -> tuple[int, int]:
    """Bits of a weight and of a membrane: as asked for, otherwise as configured, otherwise 8 and
    16; ValueError if they are not allowed or contradict each other."""
    config = {} if config is None else config
    surplus = sorted(set(config) - {"weight_width", "state_width", "populations"})
    if surplus:
        raise ValueError(
            f"config: there is no setting {surplus[0]!r}; there are weight_width, state_width and "
            f"populations"
        )
    widths = []
    for what, asked, default in (
        ("weight_width", weight_width, 8),
        ("state_width", state_width, 16),
    ):
        configured = config.get(what)
        if asked is not None and configured is not None and asked != configured:
            raise ValueError(f"{what} is {configured!r} in the config, but {asked!r} is asked for")
        widths.append(next((w for w in (asked, configured) if w is not None), default))
    check_widths(8, *widths)
    return widths[0], widths[1]


def layers_of(
    network: Network,
    weight_width: int,
    state_width: int,
    fraction_bits: int | None,
    config: Mapping[str, Any] | None,
) -> list[Layer]:
    """Each population of ``network`` with the choices for it.

    What ``config`` says comes first, then ``fraction_bits``, then what is found to be best.

    Raises
    ------
    ValueError
        If a name or value in ``config`` is wrong; the message names it.
    """
    entries = {} if config is None else config.get("populations", {})
    names = [population.name for population in network.populations]
    if not isinstance(entries, Mapping):
        raise ValueError("config: populations must be a table of settings by name")
    for name, entry in entries.items():
        if name not in names:
            raise ValueError(
                f"config: there is no population {name!r}; there are {', '.join(names)}"
            )
        if not isinstance(entry, Mapping):
            raise ValueError(f"config: population {name!r} must be a table of settings")
    return [
        _layer(network, population, weight_width, state_width, fraction_bits,
               entries.get(population.name, {}))
        for population in network.populations
    ]  # fmt: skip


def _layer(
    network: Network,
    neurons: Neurons,
    weight_width: int,
    state_width: int,
    fraction_bits: int | None,
    entry: Mapping[str, Any],
) -> Layer:
    here = f"config: population {neurons.name!r}"
    allowed = ("scale", "fraction_bits", *_names(neurons))
    for what in entry:
        if what not in allowed:
            raise ValueError(f"{here} has no setting {what!r}; it has {', '.join(allowed)}")
    edited = {what: _from_json(here, what, entry[what]) for what in allowed[2:] if what in entry}
    neurons = replace(neurons, **edited)
    neurons.check()
    scale, bits = entry.get("scale"), entry.get("fraction_bits", fraction_bits)
    weights = [projection.weights for projection in network.into(neurons.name)]
    if network.profile == EXACT_PROFILE:
        # One LSB of the membrane is 1 in the network.
        shift = common_shift(weights, state_width - 2)
        scale = 2.0**shift if scale is None else scale
        bits = shift if bits is None else bits
    if scale is None:
        scale = best_scale(np.concatenate([w.ravel() for w in weights]), weight_width)
    if not _is_number(scale) or not 0 < scale < math.inf:
        raise ValueError(f"{here}: scale must be a number above 0, not {scale!r}")
    if bits is None:
        reach = _accumulator_range(network, neurons, scale, weight_width)
        bits = best_fraction_bits(neurons, scale, reach, state_width)
    if type(bits) is not int or not 0 <= bits <= state_width - 2:
        raise ValueError(
            f"{here}: fraction_bits must be a whole number in 0..{state_width - 2}, not {bits!r}"
        )
    return Layer(neurons=neurons, scale=float(scale), fraction_bits=bits)


def _accumulator_range(
    network: Network, neurons: Neurons, scale: float, weight_width: int
) -> tuple[int, int]:
    """Least and largest sum of a step in any of ``neurons``, in LSB of a weight."""
    most = (1 << (weight_width - 1)) - 1
    low, high = np.zeros((2, neurons.neurons), dtype=np.int64)
    for projection in network.into(neurons.name):
        rounded = projection.with_weights(to_grid(projection.weights, scale, most))
        negative, positive = weight_sums(
            rounded, network.shape_of(projection.source), neurons.shape
        )
        low, high = low + negative, high + positive
    return int(low.min()), int(high.max())


def _names(neurons: Neurons) -> tuple[str, ...]:
    """Numbers of ``neurons`` that a configuration may change."""
    return tuple(what for what in _NUMBERS if getattr(neurons, what) is not None)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _to_json(value: Values) -> Any:
    """A number, null for an infinite one, or a list of them."""
    if isinstance(value, np.ndarray):
        return [_to_json(float(v)) for v in value]
    return None if math.isinf(value) else float(value)


def _from_json(here: str, what: str, value: Any) -> Values:
    """What :func:`_to_json` made ``value`` of, or ValueError naming it."""
    values = value if isinstance(value, list) else [value]
    if what == "threshold":
        values = [math.inf if v is None else v for v in values]
    for v in values:
        if not _is_number(v):
            raise ValueError(f"{here}: {what} must be a number or a list of numbers, not {v!r}")
    return np.array(values, dtype=np.float64) if isinstance(value, list) else float(values[0])
