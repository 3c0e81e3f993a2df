"""An output of a router: takes turns between the inputs that have a packet for it."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .fabric_packet import PacketLayout, RouterParams

__all__ = ["RouterOutput"]


class RouterOutput(wiring.Component):
    """Takes a packet a clock from one of ``inputs`` inputs and gives it a clock later.

    Round robin: the input after the one that was served last comes first, so that an input waits
    for each of the others once at most.

    Parameters
    ----------
    params : :class:`RouterParams`
    inputs : int
        1 or more.

    Members
    -------
    packets : :py:`In(data.ArrayLayout(PacketLayout(...), inputs))`
    wanted : :py:`In(inputs)`
        Inputs that have a packet for this output.
    taken : :py:`Out(inputs)`
        The one whose packet is taken in this clock.
    o : :py:`Out(stream.Signature(PacketLayout(...)))`

    Attributes
    ----------
    last : Signal
        The input that was served last.
    """
    o: stream.Interface

    def __init__(self, params: RouterParams, inputs: int):
        self._inputs = inputs
        layout = PacketLayout(params.key_bits, params.payload_bits)
        super().__init__({
            "packets": In(data.ArrayLayout(layout, inputs)),
            "wanted":  In(inputs),
            "taken":   Out(inputs),
            "o":       Out(stream.Signature(layout)),
        })
        self.last = Signal(range(inputs))

    def elaborate(self, platform):
        m = Module()
        o, free = self.o, Signal()
        m.d.comb += free.eq(~o.valid | o.ready)
        with m.If(free):
            m.d.sync += o.valid.eq(self.wanted.any())
        if self._inputs == 1:
            m.d.comb += self.taken.eq(free & self.wanted)
            with m.If(free):
                m.d.sync += o.payload.eq(self.packets[0])
        else:
            choice = self._elaborate_turns(m, free)
            with m.If(free):
                m.d.sync += o.payload.eq(self.packets[choice])
        return m

    def _elaborate_turns(self, m, free):
        """Whose turn it is among the inputs that want to send."""
        inputs = self._inputs
        last, choice = self.last, Signal(range(inputs))
        with m.Switch(last):
            for served in range(inputs):
                with m.Case(served):
                    # Of assignments the last counts: that of the next input after the one served.
                    for ahead in range(inputs, 0, -1):
                        candidate = (served + ahead) % inputs
                        with m.If(self.wanted[candidate]):
                            m.d.comb += choice.eq(candidate)
        m.d.comb += self.taken.eq(Cat(
            free & wanted & (choice == n) for n, wanted in enumerate(self.wanted)))
        with m.If(free & self.wanted.any()):
            m.d.sync += last.eq(choice)
        return choice
