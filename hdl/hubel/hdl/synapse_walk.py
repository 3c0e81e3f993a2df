"""Which words of weights are read, and where they go back: rows for neurons that add, columns for
neurons that learn."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .stdp_params import LearningParams
from .stdp_update import UPDATE_CYCLES

__all__ = ["SynapseWalk", "learning_clocks"]

#: From a position in a list to the word of weights in front of the update.
_FETCH_CYCLES = 3


def learning_clocks(params: LearningParams) -> int:
    """Clocks in which everything waits for one neuron that learns: a clock for each word of its
    weights, or two where the synapse memory has one port, and what the pipeline takes."""
    stride = 2 if params.single_port else 1
    return stride * (params.input_words - 1) + 1 + _FETCH_CYCLES + UPDATE_CYCLES + 2


class SynapseWalk(wiring.Component):
    """Walks a row word for each input that spiked or, in a ``column``, all words of one neuron: a
    word a cycle, or one in two cycles where it is ``changing`` and the memory has one port, so that
    reads and writes take turns.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    start : :py:`In(1)`
        Begin with the next cycle.
    column, changing : :py:`In(1)`
        What is walked, and whether words are written back. Held from ``start`` to ``walked``.
    events, position, event
        Inputs that spiked: how many, and an entry of the list of them, one cycle later.
    read, read_input
        A word is read in this cycle, and from which input it comes (in a column, the first one).
    trace_input
        The input, a cycle before the word.
    word : :py:`Out(1)`
        The word that was read two cycles before comes out of the memory.
    write_input
        The input, in the cycle in which the word is written back.
    walked : :py:`Out(1)`
        Every word was given, and if ``changing``, is written by the end of this cycle.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        place = range(params.inputs)
        super().__init__({
            "start": In(1), "column": In(1), "changing": In(1),
            "events": In(range(params.inputs + 1)), "position": Out(place), "event": In(place),
            "read": Out(1), "read_input": Out(place), "trace_input": Out(place), "word": Out(1),
            "write_input": Out(place), "walked": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        position, before = Signal.like(self.events), Signal.like(self.position)
        issue, odd, walking = Signal(), Signal(), Signal()
        count = Signal.like(position)
        m.d.comb += [
            count.eq(Mux(self.column, params.input_words, self.events)),
            self.position.eq(position),
        ]

        # By cycle after ``issue``: whether there is a word, and from which input it comes.
        stages = _FETCH_CYCLES + UPDATE_CYCLES
        valid = [issue] + [Signal(name=f"valid_{n}") for n in range(1, stages + 1)]
        place = [Signal(range(params.inputs), name=f"place_{n}") for n in range(stages + 1)]
        m.d.sync += before.eq(position)
        m.d.comb += place[1].eq(
            Mux(self.column, before << (params.lanes.bit_length() - 1), self.event))
        for stage in range(1, stages + 1):
            m.d.sync += valid[stage].eq(valid[stage - 1])
            if stage > 1:
                m.d.sync += place[stage].eq(place[stage - 1])
        m.d.comb += [
            self.read.eq(valid[1]),
            self.read_input.eq(place[1]),
            self.trace_input.eq(place[_FETCH_CYCLES - 1]),
            self.word.eq(valid[_FETCH_CYCLES]),
            self.write_input.eq(place[stages]),
        ]

        with m.If(walking):
            with m.If(position == count):
                m.d.sync += walking.eq(0)
            with m.Else():
                m.d.comb += issue.eq(~odd)
            m.d.sync += odd.eq(0)
            with m.If(issue):
                m.d.sync += position.eq(position + 1)
                if params.single_port:
                    m.d.sync += odd.eq(self.changing)
        with m.If(self.start):
            m.d.sync += [walking.eq(1), position.eq(0), odd.eq(0)]

        # Rows that do not change may follow each other at once.
        given = ~walking & ~Cat(valid[:_FETCH_CYCLES]).any()
        written = ~Cat(valid[_FETCH_CYCLES:stages]).any()
        m.d.comb += self.walked.eq(given & (written | ~self.changing))
        return m
