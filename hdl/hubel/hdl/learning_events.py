"""The packets of a learning core."""

from amaranth import *
from amaranth.lib import data, enum

from .stdp_params import LearningParams

__all__ = ["LearningKind", "LearningPacket", "Reward"]


class LearningKind(enum.Enum, shape=unsigned(3)):
    """What a packet says. A core takes all of them and sends SPIKE and END."""
    #: Input ``code`` spikes in the current step; more than once is as once.
    SPIKE = 0
    #: The step is complete.
    END = 1
    #: A new sample begins; sent before the spikes of its first step.
    START = 2
    #: The neurons that fired last learn: ``code`` is a :class:`Reward`.
    REWARD = 3
    #: Neuron ``code`` learns, as if it had fired.
    LEARN = 4


class Reward(enum.Enum, shape=unsigned(2)):
    """The sign of a change."""
    NONE = 0
    REWARD = 1
    PUNISHMENT = 3


class LearningPacket(data.StructLayout):
    """``kind`` and ``code``.

    Parameters
    ----------
    params : :class:`LearningParams`
    """
    def __init__(self, params: LearningParams):
        super().__init__({"kind": LearningKind, "code": params.code_width})
