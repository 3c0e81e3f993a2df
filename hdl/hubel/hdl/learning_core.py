"""A dense layer of spiking neurons that learns."""

from typing import Any

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .competition import Competition
from .counter_ring import CounterSignature
from .input_traces import InputTraces
from .learning_access import LearningAccess, LearningMemory
from .learning_change import ChangeSignature
from .learning_counters import LEARNING_COUNTERS, LearningCounters
from .learning_events import LearningKind, LearningPacket, Reward
from .memory_access import MemoryAccessSignature
from .neuron_sweep import NeuronSweep
from .rates import RateRegisters
from .skewed_memory import SkewedMemory
from .stdp_params import LearningParams
from .stdp_update import StdpUpdate
from .synapse_walk import SynapseWalk

__all__ = ["LearningCore"]

class LearningCore(wiring.Component):
    """A layer of neurons with adaptive thresholds that compete, and whose weights change.

    Bit-exact with :class:`hubel.sim.learning.Layer`. A step begins with its END: the traces of the
    inputs, then the neurons, word by word, each of which meets the inputs that spiked, one a cycle
    (with :attr:`Rule.PAIR` the weights change on the way); then the winners, one after the other;
    then each winner learns, which takes :func:`learning_clocks` each. Meanwhile no packet is taken.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    events : :py:`In(stream.Signature(LearningPacket(params)))`
        SPIKE, END, START, REWARD, LEARN.
    spikes : :py:`Out(stream.Signature(LearningPacket(params)))`
        SPIKE for each winner, the first one first, then END.
    port : :py:`In(MemoryAccessSignature(LearningMemory))`
        The memories and rates, while the core is idle. At first all memories are to be written:
        weights, and neurons with 0. A reset begins a new sample and leaves them as they are.
    counters : :py:`Out(CounterSignature())`
        :data:`LEARNING_COUNTERS`, one a cycle.
    active : :py:`Out(1)`
        It is at work; its counters may change for some cycles more.
    change : :py:`Out(ChangeSignature(params))`
        Words of weights that change, as they are written; for a bench.
    """
    events: stream.Interface
    spikes: stream.Interface
    port: Any
    counters: Any
    active: Signal
    change: Any

    def __init__(self, params: LearningParams):
        self.params = params
        packet = LearningPacket(params)
        super().__init__({
            "events":   In(stream.Signature(packet)),
            "spikes":   Out(stream.Signature(packet)),
            "port":     In(MemoryAccessSignature(LearningMemory)),
            "counters": Out(CounterSignature()),
            "active":   Out(1),
            "change":   Out(ChangeSignature(params)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.weights = self._weights = SkewedMemory(params)
        m.submodules.walk = self._walk = SynapseWalk(params)
        m.submodules.update = self._update = StdpUpdate(params)
        m.submodules.traces = self._traces = InputTraces(params)
        m.submodules.neurons = self._neurons = NeuronSweep(params)
        m.submodules.competition = self._competition = Competition(params)
        m.submodules.access = self._access = LearningAccess(params)
        m.submodules.rates = self._registers = RateRegisters()
        m.submodules.counting = self._counting = LearningCounters()
        wiring.connect(m, wiring.flipped(self.port), self._access.port)
        wiring.connect(m, self._counting.counters, wiring.flipped(self.counters))

        self._rates = self._registers.rates
        # Of a column or of a row: where the words of weights are, and whether they change.
        self._column, self._changing = Signal(), Signal()
        self._learner = Signal(range(params.neurons))
        self._up = Signal()
        self._idle = Signal()
        self._counted = {name: Signal(name=f"{name}_counted") for name in LEARNING_COUNTERS}
        m.d.comb += self._counting.increment.as_value().eq(Cat(self._counted.values()))

        self._elaborate_walk(m)
        self._elaborate_rates(m)
        self._elaborate_steps(m)
        return m

    def _elaborate_walk(self, m):
        """From the walk to the weights, and from there to the neurons and to the update."""
        params, update, weights, walk = self.params, self._update, self._weights, self._walk
        shift = params.lanes.bit_length() - 1
        m.d.comb += [
            walk.column.eq(self._column),
            walk.changing.eq(self._changing),
            walk.events.eq(self._traces.count),
            walk.event.eq(self._traces.event),
        ]
        neuron = Mux(self._column, self._learner, self._neurons.word << shift)
        access = self._access
        bits = (params.neurons - 1).bit_length()
        lane = Signal(range(params.lanes))
        m.d.comb += [
            self._traces.position.eq(walk.position),
            self._traces.word.eq(Mux(self._idle, access.address >> shift,
                                     walk.trace_input >> shift)),
            access.trace_row.eq(self._traces.traces[lane]),
            weights.read_enable.eq(walk.read | self._idle),
            weights.read.as_value().eq(Mux(
                self._idle,
                Cat(access.address[bits:bits + (params.inputs - 1).bit_length()],
                    access.address[:bits], C(0, 1)),
                Cat(walk.read_input, neuron[:bits], self._column))),
            update.weights.eq(weights.word),
            update.valid.eq(walk.word & self._changing),
            update.from_input.eq(~self._column),
            update.traces.eq(Mux(self._column | self._traces.busy, self._traces.traces,
                                 self._neurons.y)),
            lane.eq(access.address),
            access.weight_row.eq(weights.word.as_value().word_select(lane, params.weight_width)),
        ]
        with m.If(self._idle):
            m.d.comb += [
                weights.write.as_value().eq(weights.read.as_value()),
                weights.write_word.as_value().eq(access.weight.replicate(params.lanes)),
                weights.write_lanes.eq(Mux(access.weight_write, 1 << lane, 0)),
            ]
        with m.Else():
            m.d.comb += [
                weights.write.as_value().eq(Cat(walk.write_input, neuron[:bits], self._column)),
                weights.write_word.eq(update.word),
                weights.write_lanes.eq(update.done.replicate(params.lanes)),
            ]
        m.d.comb += [
            self._neurons.add.eq(walk.word & ~self._column),
            self._neurons.weights.as_value().eq(
                Cat(weights.word[n][-8:] for n in range(params.lanes))),
            self._neurons.gathered.eq(walk.walked),
            self._counted["words"].eq(self._neurons.add),
            self._counted["updates"].eq(update.done),
            self.change.valid.eq(update.done),
            self.change.payload.as_value().eq(
                Cat(weights.write.as_value(), update.word.as_value())),
        ]

    def _elaborate_rates(self, m):
        access, update, rates = self._access, self._update, self._rates
        part = Signal(2)
        m.d.comb += [
            self._registers.write.eq(access.rate_write),
            self._registers.number.eq(access.address),
            self._registers.value.eq(access.value),
            part.eq(access.address),
            update.random_value.eq(access.value),
            update.random_load.eq(Mux(access.random_write, 1 << part, 0)),
            access.rate_row.eq(self._registers.row),
            self._neurons.access.eq(access.address),
            self._neurons.access_data.eq(access.byte),
            self._neurons.access_enable.eq(Mux(self._idle, access.neuron_enable, 0)),
            access.neuron_row.eq(self._neurons.row),
            self._neurons.rates.eq(rates),
            self._traces.x_step.eq(rates.x_step),
            update.pair.eq(rates.flags.pair),
            update.nearest.eq(rates.flags.nearest),
            update.a_plus.eq(rates.a_plus),
            update.a_minus.eq(rates.a_minus),
            update.up.eq(self._up),
        ]
        m.d.sync += access.random_row.eq(update.random_state.word_select(part, 16))
        # Who lets what decay: the traces of the inputs first, then the neurons.
        m.d.comb += [
            update.decay.eq(self._traces.decay | self._neurons.decay),
            update.single.eq(self._neurons.decay),
            update.factor.eq(Mux(self._traces.decay, rates.x_decay, self._neurons.factor)),
            update.value.eq(self._neurons.value),
            self._traces.decayed.eq(update.decayed),
            self._neurons.decayed.eq(update.decayed[0]),
        ]

    def _elaborate_steps(self, m):
        params, traces, neurons = self.params, self._traces, self._neurons
        competition, flags = self._competition, self._rates.flags
        packet = self.events.payload
        m.submodules.winners = winners = memory.Memory(
            shape=len(self._learner), depth=params.neurons, init=[], attrs={"ram_style": "block"})
        write, read = winners.write_port(), winners.read_port()

        fresh, inhibited, sign = Signal(init=1), Signal(), Signal(Reward)
        # Winners of the last step that had some, who still may learn; and the one at work.
        pending, number = Signal(range(params.neurons + 1)), Signal(range(params.neurons + 1))
        fired, alone = Signal(), Signal()
        known_input, known_neuron = Signal(), Signal()
        m.d.comb += [
            traces.fresh.eq(fresh),
            neurons.fresh.eq(fresh),
            neurons.inhibited.eq(inhibited),
            traces.code.eq(packet.code),
            competition.candidate.eq(neurons.candidate),
            competition.code.eq(neurons.code),
            competition.above.eq(neurons.above),
            neurons.winner.eq(competition.winner),
            write.addr.eq(number),
            write.data.eq(competition.winner),
            read.addr.eq(number),
            known_input.eq(packet.code < params.inputs),
            known_neuron.eq(packet.code < params.neurons),
            self._counted["events"].eq(traces.listed),
            self._counted["candidates"].eq(neurons.candidate),
            self.spikes.payload.kind.eq(LearningKind.END),
            self.spikes.payload.code.eq(0),
        ]
        with m.FSM() as fsm:
            learning = fsm.ongoing("Fetch") | fsm.ongoing("Begin") | fsm.ongoing("Learn")
            m.d.comb += [self._idle.eq(fsm.ongoing("Idle")), self.active.eq(~self._idle),
                         self._counted["learning"].eq(learning)]
            with m.State("Clear"):
                with m.If(~traces.busy):
                    m.next = "Idle"
            with m.State("Idle"):
                m.d.comb += self.events.ready.eq(1)
                m.d.sync += [alone.eq(0), number.eq(0)]
                with m.If(self.events.valid):
                    with m.Switch(packet.kind):
                        with m.Case(LearningKind.SPIKE):
                            m.d.comb += [traces.spike.eq(known_input),
                                         self._counted["dropped"].eq(~known_input)]
                        with m.Case(LearningKind.END):
                            m.d.comb += [traces.start.eq(1), competition.clear.eq(1),
                                         self._counted["steps"].eq(1)]
                            m.next = "Traces"
                        with m.Case(LearningKind.START):
                            m.d.sync += [fresh.eq(1), pending.eq(0)]
                        with m.Case(LearningKind.REWARD):
                            m.d.sync += [sign.eq(Reward(packet.code[:2])),
                                         self._up.eq(~packet.code[1])]
                            with m.If(packet.code[0] & flags.wait & flags.learn & (pending != 0)):
                                m.next = "Fetch"
                            with m.Else():
                                m.d.sync += pending.eq(0)
                        with m.Case(LearningKind.LEARN):
                            m.d.sync += [alone.eq(1), self._learner.eq(packet.code),
                                         self._up.eq(1)]
                            m.d.comb += self._counted["dropped"].eq(~known_neuron)
                            with m.If(known_neuron & flags.learn):
                                m.next = "Fetch"
            with m.State("Traces"):
                with m.If(~traces.busy):
                    m.d.comb += neurons.start.eq(1)
                    m.d.sync += [
                        self._changing.eq(flags.pair & flags.learn
                                          & (~flags.wait | sign.as_value()[0])),
                        self._up.eq(~flags.wait | ~sign.as_value()[1]),
                        self._column.eq(0),
                        fired.eq(0),
                    ]
                    m.next = "Neurons"
            with m.State("Neurons"):
                m.d.comb += self._walk.start.eq(neurons.gather)
                with m.If(~neurons.busy):
                    m.d.sync += [fresh.eq(0), inhibited.eq(0)]
                    m.next = "Select"
            with m.State("Select"):
                with m.If((number == competition.count) | (number >= self._rates.winners)):
                    m.next = "Selected"
                with m.Else():
                    m.d.comb += competition.select.eq(1)
                    m.next = "Look"
            with m.State("Look"):
                with m.If(competition.found):
                    m.next = "Win"
            with m.State("Win"):
                m.d.comb += [neurons.win.eq(1), write.en.eq(neurons.won)]
                with m.If(neurons.won):
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += [
                    self.spikes.valid.eq(1),
                    self.spikes.payload.kind.eq(LearningKind.SPIKE),
                    self.spikes.payload.code.eq(competition.winner),
                ]
                with m.If(self.spikes.ready):
                    m.d.comb += self._counted["spikes"].eq(1)
                    m.d.sync += [number.eq(number + 1), fired.eq(1), inhibited.eq(1)]
                    m.next = "Select"
            with m.State("Selected"):
                m.d.sync += [number.eq(0), self._up.eq(1)]
                m.next = "End"
                with m.If(fired):
                    m.d.sync += pending.eq(number)
                    with m.If(flags.learn & ~flags.wait):
                        m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Begin"
            with m.State("Begin"):
                with m.If(~alone):
                    m.d.sync += self._learner.eq(read.data)
                m.d.comb += self._walk.start.eq(1)
                m.d.sync += [self._column.eq(1), self._changing.eq(1), number.eq(number + 1)]
                m.next = "Learn"
            with m.State("Learn"):
                with m.If(self._walk.walked):
                    m.d.sync += self._changing.eq(0)
                    m.next = "Fetch"
                    with m.If(alone):
                        m.next = "Idle"
                    with m.Elif(number == pending):
                        m.next = "End"
                        with m.If(flags.wait):
                            m.d.sync += pending.eq(0)
                            m.next = "Idle"
            with m.State("End"):
                m.d.comb += self.spikes.valid.eq(1)
                with m.If(self.spikes.ready):
                    m.next = "Idle"
