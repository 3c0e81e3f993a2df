"""cocotb bench: sends packets to a walker and keeps what each clock brings."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSource, start_clock

OUTPUTS = ("slot", "weight_address", "busy", "accepted", "dropped", "events__ready")
INPUTS = ("events__valid", "events__payload", "blocked", "done")


@cocotb.test()
async def walk(dut):
    """Send ``packets``; end when nothing moved for some time. Each word is done ``delay`` clocks
    after its last slot (the bit ``last_bit``) on average, in any clock and in order."""
    task = bench_parameters()
    draw = random.Random(task["seed"])
    source = StreamSource(dut, "events", gap=task["gap"], seed=task["seed"])
    dut.blocked.value = 0
    dut.done.value = 0
    await start_clock(dut)
    sending = cocotb.start_soon(source.send(task["packets"]))
    edge = RisingEdge(dut.clk)
    clocks = []
    words = idle = 0
    while idle < 50 + 10 * task["delay"]:
        done = words > 0 and draw.random() * task["delay"] < 1
        words -= done
        blocked = sum((draw.random() < task["block"]) << i for i in range(len(dut.blocked)))
        dut.done.value = int(done)
        dut.blocked.value = blocked
        await edge
        clock = {name: int(getattr(dut, name).value) for name in (*INPUTS, *OUTPUTS)}
        clocks.append(clock)
        words += clock["slot"] >> task["last_bit"] & 1
        idle = 0 if clock["busy"] or words or not sending.done() else idle + 1
    bench_result(clocks)
