"""The packets that travel between populations: spikes and the markers of time."""

from amaranth import *
from amaranth.lib import data, enum

from .params import CoreParams

__all__ = ["EventKind", "EventLayout"]


class EventKind(enum.Enum, shape=unsigned(2)):
    """What a packet says."""
    #: ``index`` (an axon on its way in, a neuron on its way out) spiked in the current step.
    SPIKE = 0
    #: The step is complete: every spike of it was sent before.
    END = 1
    #: A new sample begins with the current step: membranes start from ``v_init``.
    #: Sent before the first END of the sample.
    START = 2


class EventLayout(data.StructLayout):
    """One packet: ``kind``, the ``population`` that it is for (or from), and an ``index``.

    Parameters
    ----------
    params : :class:`CoreParams`
        Sizes of the core that sends or receives.
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "kind": EventKind,
            "population": max(1, (params.populations - 1).bit_length()),
            "index": (max(*params.inputs, *params.neurons) - 1).bit_length(),
        })
