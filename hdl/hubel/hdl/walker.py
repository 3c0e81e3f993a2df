"""Decides which population is worked on, and walks what feeds it."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .address_tables import AddressTables, JobLayout, table_layout
from .event_list import EventList
from .events import EventLayout
from .image import row_width
from .memory_access import LoadSignature
from .params import CoreParams
from .pipeline import Pipeline, uses_tables
from .scatter_walker import ScatterSlotLayout, ScatterWalker
from .schedule import Schedule
from .tables import Tables

__all__ = ["SlotLayout", "Walker"]


class SlotLayout(data.StructLayout):
    """What travels down the pipeline beside a weight word.

    ``valid``: there is a weight word. ``last``: the sum of the state word ``row`` of
    ``population`` is complete with it. ``first``, ``final``: ``row`` is the first or the final one
    of the population. ``partial``: not all of its lanes have a neuron, if channels do not fill
    them. ``fresh``: the step is the first of a sample. In a core with a memory of
    currents: ``take``, the currents of the state word ``word`` of the population are added and
    cleared; ``clear``, they are only cleared.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        members = {
            "valid":      1,
            "last":       1,
            "first":      1,
            "final":      1,
            "partial":    1,
            "fresh":      1,
            "population": max(1, (len(params.populations) - 1).bit_length()),
            "row":        row_width(params),
        }
        if params.current_words:
            members |= {"take": 1, "clear": 1,
                        "word": max(1, (params.current_words - 1).bit_length())}
        super().__init__(members)


