"""A core whose populations are fed from outside, each on its own, against the golden model."""

from collections import deque
from random import Random

import numpy as np
import pytest

from hubel.hdl.core import Core
from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.verilog import to_verilog
from hubel.sim import gateware, golden
from hubel.sim import simulator as simulators
from hubel.sim.streams import Packing

from .chain_bench import answer, end_and_mask
from .programs import random_program, random_spikes

SIZES = {1: (7, 5), 2: (9, 8, 20), 3: (5, 12, 4, 9), 4: (3, 6, 2, 7, 1)}


def interleaved_packets(params: CoreParams, inputs: list[np.ndarray], seed: int) -> list[int]:
    """The packets that say ``inputs``, one array (samples, steps, inputs) for each population.

    Those of a step come mixed, in any order that leaves START first and END last."""
    draw = Random(seed)
    packing = Packing(EventLayout(params))
    samples, steps, _ = inputs[0].shape
    packets = []
    for sample in range(samples):
        for step in range(steps):
            parts = []
            for p, spikes in enumerate(inputs):
                axons = np.flatnonzero(spikes[sample, step]).tolist()
                draw.shuffle(axons)
                kinds = [(EventKind.START, 0)] if step == 0 else []
                kinds += [*((EventKind.SPIKE, axon) for axon in axons), (EventKind.END, 0)]
                parts.append(
                    deque(packing.pack(kind=k.value, population=p, index=i) for k, i in kinds)
                )
            while any(parts):
                packets.append(draw.choice([part for part in parts if part]).popleft())
    return packets


def check(
    program: Program, lanes: int, inputs: list[np.ndarray], got: dict
) -> dict[str, np.ndarray]:
    """AssertionError unless every spike, membrane, packet and counter is golden's; returns golden's
    counters of each population."""
    params = program.params(lanes=lanes)
    samples, steps, _ = inputs[0].shape
    fired, membrane = gateware._unpack_updates(params, (samples, steps), got["updates"])
    packing = Packing(EventLayout(params))
    packets: list[list[tuple[EventKind, int]]] = [[] for _ in program.populations]
    for payload in got["spikes"]:
        fields = packing.unpack(payload)
        kind = EventKind(fields["kind"])
        index = fields["index"] if kind is EventKind.SPIKE else 0
        packets[fields["population"]].append((kind, index))
    totals = {name: np.zeros(len(program.populations), np.int64) for name in Counters.names()}
    for p, population in enumerate(program.populations):
        alone = Program(
            populations=(population,),
            weight_width=program.weight_width,
            state_width=program.state_width,
        )
        expected = golden.run(alone, inputs[p], lanes=lanes)
        assert expected.membrane is not None
        np.testing.assert_array_equal(fired[p], expected.spikes[0], err_msg=population.name)
        np.testing.assert_array_equal(membrane[p], expected.membrane[0], err_msg=population.name)
        sent: list[tuple[EventKind, int]] = []
        for sample in expected.spikes[0]:
            sent.append((EventKind.START, 0))
            for step in sample:
                sent += [(EventKind.SPIKE, int(i)) for i in np.flatnonzero(step)]
                sent.append((EventKind.END, 0))
        assert packets[p] == sent, population.name
        for name, value in expected.counters.total().items():
            totals[name][p] = value
    assert got["counters"] == {name: int(values.sum()) for name, values in totals.items()}
    return totals


def case(populations: int, lanes: int, seed: int) -> tuple[Program, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    program = random_program(rng, lanes=lanes, sizes=SIZES[populations])
    inputs = [random_spikes(rng, p.inputs, samples=2, steps=6) for p in program.populations]
    return program, inputs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("populations, lanes", [(1, 4), (2, 8), (3, 4), (4, 2), (4, 8)])
def test_random_programs(populations: int, lanes: int, seed: int) -> None:
    program, inputs = case(populations, lanes, seed)
    params = program.params(lanes=lanes)
    end, mask = end_and_mask(params, population=None)
    got = answer(
        Core(params, program),
        interleaved_packets(params, inputs, seed),
        end=end,
        mask=mask,
        ends=12 * populations,
        gap=0.7 * (seed % 2),
        stall=0.7 * (seed // 2 % 2),
        seed=seed,
    )
    check(program, lanes, inputs, got)


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.7, 0.0), (0.0, 0.7)])
def test_in_simulators(simulator, cache_dir, tmp_path, gap: float, stall: float) -> None:
    rng = np.random.default_rng(3)
    program = random_program(
        rng, lanes=4, sizes=SIZES[3], styles=("some", "limits", "some"), weight_width=8
    )
    inputs = [random_spikes(rng, p.inputs, samples=5, steps=8) for p in program.populations]
    params = program.params(lanes=4)
    packets = tmp_path / "packets.npy"
    np.save(packets, np.array(interleaved_packets(params, inputs, seed=1)))
    end, mask = end_and_mask(params, population=None)
    built = simulators.build(
        to_verilog(Core(params, program), name="core"), "core", simulator, cache_dir=cache_dir
    )
    task = {"packets": str(packets), "end": end, "mask": mask, "ends": 5 * 8 * 3}
    got = simulators.run(
        built,
        "hubel.sim.bench_chain",
        parameters={**task, "gap": gap, "stall": stall, "seed": 1},
        seed=1,
    )
    totals = check(program, 4, inputs, got)
    assert totals["spikes"].all()
    assert totals["saturations"][1] > 0
