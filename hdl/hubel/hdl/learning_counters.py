"""What a learning core counts."""

from amaranth.lib import data

from .counter_ring import Ring

__all__ = ["LEARNING_COUNTERS", "LearningCounters"]

#: ``words``: words of weights that were added. ``updates``: words of weights that changed.
#: ``learning``: clocks in which neurons that fired learn, and everything else waits. ``dropped``:
#: packets that name an input or a neuron that there is not.
LEARNING_COUNTERS = ("steps", "events", "words", "candidates", "spikes", "updates", "learning",
                     "dropped")


class LearningCounters(Ring):
    """:class:`~hubel.hdl.counter_ring.Ring` with the counters of a learning core, which grow
    by one.

    Members
    -------
    increment : :py:`In(data.StructLayout)`
        A bit for each of :data:`LEARNING_COUNTERS`.
    counters : :py:`Out(CounterSignature())`
        One counter a cycle.
    """
    def __init__(self):
        super().__init__(data.StructLayout(dict.fromkeys(LEARNING_COUNTERS, 1)))
