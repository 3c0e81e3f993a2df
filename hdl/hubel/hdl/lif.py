"""The LIF update in gateware; its golden twin is :func:`hubel.sim.lif.lif_step`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .params import DECAY_SHIFT, CoreParams
from .program import Population, Reset

__all__ = ["LifParameters", "LifUpdate"]


class LifParameters(data.StructLayout):
    """What the neurons of one population share: ``decay``, ``threshold``, ``v_reset``, ``soft``.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        super().__init__({
            "decay":     range((1 << DECAY_SHIFT) + 1),
            "threshold": signed(params.state_width),
            "v_reset":   signed(params.state_width),
            "soft":      1,
        })

    @staticmethod
    def init(population: Population) -> dict[str, int]:
        """Initial value for ``population``."""
        return {"decay": population.decay, "threshold": population.threshold,
                "v_reset": population.v_reset, "soft": int(population.reset is Reset.SOFT)}


class LifUpdate(wiring.Component):
    """Updates a word of ``lanes`` neurons every cycle: decay, add, bias, saturate, compare, reset.

    Bit-exact with :func:`hubel.sim.lif.lif_step`. The pipeline never stalls; a word enters over
    four cycles, because its parts come from memories that answer at different times:

    ===== ============================== ========================
    cycle taken                          given
    ===== ============================== ========================
    0     ``v``
    1     ``bias``, ``decay``
    3     ``current``
    5     ``shared``
    6                                    ``v_next``, ``fired``, ``saturated``
    ===== ============================== ========================

    Parameters
    ----------
    params : :class:`CoreParams`

    Members
    -------
    v, bias : :py:`In(data.ArrayLayout(signed(state_width), lanes))`
        Membranes at the end of the step before, and biases.
    current : :py:`In(data.ArrayLayout(signed(accumulator_width), lanes))`
        Sums of the weights of this step's events.
    decay : :py:`In(range(4097))`
        Decay factor, in 1/4096.
    shared : :py:`In(LifParameters(params))`
        Threshold and reset (its ``decay`` is not used: it is needed earlier).
    v_next : :py:`Out(data.ArrayLayout(signed(state_width), lanes))`
        Membranes at the end of the step.
    fired, saturated : :py:`Out(lanes)`
        Which neurons fired, and which membranes were clipped.
    """
    def __init__(self, params: CoreParams):
        self.params = params
        states = data.ArrayLayout(signed(params.state_width), params.lanes)
        super().__init__({
            "v":         In(states),
            "decay":     In(range((1 << DECAY_SHIFT) + 1)),
            "bias":      In(states),
            "current":   In(data.ArrayLayout(signed(params.accumulator_width), params.lanes)),
            "shared":    In(LifParameters(params)),
            "v_next":    Out(states),
            "fired":     Out(params.lanes),
            "saturated": Out(params.lanes),
        })

    def elaborate(self, platform):
        m = Module()
        for lane in range(self.params.lanes):
            self._elaborate_lane(m, lane)
        return m

    def _elaborate_lane(self, m, lane):
        width = self.params.state_width
        low, high = self.params.state_min, self.params.state_max
        shared = self.shared

        # Cycle 1: the register right behind the memory, whose clock-to-output is long.
        v = Signal(signed(width), name=f"v_{lane}")
        m.d.sync += v.eq(self.v[lane])

        # Decay. The shift rounds down; what is negative and not exact is one more towards zero.
        product = Signal(signed(width + DECAY_SHIFT + 1), name=f"product_{lane}")
        bias = Signal(signed(width), name=f"bias_{lane}")
        m.d.sync += [
            product.eq(v * self.decay),
            bias.eq(self.bias[lane]),
        ]
        round_up = Signal(name=f"round_up_{lane}")
        m.d.comb += round_up.eq((product < 0) & product[:DECAY_SHIFT].any())

        # Bias; the carry input of the adder rounds the decay.
        biased = Signal(signed(width + 1), name=f"biased_{lane}")
        m.d.sync += biased.eq((product >> DECAY_SHIFT) + bias + round_up)

        # Add.
        total = Signal(signed(max(width + 1, self.params.accumulator_width) + 1),
                       name=f"total_{lane}")
        m.d.sync += total.eq(biased + self.current[lane])

        # Saturate: once a step.
        over = Signal(name=f"over_{lane}")
        v_sat = Signal(signed(width), name=f"v_sat_{lane}")
        m.d.comb += over.eq((total[width - 1:] != 0) & ~total[width - 1:].all())
        m.d.sync += v_sat.eq(Mux(over, Mux(total[-1], low, high), total))

        # Compare (strictly; the sign of a difference is the cheaper ``>``), and the membrane after
        # a spike.
        fired = Signal(name=f"fired_{lane}")
        saturated = Signal(name=f"saturated_{lane}")
        v_kept = Signal(signed(width), name=f"v_kept_{lane}")
        v_after = Signal(signed(width), name=f"v_after_{lane}")
        over_5 = Signal(name=f"over_5_{lane}")
        m.d.sync += [
            over_5.eq(over),
            saturated.eq(over_5),
            fired.eq((shared.threshold - v_sat) < 0),
            v_kept.eq(v_sat),
            v_after.eq(Mux(shared.soft, v_sat - shared.v_reset, shared.v_reset)),
        ]

        # Reset, emit.
        m.d.comb += [
            self.v_next[lane].eq(Mux(fired, v_after, v_kept)),
            self.fired[lane].eq(fired),
            self.saturated[lane].eq(saturated),
        ]
