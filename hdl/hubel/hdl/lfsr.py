"""Random bits for stochastic rounding; the golden twin is :mod:`hubel.sim.lfsr`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .lfsr_params import LFSR_SEED, LFSR_WIDTH, lane_shift
from .stdp_params import RATE_SHIFT

__all__ = ["Lfsr"]


class Lfsr(wiring.Component):
    """A shift register of 63 bits that goes 62 shifts on in a cycle, an XOR a bit.

    Parameters
    ----------
    lanes : int

    Members
    -------
    advance : :py:`In(1)`
        Go on.
    load, part, value : :py:`In(4)`, :py:`In(16)`
        Write ``value`` into the 16 bits for which ``load`` has a bit.
    bits : :py:`Out(data.ArrayLayout(16, lanes))`
        Bits for each lane.
    state : :py:`Out(63)`
        The register.
    """
    def __init__(self, lanes: int):
        super().__init__({
            "advance": In(1),
            "load":    In(4),
            "value":   In(16),
            "bits":    Out(data.ArrayLayout(RATE_SHIFT, lanes)),
            "state":   Out(LFSR_WIDTH),
        })
        self._lanes = lanes

    def elaborate(self, platform):
        m = Module()
        # A reset leaves it as it is.
        state = Signal(LFSR_WIDTH, init=LFSR_SEED, reset_less=True)
        m.d.comb += self.state.eq(state)
        with m.If(self.advance):
            m.d.sync += state.eq(Cat(state[-1], state[:-1] ^ state[1:]))
        for part in range(4):
            with m.If(self.load[part]):
                m.d.sync += state[16 * part:16 * part + 16].eq(self.value)
        m.d.comb += self.bits.as_value().eq(Cat(
            state.rotate_right(lane_shift(lane, self._lanes))[:RATE_SHIFT]
            for lane in range(self._lanes)))
        return m
