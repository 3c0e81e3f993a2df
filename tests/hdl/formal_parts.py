"""Harnesses for parts of a core: what must hold, as a model beside the part."""

from amaranth.hdl import Array, Assume, Cat, Elaboratable, Module, Mux, Signal, Value, signed

from hubel.hdl.current_memory import CurrentMemory
from hubel.hdl.event_list import EventList
from hubel.hdl.events import EventKind
from hubel.hdl.params import CoreParams
from hubel.hdl.pipeline import uses_tables
from hubel.hdl.schedule import Schedule

from .prover import asserted, constant


class Lags:
    """For each source, population that reads it and delay: how many steps of the source are more
    complete than the population has read."""

    def __init__(self, m: Module, schedule: Schedule):
        params = schedule.params
        self.of: dict[tuple[int, int, int], Signal] = {}
        for s in range(len(params.sources)):
            for reader, delay in params.consumers(s):
                lag = Signal(signed(4), name=f"lag_{s}_{reader}_{delay}")
                m.d.sync += lag.eq(lag + schedule.ended[s] - schedule.finished[reader])
                self.of[s, reader, delay] = lag

    def room(self, source: int) -> Value:
        """No reader needs the list that packets of ``source`` go to: what was in it two steps
        before, all have read."""
        found = [lag <= 1 - delay for (s, _, delay), lag in self.of.items() if s == source]
        return Cat(found).all()

    def complete(self, reader: int) -> Value:
        """The step that ``reader`` reads next is complete in all lists."""
        found = [lag >= 1 - delay for (_, r, delay), lag in self.of.items() if r == reader]
        return Cat(found).all()


class ScheduleHarness(Elaboratable):
    """A schedule, and populations that start when they may and send their ENDs at any time after
    they have read."""

    def __init__(self, params: CoreParams):
        self.schedule = Schedule(params)
        self.free = [self.schedule.ended, self.schedule.finished]

    def elaborate(self, platform):
        m = Module()
        m.submodules.schedule = schedule = self.schedule
        params = schedule.params
        constant(m)
        lags = Lags(m, schedule)
        inputs, idle = len(params.inputs), []
        for s in range(inputs):
            m.d.comb += Assume(~schedule.ended[s] | schedule.may_fill[s])
            asserted(m, f"room_for_input_{s}", ~schedule.may_fill[s] | lags.room(s))
        for p in range(len(params.populations)):
            s = params.source_of(p)
            owes = Signal(range(16), name=f"owes_{p}")
            m.d.sync += owes.eq(owes + schedule.finished[p] - schedule.ended[s])
            m.d.comb += [
                Assume(~schedule.finished[p] | schedule.may_start[p]),
                Assume(~schedule.ended[s] | (owes != 0)),
            ]
            idle.append(owes == 0)
            asserted(
                m, f"{p}_starts_with_complete_steps", ~schedule.may_start[p] | lags.complete(p)
            )
            # Its spikes of this step follow those that are still to come.
            room = [lag + owes <= 1 - d for (x, _, d), lag in lags.of.items() if x == s]
            asserted(m, f"{p}_starts_with_room", ~schedule.may_start[p] | Cat(room).all())
        # An input that is not behind another can be sent, or there is work.
        for s in range(inputs):
            ahead = [Signal(signed(5), name=f"ahead_{s}_{r}") for r in range(inputs)]
            m.d.sync += [
                a.eq(a + schedule.ended[s] - schedule.ended[r]) for r, a in enumerate(ahead)
            ]
            least = Cat(a <= 0 for a in ahead).all()
            works = ~Cat(idle).all() | schedule.may_start.any()
            asserted(m, f"input_{s}_never_waits_for_ever", works | ~least | schedule.may_fill[s])
        return m


