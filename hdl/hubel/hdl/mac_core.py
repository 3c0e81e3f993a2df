"""The MAC core: an int8 ReLU network with the lanes and the memories of the spiking core."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .counter_ring import CounterSignature, Ring
from .mac_counters import MacCounters
from .mac_drain import LogitLayout, MacDrain
from .mac_image import bias_rows, mac_weight_rows
from .mac_jobs import MacJobs
from .mac_lanes import LANES_LATENCY, MacLanes
from .mac_params import GROUP, MacParams
from .mac_program import MacProgram
from .mac_slots import MacSlotLayout, MacSlots
from .mac_walker import MacWalker
from .word_memory import WordMemory

__all__ = ["InputLayout", "MacCore", "MacUpdateSignature"]

# Cycles from a slot: the memories are addressed; their answers are there; sums are complete.
_ADDRESS, _WORD = 1, 2
_SUM = _WORD + LANES_LATENCY - 1


class InputLayout(data.StructLayout):
    """An activation of the input; inputs go by row, column and channel. With ``start`` it is the
    first of a sample, and what came of an incomplete one is forgotten.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        super().__init__({"value": params.activation_width, "start": 1})


class MacUpdateSignature(wiring.Signature):
    """Observation port, a stream that cannot be held up: ``payload`` is written as the next
    activation of the layer where ``valid``.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        super().__init__({"valid": Out(1), "payload": Out(params.activation_width)})


class MacCore(wiring.Component):
    """Layers one after the other, ``lanes`` multiply-accumulates a clock.

    ::

        jobs -> walker -> slots -+-> weights     -+-> lanes -> bias, ReLU, pool, requantise -+->
                            |    +-> activations -+                                          |
                  which are not zero      ^------------------------------- activations ------+

    A weight word meets one activation in a clock. The sums of a word live in registers, and leave
    one by one while the lanes work on the next word. The input of the next sample is taken as soon
    as the first layer is through. Bit-exact with :func:`hubel.sim.mac.run`.

    A layer starts when the one before is written, so that no memory is read where it is written.

    Parameters
    ----------
    params : :class:`MacParams`
    program : :class:`MacProgram`
        Initial contents of the memories; must be for a core of these sizes.

    Members
    -------
    inputs : :py:`In(stream.Signature(InputLayout(params)))`
        Activations.
    logits : :py:`Out(stream.Signature(LogitLayout(params)))`
        Totals of the last layer, by row, column and channel.
    counters : :py:`Out(CounterSignature())`
        Totals since reset.
    update : :py:`Out(MacUpdateSignature(params))`
        Each activation between layers, as it is written; for observers.
    """
    inputs: stream.Interface
    logits: stream.Interface

    def __init__(self, params: MacParams, program: MacProgram):
        self.params = params
        self._weight_rows = mac_weight_rows(params, program)
        self._bias_rows = bias_rows(params, program)
        super().__init__({
            "inputs":   In(stream.Signature(InputLayout(params))),
            "logits":   Out(stream.Signature(LogitLayout(params))),
            "counters": Out(CounterSignature()),
            "update":   Out(MacUpdateSignature(params)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.jobs = jobs = MacJobs(params)
        m.submodules.walker = walker = MacWalker(params)
        m.submodules.slots = slotter = MacSlots(params)
        m.submodules.lanes = lanes = MacLanes(params)
        m.submodules.drain = drain = MacDrain(params, self._bias_rows)
        m.submodules.weights = weights = WordMemory(
            params.lanes * params.weight_width, self._weight_rows)
        wiring.connect(m, jobs.jobs, walker.jobs)
        wiring.connect(m, walker.chunks, slotter.chunks)
        wiring.connect(m, drain.logits, wiring.flipped(self.logits))

        # slots[i] is what was given i cycles ago.
        slots = [slotter.slot]
        slots += [Signal(MacSlotLayout(params), name=f"slot_{i}") for i in range(1, _SUM + 1)]
        m.d.sync += [later.eq(slot) for slot, later in pairwise(slots)]
        addressed, read = slots[_ADDRESS], slots[_WORD]
        m.d.comb += [
            weights.address.eq(addressed.weight),
            weights.enable.eq(addressed.valid),
            lanes.weights.eq(weights.word),
            lanes.valid.eq(read.valid),
            lanes.last.eq(read.last),
            lanes.shift.eq(drain.shift),
            drain.taken.eq(lanes.taken),
            drain.sum.eq(lanes.sum),
        ]
        complete, through = Signal(), Signal()
        self._elaborate_layers(m, walker, slotter, drain, complete, through)
        written = self._elaborate_activations(m, slotter, addressed, lanes, drain, complete,
                                              through)
        self._elaborate_counters(m, slotter, drain, written)
        return m

    def _elaborate_layers(self, m, walker, slotter, drain, complete, through):
        """Which layer is worked on, and when the next may start. ``complete``: the input of a
        sample is there; ``through``: it is not needed any more."""
        params = self.params
        job, slot = walker.jobs.payload, slotter.slot
        layer = Signal(range(max(2, len(params.layers))))
        starts, started = Signal(), Signal()
        # Words that were begun and are not written: the walker and the lanes have one each, the
        # slots and the drain two.
        under_way = Signal(4)
        m.d.comb += [
            starts.eq(walker.jobs.valid & walker.jobs.ready),
            through.eq(started & (under_way == 0)),
            drain.layer.eq(layer),
        ]
        m.d.sync += [
            under_way.eq(under_way + starts - drain.done),
            # A clock late, which is sooner than there is another job.
            walker.may_start.eq((under_way == 0) & drain.idle
                                & ((job.layer != 0) | (complete & ~started))),
        ]
        with m.If(starts):
            m.d.sync += layer.eq(job.layer)
            with m.If(job.last & (job.layer == 0)):
                m.d.sync += started.eq(1)
        with m.If(through):
            m.d.sync += started.eq(0)

        # Between two last slots there are more clocks than from the slot to the lanes' chain.
        waiting, waits = Signal(range(params.least_clocks)), Signal()
        given, final, goes = Signal(), Signal(), Signal()
        m.d.comb += [
            goes.eq(slot.busy & slot.last),
            slotter.hold.eq(Mux(final, given | ~drain.idle, waits)),
        ]
        m.d.sync += [
            final.eq(layer == len(params.layers) - 1),
            waiting.eq(waiting - 1),
        ]
        with m.If(goes):
            m.d.sync += [drain.word.eq(slot.word), waiting.eq(params.least_clocks - 1),
                         waits.eq(1), given.eq(1)]
        with m.Else():
            with m.If(waiting == 1):
                m.d.sync += waits.eq(0)
            with m.If(drain.done):
                m.d.sync += given.eq(0)

    def _elaborate_activations(self, m, slotter, addressed, lanes, drain, complete, through):
        """The memory of activations, and of which are not zero; returns what is written."""
        params = self.params
        m.submodules.activations = activations = memory.Memory(
            shape=params.activation_width, depth=params.activations, init=[])
        read, write = activations.read_port(), activations.write_port()
        m.d.comb += [
            read.addr.eq(addressed.activation),
            read.en.eq(addressed.valid),
            lanes.activation.eq(read.data),
        ]

        # Outputs follow each other in memory; a layer begins at its region.
        at = Signal.like(write.addr, init=params.regions[1] if len(params.regions) > 1 else 0)
        place, layer = Signal.like(write.addr), Signal.like(drain.layer)
        m.d.sync += layer.eq(drain.layer)
        with m.If(drain.valid):
            m.d.sync += at.eq(at + 1)
        with m.Elif(layer != drain.layer):
            with m.Switch(drain.layer):
                for i, region in enumerate(params.regions[1:]):
                    with m.Case(i):
                        m.d.sync += at.eq(region)

        # The next input fills the gaps.
        count, taken, value = Signal.like(write.addr), Signal(), self.inputs.payload.value
        last = Signal()
        m.d.comb += [
            self.inputs.ready.eq(~complete & ~drain.valid),
            taken.eq(self.inputs.valid & self.inputs.ready),
            place.eq(Mux(self.inputs.payload.start, 0, count)),
            last.eq(place == params.inputs.neurons - 1),
            write.en.eq(drain.valid | taken),
            write.addr.eq(Mux(drain.valid, at, place)),
            write.data.eq(Mux(drain.valid, drain.activation, value)),
            self.update.valid.eq(drain.valid),
            self.update.payload.eq(drain.activation),
        ]
        with m.If(through):
            m.d.sync += complete.eq(0)
        with m.If(taken):
            m.d.sync += [count.eq(Mux(last, 0, place + 1)), complete.eq(last)]
        if not params.skip_zeros:
            return taken

        bits = GROUP.bit_length() - 1
        m.submodules.nonzero = nonzero = memory.Memory(
            shape=GROUP, depth=params.activations // GROUP, init=[])
        look, note = nonzero.read_port(), nonzero.write_port()
        m.d.comb += [
            look.addr.eq(slotter.group),
            look.en.eq(slotter.look),
            slotter.nonzero.eq(look.data),
            note.addr.eq(write.addr[bits:]),
            note.en.eq(write.en),
        ]
        # A row is written with each of its activations: what is there so far.
        for name, here, source in (("output", drain.valid, at), ("input", taken, place)):
            so_far, row = Signal(GROUP, name=f"{name}_nonzero"), Signal(GROUP, name=f"{name}_row")
            first = source[:bits] == 0
            m.d.comb += row.eq(Mux(first, 0, so_far) | write.data.any() << source[:bits])
            with m.If(here):
                m.d.comb += note.data.eq(row)
                m.d.sync += so_far.eq(row)
        return taken

    def _elaborate_counters(self, m, slotter, drain, taken):
        params, slot = self.params, slotter.slot
        names = MacCounters.names()
        layout = data.StructLayout({name: range(params.lanes + 1) if name == "macs" else 1
                                    for name in names})
        m.submodules.counter_ring = counter_ring = Ring(layout)
        wiring.connect(m, counter_ring.counters, wiring.flipped(self.counters))
        looked = slotter.look if params.skip_zeros else C(0, 1)
        # A register, to keep the counters off the paths that they watch.
        m.d.sync += [
            counter_ring.increment.inputs.eq(taken),
            counter_ring.increment.weight_reads.eq(slot.valid),
            counter_ring.increment.activation_reads.eq(slot.valid),
            counter_ring.increment.macs.eq(Mux(slot.valid, slot.word.lanes, 0)),
            counter_ring.increment.zero_reads.eq(looked),
            counter_ring.increment.activation_writes.eq(drain.valid),
            counter_ring.increment.totals.eq(drain.total),
            counter_ring.increment.busy.eq(slot.busy),
        ]