class Walker(wiring.Component):
    """Collects events and, when a step of a population may start, walks its projections: first the
    scattered ones, spike by spike; then it gives each state word in turn one slot for each spike of
    the gathered one and one for the sums in memory, ``minimum_slots`` at least. One slot a cycle.

    Of the populations that may start, the last one starts first. Between two populations there is
    one cycle without a slot, and ``load`` of the pipeline; before a scattered projection there are
    eight more, and ``load``.

    Parameters
    ----------
    params : :class:`CoreParams`
    tables : tuple of :class:`~hubel.hdl.tables.Tables`
        Of the projections.
    loadable : bool
        Whether they may be replaced.

    Members
    -------
    packet : :py:`In(EventLayout(params))`
        A spike or marker of one of the core's sources.
    take : :py:`In(1)`
        Take ``packet``; its source has a reader, and a list if it is an input.
    may_fill : :py:`Out(inputs)`
        A bit for each input: packets from it can be taken.
    blocked : :py:`In(populations)`
        Populations that must not start in this cycle.
    starts : :py:`Out(populations)`
        The bit of the population whose step starts in this cycle.
    done : :py:`In(1)`
        One of the words that were given out, ``words_in_flight`` of the pipeline at most, has left
        the core.
    slot : :py:`Out(SlotLayout(params))`
        The slot of this cycle.
    weight_address : :py:`Out(range(weight_words))`
        Where the slot's weight word is, in cycle ``address`` of the pipeline.
    scatter : :py:`Out(ScatterSlotLayout(job))`
        A slot of a scattered projection, as it is addressed: it overtakes no other. Only in a core
        with a memory of currents.
    busy : :py:`Out(1)`
        There is a slot of either kind in this cycle, with or without a weight word.
    active : :py:`Out(1)`
        A step is walked, or can be.
    accepted, dropped : :py:`Out(1)`
        A spike was taken, or dropped because its step has more spikes than its source neurons.
    load : :py:`In(LoadSignature(width))`
        The port of that name of :class:`AddressTables`; only if ``loadable``.
    """
    def __init__(self, params: CoreParams, tables: tuple[Tables, ...], *, loadable: bool = False):
        self.params = params
        self._tables = tables
        self._loadable = loadable
        members = {
            "packet":         In(EventLayout(params)),
            "take":           In(1),
            "may_fill":       Out(len(params.inputs)),
            "blocked":        In(len(params.populations)),
            "starts":         Out(len(params.populations)),
            "done":           In(1),
            "slot":           Out(SlotLayout(params)),
            "weight_address": Out(max(1, (params.weight_words - 1).bit_length())),
            "busy":           Out(1),
            "active":         Out(1),
            "accepted":       Out(1),
            "dropped":        Out(1),
        }
        if params.current_words:
            members["scatter"] = Out(ScatterSlotLayout(JobLayout(params, tables)))
        if loadable:
            job = JobLayout(params, tables)
            members["load"] = In(LoadSignature(table_layout(job, "c").size))
        super().__init__(members)
        # What is walked, in order: for each population its scattered projections and then the
        # sweep, with the gathered projection or None.
        self._entries = [
            entry for p in range(len(params.populations))
            for entry in [*((p, j, False) for j in params.scattered(p)),
                          (p, params.gathered(p), True)]]

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.schedule = schedule = Schedule(params)
        m.submodules.event_list = event_list = EventList(params)
        m.d.comb += [
            event_list.packet.eq(self.packet),
            event_list.take.eq(self.take),
            schedule.ended.eq(event_list.ended),
            self.may_fill.eq(schedule.may_fill),
            self.accepted.eq(event_list.accepted),
            self.dropped.eq(event_list.dropped),
        ]

        entry = Signal(range(max(2, len(self._entries))))
        population = Signal.like(self.slot.population)
        projection = Signal(max(1, (len(params.projections) - 1).bit_length()))
        sweep, listed, delayed = Signal(), Signal(), Signal()
        parities = Array(Signal(name=f"parity_{p}") for p in range(len(params.populations)))
        with m.Switch(entry):
            for i, (p, j, is_sweep) in enumerate(self._entries):
                with m.Case(i):
                    m.d.comb += [sweep.eq(is_sweep), event_list.clock.eq(params.clocks[p])]
                    if j is not None:
                        m.d.comb += [
                            projection.eq(j),
                            listed.eq(1),
                            event_list.source.eq(params.projections[j].source),
                            delayed.eq(params.projections[j].delay),
                        ]
        parity = parities[population]
        count, fresh = Signal.like(event_list.count), Signal()
        m.d.comb += [
            event_list.parity.eq(parity ^ delayed),
            event_list.clock_parity.eq(parity),
        ]
        looks = Pipeline(params).load == 2
        domain = m.d.sync if looks else m.d.comb
        domain += [
            count.eq(Mux(listed & ~(delayed & event_list.fresh), event_list.count, 0)),
            fresh.eq(event_list.fresh),
        ]
        prepare = "Look" if looks else "Load"

        sweeping = _Sweep(self, m, population, event_list)
        m.d.comb += event_list.position.eq(sweeping.position)
        scattering, scatter = Signal(), None
        if params.current_words:
            m.submodules.scatter = scatter = ScatterWalker(params, self._tables)
            m.d.comb += [
                self.scatter.eq(scatter.slot),
                scatter.count.eq(count),
                scatter.projection.eq(projection),
            ]
            with m.If(scattering):
                m.d.comb += event_list.position.eq(scatter.position)
        m.d.comb += self.busy.eq(sweeping.busy | (scatter.busy if scatter else 0))
        self._elaborate_addresses(m, event_list, sweeping, scatter, projection)

        with m.FSM() as fsm:
            if scatter is not None:
                # Reset does not clear memories: the currents of an unfinished step go first.
                clear = Signal()
                m.d.comb += self.slot.clear.eq(clear)
                with m.State("Clear"):
                    m.d.comb += clear.eq(1)
                    m.d.sync += sweeping.word.eq(sweeping.word + 1)
                    with m.If(sweeping.word == params.current_words - 1):
                        m.next = "Choose"
            with m.State("Choose"):
                for p in range(len(params.populations)):
                    with m.If(schedule.may_start[p] & ~self.blocked[p]):
                        first = next(i for i, e in enumerate(self._entries) if e[0] == p)
                        m.d.comb += self.starts.eq(1 << p)
                        m.d.sync += [population.eq(p), entry.eq(first)]
                        m.next = prepare
            if looks:
                # ``count`` and ``fresh`` are registers then, and have the answer in "Load".
                with m.State("Look"):
                    m.next = "Load"
            with m.State("Load"):
                sweeping.load(count, fresh)
                m.next = "Sweep"
                if scatter is not None:
                    with m.If(~sweep):
                        m.d.comb += scatter.start.eq(1)
                        m.next = "Scatter"
            if scatter is not None:
                with m.State("Scatter"):
                    m.d.comb += scattering.eq(1)
                    with m.If(scatter.done):
                        m.d.sync += entry.eq(entry + 1)
                        m.next = prepare
            with m.State("Sweep"):
                m.d.comb += sweeping.walking.eq(1)
                with m.If(self.slot.last & self.slot.final):
                    m.d.comb += schedule.finished.eq(1 << population)
                    m.d.sync += parity.eq(~parity)
                    m.next = "Choose"
        m.d.comb += self.active.eq(~fsm.ongoing("Choose") | schedule.may_start.any())
        return m

    def _elaborate_addresses(self, m, event_list, sweeping, scatter, projection):
        """From the code of a spike to the weight word of a gathered projection, and to the job of
        a scattered one."""
        first_weight = sweeping.first_weight
        if not uses_tables(self.params):
            axon, delay = event_list.code, 2
        else:
            m.submodules.tables = tables = AddressTables(self.params, self._tables,
                                                         loadable=self._loadable)
            if self._loadable:
                wiring.connect(m, wiring.flipped(self.load), tables.load)
            axon, delay = tables.job.address, 5
            m.d.sync += tables.projection.eq(projection)
            m.d.comb += tables.code.eq(event_list.code)
            if scatter is not None:
                m.d.comb += scatter.job.eq(tables.job)
        for i in range(delay):
            later = Signal.like(first_weight, name=f"first_weight_{i + 1}")
            m.d.sync += later.eq(first_weight)
            first_weight = later
        m.d.sync += self.weight_address.eq(first_weight + axon)


