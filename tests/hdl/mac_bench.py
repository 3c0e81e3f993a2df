"""A MAC core in Amaranth's own simulator: golden's question, answered in milliseconds."""

from random import Random

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hubel.hdl.mac_core import MacCore
from hubel.hdl.mac_counters import MacCounters
from hubel.hdl.mac_program import MacProgram
from hubel.sim.mac import MacTrace
from hubel.sim.mac_gateware import input_payloads, unpacked

#: Clocks without a transfer after which a design is stuck.
PATIENCE = 20_000


def run(
    program: MacProgram,
    values: np.ndarray,
    *,
    lanes: int = 8,
    skip_zeros: bool = False,
    gap: float = 0.0,
    stall: float = 0.0,
    seed: int = 0,
    dut: MacCore | None = None,
    abandoned: int = 0,
) -> MacTrace:
    """The same contract as :func:`hubel.sim.mac.run`; the counters are totals.

    ``abandoned`` activations of a sample that never becomes complete are sent before the first.
    """
    draw = Random(seed)
    params = program.params(lanes=lanes, skip_zeros=skip_zeros)
    dut = dut or MacCore(params, program)
    payloads = input_payloads(program, params, values)
    payloads = payloads[:abandoned] + payloads
    logits: list[int] = []
    updates: list[int] = []
    counters: dict[str, int] = {}
    cycles = 0
    wanted = len(values) * params.classes

    async def bench(ctx):
        nonlocal cycles
        clock = last = sent = after = 0
        offering, waiting = False, None
        names = MacCounters.names()
        # The counters lag by a round; a faulty design may also still send.
        while after < 9 * len(names):
            offering = sent < len(payloads) and (offering or draw.random() >= gap)
            ready = draw.random() >= stall
            ctx.set(dut.inputs.valid, offering)
            noise = draw.getrandbits(len(Value.cast(dut.inputs.payload)))
            ctx.set(Value.cast(dut.inputs.payload), payloads[sent] if offering else noise)
            ctx.set(dut.logits.ready, ready)
            _, _, taken, valid, logit, updated, update, number, value = await ctx.tick().sample(
                dut.inputs.ready, dut.logits.valid, Value.cast(dut.logits.payload),
                dut.update.valid, dut.update.payload, dut.counters.number, dut.counters.value,
            )  # fmt: skip
            assert waiting is None or (valid and logit == waiting), (
                f"clock {clock}: logits was {waiting:#x} and not taken, now {logit:#x}"
            )
            waiting = logit if valid and not ready else None
            if offering and taken:
                sent, offering, last = sent + 1, False, clock
            if valid and ready:
                logits.append(logit)
                last, cycles = clock, clock + 1
            if updated:
                updates.append(update)
                last = clock
            if len(logits) >= wanted:
                after += 1
                counters[names[number]] = value
            clock += 1
            assert clock - last < PATIENCE, f"stuck: {sent} sent, {len(logits)} of {wanted} logits"

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return unpacked(program, params, len(values), {
        "cycles": cycles, "counters": counters, "logits": logits, "updates": updates,
    })  # fmt: skip
