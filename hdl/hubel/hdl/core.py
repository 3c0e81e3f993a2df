"""The core: populations that share one weight memory, one neuron memory and ``lanes`` lanes."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .accumulate import Accumulator
from .counter_ring import CounterRing, CounterSignature
from .dense_walker import DenseWalker, SlotLayout
from .emitter import SpikeEmitter
from .events import EventKind, EventLayout
from .image import NeuronRow, neuron_rows, row_width
from .lif import LifParameters, LifUpdate
from .params import CoreParams
from .program import Program
from .weight_memory import WeightMemory

__all__ = ["Core", "UpdateLayout", "UpdateSignature"]


# Words between the walker and the emitter: more than the pipeline holds, to smooth bursts.
_WORDS_IN_FLIGHT = 8


class UpdateLayout(data.StructLayout):
    """A state word as it is written: its number ``row``, the lanes that ``fired``, and the new
    membranes ``v`` of all lanes.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "row":   row_width(params),
            "fired": params.lanes,
            "v":     data.ArrayLayout(signed(params.state_width), params.lanes),
        })


class UpdateSignature(wiring.Signature):
    """Observation port, a stream that cannot be held up: ``payload`` (:class:`UpdateLayout`) is
    being written where ``valid``.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({"valid": Out(1), "payload": Out(UpdateLayout(params))})


class Core(wiring.Component):
    """Leaky integrate-and-fire populations, time-multiplexed, ``lanes`` neurons a cycle.

    ::

                          slot: row, population, last
                     +------------------------------------------+
                     |                                          v
        events -> walker -> weight memory -> accumulator -> LIF update -> emitter -> spikes
                                                             ^      |
                                                        v, bias   v_next
                                                             |      v
                                                           neuron memory

    One weight word (``lanes`` synaptic operations) is read and added every cycle while a step has
    events; see :class:`DenseWalker` for when a population is started. The sums live in registers,
    so an event reads no state, and each state word is read and written once a step. Bit-exact with
    :func:`hubel.sim.golden.run`.

    Hazard: a state word is written seven cycles after it is read. Within a step no word is used
    twice; between steps, a population is not started while the pipeline holds a word of it that
    would be written too late. No memory is ever read where it is written in the same cycle.

    ``rst`` does not clear the membranes: a sample that begins with START does.

    Parameters
    ----------
    params : :class:`CoreParams`
        Sizes.
    program : :class:`Program`
        Initial contents of the memories; must be for a core of these sizes.

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(params)))`
        Packets for the core's populations.
    spikes : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets from the core's populations.
    counters : :py:`Out(CounterSignature())`
        Totals since reset.
    update : :py:`Out(UpdateSignature(params))`
        Each state word, as it is written; for observers.
    """
    events: stream.Interface
    spikes: stream.Interface

    def __init__(self, params: CoreParams, program: Program):
        self.params = params
        self._program = program
        self._neuron_rows = neuron_rows(params, program)
        self._shared: list = [LifParameters.init(p) for p in program.populations]
        super().__init__({
            "events":   In(stream.Signature(EventLayout(params))),
            "spikes":   Out(stream.Signature(EventLayout(params))),
            "counters": Out(CounterSignature()),
            "update":   Out(UpdateSignature(params)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.walker = walker = DenseWalker(params, words_in_flight=_WORDS_IN_FLIGHT)
        m.submodules.accumulator = accumulator = Accumulator(params)
        m.submodules.lif = lif = LifUpdate(params)
        m.submodules.emitter = emitter = SpikeEmitter(params, depth=_WORDS_IN_FLIGHT)
        wiring.connect(m, wiring.flipped(self.events), walker.events)
        wiring.connect(m, emitter.spikes, wiring.flipped(self.spikes))

        # slots[i] is what the walker gave i cycles ago.
        slots = [walker.slot]
        slots += [Signal(SlotLayout(params), name=f"slot_{i}") for i in range(1, 10)]
        m.d.sync += [later.eq(slot) for slot, later in pairwise(slots)]
        for p in range(params.populations):
            # Written at 9, and read three cycles or more after a start.
            unwritten = [slot.last & (slot.population == p) for slot in slots[1:7]]
            m.d.comb += walker.blocked[p].eq(Cat(unwritten).any())

        # Weights: addressed at 3, added at 5.
        m.submodules.weights = weights = WeightMemory(params, self._program)
        m.d.comb += [
            weights.address.eq(walker.weight_address),
            weights.enable.eq(slots[3].valid),
            accumulator.weights.eq(weights.word),
            accumulator.valid.eq(slots[4].valid),
            accumulator.last.eq(slots[4].last),
        ]

        # Neurons: membranes are addressed at 2, biases at 3, new membranes are written at 9.
        m.submodules.neurons = neurons = memory.Memory(
            shape=params.lanes * params.state_width, depth=len(self._neuron_rows),
            init=self._neuron_rows)
        neuron_read, neuron_write = neurons.read_port(), neurons.write_port()

        def address(row, kind):
            return Cat(row, C(kind, 2))

        with m.If(~slots[2].last):
            m.d.comb += neuron_read.addr.eq(address(slots[3].row, NeuronRow.BIAS))
        with m.Elif(slots[2].fresh):
            m.d.comb += neuron_read.addr.eq(address(slots[2].row, NeuronRow.INIT))
        with m.Else():
            m.d.comb += neuron_read.addr.eq(address(slots[2].row, NeuronRow.MEMBRANE))
        m.d.comb += [
            neuron_read.en.eq(slots[2].last | slots[3].last),
            neuron_write.addr.eq(address(slots[9].row, NeuronRow.MEMBRANE)),
            neuron_write.data.eq(lif.v_next),
            neuron_write.en.eq(slots[9].last),
        ]

        # What a population shares. Two copies: the decay is needed four cycles before the rest.
        shared_early, shared_late = (
            memory.Memory(shape=LifParameters(params), depth=max(2, params.populations),
                          init=self._shared) for _ in range(2))
        m.submodules.shared_early, m.submodules.shared_late = shared_early, shared_late
        early_read, late_read = shared_early.read_port(), shared_late.read_port()
        m.d.comb += [
            early_read.addr.eq(slots[3].population),
            late_read.addr.eq(slots[7].population),
            lif.v.eq(neuron_read.data),
            lif.bias.eq(neuron_read.data),
            lif.decay.eq(early_read.data.decay),
            lif.current.eq(accumulator.current),
            lif.shared.eq(late_read.data),
        ]

        sent = emitter.spikes
        for p in range(params.populations):
            m.d.sync += walker.ended[p].eq(
                sent.valid & sent.ready & (sent.payload.kind == EventKind.END)
                & (sent.payload.population == p))

        done = slots[9]
        m.d.comb += [
            emitter.push.eq(done.last),
            emitter.word.fired.eq(lif.fired),
            emitter.word.row.eq(done.row),
            emitter.word.population.eq(done.population),
            emitter.word.start.eq(done.first & done.fresh),
            emitter.word.end.eq(done.final),
            walker.done.eq(emitter.done),
            self.update.valid.eq(done.last),
            self.update.payload.row.eq(done.row),
            self.update.payload.v.eq(lif.v_next),
            self.update.payload.fired.eq(lif.fired),
        ]
        self._elaborate_counters(m, walker, lif, emitter, done)
        return m

    def _elaborate_counters(self, m, walker, lif, emitter, done):
        params, slot = self.params, walker.slot
        m.submodules.counter_ring = counter_ring = CounterRing(params)
        wiring.connect(m, counter_ring.counters, wiring.flipped(self.counters))
        lanes_used = Signal(range(params.lanes + 1))
        with m.Switch(slot.population):
            for p, neurons in enumerate(params.neurons):
                with m.Case(p):
                    m.d.comb += lanes_used.eq(
                        Mux(slot.final, (neurons - 1) % params.lanes + 1, params.lanes))
        # A register, to keep the counters off the paths that they watch.
        m.d.sync += [
            counter_ring.increment.events.eq(walker.accepted),
            counter_ring.increment.weight_reads.eq(slot.valid),
            counter_ring.increment.synaptic_operations.eq(Mux(slot.valid, lanes_used, 0)),
            counter_ring.increment.updates.eq(done.last),
            counter_ring.increment.spikes.eq(emitter.spike_sent),
            counter_ring.increment.saturations.eq(Mux(done.last, sum(lif.saturated), 0)),
            counter_ring.increment.busy.eq(walker.busy),
            counter_ring.increment.dropped.eq(walker.dropped),
        ]
