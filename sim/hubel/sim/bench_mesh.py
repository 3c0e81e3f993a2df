"""cocotb bench: sends packets into the gateway of a mesh and keeps all that comes out of it and
of each core.

It knows nothing of neurons: :mod:`hubel.sim.mesh_gateware` makes the packets and reads the answer.
"""

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from cocotb.utils import get_sim_time

from hubel.hdl.counters import Counters

from .simulator import bench_parameters, bench_result
from .streams import StreamSink, StreamSource, read_counters, start_clock

_PERIOD_NS = 10


@cocotb.test()
async def run_packets(dut):
    """Send ``packets``; end when ``ends`` packets that equal ``end`` under ``mask`` came out, each
    of ``nodes`` wrote its number of state words, and no counter changed for ``quiet`` clocks:
    spikes of the last step that the next one would have needed may still be under way."""
    task = bench_parameters()
    packets = np.load(task["packets"])
    nodes = {int(node): words for node, words in task["nodes"].items()}
    for name in task["idle"]:
        getattr(dut, name).value = 0
    source = StreamSource(dut, "events", gap=task["gap"], seed=task["seed"])
    sink = StreamSink(dut, "spikes", stall=task["stall"], seed=task["seed"])
    updates = {node: StreamSink(dut, f"update_{node}") for node in nodes}
    await start_clock(dut, period_ns=_PERIOD_NS)
    start = get_sim_time("ns")
    cocotb.start_soon(source.send(packets.tolist()))

    seen = ends = 0

    def complete() -> bool:
        nonlocal seen, ends
        for payload in sink.payloads[seen:]:
            ends += payload & task["mask"] == task["end"]
        seen = len(sink.payloads)
        return ends == task["ends"]

    async def all_counters() -> dict[int, dict[str, int]]:
        return {
            node: await read_counters(dut, Counters.names(), port=f"counters_{node}")
            for node in nodes
        }

    await sink.until(complete)
    for node, words in nodes.items():
        await updates[node].receive(words)
    cycles = round((get_sim_time("ns") - start) / _PERIOD_NS)
    before, counters = None, await all_counters()
    while counters != before:
        await ClockCycles(dut.clk, task["quiet"])
        before, counters = counters, await all_counters()
    bench_result(
        {
            "cycles": cycles,
            "counters": counters,
            "spikes": sink.payloads,
            "updates": {node: sink.payloads for node, sink in updates.items()},
            "unrouted": sum(int(getattr(dut, name).value) for name in task["unrouted"]),
        }
    )
