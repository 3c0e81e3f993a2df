"""The synapse memory of a learning core: a word is a piece of a row or of a column."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import SiliconBluePlatform

from .stdp_params import LearningParams

__all__ = ["SkewedMemory", "SynapseLayout"]

_SPRAM_WORDS, _SPRAM_WIDTH = 16384, 16


class SynapseLayout(data.StructLayout):
    """A word of synapses: from ``input`` to the neurons around ``neuron`` or, in a ``column``, to
    ``neuron`` from the inputs around ``input``; a word is aligned to the number of lanes.

    Parameters
    ----------
    params : :class:`LearningParams`
    """
    def __init__(self, params: LearningParams):
        super().__init__({
            "input": range(params.inputs), "neuron": range(params.neurons), "column": 1})


class SkewedMemory(wiring.Component):
    """Weights, a word of ``lanes`` of them a cycle, along rows and along columns.

    The synapse from input i to neuron j is in bank ``(i + j) % lanes``, so that the synapses of
    any word are in banks of their own, each at its address; words are turned on their way, so
    that lane n has the n-th synapse. ``word`` comes two cycles after ``read``.

    With ``single_port`` a bank is one SPRAM on an iCE40UP5K: what is read while something is
    written is lost.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    read, read_enable : :py:`In(SynapseLayout(params))`, :py:`In(1)`
        Which word.
    word : :py:`Out(data.ArrayLayout(weight_width, lanes))`
        The word.
    write, write_lanes, write_word
        Written are the lanes for which ``write_lanes`` has a bit.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        layout = SynapseLayout(params)
        word = data.ArrayLayout(params.weight_width, params.lanes)
        super().__init__({
            "read":        In(layout),
            "read_enable": In(1),
            "word":        Out(word),
            "write":       In(layout),
            "write_lanes": In(params.lanes),
            "write_word":  In(word),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self.params.lanes
        turn = Signal(range(lanes))
        m.d.sync += turn.eq(self._turn(self.read))
        written = self._turned(
            [Cat(self.write_word[lane], self.write_lanes[lane]) for lane in range(lanes)],
            self._turn(self.write), -1)
        words = []
        for bank in range(lanes):
            value, enable = written[bank][:-1], written[bank][-1]
            words.append(self._bank(
                m, platform, bank, self._address(self.read, bank), self.read_enable,
                self._address(self.write, bank), enable, value))
        m.d.sync += self.word.as_value().eq(Cat(self._turned(words, turn, 1)))
        return m

    def _shift(self) -> int:
        return self.params.lanes.bit_length() - 1

    def _turn(self, synapses):
        """By how many banks a word is turned."""
        return Mux(synapses.column, synapses.neuron[:self._shift()],
                   synapses.input[:self._shift()])

    def _turned(self, values, by, direction):
        """``values``, each from ``by`` places further on (direction 1) or back (-1)."""
        for bit in range(self._shift()):
            step = direction << bit
            values = [Mux(by[bit], values[(n + step) % len(values)], value)
                      for n, value in enumerate(values)]
        return values

    def _address(self, synapses, bank):
        shift = self._shift()
        lane = (bank - synapses.neuron[:shift])[:shift]
        return Cat(synapses.neuron[shift:], Mux(synapses.column, lane, synapses.input[:shift]),
                   synapses.input[shift:])

    def _bank(self, m, platform, bank, read_address, read_enable, write_address, enable, value):
        """The word that a bank gives, one cycle later."""
        width, depth = self.params.weight_width, 1 << len(read_address)
        if self.params.single_port:
            address = Signal(len(read_address), name=f"address_{bank}")
            m.d.comb += address.eq(Mux(enable, write_address, read_address))
            read_address = write_address = address
            if isinstance(platform, SiliconBluePlatform):
                return self._spram(m, bank, address, read_enable, enable, value)
        rows = memory.Memory(shape=width, depth=depth, init=[], attrs={"ram_style": "block"})
        m.submodules[f"bank_{bank}"] = rows
        write, read = rows.write_port(), rows.read_port()
        m.d.comb += [
            read.addr.eq(read_address),
            read.en.eq(read_enable & ~enable if self.params.single_port else read_enable),
            write.addr.eq(write_address),
            write.en.eq(enable),
            write.data.eq(value),
        ]
        return read.data

    def _spram(self, m, bank, address, read_enable, enable, value):
        if len(address) > 14:
            raise ValueError(
                f"a bank of an iCE40UP5K has {_SPRAM_WORDS} words, and {self.params.inputs} inputs "
                f"with {self.params.neurons} neurons in {self.params.lanes} lanes need "
                f"{1 << len(address)}: take fewer neurons")
        word = Signal(_SPRAM_WIDTH, name=f"spram_{bank}")
        m.submodules[f"bank_{bank}"] = Instance(
            "SB_SPRAM256KA",
            i_ADDRESS=Cat(address, C(0, 14 - len(address))),
            i_DATAIN=Cat(value, C(0, _SPRAM_WIDTH - len(value))),
            i_MASKWREN=C(0b1111, 4),
            i_WREN=enable,
            i_CHIPSELECT=read_enable | enable,
            i_CLOCK=ClockSignal(),
            i_STANDBY=C(0), i_SLEEP=C(0), i_POWEROFF=C(1),
            o_DATAOUT=word,
        )
        return word[:self.params.weight_width]
