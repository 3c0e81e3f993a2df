"""cocotb bench of :class:`hubel.sim.router_traffic.TrafficMesh`."""

import cocotb
from cocotb.triggers import ClockCycles

from .simulator import bench_parameters, bench_result
from .streams import StreamSource, start_clock

#: Clocks after which something must have arrived while packets are on the way.
_PATIENCE = 20_000


def _counts(dut) -> dict[str, int]:
    return {name: int(getattr(dut, name).value) for name in ("made", "taken", "waited")}


@cocotb.test()
async def traffic(dut):
    """Write the tables, run the phases one after the other, let all that is on the way arrive, and
    read the counts of each key."""
    task = bench_parameters()
    nodes = task["nodes"]
    rows = StreamSource(dut, "table")
    dut.run.value = 0
    dut.ask.value = 0
    dut.fan_out.value = task["fan_out"]
    for node in range(nodes):
        getattr(dut, f"rate__{node}").value = 0
        getattr(dut, f"stall__{node}").value = 0
    await start_clock(dut)
    await rows.send(task["rows"])
    await ClockCycles(dut.clk, nodes + 5)
    dut.run.value = 1
    phases = []
    for phase in task["phases"]:
        for node in range(nodes):
            getattr(dut, f"rate__{node}").value = phase["rates"][node]
            getattr(dut, f"stall__{node}").value = phase["stalls"][node]
        await ClockCycles(dut.clk, phase["warm_up"])
        before, left = _counts(dut), phase["clocks"]
        while left:
            some = min(left, _PATIENCE)
            taken = int(dut.taken.value)
            await ClockCycles(dut.clk, some)
            left -= some
            assert some < _PATIENCE or int(dut.taken.value) > taken, "the mesh is stuck"
        after = _counts(dut)
        phases.append({name: after[name] - before[name] for name in after})
    dut.run.value = 0
    for node in range(nodes):
        getattr(dut, f"stall__{node}").value = 0
    for _ in range(1000):
        taken = int(dut.taken.value)
        await ClockCycles(dut.clk, 500)
        if int(dut.taken.value) == taken:
            break
    sent, arrived = [], []
    for key in range(task["keys"]):
        dut.ask.value = key
        await ClockCycles(dut.clk, 1)
        await ClockCycles(dut.clk, 1)
        sent.append(int(dut.sent.value))
        arrived.append([int(getattr(dut, f"arrived__{node}").value) for node in range(nodes)])
    bench_result(
        {
            "phases": phases,
            "sent": sent,
            "arrived": arrived,
            "wrong": [int(getattr(dut, f"wrong__{node}").value) for node in range(nodes)],
            "unrouted": [int(getattr(dut, f"unrouted__{node}").value) for node in range(nodes)],
        }
    )
