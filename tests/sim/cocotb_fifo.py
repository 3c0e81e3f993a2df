"""Benches on the skid buffer of ``test_simulator.py``: some pass, and some fail on purpose."""

import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import Event, Timer

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, StreamSource, start_clock


@cocotb.test()
async def passes_all_through(dut):
    p = bench_parameters()
    source = StreamSource(dut, "i", gap=p["gap"], seed=p["seed"])
    sink = StreamSink(dut, "o", stall=p["stall"], seed=p["seed"])
    await start_clock(dut)
    sent = [random.getrandbits(8) for _ in range(p["count"])]
    await source.send(sent)
    received = await sink.receive(len(sent))
    await Timer(100, "ns")
    assert sink.payloads == sent
    bench_result(received)


@cocotb.test()
async def diverges(dut):
    raise AssertionError("step 3, population hidden, neuron 5: expected 1, got 0")


@cocotb.test()
async def peeks(dut):
    await Timer(1, "ns")
    bench_result(int(dut.o.value))


@cocotb.test()
async def never_ends(dut):
    Path(bench_parameters()["pid_file"]).write_text(str(os.getpid()))
    await start_clock(dut)
    await Event().wait()
