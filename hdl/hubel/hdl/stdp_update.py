"""The update of weights in gateware; its golden twin is :mod:`hubel.sim.stdp`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .lfsr import Lfsr
from .params import DECAY_SHIFT
from .stdp_params import RATE_SHIFT, VALUE_WIDTH, LearningParams

__all__ = ["UPDATE_CYCLES", "StdpUpdate"]

#: From a word of weights to the word that is written back.
UPDATE_CYCLES = 5


class StdpUpdate(wiring.Component):
    """Updates a word of ``lanes`` synapses every cycle.

    ``word`` comes :data:`UPDATE_CYCLES` cycles after ``weights`` and ``traces``. With two
    multipliers a lane, ``w * (1 - w)`` and the factor times its rate; the second also makes the
    decays of the rest of the core: ``decayed`` comes two cycles after ``decay``, if no word came in
    the cycle before.

    Parameters
    ----------
    params : :class:`LearningParams`

    Members
    -------
    weights, valid
        A word.
    traces : :py:`In(data.ArrayLayout(16, lanes))`
        Of the inputs or, with ``from_input``, of the neurons.
    from_input : :py:`In(1)`
        The update of an input that spiked.
    pair, up, nearest, a_plus, a_minus
        Rule, direction (0 after a punishment) and rates.
    word, done
        New weights.
    decay, factor, single, value
        With ``decay``, the ``traces`` of the cycle before decay by ``factor``, but with ``single``
        lane 0 takes ``value``.
    decayed : :py:`Out(data.ArrayLayout(16, lanes))`
        ``(value * factor) >> 12``.
    random : :py:`In`
        Writes the register of random bits, see :class:`Lfsr`.
    """
    def __init__(self, params: LearningParams):
        self.params = params
        values = data.ArrayLayout(VALUE_WIDTH, params.lanes)
        word = data.ArrayLayout(params.weight_width, params.lanes)
        super().__init__({
            "weights": In(word), "valid": In(1), "traces": In(values), "from_input": In(1),
            "pair": In(1), "up": In(1), "nearest": In(1),
            "a_plus": In(VALUE_WIDTH), "a_minus": In(VALUE_WIDTH),
            "word": Out(word), "done": Out(1),
            "decay": In(1), "factor": In(DECAY_SHIFT + 1), "single": In(1),
            "value": In(VALUE_WIDTH), "decayed": Out(values),
            "random_load": In(4), "random_value": In(16), "random_state": Out(63),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.lfsr = lfsr = Lfsr(self.params.lanes)
        valid = [self.valid]
        for stage in range(1, UPDATE_CYCLES + 1):
            valid.append(Signal(name=f"valid_{stage}"))
            m.d.sync += valid[-1].eq(valid[-2])
        m.d.comb += [
            self.done.eq(valid[-1]),
            lfsr.advance.eq(valid[3]),
            lfsr.load.eq(self.random_load),
            lfsr.value.eq(self.random_value),
            self.random_state.eq(lfsr.state),
        ]
        rates = [Signal(VALUE_WIDTH, name=f"rate_{name}") for name in ("plus", "minus")]
        m.d.sync += [
            rates[0].eq(Mux(self.decay, self.factor, self.a_plus)),
            rates[1].eq(Mux(self.decay, self.factor, self.a_minus)),
        ]
        lanes = [self._elaborate_lane(m, lane, lfsr.bits[lane], rates)
                 for lane in range(self.params.lanes)]
        m.d.comb += [
            self.word.as_value().eq(Cat(word for word, _ in lanes)),
            self.decayed.as_value().eq(Cat(decayed for _, decayed in lanes)),
        ]
        return m

    def _elaborate_lane(self, m, lane, bits, rates):
        width = self.params.weight_width

        def signal(name, size):
            return Signal(size, name=f"{name}_{lane}")

        weight = [self.weights[lane]]
        for stage in range(1, 5):
            weight.append(signal(f"weight_{stage}", width))
            m.d.sync += weight[-1].eq(weight[-2])

        # 0: w * (1 - w), where 1 - w is the complement.
        bounded, trace = signal("bounded", 2 * width), signal("trace", VALUE_WIDTH)
        m.d.sync += [bounded.eq(weight[0] * ~weight[0]), trace.eq(self.traces[lane])]

        # 1: what is multiplied.
        factor, fired = signal("factor", VALUE_WIDTH), signal("fired", 1)
        rate, fired_2 = signal("rate", VALUE_WIDTH), signal("fired_2", 1)
        up = [signal(f"up_{stage}", 1) for stage in range(2, 5)]
        traced = Mux(self.single, self.value, trace) if lane == 0 else trace
        m.d.comb += [
            fired.eq(Mux(self.pair, ~self.from_input, trace.any())),
            rate.eq(Mux(fired_2, *rates)),
        ]
        m.d.sync += [
            factor.eq(Mux(self.pair | self.decay, traced, bounded[2 * width - VALUE_WIDTH:])),
            fired_2.eq(fired),
            up[0].eq(fired == self.up),
            up[1].eq(up[0]),
            up[2].eq(up[1]),
        ]

        # 2: multiply.
        product = signal("product", 2 * VALUE_WIDTH)
        m.d.sync += product.eq(factor * rate)

        # 3: round.
        step = signal("step", width + 1)
        total = signal("total", width + RATE_SHIFT + 1)
        half = 1 << (RATE_SHIFT - 1)
        m.d.comb += total.eq(
            product[2 * VALUE_WIDTH - width - RATE_SHIFT:] + Mux(self.nearest, half, bits))
        m.d.sync += step.eq(total[RATE_SHIFT:])

        # 4: move, and clamp: beyond [0, 1] the sum has a bit more, of either sign.
        moved, new = signal("moved", width + 2), signal("new", width)
        # One adder: to subtract, the complement and one more.
        m.d.comb += moved.eq(
            weight[4] + (step ^ (~up[2]).replicate(width + 2)) + ~up[2])
        top = (1 << width) - 1
        m.d.sync += new.eq(Mux(moved[width:].any(), Mux(up[2], top, 0), moved[:width]))
        return new, product[DECAY_SHIFT:DECAY_SHIFT + VALUE_WIDTH]
