"""A MAC core with the serial port of the spiking core."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .host_link import HostLink
from .identity import Identity
from .mac_core import MacCore
from .mac_packets import MacPackets, packet_params
from .mac_params import MacParams
from .mac_program import MacProgram
from .uart import UartReceiver, UartTransmitter

__all__ = ["MacSoc"]


class MacSoc(wiring.Component):
    """:class:`MacCore` behind :class:`MacPackets` and a :class:`HostLink` on a serial line (8N1).

    Its memories have their Program from the start, and are not loaded over the link.

    Parameters
    ----------
    params : :class:`MacParams`
    program : :class:`MacProgram`
    divisor : int
        Clocks a bit of the serial line.

    Members
    -------
    rx : :py:`In(1, init=1)`
        From the host; asynchronous.
    tx : :py:`Out(1, init=1)`
        To the host.
    """
    rx: Signal
    tx: Signal

    def __init__(self, params: MacParams, program: MacProgram, *, divisor: int):
        self.params = params
        self._program = program
        self._divisor = divisor
        super().__init__({
            "rx": In(1, init=1),  # pyright: ignore[reportCallIssue]
            "tx": Out(1, init=1),  # pyright: ignore[reportCallIssue]
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        sizes = packet_params(self.params)
        m.submodules.link = link = HostLink(sizes, Identity.of(sizes))
        m.submodules.packets = packets = ResetInserter(link.reset)(MacPackets(self.params))
        m.submodules.core = core = ResetInserter(link.reset)(MacCore(self.params, self._program))
        wiring.connect(m, receiver.bytes, link.i_bytes)
        wiring.connect(m, link.o_bytes, transmitter.bytes)
        wiring.connect(m, link.events, packets.events)
        wiring.connect(m, packets.inputs, core.inputs)
        wiring.connect(m, core.logits, packets.logits)
        wiring.connect(m, packets.spikes, link.spikes)
        wiring.connect(m, core.counters, link.counters)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            link.bad_byte.eq(receiver.framing_error),
            link.active.eq(packets.active),
        ]
        return m
