"""A learning core with the serial port of the spiking core."""

from amaranth import *
from amaranth.lib import wiring

from .host_link import HostLink
from .learning_access import LearningMemory
from .learning_core import LearningCore
from .learning_packets import LearningPackets, learning_identity, learning_sizes
from .serial_soc import SerialSoc
from .stdp_params import LearningParams

__all__ = ["LearningSoc"]


class LearningSoc(SerialSoc):
    """:class:`LearningCore` behind :class:`LearningPackets` and a
    :class:`~hubel.hdl.host_link.HostLink` on a serial line (8N1).

    It takes no events before a layer was loaded. A session begins with a new sample, no reward, and
    counters at 0; weights, adaptations, rates and random bits stay.

    Parameters
    ----------
    params : :class:`LearningParams`
    divisor : int
        Clocks a bit of the serial line.
    clock_hz : float
        Clocks a second, for the identity; 0 if unknown.
    """
    def __init__(self, params: LearningParams, *, divisor: int, clock_hz: float = 0):
        self.params = params
        self.identity = learning_identity(params, clock_hz=clock_hz)
        super().__init__(divisor=divisor)

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = HostLink(
            learning_sizes(self.params), self.identity, loaded=False)
        m.submodules.packets = packets = ResetInserter(link.reset)(LearningPackets(self.params))
        m.submodules.core = core = ResetInserter(link.reset)(LearningCore(self.params))
        self._connect_line(m, link)
        wiring.connect(m, link.events, packets.events)
        wiring.connect(m, packets.packets, core.events)
        wiring.connect(m, core.spikes, packets.answers)
        wiring.connect(m, packets.spikes, link.spikes)
        wiring.connect(m, core.counters, link.counters)
        # The memories have other names than those of a spiking core.
        wiring.connect(m, link.access.write, core.port.write)
        wiring.connect(m, core.port.read, link.access.read)
        m.d.comb += [
            core.port.begin.eq(link.access.begin),
            core.port.memory.eq(LearningMemory(link.access.memory.as_value())),
            core.port.address.eq(link.access.address),
            link.active.eq(core.active | link.events.valid),
        ]
        m.d.sync += self.busy.eq(link.active)
        return m
