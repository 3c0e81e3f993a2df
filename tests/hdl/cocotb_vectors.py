"""cocotb bench: drives the inputs of each clock and keeps the outputs of each clock."""

import cocotb
from cocotb.triggers import RisingEdge

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import start_clock


@cocotb.test()
async def play(dut):
    task = bench_parameters()
    edge = RisingEdge(dut.clk)
    for name in {name for clock in task["inputs"] for name in clock}:
        getattr(dut, name).value = 0
    await start_clock(dut)
    answers = []
    for clock in task["inputs"]:
        for name, value in clock.items():
            getattr(dut, name).value = value
        await edge
        values = {name: getattr(dut, name).value for name in task["outputs"]}
        # Icarus knows X: an output that nobody may use yet. None is no value that is expected.
        answers.append({n: int(v) if v.is_resolvable else None for n, v in values.items()})
    bench_result(answers)
