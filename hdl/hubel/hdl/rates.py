"""The rates of a learning core, as registers of 16 bits."""

from amaranth import *
from amaranth.lib import data

from .params import DECAY_SHIFT
from .stdp_params import VALUE_WIDTH, LearningRates, Rule

__all__ = ["RATE_REGISTERS", "RatesLayout", "rate_values"]

#: Registers in the order of their numbers.
RATE_REGISTERS = ("flags", "a_plus", "a_minus", "x_decay", "x_step", "y_decay", "y_step", "v_decay",
                  "threshold", "a_decay", "a_step", "inhibition", "winners")
_FLAGS = ("pair", "learn", "wait", "nearest")


class RatesLayout(data.StructLayout):
    """:class:`~hubel.hdl.stdp_params.LearningRates`, a field for each; ``flags`` are pair, learn,
    wait and nearest."""
    def __init__(self):
        def shape(name):
            if name == "flags":
                return data.StructLayout(dict.fromkeys(_FLAGS, 1))
            return DECAY_SHIFT + 1 if name.endswith("_decay") else VALUE_WIDTH
        super().__init__({name: shape(name) for name in RATE_REGISTERS})


def rate_values(rates: LearningRates) -> dict[str, int]:
    """The integer in each register."""
    flags = {"pair": rates.rule is Rule.PAIR, "learn": rates.learn, "wait": rates.wait,
             "nearest": rates.nearest}
    values = {"flags": sum(flags[name] << bit for bit, name in enumerate(_FLAGS))}
    return values | {name: int(getattr(rates, name)) for name in RATE_REGISTERS[1:]}