class ListHarness(Elaboratable):
    """An event list and a few registers that know what must be in it: of one source, any, how many
    spikes each of its lists has, and the code at one position, any."""

    def __init__(self, params: CoreParams):
        self.params = params
        self.lists = EventList(params)
        self.which = Signal.like(self.lists.source)
        self.where = Signal.like(self.lists.position)
        self.free = [
            self.which,
            self.where,
            Value.cast(self.lists.packet),
            *(getattr(self.lists, name) for name in ("take", "source", "parity", "position")),
            *(getattr(self.lists, name) for name in ("clock", "clock_parity")),
        ]

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.lists = lists = self.lists
        constant(m, self.which, self.where)
        packet, sources = lists.packet, len(params.sources)
        m.d.comb += [
            Assume(self.which < sources),
            Assume(self.where < Array(s.neurons for s in params.sources)[self.which]),
            Assume(packet.source < sources),
            Assume(Value.cast(packet.kind) != 3),
        ]
        known = Array(bool(params.consumers(s)) for s in range(sources))[self.which]
        size = Array(s.neurons for s in params.sources)[self.which]
        filling, count, starts = Signal(), Signal.like(lists.count), Signal()
        counts = Array(Signal.like(count, name=f"count_{i}") for i in range(2))
        codes = Array(Signal.like(lists.code, name=f"code_{i}") for i in range(2))
        fresh = Array(Signal(name=f"fresh_{i}") for i in range(2))
        taken, spike, ended, stored = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            taken.eq(lists.take & (packet.source == self.which) & known),
            spike.eq(taken & (packet.kind == EventKind.SPIKE)),
            ended.eq(taken & (packet.kind == EventKind.END)),
            stored.eq(spike & (count < size) & (count == self.where)),
        ]
        with m.If(spike & (count < size)):
            m.d.sync += count.eq(count + 1)
        with m.If(stored):
            m.d.sync += codes[filling].eq(packet.code)
        with m.If(taken & (packet.kind == EventKind.START)):
            m.d.sync += starts.eq(1)
        with m.If(ended):
            m.d.sync += [
                counts[filling].eq(count),
                fresh[filling].eq(starts),
                count.eq(0),
                starts.eq(0),
                filling.eq(~filling),
            ]

        mine = lists.take & (packet.source == self.which)
        asserted(m, "dropped_only_when_full", ~mine | (lists.dropped == (spike & (count == size))))
        asserted(m, "accepted_otherwise", ~mine | (lists.accepted == (spike & (count != size))))
        asserted(m, "nothing_without_take", lists.take | ~(lists.accepted | lists.dropped))
        asserted(m, "end_is_told", lists.ended.bit_select(self.which, 1) == ended)
        asks = known & (lists.source == self.which)
        asserted(m, "count_is_known", ~asks | (lists.count == counts[lists.parity]))
        clock = known & (lists.clock == self.which)
        asserted(m, "start_is_known", ~clock | (lists.fresh == fresh[lists.clock_parity]))
        # The code comes two clocks after its position; not of a spike that is taken in this clock
        # or was in the one before.
        asked = [Signal(name=f"asked_{i}") for i in range(2)]
        answer = [Signal.like(lists.code, name=f"answer_{i}") for i in range(2)]
        was_stored, was_filling, written = Signal(), Signal(), Signal()
        source, parity = lists.source, lists.parity
        if uses_tables(params):  # the list was chosen a clock before its position
            source, parity = Signal.like(source), Signal.like(parity)
            m.d.sync += [source.eq(lists.source), parity.eq(lists.parity)]
        reads = known & (source == self.which)
        m.d.comb += written.eq(
            (stored & (filling == parity)) | (was_stored & (was_filling == parity))
        )
        m.d.sync += [
            was_stored.eq(stored),
            was_filling.eq(filling),
            asked[0].eq(reads & (lists.position == self.where) & ~written),
            answer[0].eq(codes[parity]),
            asked[1].eq(asked[0]),
            answer[1].eq(answer[0]),
        ]
        asserted(m, "no_event_is_lost", ~asked[1] | (lists.code == answer[1]))
        return m


class CurrentsHarness(Elaboratable):
    """A memory of currents that is used in every way, and the sum in one row of one lane, any."""

    def __init__(self, params: CoreParams):
        self.currents = CurrentMemory(params)
        self.row = Signal.like(self.currents.rows[0])
        self.lane = Signal(range(params.lanes))
        self.free = [
            self.row,
            self.lane,
            Value.cast(self.currents.rows),
            self.currents.add,
            self.currents.take,
            Value.cast(self.currents.weights),
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.currents = currents = self.currents
        params = currents.params
        constant(m, self.row, self.lane)
        m.d.comb += [
            Assume(~(currents.add & currents.take)),
            *(Assume(row < params.current_words) for row in currents.rows),
        ]
        if not params.sparse_words:
            m.d.comb += [Assume(row == currents.rows[0]) for row in currents.rows]
        # Weights come a clock after the row, sums two.
        adds, takes = Signal(), Signal()
        meant = currents.rows[self.lane] == self.row
        total = Signal(signed(params.accumulator_width))
        answers, answer = Signal(), Signal.like(total)
        weight = currents.weights[self.lane]
        m.d.sync += [
            adds.eq(currents.add & meant),
            takes.eq(currents.take & meant),
            total.eq(Mux(takes, 0, Mux(adds, total + weight, total))),
            answers.eq(takes),
            answer.eq(total),
        ]
        asserted(m, "sum_is_known", ~answers | (currents.current[self.lane] == answer))
        return m
