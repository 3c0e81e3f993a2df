"""A layer that learned, in a file: weights, adaptations, sizes, rates, random bits."""

import os
from dataclasses import asdict

import numpy as np

from hubel.hdl.stdp_params import VALUE_MAX, LearningParams, LearningRates, Rule
from hubel.sim.learning import Layer

from ..npz import read_npz, write_npz

KIND, VERSION = "learned layer", 1
_MEND = "make it with: hubel learn digits"


def save_layer(path: str | os.PathLike[str], layer: Layer) -> None:
    """Write ``layer``; a reader sees the old file or the new one, never a part.

    Membranes and traces are not kept: the layer begins with a new sample.
    """
    rates = asdict(layer.rates) | {"rule": layer.rates.rule.name}
    header = {"params": asdict(layer.params), "rates": rates, "lfsr": hex(layer.lfsr)}
    dtype = np.uint8 if layer.params.weight_width == 8 else np.uint16
    write_npz(
        path, KIND, VERSION, header,
        {"weights": layer.weights.astype(dtype), "a": layer.a.astype(np.uint16)},
    )  # fmt: skip


def load_layer(path: str | os.PathLike[str]) -> Layer:
    """Read what :func:`save_layer` wrote.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file is no layer; the message says what is wrong with it.
    """
    header, arrays = read_npz(path, KIND, VERSION, _MEND)
    try:
        rates = dict(header["rates"])
        rates["rule"] = Rule[rates["rule"]]
        params = LearningParams(**header["params"])
        layer = Layer(
            params, LearningRates(**rates), arrays["weights"], lfsr=int(header["lfsr"], 16)
        )
        a = arrays["a"].astype(np.int64)
        if a.shape != (params.neurons,) or a.min() < 0 or a.max() > VALUE_MAX:
            raise ValueError(f"its adaptations have shape {a.shape}, not ({params.neurons},)")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a readable {KIND}: {error}; {_MEND}") from None
    layer.a = a
    return layer
