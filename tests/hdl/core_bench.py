"""A core in Amaranth's own simulator: the question and the answer of the bench
``hubel.sim.bench_core``, in milliseconds and with a view of the signals inside."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.sim import Simulator

from hubel.hdl.core import Core
from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.sim import gateware
from hubel.sim.golden import Trace
from hubel.sim.streams import Packing

#: Clocks without a transfer after which a design is stuck.
PATIENCE = 3000

Turn = Callable[[Any], Awaitable[None]]
Watch = tuple[Sequence[Value], Callable[..., None]]


def opened(component: Elaboratable) -> Module:
    """The module of ``component``, elaborated now so that a test can reach the submodules; the
    simulator gets the same one."""
    module = component.elaborate(None)
    component.elaborate = lambda platform: module
    return module


class PoisonedMemory(Memory):
    """A memory that answers with the inverted row where it is read and written in the same clock,
    as a chip might: ``met`` is high in the clock after. Put in the place of Amaranth's, which
    answers with the old row, it shows whether such an answer is ever used."""

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        self.met = Signal()

    def elaborate(self, platform):  # pyright: ignore[reportIncompatibleMethodOverride]
        m = Module()
        m.submodules.memory = inner = Memory(data=self.data)
        for port in self.write_ports:
            write = inner.write_port()
            m.d.comb += [
                write.addr.eq(port.addr),
                Value.cast(write.data).eq(Value.cast(port.data)),
                write.en.eq(port.en),
            ]
        for port in self.read_ports:
            read = inner.read_port()
            met = [w.en & (w.addr == port.addr) for w in self.write_ports]
            data = Value.cast(read.data)
            m.d.comb += [
                read.addr.eq(port.addr),
                read.en.eq(port.en),
                Value.cast(port.data).eq(Mux(self.met, ~data, data)),
            ]
            with m.If(port.en):
                m.d.sync += self.met.eq(sum(met) != 0)
        return m


def end_and_mask(params: CoreParams) -> tuple[int, int]:
    """An END of any source, and the bits of it that count."""
    packing = Packing(EventLayout(params))
    return packing.pack(kind=EventKind.END.value), packing.pack(kind=3)


def answer(
    dut: Core,
    packets: list[int],
    *,
    end: int,
    mask: int,
    ends: int,
    words: int = 0,
    gap: float = 0.0,
    stall: float = 0.0,
    deaf: int = 0,
    reset: int = 0,
    seed: int = 0,
    closed: float = 0.0,
    watch: Watch | None = None,
    prepare: Turn | None = None,
    finish: Turn | None = None,
) -> dict[str, Any]:
    """Send ``packets`` until ``ends`` packets that equal ``end`` under ``mask`` came out and
    ``words`` state words were written.

    In the first ``deaf`` clocks nothing is received. Each bit of ``room``, if the core has it, is 0
    in a clock with the probability ``closed``. After ``reset`` clocks, if any, the core is
    reset and all that came out is forgotten; then ``packets`` are sent from the first on.
    ``watch`` is what to call in each clock with the values of some signals; ``prepare`` and
    ``finish`` have the core for themselves before and after it all. A stream rule that
    ``spikes`` breaks is an AssertionError, and so is a design that is stuck.
    """
    draw = Random(seed)
    watched, tell = watch or ((), lambda: None)
    signals = [
        dut.events.ready,
        dut.spikes.valid,
        Value.cast(dut.spikes.payload),
        dut.update.valid,
        Value.cast(dut.update.payload),
        dut.counters.number,
        dut.counters.value,
    ]
    spikes: list[int] = []
    updates: list[int] = []
    counters: dict[str, int] = {}
    cycles = 0
    rst = Signal()

    async def bench(ctx):
        nonlocal cycles
        clock = last = sent = seen = after = 0
        if prepare:
            await prepare(ctx)
        if reset:
            for number in range(reset):
                ctx.set(dut.events.valid, sent < len(packets))
                ctx.set(Value.cast(dut.events.payload), packets[min(sent, len(packets) - 1)])
                ctx.set(dut.spikes.ready, draw.random() >= stall)
                ctx.set(rst, number == reset - 1)
                _, _, taken, *values = await ctx.tick().sample(dut.events.ready, *watched)
                tell(*values)
                sent += taken
            ctx.set(rst, 0)
            assert 0 < sent, "the reset came before the first packet was taken"
            sent = 0
        offering = False
        waiting = None
        names = Counters.names()
        # The counters lag by a round; a faulty design may also still send.
        while after < 9 * len(names):
            offering = sent < len(packets) and (offering or draw.random() >= gap)
            ready = clock >= deaf and draw.random() >= stall
            ctx.set(dut.events.valid, offering)
            ctx.set(
                Value.cast(dut.events.payload),
                packets[sent] if offering else draw.getrandbits(len(Value.cast(signals[2]))),
            )
            ctx.set(dut.spikes.ready, ready)
            if "room" in dut.signature.members:
                bits = (draw.random() >= closed for _ in dut.params.populations)
                ctx.set(dut.room, sum(bit << p for p, bit in enumerate(bits)))
            _, _, *values = await ctx.tick().sample(*signals, *watched)
            taken, valid, spike, updated, update, number, value = values[: len(signals)]
            tell(*values[len(signals) :])
            assert waiting is None or (valid and spike == waiting), (
                f"clock {clock}: spikes was {waiting:#x} and not taken, now {spike:#x}"
            )
            waiting = spike if valid and not ready else None
            if offering and taken:
                sent += 1
                offering = False
                last = clock
            if valid and ready:
                spikes.append(spike)
                seen += spike & mask == end
                last = clock
                cycles = clock + 1
            if updated:
                updates.append(update)
                last = clock
            if seen >= ends and len(updates) >= words:
                after += 1
                counters[names[number]] = value
            clock += 1
            assert clock - max(last, deaf) < PATIENCE, (
                f"stuck: {sent} of {len(packets)} packets taken, {seen} of {ends} ENDs came out"
            )
        if finish:
            ctx.set(dut.events.valid, 0)
            await finish(ctx)

    simulator = Simulator(ResetInserter(rst)(dut) if reset else dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return {"cycles": cycles, "counters": counters, "spikes": spikes, "updates": updates}


def run(
    program: Program,
    spikes: np.ndarray,
    *,
    lanes: int,
    gap: float = 0.0,
    stall: float = 0.0,
    deaf: int = 0,
    reset: int = 0,
    seed: int = 0,
    closed: float | None = None,
    packets: list[int] | None = None,
    watch: Callable[[Core], Watch] | None = None,
) -> Trace:
    """The same contract as :func:`hubel.sim.gateware.run`; ``packets`` say ``spikes`` otherwise
    than it would. With ``closed`` the core has credits."""
    params = program.params(lanes=lanes)
    dut = Core(params, program, credits=closed is not None)
    end, mask = end_and_mask(params)
    got = answer(
        dut,
        packets or gateware.input_packets(program, params, spikes, seed=seed).tolist(),
        end=end,
        mask=mask,
        ends=spikes.shape[0] * spikes.shape[1] * len(program.outputs),
        words=spikes.shape[0] * spikes.shape[1] * sum(params.words),
        gap=gap,
        stall=stall,
        deaf=deaf,
        reset=reset,
        seed=seed,
        closed=closed or 0.0,
        watch=watch(dut) if watch else None,
    )
    return gateware._trace(params, (spikes.shape[0], spikes.shape[1]), got)
