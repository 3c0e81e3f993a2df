"""Plays inputs clock by clock into a component and compares its outputs with what a model says.

A clock is a dict of port name (as in Verilog: ``events__payload``) to bits, an int. Where a model
leaves a port out of a clock, the component may answer what it likes; a pair (bits, mask) leaves
out the bits that are not in the mask.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Fragment, Value
from amaranth.lib import wiring
from amaranth.sim import Simulator as AmaranthSimulator

from hubel.hdl.verilog import to_verilog
from hubel.sim import simulator
from hubel.sim.simulator import Simulator

Clocks = list[dict[str, int]]
Expected = Sequence[Mapping[str, int | tuple[int, int]]]
Answers = list[dict[str, int | None]]
Player = Callable[[wiring.Component, Clocks, list[str]], Answers]


def ports(component: wiring.Component) -> dict[str, Value]:
    """Ports by their name in Verilog."""
    flat = component.signature.flatten(component)
    return {"__".join(map(str, path)): Value.cast(value) for path, _, value in flat}


def pysim(
    component: wiring.Component, inputs: Clocks, outputs: list[str], platform: object = None
) -> Answers:
    """Play in Amaranth's own simulator."""
    port = ports(component)
    watched = [port[name] for name in outputs]
    answers: Answers = []

    async def bench(ctx):
        for clock in inputs:
            for name, value in clock.items():
                ctx.set(port[name], value)
            _, _, *values = await ctx.tick().sample(*watched)
            answers.append(dict(zip(outputs, values, strict=True)))

    sim = AmaranthSimulator(Fragment.get(component, platform))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return answers


def cocotb_player(tool: Simulator, cache_dir: Path) -> Player:
    """Play in Verilator or Icarus, through cocotb."""

    def play(component: wiring.Component, inputs: Clocks, outputs: list[str]) -> Answers:
        top = type(component).__name__.lower()
        built = simulator.build(to_verilog(component, name=top), top, tool, cache_dir=cache_dir)
        parameters = {"inputs": inputs, "outputs": outputs}
        return simulator.run(built, "hdl.cocotb_vectors", parameters=parameters)

    return play


def compare(
    component: wiring.Component, inputs: Clocks, expected: Expected, play: Player = pysim
) -> None:
    """AssertionError with the first clock and port whose output is not the expected one."""
    assert len(inputs) == len(expected)
    outputs = sorted({name for clock in expected for name in clock})
    answers = play(component, inputs, outputs)
    assert len(answers) == len(expected)
    for number, (clock, answer) in enumerate(zip(expected, answers, strict=True)):
        for name, value in clock.items():
            got = answer[name]
            if isinstance(value, tuple) and got is not None:
                got, value = got & value[1], value[0] & value[1]
            assert got == value, f"clock {number}: {name} is {got}, expected {value}"


def packed(values: npt.ArrayLike, width: int) -> int:
    """A word of signed lanes as bits, lane 0 in the lowest."""
    lanes = np.asarray(values).tolist()
    return sum((value & ((1 << width) - 1)) << (width * i) for i, value in enumerate(lanes))


def corners(
    rng: np.random.Generator, low: int, high: int, size: int | tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Random integers in ``low..high``: a third anywhere, a third near a limit, a third near 0."""
    anywhere = rng.integers(low, high + 1, size)
    limits = rng.choice([low, low + 1, high - 1, high], size)
    near_zero = rng.integers(-3, 4, size)
    kind = rng.integers(0, 3, size)
    return np.clip(np.choose(kind, [anywhere, limits, near_zero]), low, high).astype(np.int64)
