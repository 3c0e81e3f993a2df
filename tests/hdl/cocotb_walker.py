"""cocotb bench: sends packets to a walker and keeps what each clock brings."""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from hubel.hdl.dense_walker import SlotLayout
from hubel.hdl.params import CoreParams
from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import Packing, StreamSource, start_clock

OUTPUTS = ("slot", "weight_address", "busy", "accepted", "dropped", "events__ready")
INPUTS = ("events__valid", "events__payload", "blocked", "done", "ended")


class Words:
    """The words that a walker gave out: each is done ``delay`` clocks after it on average, in any
    clock and in order, and a step's END leaves in the clock after its final word."""

    def __init__(self, slots: Packing, delay: int, draw: random.Random):
        self._slots, self._delay, self._draw = slots, delay, draw
        self._out: deque[int] = deque()
        self._ended = 0

    def __len__(self) -> int:
        return len(self._out)

    def next_clock(self) -> tuple[int, int]:
        """``done`` and ``ended`` in the next clock."""
        ended, self._ended = self._ended, 0
        done = bool(self._out) and self._draw.random() * self._delay < 1
        if done:
            self._ended = self._out.popleft()
        return int(done), ended

    def given(self, payload: int) -> None:
        """The slot of this clock."""
        slot = self._slots.unpack(payload)
        if slot["last"]:
            self._out.append(slot["final"] << slot["population"])


@cocotb.test()
async def walk(dut):
    """Send ``packets``; end when nothing moved for some time."""
    task = bench_parameters()
    draw = random.Random(task["seed"])
    source = StreamSource(dut, "events", gap=task["gap"], seed=task["seed"])
    dut.blocked.value = 0
    dut.done.value = 0
    dut.ended.value = 0
    await start_clock(dut)
    sending = cocotb.start_soon(source.send(task["packets"]))
    edge = RisingEdge(dut.clk)
    clocks = []
    words = Words(Packing(SlotLayout(CoreParams(**task["params"]))), task["delay"], draw)
    idle = 0
    while idle < 50 + 10 * task["delay"]:
        blocked = sum((draw.random() < task["block"]) << i for i in range(len(dut.blocked)))
        dut.done.value, dut.ended.value = words.next_clock()
        dut.blocked.value = blocked
        await edge
        clock = {name: int(getattr(dut, name).value) for name in (*INPUTS, *OUTPUTS)}
        clocks.append(clock)
        words.given(clock["slot"])
        idle = 0 if clock["busy"] or words or not sending.done() else idle + 1
        assert len(clocks) < 50_000, "stuck"
    bench_result(clocks)
