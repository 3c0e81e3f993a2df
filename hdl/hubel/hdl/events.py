"""The packets that travel between populations: spikes and the markers of time."""

from amaranth import *
from amaranth.lib import data, enum

from .params import CoreParams

__all__ = ["EventKind", "EventLayout"]


class EventKind(enum.Enum, shape=unsigned(2)):
    """What a packet says."""
    #: The neuron with this ``code`` spiked in the current step.
    SPIKE = 0
    #: The step is complete: every spike of it was sent before.
    END = 1
    #: A new sample begins with the current step: neurons start from their first state.
    #: Sent before the first END of the sample.
    START = 2


class EventLayout(data.StructLayout):
    """One packet: ``kind``, the ``source`` that it comes from (inputs are numbered first, then
    populations), and the ``code`` of a neuron in it (:class:`~hubel.hdl.shape.Shape`).

    Parameters
    ----------
    params : :class:`CoreParams`
        Sizes of the core that sends or receives.
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "kind":   EventKind,
            "source": max(1, (len(params.sources) - 1).bit_length()),
            "code":   max(1, *(shape.code_width for shape in params.sources)),
        })
