"""The neuron update in gateware; its golden twin is :func:`hubel.sim.lif.lif_step`."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .image import ParameterLayout, StateLayout
from .memory_access import LoadSignature, row_bytes
from .params import DECAY_SHIFT, REFRACTORY_WIDTH, CoreParams
from .pipeline import Pipeline
from .population import Population, Reset
from .program import Program

__all__ = ["LifUpdate", "SharedLayout"]


class SharedLayout(data.StructLayout):
    """What the neurons of one population share: parameters of
    :class:`~hubel.hdl.population.Population`, and flags for its reset and its synaptic current.
    Only what the core has, and what differs between neurons of no population.

    Parameters
    ----------
    params : :class:`CoreParams`
    """
    def __init__(self, params: CoreParams):
        neuron, varied = params.neuron, params.neuron.varied
        state, factor = signed(params.state_width), DECAY_SHIFT + 1
        members = {
            "decay": factor, "bias": state, "threshold": state, "v_reset": state,
            "soft": 1,
            "late": 1 if neuron.late else 0,
            "v_min": state if neuron.floor else 0,
            "refractory": REFRACTORY_WIDTH if neuron.refractory else 0,
            "u_decay": factor if neuron.current else 0,
            "has_u": 1 if neuron.current else 0,
            "u_wraps": 1 if neuron.wraps else 0,
            "a_decay": factor if neuron.adaptive else 0,
            "a_step": state if neuron.adaptive else 0,
        }
        super().__init__({name: shape for name, shape in members.items()
                          if name not in varied and shape})

    def row(self, params: CoreParams, population: Population) -> dict[int | str, int]:
        """What ``population`` shares."""
        p = population
        values = {name: getattr(p, name) for name in self.members if hasattr(p, str(name))} | {
            "v_min": params.state_min if p.v_min is None else p.v_min,
            "soft": p.reset is Reset.SOFT, "late": p.reset is Reset.SOFT_LATE,
            "has_u": p.u_decay is not None}
        # What a population does not have is 0.
        return {name: int(values[name] or 0) for name in self.members}


class LifUpdate(wiring.Component):
    """Updates a word of ``lanes`` neurons every cycle: decay, add, bias, saturate, compare, reset.

    Bit-exact with :func:`hubel.sim.lif.lif_step`. The pipeline never stalls; a word enters over
    some cycles, because its parts come from memories that answer at different times. ``multiply``
    and ``update`` are cycles of :class:`~hubel.hdl.pipeline.Pipeline`:

    ================ ============== ====================================
    cycle            taken          given
    ================ ============== ====================================
    ``multiply - 1`` ``population``
    0                ``state``
    1                ``parameters``
    ``multiply + 2`` ``current``
    ``update``                      ``state_next``, ``fired``, ``saturated``
    ================ ============== ====================================

    Parameters
    ----------
    params : :class:`CoreParams`
    program : :class:`Program`
        What its populations share is the contents of a small memory.
    loadable : bool
        It may be replaced, over ``load``.

    Members
    -------
    population : :py:`In(range(populations))`
        Whose neurons they are.
    state : :py:`In(StateLayout(params))`
        States at the end of the step before.
    parameters : :py:`In(ParameterLayout(params))`
        What differs between neurons; only in a core where something does.
    current : :py:`In(data.ArrayLayout(signed(accumulator_width), lanes))`
        Sums of the weights of this step's events.
    state_next : :py:`Out(StateLayout(params))`
        States at the end of the step.
    fired, saturated : :py:`Out(lanes)`
        Which neurons fired, and which membranes were clipped.
    held : :py:`Out(StateLayout(params))`
        ``state`` a cycle later.
    load : :py:`In(LoadSignature(SharedLayout(params).size))`
        A row for each population; only if it is ``loadable``.
    store, byte : :py:`In(1)`, :py:`In(8)`
        One cycle later, let ``state_next.v`` be full of ``byte``: what is loaded into the memory of
        the states comes through registers that are there anyway. Only if it is ``loadable``.
    """
    def __init__(self, params: CoreParams, program: Program, *, loadable: bool = False):
        self.params = params
        self._loadable = loadable
        self._layout = SharedLayout(params)
        self._shared: list = [self._layout.row(params, p) for p in program.populations]
        self._cycles = Pipeline(params)
        self._population_width = max(1, (len(params.populations) - 1).bit_length())
        members = {
            "population": In(self._population_width),
            "state":      In(StateLayout(params)),
            "current":    In(data.ArrayLayout(signed(params.accumulator_width), params.lanes)),
            "state_next": Out(StateLayout(params)),
            "held":       Out(StateLayout(params)),
            "fired":      Out(params.lanes),
            "saturated":  Out(params.lanes),
        }
        if params.neuron.varied:
            members["parameters"] = In(ParameterLayout(params))
        if loadable:
            members |= {"load": In(LoadSignature(self._layout.size)),
                        "store": In(1), "byte": In(8)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        # Lists of signals by the cycle in which they hold the word.
        self._populations = {self._cycles.multiply - 1: self.population}
        self._rows = {1: self.parameters} if self.params.neuron.varied else {}
        self._copies = {}
        held = {}
        for lane in range(self.params.lanes):
            self._elaborate_lane(m, lane, held)
        m.d.comb += self.held.eq(Cat(held[name, lane] for name in self.held.shape().members
                                     for lane in range(self.params.lanes)))
        return m

    def _at(self, m, signals: dict, cycle: int, name: str):
        """The signal of ``signals`` (by cycle) in ``cycle``, through registers where needed."""
        latest = max(c for c in signals if c <= cycle)
        while latest < cycle:
            later = Signal.like(signals[latest], name=f"{name}_{latest + 1}", reset_less=True)
            m.d.sync += later.eq(signals[latest])
            latest += 1
            signals[latest] = later
        return signals[cycle]

    def _shared_at(self, m, cycle: int):
        """What the population shares, in ``cycle``: a copy of the memory, which is small."""
        if cycle not in self._copies:
            width, depth = self._layout.size, max(2, len(self._shared))
            init = [self._layout.const(row).as_value().value for row in self._shared]
            m.submodules[f"shared_{cycle}"] = shared = memory.Memory(
                shape=8 * row_bytes(width) if self._loadable else width, depth=depth, init=init)
            read = shared.read_port()
            m.d.comb += read.addr.eq(self._at(m, self._populations, cycle - 1, "population"))
            if self._loadable:
                write = shared.write_port(granularity=8)
                m.d.comb += [
                    write.addr.eq(self.load.address),
                    write.data.eq(self.load.data.replicate(row_bytes(width))),
                    write.en.eq(self.load.enable),
                ]
            self._copies[cycle] = data.View(self._layout, read.data[:width])
        return self._copies[cycle]

    def _parameter(self, m, lane: int, name: str, cycle: int):
        """Parameter ``name`` of the neuron in ``lane``, in ``cycle``."""
        if name in self.params.neuron.varied:
            return self._at(m, self._rows, cycle, "parameters")[name][lane]
        return self._shared_at(m, cycle)[name]

    def _product(self, m, x, factor, name: str):
        """``x`` times ``factor``, a cycle later."""
        product = Signal(signed(self.params.state_width + DECAY_SHIFT + 1), name=f"product_{name}",
                         reset_less=True)
        m.d.sync += product.eq(x * factor)
        return product

    def _decayed(self, m, state, factor, added, name: str, *, subtracted: int | Value = 0):
        """``state`` (by cycle), after its decay by ``factor``, plus ``added``, all of cycle
        ``multiply``, less what is ``subtracted`` a cycle later: as a value of two cycles later.

        The shift rounds down. What is negative shall round up: 4095 / 4096 are added to it, in the
        bits below ``added``, so that an iCE40UP has all of it, with the registers, in the adder
        behind a multiplier.
        """
        at = self._cycles.multiply
        product = self._product(m, self._at(m, state, at, name), factor, name)
        # A copy of the sign, because the state itself has its registers in the multiplier.
        sign = self._at(m, {0: state[0][-1]}, at, f"sign_{name}")
        addend = Signal(signed(self.params.state_width + DECAY_SHIFT), name=f"addend_{name}",
                        reset_less=True)
        decayed = Signal.like(product, name=f"decayed_{name}")
        m.d.sync += [
            addend.eq(Cat(sign.replicate(DECAY_SHIFT), Value.cast(added))),
            decayed.eq(product + addend - (subtracted << DECAY_SHIFT)),
        ]
        return decayed >> DECAY_SHIFT

    def _elaborate_lane(self, m, lane, held):
        neuron, width = self.params.neuron, self.params.state_width
        low, high = self.params.state_min, self.params.state_max
        multiply, total_at, end = self._cycles.multiply, self._cycles.total, self._cycles.update

        # Without a reset: the registers of a multiplier have none that takes a clock, and what
        # comes out is not used before a word went in.
        def signal(name, shape=None):
            return Signal(signed(width) if shape is None else shape, name=f"{name}_{lane}",
                          reset_less=True)

        # Cycle 1: the registers right behind the memory, whose clock-to-output is long.
        states = {}
        for name in ("v", "u", "a", "r"):
            if name in self.state.shape().members:
                states[name] = {0: self.state[name][lane]}
                held[name, lane] = self._at(m, states[name], 1, f"{name}_{lane}")

        def state(name, cycle):
            return self._at(m, states[name], cycle, f"{name}_{lane}")

        # Decay and bias, less what a late reset subtracts: 0 or more, and only from a membrane
        # above a threshold of 0 or more, so that one bit more is enough.
        at = multiply + 2
        subtracted = C(0)
        if neuron.late:
            above, shared = signal("above", 1), self._shared_at(m, multiply)
            m.d.sync += above.eq(
                shared.late & (state("v", multiply)
                               > self._parameter(m, lane, "threshold", multiply)))
            subtracted = Mux(above, self._parameter(m, lane, "v_reset", multiply + 1), 0)
        biased = {at: self._decayed(
            m, states["v"], self._parameter(m, lane, "decay", multiply),
            self._parameter(m, lane, "bias", multiply), f"v_{lane}", subtracted=subtracted)}

        # Add.
        drive = self.current[lane]
        if any(neuron.shifts):
            drive = signal("drive", signed(self.params.accumulator_width + max(neuron.shifts)))
            with m.Switch(self._at(m, self._populations, at, "population")):
                for p, shift in enumerate(neuron.shifts):
                    with m.Case(p):
                        m.d.comb += drive.eq(self.current[lane] << shift)
        u_next = {}
        if neuron.current:
            drive, u_next[at + 2] = self._elaborate_current(m, lane, states["u"], drive, at)
        total = signal("total", signed(max(len(biased[at]), len(drive)) + 1))
        m.d.sync += total.eq(self._at(m, biased, total_at - 1, f"biased_{lane}") + drive)

        # Saturate: once a step.
        shared = self._shared_at(m, total_at)
        over = signal("over", 1)
        v_sat = signal("v_sat")
        m.d.comb += over.eq((total[width - 1:] != 0) & ~total[width - 1:].all())
        clipped = Mux(over, Mux(total[-1], low, high), total)
        if neuron.floor:
            clipped = Mux(total < shared.v_min, shared.v_min, clipped)
        awake = C(1)
        if neuron.refractory:
            awake = state("r", total_at) == 0
            clipped = Mux(awake, clipped, state("v", total_at))
        m.d.sync += v_sat.eq(clipped)

        # Compare (strictly; the sign of a difference is the cheaper ``>``), and the membrane after
        # a spike.
        at = total_at + 1
        shared, threshold = self._shared_at(m, at), self._parameter(m, lane, "threshold", at)
        v_reset = self._parameter(m, lane, "v_reset", at)
        a_decayed = {}
        if neuron.adaptive:
            a_decayed = self._elaborate_adaptation(m, lane, state("a", multiply))
            a_now = self._at(m, a_decayed, at, f"a_decayed_{lane}")
            threshold = threshold + a_now
        fired, kept, after = signal("fired", 1), signal("v_kept"), signal("v_after")
        spiking, silent = signal("spiking", 1), signal("silent", 1)
        over_1, saturated = signal("over_1", 1), signal("saturated", 1)
        m.d.comb += spiking.eq((threshold - v_sat) < 0)
        if neuron.refractory:
            m.d.sync += silent.eq(~awake)
        m.d.sync += [
            over_1.eq(over & awake),
            saturated.eq(over_1),
            fired.eq(spiking & ~silent),
            kept.eq(v_sat),
            after.eq(Mux(shared.soft, v_sat - v_reset,
                         Mux(shared.late, v_sat, v_reset) if neuron.late else v_reset)),
        ]
        if self._loadable:
            with m.If(self.store):
                m.d.sync += [fired.eq(0), kept.eq(self.byte.replicate(width // 8))]

        # Reset, emit.
        next_state = self.state_next
        m.d.comb += [
            next_state.v[lane].eq(Mux(fired, after, kept)),
            self.fired[lane].eq(fired),
            self.saturated[lane].eq(saturated),
        ]
        if neuron.current:
            m.d.comb += next_state.u[lane].eq(self._at(m, u_next, end, f"u_next_{lane}"))
        if neuron.adaptive:
            shared = self._shared_at(m, end)
            raised = signal("raised", signed(width + 1))
            m.d.comb += [
                raised.eq(self._at(m, a_decayed, end, f"a_decayed_{lane}")
                          + Mux(fired, shared.a_step, 0)),
                next_state.a[lane].eq(Mux(raised > high, high, raised)),
            ]
        if neuron.refractory:
            shared, r = self._shared_at(m, end), state("r", end)
            m.d.comb += next_state.r[lane].eq(
                Mux(fired, shared.refractory, Mux(r == 0, 0, r - 1)))

    def _elaborate_current(self, m, lane, u, drive, at):
        """The synaptic current: what drives the membrane, and the current itself, two cycles after
        ``at``."""
        width = self.params.state_width
        low, high = self.params.state_min, self.params.state_max
        u_decayed = self._decayed(
            m, u, self._parameter(m, lane, "u_decay", self._cycles.multiply), C(0, signed(width)),
            f"u_{lane}")
        u_total = Signal(signed(max(width + 1, len(drive)) + 1), name=f"u_total_{lane}")
        u_next = Signal(signed(width), name=f"u_next_{lane}")
        plain = Signal(signed(len(drive)), name=f"plain_{lane}")
        driving = Signal(signed(max(width, len(drive))), name=f"driving_{lane}")
        over = Signal(name=f"u_over_{lane}")
        shared = self._shared_at(m, at + 1)
        m.d.sync += [
            u_total.eq(u_decayed + drive),
            plain.eq(drive),
        ]
        m.d.comb += over.eq((u_total[width - 1:] != 0) & ~u_total[width - 1:].all())
        if self.params.neuron.wraps:
            over = over & ~shared.u_wraps
        u_sat = Mux(over, Mux(u_total[-1], low, high), u_total[:width].as_signed())
        m.d.sync += [
            u_next.eq(u_sat),
            driving.eq(Mux(shared.has_u, u_sat, plain)),
        ]
        return driving, u_next

    def _elaborate_adaptation(self, m, lane, a):
        """The adaptation after its decay, by cycle."""
        product = self._product(
            m, a, self._shared_at(m, self._cycles.multiply).a_decay, f"a_{lane}")
        a_decayed = Signal(signed(self.params.state_width), name=f"a_decayed_{lane}")
        m.d.sync += a_decayed.eq(product >> DECAY_SHIFT)
        return {self._cycles.multiply + 2: a_decayed}
