"""cocotb bench: sends activations into a MAC core and keeps all that comes out of it."""

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from hubel.hdl.mac_counters import MacCounters

from .simulator import bench_parameters, bench_result
from .streams import StreamSink, StreamSource, read_counters, start_clock

_PERIOD_NS = 10


@cocotb.test()
async def run_activations(dut):
    """Send ``payloads``; end when so many ``logits`` came out."""
    task = bench_parameters()
    payloads = np.load(task["payloads"])
    source = StreamSource(dut, "inputs", gap=task["gap"], seed=task["seed"])
    sink = StreamSink(dut, "logits", stall=task["stall"], seed=task["seed"])
    updates = StreamSink(dut, "update")
    await start_clock(dut, period_ns=_PERIOD_NS)
    start = get_sim_time("ns")
    cocotb.start_soon(source.send(payloads.tolist()))
    await sink.receive(task["logits"])
    cycles = round((get_sim_time("ns") - start) / _PERIOD_NS)

    bench_result(
        {
            "cycles": cycles,
            "counters": await read_counters(dut, MacCounters.names()),
            "logits": sink.payloads,
            "updates": updates.payloads,
        }
    )
