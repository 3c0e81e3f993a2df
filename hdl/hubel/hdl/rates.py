"""The rates of a learning core, as registers of 16 bits."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .params import DECAY_SHIFT
from .stdp_params import VALUE_WIDTH, LearningRates, Rule

__all__ = ["RATE_REGISTERS", "RateRegisters", "RatesLayout", "rate_values", "rates_of"]

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


def rates_of(values: Sequence[int]) -> LearningRates:
    """The rates that are in registers; ValueError if there are none with these integers."""
    named = dict(zip(RATE_REGISTERS, values, strict=True))
    bits = named.pop("flags")
    flags = {name: bool(bits >> bit & 1) for bit, name in enumerate(_FLAGS)}
    return LearningRates(rule=Rule.PAIR if flags.pop("pair") else Rule.FIRED, **flags, **named)


class RateRegisters(wiring.Component):
    """The registers, which a reset leaves as they are. A memory, too, has what was written into
    them, so that reading one takes no multiplexer.

    Members
    -------
    write, number, value : :py:`In(1)`, :py:`In(4)`, :py:`In(16)`
        Write ``value`` into register ``number``.
    row : :py:`Out(16)`
        What was written into register ``number``, a cycle later.
    rates : :py:`Out(RatesLayout())`
        What is in them.
    """
    def __init__(self):
        super().__init__({"write": In(1), "number": In(4), "value": In(VALUE_WIDTH),
                          "row": Out(VALUE_WIDTH), "rates": Out(RatesLayout())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.written = written = memory.Memory(
            shape=VALUE_WIDTH, depth=1 << len(self.number), init=[])
        write, read = written.write_port(), written.read_port()
        m.d.comb += [
            write.addr.eq(self.number), write.data.eq(self.value), write.en.eq(self.write),
            read.addr.eq(self.number), self.row.eq(read.data),
        ]
        fields = []
        for number, (name, place) in enumerate(RatesLayout()):
            field = Signal(Shape.cast(place.shape).width, name=str(name), reset_less=True)
            with m.If(self.write & (self.number == number)):
                m.d.sync += field.eq(self.value)
            fields.append(field)
        m.d.comb += self.rates.as_value().eq(Cat(fields))
        return m
