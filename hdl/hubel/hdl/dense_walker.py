"""Walks a dense projection: every event meets every state word of its population."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .counters import MIN_SLOTS
from .event_list import EventList
from .events import EventLayout
from .image import row_width
from .params import CoreParams

__all__ = ["DenseWalker", "SlotLayout"]


class SlotLayout(data.StructLayout):
    """What travels down the pipeline beside a weight word.

    ``valid``: there is a weight word. ``last``: the sum of the state word ``row`` of
    ``population`` is complete with it. ``first``, ``final``: ``row`` is the first or the final one
    of the population. ``fresh``: the step is the first of a sample.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "valid":      1,
            "last":       1,
            "first":      1,
            "final":      1,
            "fresh":      1,
            "population": EventLayout(params)["population"].shape,
            "row":        row_width(params),
        })


class DenseWalker(wiring.Component):
    """Collects events and, when a step of a population is complete, gives each of its state words
    in turn one slot for each event, two at least, one slot a cycle.

    Of the populations that may start, the last one starts first. A population may start when the
    next one has a free list for the step, those that are on their way counted: its packets then
    never wait for a list, and in a chain of populations nothing can block for ever. Between two
    populations there are two cycles without a slot.

    Parameters
    ----------
    params : :class:`CoreParams`
    words_in_flight : int
        Words that may be given out and not yet be reported ``done``.

    Members
    -------
    events : :py:`In(stream.Signature(EventLayout(params)))`
        Packets for the core's populations.
    blocked : :py:`In(populations)`
        Populations that must not start in this cycle.
    done : :py:`In(1)`
        A word that was given out has left the core.
    ended : :py:`In(populations)`
        The END of a step that a population was started for has left the core.
    slot : :py:`Out(SlotLayout(params))`
        The slot of this cycle.
    weight_address : :py:`Out(range(weight_words))`
        Where the slot's weight word is, three cycles after the slot.
    busy : :py:`Out(1)`
        There is a slot in this cycle, with or without a weight word.
    accepted, dropped : :py:`Out(1)`
        A spike was taken, or dropped because its step has more spikes than axons.
    """
    events: stream.Interface

    def __init__(self, params: CoreParams, *, words_in_flight: int):
        self.params = params
        self._words_in_flight = words_in_flight
        super().__init__({
            "events":         In(stream.Signature(EventLayout(params))),
            "blocked":        In(params.populations),
            "done":           In(1),
            "ended":          In(params.populations),
            "slot":           Out(SlotLayout(params)),
            "weight_address": Out(range(params.weight_words)),
            "busy":           Out(1),
            "accepted":       Out(1),
            "dropped":        Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.event_list = event_list = EventList(params)
        wiring.connect(m, wiring.flipped(self.events), event_list.events)

        population = Signal.like(event_list.population)
        first_weight = Signal.like(self.weight_address)
        inputs = Signal.like(event_list.count)
        row, final_row = Signal(row_width(params)), Signal(row_width(params))
        first, fresh = Signal(), Signal()
        position = Signal.like(event_list.position)
        last_position = Signal.like(position)
        count = Signal.like(event_list.count)
        credits = Signal(range(self._words_in_flight + 1), init=self._words_in_flight)
        walking, last = Signal(), Signal()
        m.d.comb += [
            self.accepted.eq(event_list.accepted),
            self.dropped.eq(event_list.dropped),
            event_list.population.eq(population),
            event_list.position.eq(position),
            self.busy.eq(walking & (~last | (credits != 0))),
            self.slot.valid.eq(self.busy & (position < count)),
            self.slot.last.eq(self.busy & last),
            self.slot.first.eq(first),
            self.slot.final.eq(row == final_row),
            self.slot.fresh.eq(fresh),
            self.slot.population.eq(population),
            self.slot.row.eq(row),
        ]
        m.d.sync += credits.eq(credits - self.slot.last + self.done)

        # Steps on their way from each population, whose END has not left, and whether the next
        # one has a list for another.
        started, room = Signal(params.populations), Signal(params.populations)
        m.d.comb += room[-1].eq(1)
        for p in range(params.populations - 1):
            leaving = Signal(range(3), name=f"leaving_{p}")
            m.d.sync += leaving.eq(leaving + started[p] - self.ended[p])
            m.d.comb += room[p].eq(~(event_list.full[p + 1] | leaving[1]
                                     | (leaving[0] & event_list.complete[p + 1])))

        with m.FSM():
            with m.State("Choose"):
                for p in range(params.populations):
                    with m.If(event_list.complete[p] & room[p] & ~self.blocked[p]):
                        m.d.comb += started.eq(1 << p)
                        m.d.sync += population.eq(p)
                        m.next = "Start"
            with m.State("Start"):
                with m.Switch(population):
                    for p in range(params.populations):
                        with m.Case(p):
                            m.d.sync += [
                                row.eq(params.first_word[p]),
                                final_row.eq(params.first_word[p] + params.words[p] - 1),
                                first_weight.eq(params.first_weight[p]),
                                inputs.eq(params.inputs[p]),
                            ]
                m.d.sync += [
                    first.eq(1),
                    fresh.eq(event_list.fresh),
                    position.eq(0),
                    count.eq(event_list.count),
                    last_position.eq(Mux(event_list.count > MIN_SLOTS,
                                         event_list.count - 1, MIN_SLOTS - 1)),
                ]
                m.next = "Walk"
            with m.State("Walk"):
                m.d.comb += walking.eq(1)
                with m.If(self.busy):
                    m.d.sync += [
                        position.eq(position + 1),
                        # Decided a cycle before, because much depends on it.
                        last.eq(position + 1 == last_position),
                    ]
                with m.If(self.slot.last):
                    m.d.sync += [
                        position.eq(0),
                        last.eq(0),
                        first.eq(0),
                        row.eq(row + 1),
                        first_weight.eq(first_weight + inputs),
                    ]
                    with m.If(self.slot.final):
                        m.d.comb += event_list.release.eq(1)
                        m.next = "Choose"

        # The list answers after a cycle; the axon then has a register of its own, because the
        # memory's clock-to-output and an adder are more than a cycle.
        axon = Signal.like(event_list.axon)
        first_weight_1, first_weight_2 = Signal.like(first_weight), Signal.like(first_weight)
        m.d.sync += [
            first_weight_1.eq(first_weight),
            first_weight_2.eq(first_weight_1),
            axon.eq(event_list.axon),
            self.weight_address.eq(first_weight_2 + axon),
        ]
        return m