class _Sweep:
    """The loops over state words and, within each, over the slots of the gathered projection."""

    def __init__(self, walker: Walker, m: Module, population: Signal, event_list: EventList):
        params = walker.params
        self._m, self._params = m, params
        self._population = population
        slot = walker.slot
        self.walking, self.busy = Signal(), Signal()
        self.position = Signal.like(event_list.position)
        self.first_weight = Signal.like(walker.weight_address)
        self.word = Signal(len(slot.word) if params.current_words else 1, name="word")
        self._inputs = Signal(range(1 << (len(event_list.count))), name="inputs")
        self._row, self._final_row = Signal.like(slot.row), Signal.like(slot.row)
        self._first, self._fresh, self._last = Signal(), Signal(), Signal()
        self._slots = Signal(len(event_list.count) + 1)
        self._last_slot, self._slot = Signal.like(self._slots), Signal.like(self._slots)
        self._count = Signal.like(event_list.count)
        self._has_sums = Signal()
        final = Signal()
        most = Pipeline(params).words_in_flight
        credits = Signal(range(most + 1), init=most)
        m.d.comb += [
            self.busy.eq(self.walking & (~self._last | (credits != 0))),
            self.position.eq(self._slot),
            slot.valid.eq(self.busy & (self._slot < self._count)),
            slot.last.eq(self.busy & self._last),
            slot.first.eq(self._first),
            final.eq(self._row == self._final_row),
            slot.final.eq(final),
            slot.partial.eq(final),
            slot.fresh.eq(self._fresh),
            slot.population.eq(population),
            slot.row.eq(self._row),
        ]
        if not all(shape.plain for shape in params.populations):
            self._count_channels(slot)
        if params.current_words:
            m.d.comb += [
                slot.take.eq(self.busy & self._has_sums & (self._slot == self._count)),
                slot.word.eq(self.word),
            ]
        m.d.sync += credits.eq(credits - slot.last + walker.done)
        with m.If(self.busy):
            m.d.sync += [
                self._slot.eq(self._slot + 1),
                # Decided a cycle before, because much depends on it.
                self._last.eq(self._slot + 1 == self._last_slot),
            ]
        with m.If(slot.last):
            m.d.sync += [
                self._slot.eq(0),
                self._last.eq(self._last_slot == 0),
                self._first.eq(0),
                self._row.eq(self._row + 1),
                self.word.eq(self.word + 1),
                self.first_weight.eq(self.first_weight + self._inputs),
            ]

    def _count_channels(self, slot) -> None:
        """In a population with rows and columns, the last word of each place is partial."""
        m, params = self._m, self._params
        words = [-(-shape.channels // params.lanes) for shape in params.populations]
        channel, partial = Signal(range(max(2, *words))), Signal()
        with m.Switch(self._population):
            for p, most in enumerate(words):
                with m.Case(p):
                    m.d.comb += partial.eq(channel == most - 1)
        m.d.comb += slot.partial.eq(partial)
        with m.If(slot.last):
            m.d.sync += channel.eq(Mux(partial, 0, channel + 1))

    def load(self, count: Value, fresh: Value) -> None:
        """Prepare for a sweep with ``count`` spikes in the gathered list, in a step that is the
        first of a sample or not."""
        m, params = self._m, self._params
        with m.Switch(self._population):
            for p in range(len(params.populations)):
                gathered = params.gathered(p)
                with m.Case(p):
                    m.d.comb += self._slots.eq(count + bool(params.scattered(p)))
                    m.d.sync += [
                        self._row.eq(params.first_word[p]),
                        self._final_row.eq(params.first_word[p] + params.words[p] - 1),
                        self._has_sums.eq(bool(params.scattered(p))),
                    ]
                    if gathered is not None:
                        inputs = params.projections[gathered].weight_words // params.words[p]
                        m.d.sync += [
                            self.first_weight.eq(params.first_weight[gathered]),
                            self._inputs.eq(inputs),
                        ]
        least = params.minimum_slots
        m.d.sync += [
            self._first.eq(1),
            self._fresh.eq(fresh),
            self.word.eq(0),
            self._slot.eq(0),
            self._count.eq(count),
            self._last_slot.eq(Mux(self._slots > least, self._slots - 1, least - 1)),
            self._last.eq((least == 1) & (self._slots <= 1)),
        ]
