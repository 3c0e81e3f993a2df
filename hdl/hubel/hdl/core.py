"""The core: populations that share one weight memory, one neuron memory and ``lanes`` lanes."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import SiliconBluePlatform

from .accumulate import Accumulator
from .counter_ring import CounterRing, CounterSignature
from .current_memory import CurrentMemory
from .emitter import SpikeEmitter
from .events import EventLayout
from .image import (
    NeuronRow,
    ParameterLayout,
    StateLayout,
    neuron_row_shape,
    neuron_rows,
    row_width,
    sparse_rows,
    weight_rows,
)
from .lif import LifUpdate
from .memory_access import MemoryAccess, MemoryAccessSignature, MemoryKind, row_bytes
from .memory_image import has_lists, memory_widths
from .params import CoreParams
from .pipeline import Pipeline
from .program import Program
from .tables import tables_of
from .walker import SlotLayout, Walker
from .word_memory import WordMemory

__all__ = ["Core", "UpdateLayout", "UpdateSignature"]


class UpdateLayout(data.StructLayout):
    """A state word as it is written: its number ``row``, the lanes that ``fired``, and the new
    states of all lanes.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "row":   row_width(params),
            "fired": params.lanes,
            "state": StateLayout(params),
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
    """Populations and the projections between them, time-multiplexed, ``lanes`` neurons a cycle.

    ::

        events -+-> event lists -> walker -> weights -+-> accumulator -> update -> emitter -+->
                |                   | (scattered:     |        ^         ^  |               |
                |                   |  adds to)       |        |         |  v               |
                |                   +-----------> current memory    neuron memory           |
                +---------------------------------------------------------------------------+

    One weight word is read and added every cycle while a step has events. The sums of a gathered
    projection live in registers; those of scattered ones in a memory, and each counts as one more
    weight word. Each state word is read and written once a step. Spikes of a population that feeds
    others go back into the event lists, before packets from outside; those of an output leave.
    Bit-exact with :func:`hubel.sim.golden.run`.

    Hazards: a state word is written some cycles after it is read. Within a step no word is used
    twice; between steps, a population is not started while the pipeline holds a word of it that
    would be written too late. No memory is read where it is written in the same cycle, or the
    answer is not used.

    ``rst`` does not clear the states: a sample that begins with START does.

    Parameters
    ----------
    params : :class:`CoreParams`
        Sizes.
    program : :class:`Program`
        Initial contents of the memories; must be for a core of these sizes.
    access : bool
        The memories can be replaced, so that the core runs any Program of its sizes.
    spram : bool
        Weights are in the SPRAM of an iCE40UP, which must be loaded; needs ``access``.
    contents : dict of MemoryKind to list of int, optional
        Rows of some memories instead of those of ``program``.
    credits : bool
        Others say when a population may start, and are told what can be taken.

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(params)))`
        Packets of the inputs.
    spikes : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets of the populations that are outputs.
    counters : :py:`Out(CounterSignature())`
        Totals since reset.
    active : :py:`Out(1)`
        A step is walked or can be, or a packet moves. Between two such cycles of the same step are
        a few, while it is in the pipeline. Only with ``access``.
    update : :py:`Out(UpdateSignature(params))`
        Each state word, as it is written; for observers.
    memory : :py:`In(MemoryAccessSignature())`
        To load and to read the memories while the core is idle. Only with ``access``.
    room : :py:`In(populations)`
        A bit for each population: its next step may start. Only with ``credits``, as the next two.
    starts : :py:`Out(populations)`
        The bit of the population whose step starts in this cycle.
    may_fill : :py:`Out(inputs)`
        A bit for each input: there is a list for the step that it sends.
    """
    events: stream.Interface
    spikes: stream.Interface

    def __init__(self, params: CoreParams, program: Program, *, access: bool = False,
                 spram: bool = False, contents: dict[MemoryKind, list[int]] | None = None,
                 credits: bool = False):
        contents = contents or {}
        self.params = params
        self._access = access
        self._credits = credits
        self._spram = spram
        self._neuron_rows = contents.get(MemoryKind.NEURONS) or neuron_rows(params, program)
        self._weight_rows = contents.get(MemoryKind.WEIGHTS) or weight_rows(params, program)
        self._target_rows = contents.get(MemoryKind.TARGETS) or sparse_rows(params, program)
        self._tables = tables_of(params, program)
        self._program = program
        self._cycles = Pipeline(params)
        members = {
            "events":   In(stream.Signature(EventLayout(params))),
            "spikes":   Out(stream.Signature(EventLayout(params))),
            "counters": Out(CounterSignature()),
            "update":   Out(UpdateSignature(params)),
        }
        if access:
            members |= {"active": Out(1), "memory": In(MemoryAccessSignature())}
        if credits:
            members |= {"room": In(len(params.populations)), "starts": Out(len(params.populations)),
                        "may_fill": Out(len(params.inputs))}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        params = self.params
        cycles = self._cycles
        lists = self._access and has_lists(params)
        m.submodules.walker = walker = Walker(params, self._tables, loadable=lists)
        m.submodules.lif = lif = LifUpdate(params.update, self._program, loadable=self._access)
        m.submodules.emitter = emitter = SpikeEmitter(params, depth=cycles.words_in_flight)

        # slots[i] is what the walker gave i cycles ago.
        slots = [walker.slot]
        slots += [Signal(SlotLayout(params), name=f"slot_{i}")
                  for i in range(1, cycles.write + cycles.fold + 1)]
        m.d.sync += [later.eq(slot) for slot, later in pairwise(slots)]
        for p in range(len(params.populations)):
            # The first slot of a population that starts now comes ``load + 1`` cycles after this
            # one. It must not read before these are written, nor in the same cycle.
            early = slots[1:cycles.update + cycles.fold - cycles.load + 1]
            unwritten = [slot.last & (slot.population == p) for slot in early]
            blocked = Cat(unwritten).any()
            if self._credits:
                blocked |= ~self.room[p]
            m.d.comb += walker.blocked[p].eq(blocked)
        if self._credits:
            m.d.comb += [self.starts.eq(walker.starts), self.may_fill.eq(walker.may_fill)]

        access = None
        if self._access:
            m.submodules.access = access = MemoryAccess(
                memory_widths(params, self._program),
                {MemoryKind.WEIGHTS, MemoryKind.TARGETS, MemoryKind.NEURONS})
            wiring.connect(m, wiring.flipped(self.memory), access.port)
            wiring.connect(m, access.load_shared, lif.load)
            m.d.comb += [lif.store.eq(access.store), lif.byte.eq(self.memory.write.payload)]
            if lists:
                wiring.connect(m, access.load_tables, walker.load)
        self._elaborate_currents(m, platform, slots, walker, lif, access)
        self._elaborate_neurons(m, platform, slots, lif, access)
        state_next, all_fired, all_saturated = self._elaborate_fold(m, slots, lif)
        self._elaborate_packets(m, walker, emitter)

        # Lanes without a neuron obey the parameters of their population, but nobody hears them.
        done, fired, saturated = slots[-1], Signal(params.lanes), Signal(params.lanes)
        m.d.comb += [fired.eq(all_fired), saturated.eq(all_saturated)]
        with m.Switch(done.population):
            for p, shape in enumerate(params.populations):
                there = (1 << ((shape.channels - 1) % params.lanes + 1)) - 1
                with m.Case(p), m.If(done.partial):
                    m.d.comb += [fired.eq(all_fired & there), saturated.eq(all_saturated & there)]
        m.d.comb += [
            emitter.push.eq(done.last),
            emitter.word.fired.eq(fired),
            emitter.word.population.eq(done.population),
            emitter.word.start.eq(done.first & done.fresh),
            emitter.word.end.eq(done.final),
            walker.done.eq(emitter.done),
            self.update.valid.eq(done.last),
            self.update.payload.row.eq(done.row),
            self.update.payload.state.eq(state_next),
            self.update.payload.fired.eq(fired),
        ]
        self._elaborate_counters(m, walker, emitter, done, saturated)
        return m

    def _elaborate_currents(self, m, platform, slots, walker, lif, access):
        """From slots to the sum of each state word."""
        params, cycles = self.params, self._cycles
        m.submodules.weights = weights = WordMemory(
            params.lanes * params.weight_width, self._weight_rows, loadable=self._access,
            spram=self._spram)
        if access is not None:
            wiring.connect(m, access.load_weights, weights.load)
        m.submodules.accumulator = accumulator = Accumulator(params)
        words = _delayed(m, weights.word, cycles.add - cycles.address - 1, "word")
        m.d.comb += [
            weights.address.eq(walker.weight_address),
            weights.enable.eq(slots[cycles.address].valid),
            accumulator.weights.eq(words[-1]),
            accumulator.valid.eq(slots[cycles.add].valid),
            accumulator.last.eq(slots[cycles.add].last),
            lif.current.eq(accumulator.current),
        ]
        if access is not None and params.current_words:
            m.d.comb += access.row_weights.eq(words[1])
        elif access is not None:
            # A row that is read comes through the accumulator, which has a register behind the
            # memory, as a sum of one word that nobody takes.
            fetched, load = Signal(), access.load_weights
            m.d.sync += fetched.eq(load.select & ~load.enable.any())
            with m.If(fetched):
                m.d.comb += [accumulator.valid.eq(1), accumulator.last.eq(1)]
            m.d.comb += access.row_weights.eq(accumulator.operands)
        if not params.current_words:
            return
        m.submodules.currents = currents = CurrentMemory(params)
        scatter, slot = walker.scatter, slots[cycles.current]
        wait = cycles.current - cycles.address
        with m.If(scatter.valid):
            m.d.comb += [weights.address.eq(scatter.address), weights.enable.eq(1)]
        adds = _delayed(m, scatter.valid, wait, "scatter_valid")[-1]
        rows = Signal.like(currents.rows)
        m.d.comb += [row.eq(scatter.row) for row in rows]
        if self._target_rows:
            layout = currents.rows.shape()
            m.submodules.targets = targets = WordMemory(
                layout.size, self._target_rows, loadable=self._access)
            if access is not None:
                wiring.connect(m, access.load_targets, targets.load)
                m.d.comb += access.row_targets.eq(
                    _delayed(m, targets.word, 1, "target_row")[-1])
            # Sparse words come first in the memory of weights.
            is_sparse, row, later = Signal(), Signal.like(scatter.row), Signal.like(rows)
            m.d.comb += [
                targets.address.eq(scatter.address),
                targets.enable.eq(scatter.valid & (scatter.address < params.sparse_words)),
            ]
            m.d.sync += [
                is_sparse.eq(scatter.address < params.sparse_words),
                row.eq(scatter.row),
            ]
            m.d.sync += [later[lane].eq(Mux(is_sparse, data.View(layout, targets.word)[lane], row))
                         for lane in range(params.lanes)]
            rows = later
        takes = slot.take | slot.clear
        m.d.comb += [
            currents.add.eq(adds),
            currents.take.eq(takes),
            currents.weights.eq(words[wait]),
            accumulator.scattered.eq(currents.current),
            accumulator.take.eq(slots[cycles.add].take),
        ]
        m.d.comb += [currents.rows[lane].eq(Mux(takes, slot.word, rows[lane]))
                     for lane in range(params.lanes)]

    def _fold(self, slots, cycle):
        """The slot whose word, or half of a word, is in ``cycle`` of the update, and which half."""
        first = slots[cycle]
        if not self._cycles.fold:
            return first, C(0, 0)
        second = slots[cycle + self._cycles.fold]
        merged = Mux(second.last, second.as_value(), first.as_value())
        return data.View(first.shape(), merged), second.last

    def _is_used(self, slots, cycle):
        """A word, or a part of one, is in ``cycle``."""
        fold = self._cycles.fold
        return slots[cycle].last | slots[cycle + fold].last if fold else slots[cycle].last

    def _elaborate_fold(self, m, slots, lif):
        """All of a word, when its last part is updated: states, and which fired and saturated."""
        if not self._cycles.fold:
            return lif.state_next, lif.fired, lif.saturated
        first = slots[self._cycles.write].last
        fired, saturated = Signal.like(lif.fired), Signal.like(lif.saturated)
        states = Signal.like(lif.state_next)
        with m.If(first):
            m.d.sync += [fired.eq(lif.fired), saturated.eq(lif.saturated),
                         states.eq(lif.state_next)]
        whole = Signal(StateLayout(self.params))
        m.d.comb += whole.eq(Cat(
            Cat(states[name].as_value(), lif.state_next[name].as_value())
            for name in whole.shape().members))
        return whole, Cat(fired, lif.fired), Cat(saturated, lif.saturated)

    def _elaborate_neurons(self, m, platform, slots, lif, access):
        """States and parameters to the update, and states back."""
        params, cycles = self.params, self._cycles
        states_width = StateLayout(params.update).size
        width = neuron_row_shape(params)
        m.submodules.neurons = neurons = memory.Memory(
            shape=8 * row_bytes(width) if access is not None else width,
            depth=len(self._neuron_rows), init=self._neuron_rows)
        read = neurons.read_port()
        write = neurons.write_port(granularity=None if access is None else 8)

        def address(part, kind):
            slot, half = part
            return Cat(half, slot.row, C(kind, 2))

        # States are addressed a cycle before they are there, parameters a cycle later.
        early, late = self._fold(slots, cycles.state - 1), self._fold(slots, cycles.state)
        done = self._fold(slots, cycles.write)
        reads, reads_more, writes = (self._is_used(slots, cycle) for cycle in (
            cycles.state - 1, cycles.state, cycles.write))
        with m.If(~reads):
            m.d.comb += read.addr.eq(address(late, NeuronRow.PARAMETERS))
        with m.Elif(early[0].fresh):
            m.d.comb += read.addr.eq(address(early, NeuronRow.INIT))
        with m.Else():
            m.d.comb += read.addr.eq(address(early, NeuronRow.STATE))
        m.d.comb += [
            read.en.eq(reads | (reads_more if params.neuron.varied else 0)),
            write.addr.eq(address(done, NeuronRow.STATE)),
            write.data.eq(lif.state_next),
            write.en.eq(writes.replicate(len(write.en))),
            lif.state.eq(read.data),
            lif.population.eq(self._fold(slots, cycles.state + cycles.multiply - 1)[0].population),
        ]
        if ParameterLayout(params).size:
            m.d.comb += lif.parameters.eq(read.data)
        if access is not None:
            load, states = access.load_neurons, params.update.lanes * params.state_width
            # From registers that are there anyway: the clock-to-output of block RAM leaves no time
            # for a multiplexer. On an iCE40 they are in its multipliers, without a way out.
            row = Cat(lif.held, _delayed(m, read.data[states_width:], 1, "row")[-1])
            if isinstance(platform, SiliconBluePlatform):
                row = read.data
            m.d.comb += access.row_neurons.eq(row)
            with m.If(load.select):
                m.d.comb += [
                    read.addr.eq(load.address),
                    read.en.eq(1),
                    write.addr.eq(load.address),
                    # The lowest bits come through the update.
                    write.data[states:].eq(load.data.replicate(row_bytes(width))[states:]),
                    write.en.eq(load.enable),
                ]

    def _elaborate_packets(self, m, walker, emitter):
        """Packets of the populations go back into the event lists or out or both; packets from
        outside fill the gaps."""
        params = self.params
        sent, outside = emitter.spikes, self.events
        heard, leaves = Signal(), Signal()
        for s in range(len(params.sources)):
            if params.consumers(s):
                with m.If(sent.payload.source == s):
                    m.d.comb += heard.eq(1)
        for p in params.outputs:
            with m.If(sent.payload.source == params.source_of(p)):
                m.d.comb += leaves.eq(1)
        inside = Signal()
        m.d.comb += [
            self.spikes.payload.eq(sent.payload),
            self.spikes.valid.eq(sent.valid & leaves),
            sent.ready.eq(~leaves | self.spikes.ready),
            inside.eq(sent.valid & sent.ready & heard),
            walker.packet.eq(Mux(inside, sent.payload, outside.payload)),
            walker.take.eq(inside | (outside.valid & outside.ready)),
            outside.ready.eq(~inside & (walker.may_fill >> outside.payload.source)[0]),
        ]
        if self._access:
            moves = sent.valid | (outside.valid & outside.ready)
            m.d.comb += self.active.eq(walker.active | moves)

    def _elaborate_counters(self, m, walker, emitter, done, saturated):
        params, slot = self.params, walker.slot
        lanes_used = Signal(range(params.lanes + 1))
        with m.Switch(slot.population):
            for p, shape in enumerate(params.populations):
                with m.Case(p):
                    rest = (shape.channels - 1) % params.lanes + 1
                    m.d.comb += lanes_used.eq(Mux(slot.partial, rest, params.lanes))
        operations, reads = Mux(slot.valid, lanes_used, 0), slot.valid
        if params.current_words:
            scatter = walker.scatter
            operations = Mux(scatter.valid, scatter.operations, operations)
            reads = slot.valid | scatter.valid
        most = (1 << len(operations)) - 1 if params.current_words else params.lanes
        m.submodules.counter_ring = counter_ring = CounterRing(
            params, most=most, in_memory=self._spram)
        wiring.connect(m, counter_ring.counters, wiring.flipped(self.counters))
        # A register, to keep the counters off the paths that they watch.
        m.d.sync += [
            counter_ring.increment.events.eq(walker.accepted),
            counter_ring.increment.weight_reads.eq(reads),
            counter_ring.increment.synaptic_operations.eq(operations),
            counter_ring.increment.updates.eq(done.last),
            counter_ring.increment.spikes.eq(emitter.spike_sent),
            counter_ring.increment.saturations.eq(Mux(done.last, sum(saturated), 0)),
            counter_ring.increment.busy.eq(walker.busy),
            counter_ring.increment.dropped.eq(walker.dropped),
        ]


def _delayed(m: Module, value: Value, cycles: int, name: str) -> list[Value]:
    """``value`` now and in each of the next ``cycles`` cycles."""
    values = [value]
    for i in range(cycles):
        later = Signal.like(values[-1], name=f"{name}_{i + 1}")
        m.d.sync += later.eq(values[-1])
        values.append(later)
    return values
