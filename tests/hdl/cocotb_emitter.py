"""cocotb bench: pushes words into an emitter while it has room, and keeps its packets."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, start_clock


@cocotb.test()
async def push_words(dut):
    """Push ``words``; end some clocks after the last of them is done."""
    task = bench_parameters()
    draw = random.Random(task["seed"])
    sink = StreamSink(dut, "spikes", stall=task["stall"], seed=task["seed"])
    dut.push.value = 0
    dut.word.value = 0
    await start_clock(dut)
    edge = RisingEdge(dut.clk)
    words = list(task["words"])
    pushed = done = sent = most = 0
    idle = clocks = 0
    while idle < 20:
        # Without a push, the word is anything.
        push = bool(words) and pushed - done < task["depth"] and draw.random() >= task["gap"]
        dut.push.value = int(push)
        dut.word.value = words.pop(0) if push else draw.getrandbits(len(dut.word))
        await edge
        pushed += push
        done += int(dut.done.value)
        sent += int(dut.spike_sent.value)
        most = max(most, pushed - done)
        idle = idle + 1 if pushed == done and not words and dut.spikes__valid.value == 0 else 0
        clocks += 1
        assert clocks < 50_000, "stuck"
        assert done <= pushed, "more words are done than were pushed"
    bench_result({"packets": sink.payloads, "done": done, "sent": sent, "most": most})
