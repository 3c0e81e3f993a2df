"""Multiplies, rounds, shifts and saturates: from a sum to an activation."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .mac_jobs import by_layer
from .mac_params import MacParams

__all__ = ["REQUANTISE_LATENCY", "Requantise"]

_MULTIPLIER_WIDTH = 8
#: Clocks from a sum to its activation.
REQUANTISE_LATENCY = 5


class Requantise(wiring.Component):
    """``min((sum * multiplier + 2**(shift - 1)) >> shift, 2**activation_width - 1)``, one a clock,
    :data:`REQUANTISE_LATENCY` clocks later.

    The multiplier is a tree of adders, so that all multipliers of a small chip are left for the
    lanes.

    Parameters
    ----------
    params : :class:`MacParams`

    Members
    -------
    layer : :py:`In(range(layers))`
        Whose multiplier and shift; stays until the activation is there.
    sum : :py:`In(total_width - 1)`
        A sum of totals after ReLU.
    activation : :py:`Out(activation_width)`
    """
    def __init__(self, params: MacParams):
        self.params = params
        super().__init__({
            "layer":      In(range(max(2, len(params.layers)))),
            "sum":        In(params.total_width - 1),
            "activation": Out(params.activation_width),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        width = params.total_width - 1 + _MULTIPLIER_WIDTH
        multiplier = by_layer(m, self.layer, [s.multiplier for s in params.layers], "multiplier")
        shifts = [sizes.shift for sizes in params.layers]
        terms: Sequence[Value] = [Mux(multiplier[i], self.sum << i, 0)
                                  for i in range(len(multiplier))]
        for level in range(3):
            added = []
            for i in range(0, len(terms), 2):
                total = Signal(width, name=f"sum_{level}_{i}")
                m.d.sync += total.eq(sum(terms[i:i + 2]))
                added.append(total)
            terms = added
        rounded, activation = Signal(width + 1), Signal.like(self.activation)
        half = by_layer(m, self.layer, [1 << shift >> 1 for shift in shifts], "half")
        m.d.sync += rounded.eq(terms[0] + half)
        with m.Switch(self.layer):
            for i, shift in enumerate(shifts):
                with m.Case(i):
                    m.d.sync += activation.eq(rounded >> shift)
                    with m.If((rounded >> (shift + params.activation_width)).any()):
                        m.d.sync += activation.eq(-1)
        m.d.comb += self.activation.eq(activation)
        return m
