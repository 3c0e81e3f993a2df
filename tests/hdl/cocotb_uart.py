"""Bench of a transmitter and a receiver on one line."""

import random

import cocotb
from cocotb.triggers import ClockCycles

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, StreamSource, start_clock


@cocotb.test()
async def passes_bytes(dut):
    p = bench_parameters()
    source = StreamSource(dut, "i", gap=p["gap"], seed=1)
    sink = StreamSink(dut, "o")
    await start_clock(dut)
    sent = random.sample(range(256), p["count"])
    await source.send(sent)
    await ClockCycles(dut.clk, 400)
    bench_result({"sent": sent, "received": sink.payloads})
