"""cocotb bench: sends packets into a core and keeps all that comes out of it.

It knows nothing of neurons: :mod:`hubel.sim.gateware` makes the packets and reads the answer.
"""

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from hubel.hdl.counters import Counters

from .simulator import bench_parameters, bench_result
from .streams import StreamSink, StreamSource, read_counters, start_clock

_PERIOD_NS = 10


@cocotb.test()
async def run_packets(dut):
    """Send ``packets``; end when ``ends`` packets that equal ``end`` under ``mask`` came out and
    ``updates`` state words were written."""
    task = bench_parameters()
    packets = np.load(task["packets"])
    source = StreamSource(dut, "events", gap=task["gap"], seed=task["seed"])
    sink = StreamSink(dut, "spikes", stall=task["stall"], seed=task["seed"])
    updates = StreamSink(dut, "update")
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

    await sink.until(complete)
    # A population that is no output may still be at work.
    await updates.receive(task["updates"])
    cycles = round((get_sim_time("ns") - start) / _PERIOD_NS)

    bench_result(
        {
            "cycles": cycles,
            "counters": await read_counters(dut, Counters.names()),
            "spikes": sink.payloads,
            "updates": updates.payloads,
        }
    )
