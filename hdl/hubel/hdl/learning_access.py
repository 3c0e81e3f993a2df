"""The way into the memories of a learning core while it is idle: to load a layer, to read it."""

from typing import Any

from amaranth import *
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .memory_access import ADDRESS_WIDTH, MemoryAccessSignature
from .neuron_sweep import NeuronValues
from .stdp_params import LearningParams

__all__ = ["LearningAccess", "LearningMemory"]


class LearningMemory(enum.Enum, shape=unsigned(3)):
    """A memory of a learning core."""
    #: Row ``input << bits | neuron``, with the bits of the number of a neuron: its weight.
    WEIGHTS = 0
    #: Row ``neuron``: :class:`NeuronValues`.
    NEURONS = 2
    #: Row n: register n of :data:`~hubel.hdl.rates.RATE_REGISTERS`.
    RATES = 5
    #: Rows 0..3: 16 bits each of the register of random bits.
    RANDOM = 6
    #: Row ``input``: its trace. Cannot be written: all are 0 when a sample begins.
    TRACES = 7


class LearningAccess(wiring.Component):
    """Turns bytes into accesses to the memories.

    A byte is written in the cycle after it is taken, one every cycle. A byte is read in seven
    cycles at most.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    port : :py:`In(MemoryAccessSignature(LearningMemory))`
        Bytes.
    address : :py:`Out(24)`
        The row.
    weight, weight_write, weight_read, weight_row
        Write ``weight``, or read: three cycles later in ``weight_row``.
    value, rate_write, rate_row, random_write, random_row
        Write ``value`` into a register; read, two cycles later at most.
    trace_row
        The trace, a cycle later.
    byte, neuron_enable, neuron_row
        Write ``byte`` into the bytes of the row for which ``neuron_enable`` has a bit; the row that
        was read a cycle before.
    """
    port: Any

    def __init__(self, params: LearningParams):
        self.params = params
        super().__init__({
            "port":          In(MemoryAccessSignature(LearningMemory)),
            "address":       Out(ADDRESS_WIDTH),
            "weight":        Out(params.weight_width), "weight_write": Out(1),
            "weight_read":   Out(1), "weight_row": In(params.weight_width),
            "value":         Out(16), "rate_write": Out(1), "rate_row": In(16),
            "trace_row":     In(16),
            "random_write":  Out(1), "random_row": In(16),
            "byte":          Out(8), "neuron_enable": Out(NeuronValues().size // 8),
            "neuron_row":    In(NeuronValues()),
        })

    def elaborate(self, platform):
        m = Module()
        port, memory = self.port, Signal(LearningMemory)
        position, last = Signal(3), Signal()
        sizes = {LearningMemory.WEIGHTS: self.params.weight_width // 8,
                 LearningMemory.NEURONS: len(self.neuron_enable)}
        size = Signal(3, init=2)
        m.d.comb += size.eq(2)
        with m.Switch(memory):
            for kind, value in sizes.items():
                with m.Case(kind):
                    m.d.comb += size.eq(value)
        m.d.comb += last.eq(position == size - 1)
        step = Signal()
        with m.If(step):
            m.d.sync += position.eq(position + 1)
            with m.If(last):
                m.d.sync += [position.eq(0), self.address.eq(self.address + 1)]

        # A cycle after it was taken: it comes late from the memory of a link, and goes far.
        low, writing = Signal(8), Signal()
        m.d.sync += [self.byte.eq(port.write.payload),
                     writing.eq(port.write.valid & port.write.ready)]
        m.d.comb += [
            port.write.ready.eq(~port.begin),
            self.value.eq(Cat(low, self.byte)),
            self.weight.eq(self.value if self.params.weight_width == 16 else self.byte),
        ]
        with m.If(writing):
            m.d.comb += [
                step.eq(1),
                self.weight_write.eq(last & (memory == LearningMemory.WEIGHTS)),
                self.rate_write.eq(last & (memory == LearningMemory.RATES)),
                self.random_write.eq(last & (memory == LearningMemory.RANDOM)),
                self.neuron_enable.eq(Mux(memory == LearningMemory.NEURONS, 1 << position, 0)),
            ]
            m.d.sync += low.eq(self.byte)

        # Beyond the first two bytes only neurons have more. In a register: a deep choice takes more
        # logic.
        first = Signal(16)
        with m.Switch(memory):
            with m.Case(LearningMemory.WEIGHTS):
                m.d.sync += first.eq(self.weight_row)
            with m.Case(LearningMemory.NEURONS):
                m.d.sync += first.eq(self.neuron_row.as_value())
            with m.Case(LearningMemory.RANDOM):
                m.d.sync += first.eq(self.random_row)
            with m.Case(LearningMemory.RATES):
                m.d.sync += first.eq(self.rate_row)
            with m.Case(LearningMemory.TRACES):
                m.d.sync += first.eq(self.trace_row)
        row = Cat(first, self.neuron_row.as_value()[16:])
        wait = Signal(2)
        m.d.comb += self.weight_read.eq(memory == LearningMemory.WEIGHTS)
        with m.FSM():
            with m.State("Fetch"):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == 3):
                    m.next = "Byte"
                with m.If(port.begin):
                    m.d.sync += wait.eq(0)
                    m.next = "Fetch"
            with m.State("Byte"):
                m.d.sync += [port.read.payload.eq(row.word_select(position, 8)), wait.eq(0)]
                m.next = "Offer"
                with m.If(port.begin):
                    m.next = "Fetch"
            with m.State("Offer"):
                m.d.comb += port.read.valid.eq(1)
                with m.If(port.read.ready & ~port.begin):
                    m.d.comb += step.eq(1)
                with m.If(port.read.ready | port.begin):
                    m.next = "Fetch"
        with m.If(port.begin):
            m.d.sync += [memory.eq(port.memory), self.address.eq(port.address), position.eq(0)]
        return m
