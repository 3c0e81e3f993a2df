"""cocotb bench: sends packets into a router or a mesh, phase by phase, and keeps what comes out."""

import cocotb
from cocotb.triggers import ClockCycles, Combine, RisingEdge, with_timeout

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, StreamSource, start_clock


@cocotb.test()
async def play(dut):
    """A phase writes rows of tables, then sends packets of all its streams at once and waits for
    as many as are to come out; after the last one, some clocks more."""
    task = bench_parameters()
    seed = task["seed"]
    sources = {name: StreamSource(dut, name, gap=gap, seed=seed) for name, gap in task["gaps"]}
    sinks = {name: StreamSink(dut, name, stall=stall, seed=seed) for name, stall in task["stalls"]}
    rows = StreamSource(dut, "table", gap=task["row_gap"], seed=seed)
    await start_clock(dut)
    begun = cocotb.utils.get_sim_time("ns")
    expected = dict.fromkeys(sinks, 0)
    for phase in task["phases"]:
        await rows.send(phase["rows"])
        # A row passes a node a clock.
        await ClockCycles(dut.clk, task["settle"])
        waiting = []
        for name, packets in phase["packets"].items():
            waiting.append(cocotb.start_soon(sources[name].send(packets)))
        for name, count in phase["counts"].items():
            expected[name] += count
            waiting.append(cocotb.start_soon(sinks[name].receive(expected[name])))
        # Rows that change nothing, while packets pass: no packet may come by them.
        await rows.send(phase["meanwhile"])
        await with_timeout(Combine(*waiting), task["clocks"] * 10, "ns")
    took = (cocotb.utils.get_sim_time("ns") - begun) / 10
    await ClockCycles(dut.clk, task["settle"] + 50)
    await RisingEdge(dut.clk)
    bench_result(
        {
            "packets": {name: sink.payloads for name, sink in sinks.items()},
            "unrouted": [int(getattr(dut, name).value) for name in task["unrouted"]],
            "clocks": took,
        }
    )
