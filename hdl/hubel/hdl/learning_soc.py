"""A learning core with a serial port: all that a board needs beside a clock."""

from amaranth import *
from amaranth.lib import wiring

from .learning_core import LearningCore
from .learning_port import LearningPort
from .serial_soc import SerialSoc
from .stdp_params import LearningParams

__all__ = ["LearningSoc"]


class LearningSoc(SerialSoc):
    """:class:`LearningCore` behind a :class:`LearningPort` on a serial line (8N1).

    Parameters
    ----------
    params : :class:`LearningParams`
    divisor : int
        Clocks a bit of the serial line.
    """
    def __init__(self, params: LearningParams, *, divisor: int):
        self.params = params
        super().__init__(divisor=divisor)

    def elaborate(self, platform):
        m = Module()
        m.submodules.port = port = LearningPort(self.params)
        m.submodules.core = core = LearningCore(self.params)
        self._connect_line(m, port)
        wiring.connect(m, port.events, core.events)
        wiring.connect(m, core.spikes, port.spikes)
        wiring.connect(m, port.port, core.port)
        return m
