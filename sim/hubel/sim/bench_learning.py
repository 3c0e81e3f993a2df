"""cocotb bench: packets into a learning core, bytes into and out of its memories.

It knows nothing of neurons: :mod:`hubel.sim.learning_gateware` makes the orders and reads the
answers.
"""

import pickle
from pathlib import Path

import cocotb
from cocotb.triggers import RisingEdge

from hubel.hdl.learning_counters import LEARNING_COUNTERS

from .simulator import bench_parameters, bench_result
from .streams import StreamSink, StreamSource, read_counters, start_clock


@cocotb.test()
async def obey(dut):
    """Carry out ``orders``, one after the other: packets until so many ENDs came, bytes to write,
    bytes to read. The answer to each is the packets, changes or bytes that came meanwhile."""
    task = bench_parameters()
    orders = pickle.loads(Path(task["orders"]).read_bytes())
    events = StreamSource(dut, "events", gap=task["gap"], seed=task["seed"])
    writes = StreamSource(dut, "port__write")
    spikes = StreamSink(dut, "spikes", stall=task["stall"], seed=task["seed"])
    changes = StreamSink(dut, "change")
    for name in ("begin", "memory", "address", "read__ready"):
        getattr(dut, f"port__{name}").value = 0
    await start_clock(dut)
    edge, answers = RisingEdge(dut.clk), []
    seen = ends = wanted = 0

    def ended() -> bool:
        nonlocal seen, ends
        for payload in spikes.payloads[seen:]:
            ends += payload & task["mask"] == task["end"]
        seen = len(spikes.payloads)
        return ends >= wanted

    for order in orders:
        first, changed = len(spikes.payloads), len(changes.payloads)
        if order[0] == "packets":
            _, packets, more = order
            wanted += more
            await events.send(packets)
            await spikes.until(ended)
            answers.append((spikes.payloads[first:], changes.payloads[changed:]))
            continue
        # The core is idle.
        while dut.events__ready.value != 1:
            await edge
        if order[0] == "counters":
            answers.append(await read_counters(dut, LEARNING_COUNTERS))
            continue
        kind, memory, address, content = order
        dut.port__memory.value, dut.port__address.value = memory, address
        dut.port__begin.value = 1
        await edge
        dut.port__begin.value = 0
        if kind == "write":
            await writes.send(content)
            await edge
            answers.append(None)
        else:
            found = bytearray()
            dut.port__read__ready.value = 1
            while len(found) < content:
                await edge
                if dut.port__read__valid.value == 1:
                    found.append(int(dut.port__read__payload.value))
            dut.port__read__ready.value = 0
            answers.append(bytes(found))
    Path(task["answers"]).write_bytes(pickle.dumps(answers))
    bench_result(len(answers))
