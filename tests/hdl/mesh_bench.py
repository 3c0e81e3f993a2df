"""A mesh in Amaranth's own simulator: the question and the answer of the bench
``hubel.sim.bench_mesh``, without a build."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hubel.hdl.counters import Counters
from hubel.hdl.fabric_packet import PacketLayout
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.mesh import Mesh
from hubel.sim import fabric as sim_fabric
from hubel.sim import gateware, mesh_gateware
from hubel.sim.fabric import FabricTrace
from hubel.sim.mesh_gateware import MeshTrace
from hubel.sim.slow_link import slow_links

from .core_bench import end_and_mask

#: Clocks without a transfer after which a mesh is stuck.
PATIENCE = 6000


def answer(
    dut: Any,
    fabric: FabricProgram,
    packets: list[int],
    *,
    steps: int,
    lanes: int,
    gap: float = 0.0,
    stall: float = 0.0,
    deaf: int = 0,
    seed: int = 0,
    rows: Sequence[int] = (),
) -> dict[str, Any]:
    """Send ``packets``, of ``steps`` steps in all, into the gateway until everything is done. In
    the first ``deaf`` clocks nothing is received. Before, ``rows`` of tables are written."""
    draw = Random(seed)
    end, mask = end_and_mask(fabric.whole.params(lanes=lanes))
    cores = {n: node.program.params(lanes=lanes) for n, node in enumerate(fabric.nodes) if node}
    words = {n: steps * sum(params.words) for n, params in cores.items()}
    ends = steps * len(fabric.whole.outputs)
    signals = [dut.events.ready, dut.spikes.valid, Value.cast(dut.spikes.payload)]
    for n in cores:
        update, counters = getattr(dut, f"update_{n}"), getattr(dut, f"counters_{n}")
        signals += [update.valid, Value.cast(update.payload), counters.number, counters.value]
    spikes: list[int] = []
    updates: dict[int, list[int]] = {n: [] for n in cores}
    counted: dict[int, dict[str, int]] = {n: {} for n in cores}
    cycles = unrouted = 0

    async def bench(ctx):
        nonlocal cycles, unrouted
        clock = last = sent = seen = after = 0
        offering, waiting, names = False, None, Counters.names()
        for row in rows:
            ctx.set(Value.cast(dut.table.payload), row)
            ctx.set(dut.table.valid, 1)
            await ctx.tick()
            ctx.set(dut.table.valid, 0)
        while after < 9 * len(names):
            offering = sent < len(packets) and (offering or draw.random() >= gap)
            ready = clock >= deaf and draw.random() >= stall
            ctx.set(dut.events.valid, offering)
            ctx.set(
                Value.cast(dut.events.payload),
                packets[sent] if offering else draw.getrandbits(len(signals[2])),
            )
            ctx.set(dut.spikes.ready, ready)
            _, _, taken, valid, spike, *values = await ctx.tick().sample(*signals)
            assert waiting is None or (valid and spike == waiting), "spikes broke a stream's rule"
            waiting = spike if valid and not ready else None
            if offering and taken:
                sent += 1
                offering, last = False, clock
            if valid and ready:
                spikes.append(spike)
                seen += spike & mask == end
                last = clock
            if after:
                after += 1
            for i, n in enumerate(cores):
                updated, update, number, value = values[4 * i : 4 * i + 4]
                if updated:
                    updates[n].append(update)
                    last = clock
                if after:
                    counted[n][names[number]] = value
            if not after and seen >= ends and all(len(updates[n]) >= words[n] for n in cores):
                after, cycles = 1, clock + 1
            clock += 1
            assert clock - max(last, deaf) < PATIENCE, (
                f"stuck: {sent} of {len(packets)} packets taken, {seen} of {ends} ENDs came out"
            )
        unrouted = sum(ctx.get(getattr(dut, f"unrouted_{n}")) for n in range(len(fabric.nodes)))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return {
        "cycles": cycles,
        "counters": {str(n): c for n, c in counted.items()},
        "spikes": spikes,
        "updates": {str(n): u for n, u in updates.items()},
        "unrouted": unrouted,
    }


def run(
    fabric: FabricProgram,
    spikes: np.ndarray,
    *,
    lanes: int,
    delay: int | None = None,
    seed: int = 0,
    dut: Any = None,
    **pace: Any,
) -> MeshTrace:
    """The same contract as :func:`hubel.sim.mesh_gateware.run`."""
    router = mesh_gateware.smallest_router(fabric)
    layout = PacketLayout(router.key_bits, router.payload_bits)
    link = None if delay is None else slow_links(layout, most=delay, seed=seed)
    dut = dut or Mesh(fabric, router, lanes=lanes, link=link)
    packets = gateware.input_packets(
        fabric.whole, fabric.whole.params(lanes=lanes), spikes, seed=seed
    )
    steps = spikes.shape[0] * spikes.shape[1]
    got = answer(dut, fabric, packets.tolist(), steps=steps, lanes=lanes, seed=seed, **pace)
    return mesh_gateware.trace(fabric, (spikes.shape[0], spikes.shape[1]), got, lanes=lanes)


def assert_equal(
    fabric: FabricProgram, spikes: np.ndarray, got: MeshTrace, *, lanes: int
) -> FabricTrace:
    """Every spike, state and counter is golden's; so are the totals of one core (updates only where
    no word was cut in two). What golden says."""
    expected = sim_fabric.run(fabric, spikes, lanes=lanes)
    assert mesh_gateware.first_divergence(fabric, expected, got) is None
    alone, together = expected.whole.counters.total(), got.whole.counters.total()
    words = sum(sum(node.program.params(lanes=lanes).words) for node in fabric.nodes if node)
    assert alone["synaptic_operations"] == together["synaptic_operations"]
    if words == sum(fabric.whole.params(lanes=lanes).words):
        assert alone["updates"] == together["updates"]
    return expected
