"""Multiplies an activation with a word of weights, and adds up."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .mac_params import MacParams

__all__ = ["LANES_LATENCY", "MacLanes"]

#: Clocks from a product's operands to the sum that has it.
LANES_LATENCY = 4


class MacLanes(wiring.Component):
    """Sums of products, a lane each, which leave one by one.

    The sums of a word are complete :data:`LANES_LATENCY` clocks after its last operands; then they
    move into a chain of registers, from where they leave by lane 0 while the lanes go on.

    Parameters
    ----------
    params : :class:`MacParams`

    Members
    -------
    activation : :py:`In(activation_width)`
    weights : :py:`In(data.ArrayLayout(signed(weight_width), lanes))`
        Operands, straight from the memories.
    valid, last : :py:`In(1)`
        They count; they complete a sum, valid or not, and the next ones begin another.
    shift : :py:`In(1)`
        Lane 1 becomes lane 0, and so on.
    taken : :py:`Out(1)`
        Sums are complete and move into the chain at the end of this clock.
    sum : :py:`Out(signed(sum_width))`
        Lane 0 of the chain.
    """
    def __init__(self, params: MacParams):
        self.params = params
        super().__init__({
            "activation": In(params.activation_width),
            "weights":    In(data.ArrayLayout(signed(params.weight_width), params.lanes)),
            "valid":      In(1),
            "last":       In(1),
            "shift":      In(1),
            "taken":      Out(1),
            "sum":        Out(signed(params.sum_width)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        # A register right behind the memories, whose clock-to-output is long. Then one for each
        # half of the lanes, because the way to all of them is long. Their first values differ, so
        # that synthesis does not make one of them; weights begin at zero.
        activation, valid = Signal(params.activation_width), Signal()
        weights = Signal.like(self.weights)
        m.d.sync += [activation.eq(self.activation), valid.eq(self.valid),
                     weights.eq(self.weights)]
        operands = [Signal(params.activation_width, init=init, name=f"activation_{i}")
                    for i, init in enumerate((0, (1 << params.activation_width) - 1))]
        lasts = Signal(LANES_LATENCY - 1)
        m.d.sync += lasts.eq(Cat(self.last, lasts))
        for operand in operands:
            m.d.sync += operand.eq(activation)
            with m.If(~valid):
                m.d.sync += operand.eq(0)
        m.d.comb += self.taken.eq(lasts[-1])

        product_width = min(params.activation_width + params.weight_width, params.sum_width)
        chain = [Signal(signed(params.sum_width), name=f"chain_{i}") for i in range(params.lanes)]
        m.d.comb += self.sum.eq(chain[0])
        for lane in range(params.lanes):
            weight = Signal(signed(params.weight_width), name=f"weight_{lane}")
            product = Signal(signed(product_width), name=f"product_{lane}")
            partial = Signal(signed(params.sum_width), name=f"partial_{lane}")
            total = Signal(signed(params.sum_width), name=f"total_{lane}")
            m.d.comb += total.eq(partial + product)
            m.d.sync += [
                weight.eq(weights[lane]),
                product.eq(operands[2 * lane // params.lanes] * weight),
                partial.eq(total),
            ]
            # Where a sum ends, the next one begins: from zero, by the flip-flops' own reset.
            with m.If(lasts[-1]):
                m.d.sync += partial.eq(0)
            with m.If(self.taken):
                m.d.sync += chain[lane].eq(total)
            with m.Elif(self.shift):
                m.d.sync += chain[lane].eq(chain[lane + 1] if lane + 1 < params.lanes else 0)
        return m
