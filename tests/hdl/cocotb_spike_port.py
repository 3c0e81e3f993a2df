"""Bench of the spike port: both directions at once, and then the counters."""

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, StreamSource, start_clock


async def turn_counters(dut, values: list[int]):
    while True:
        for number, value in enumerate(values):
            dut.counters__number.value = number
            dut.counters__value.value = value
            await RisingEdge(dut.clk)


@cocotb.test()
async def passes_packets(dut):
    """Send ``to_device`` (pairs of bytes) and ``spikes`` (payloads), then ``ask``."""
    p = bench_parameters()
    host = StreamSource(dut, "i_bytes", gap=p["gap"], seed=1)
    core = StreamSource(dut, "spikes", gap=p["gap"], seed=2)
    events = StreamSink(dut, "events", stall=p["stall"], seed=3)
    answer = StreamSink(dut, "o_bytes", stall=p["stall"], seed=4)
    dut.bad_byte.value = 0
    dut.counters__number.value = 0
    dut.counters__value.value = 0
    await start_clock(dut)
    cocotb.start_soon(turn_counters(dut, p["counters"]))
    sending = cocotb.start_soon(core.send(p["spikes"]))
    for number, pair in enumerate(p["to_device"]):
        await host.send(pair)
        await events.receive(number + 1)
    await sending
    await host.send(p["ask"])
    await answer.receive(p["answer_bytes"])
    await ClockCycles(dut.clk, 100)
    bench_result({"events": events.payloads, "answer": answer.payloads})
