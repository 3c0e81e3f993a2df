"""A MAC core with the serial port of the spiking core."""

from amaranth import *
from amaranth.lib import wiring

from .host_link import HostLink
from .identity import Identity
from .mac_core import MacCore
from .mac_packets import MacPackets, packet_params
from .mac_params import MacParams
from .mac_program import MacProgram
from .serial_soc import SerialSoc

__all__ = ["MacSoc"]


class MacSoc(SerialSoc):
    """:class:`MacCore` behind :class:`MacPackets` and a :class:`HostLink` on a serial line (8N1).

    Its memories have their Program from the start, and are not loaded over the link.

    Parameters
    ----------
    params : :class:`MacParams`
    program : :class:`MacProgram`
    divisor : int
        Clocks a bit of the serial line.
    """
    def __init__(self, params: MacParams, program: MacProgram, *, divisor: int):
        self.params = params
        self._program = program
        super().__init__(divisor=divisor)

    def elaborate(self, platform):
        m = Module()
        sizes = packet_params(self.params)
        m.submodules.link = link = HostLink(sizes, Identity.of(sizes))
        m.submodules.packets = packets = ResetInserter(link.reset)(MacPackets(self.params))
        m.submodules.core = core = ResetInserter(link.reset)(MacCore(self.params, self._program))
        self._connect_line(m, link)
        wiring.connect(m, link.events, packets.events)
        wiring.connect(m, packets.inputs, core.inputs)
        wiring.connect(m, core.logits, packets.logits)
        wiring.connect(m, packets.spikes, link.spikes)
        wiring.connect(m, core.counters, link.counters)
        m.d.comb += link.active.eq(packets.active)
        m.d.sync += self.busy.eq(link.active)
        return m
