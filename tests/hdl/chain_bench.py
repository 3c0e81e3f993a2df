"""A core or a chain in Amaranth's own simulator: the question and the answer of the bench
``hubel.sim.bench_chain``, in milliseconds and with a view of the signals inside."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable, Module, Value
from amaranth.sim import Simulator

from hubel.hdl.chain import Chain
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

Watch = tuple[Sequence[Value], Callable[..., None]]


def opened(component: Elaboratable) -> Module:
    """The module of ``component``, elaborated now so that a test can reach the submodules; the
    simulator gets the same one."""
    module = component.elaborate(None)
    component.elaborate = lambda platform: module
    return module


def end_and_mask(params: CoreParams, *, population: int | None) -> tuple[int, int]:
    """An END, and the bits of it that count: of ``population``, or of any."""
    packing = Packing(EventLayout(params))
    mask = packing.pack(kind=3)
    end = packing.pack(kind=EventKind.END.value)
    if population is not None:
        mask |= packing.pack(population=(1 << packing.fields["population"][1]) - 1)
        end |= packing.pack(population=population)
    return end, mask


def answer(
    dut: Chain | Core,
    packets: list[int],
    *,
    end: int,
    mask: int,
    ends: int,
    gap: float = 0.0,
    stall: float = 0.0,
    deaf: int = 0,
    seed: int = 0,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Send ``packets`` until ``ends`` packets that equal ``end`` under ``mask`` came out.

    In the first ``deaf`` clocks nothing is received. ``watch`` is what to call in each clock with
    the values of some signals. A stream rule that ``spikes`` breaks is an AssertionError, and so
    is a design that is stuck.
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

    async def bench(ctx):
        nonlocal cycles
        clock = last = sent = seen = after = 0
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
            if seen >= ends:
                after += 1
                counters[names[number]] = value
            clock += 1
            assert clock - max(last, deaf) < PATIENCE, (
                f"stuck: {sent} of {len(packets)} packets taken, {seen} of {ends} ENDs came out"
            )

    simulator = Simulator(dut)
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
    seed: int = 0,
    watch: Callable[[Chain], Watch] | None = None,
) -> Trace:
    """The same contract as :func:`hubel.sim.gateware.run`."""
    params = program.params(lanes=lanes)
    dut = Chain(params, program)
    end, mask = end_and_mask(params, population=params.populations - 1)
    got = answer(
        dut,
        gateware.input_packets(params, spikes, seed=seed).tolist(),
        end=end,
        mask=mask,
        ends=spikes.shape[0] * spikes.shape[1],
        gap=gap,
        stall=stall,
        deaf=deaf,
        seed=seed,
        watch=watch(dut) if watch else None,
    )
    return gateware._trace(params, (spikes.shape[0], spikes.shape[1]), got)
