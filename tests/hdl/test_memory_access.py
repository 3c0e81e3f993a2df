# amaranth: UnusedElaboratable=no
"""Memories over the access port: another Program, and the states that it leaves, bit for bit."""

from typing import Any

import numpy as np
import pytest

from hubel.hdl.core import Core
from hubel.hdl.image import (
    NeuronRow,
    StateLayout,
    neuron_row_shape,
    neuron_row_width,
    row_width,
)
from hubel.hdl.memory_access import MemoryKind, row_bytes
from hubel.hdl.memory_image import Load, loads, memory_rows, memory_widths
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.sim import gateware
from hubel.sim.golden import Trace

from ..programs import random_chain, random_program, random_spikes
from .access import begin, read_rows, resembling, write_loads
from .core_bench import answer, end_and_mask
from .graphs import everything, graph
from .test_core import assert_equal


def run_loaded(
    built: Program,
    program: Program,
    spikes: np.ndarray,
    *,
    lanes: int,
    seed: int,
    gap: float,
    spram: bool = False,
) -> tuple[Trace, dict[str, Any], list[int], Core]:
    """``program`` on a core that was made for ``built``: the trace, the raw answer, and all rows of
    its neuron memory that hold states, read over the port."""
    params = built.params(lanes=lanes)
    assert program.params(lanes=lanes) == params
    dut = Core(params, built, access=True, spram=spram)
    end, mask = end_and_mask(params)
    states: list[int] = []

    async def prepare(ctx: Any) -> None:
        await write_loads(ctx, dut.memory, loads(params, program), gap=gap, seed=seed)

    async def finish(ctx: Any) -> None:
        rows = await read_rows(
            ctx,
            dut.memory,
            MemoryKind.NEURONS,
            NeuronRow.STATE << neuron_row_width(params),
            sum(params.words) * params.folds,
            row_bytes=row_bytes(neuron_row_shape(params)),
            stall=gap,
            seed=seed,
        )
        states.extend(rows)

    samples, steps = spikes.shape[:2]
    got = answer(
        dut,
        gateware.input_packets(program, params, spikes, seed=seed).tolist(),
        end=end,
        mask=mask,
        ends=samples * steps * len(program.outputs),
        words=samples * steps * sum(params.words),
        gap=gap,
        stall=gap,
        seed=seed,
        prepare=prepare,
        finish=finish,
    )
    return gateware._trace(params, (samples, steps), got), got, states, dut


def last_states(params: CoreParams, got: dict[str, Any]) -> list[int]:
    """The states that were written last, from the observation port, a row for each fold."""
    rows: dict[int, int] = {}
    width = row_width(params)
    for update in got["updates"]:
        rows[update & ((1 << width) - 1)] = update >> (width + params.lanes)
    states = []
    for i in range(sum(params.words)):
        for fold in range(params.folds):
            row = at = 0
            for _, place in StateLayout(params):
                part = place.width // params.folds
                bits = rows[i] >> (place.offset + fold * part) & ((1 << part) - 1)
                row, at = row | bits << at, at + part
            states.append(row)
    return states


def check(
    built: Program, program: Program, *, lanes: int, seed: int, gap: float, spram: bool = False
) -> None:
    rng = np.random.default_rng(seed)
    spikes = random_spikes(rng, program, samples=2, steps=3)
    trace, got, states, dut = run_loaded(
        built, program, spikes, lanes=lanes, seed=seed, gap=gap, spram=spram
    )
    assert_equal(program, spikes, trace, lanes=lanes)
    assert states == last_states(dut.params, got)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(4 + i, marks=pytest.mark.long)
                                               for i in range(44))])  # fmt: skip
def test_another_program_on_the_same_core(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    lanes = (2, 4, 8, 16)[seed % 4]
    built = random_program(rng, lanes=lanes)
    check(built, resembling(rng, built), lanes=lanes, seed=seed, gap=0.5 * (seed % 2))


@pytest.mark.parametrize("weight_width, state_width, lanes", [(8, 16, 8), (4, 24, 2)])
def test_every_kind_of_everything(weight_width: int, state_width: int, lanes: int) -> None:
    rng = np.random.default_rng(weight_width)
    built = everything(rng, weight_width=weight_width, state_width=state_width)
    kinds = memory_widths(built.params(lanes=lanes), built)
    assert set(kinds) == set(MemoryKind)
    check(built, resembling(rng, built), lanes=lanes, seed=1, gap=0.0)


@pytest.mark.parametrize("name", ["a loop of three", "now and later"])
def test_graphs(name: str) -> None:
    rng = np.random.default_rng(5)
    built = graph(rng, name)
    check(built, resembling(rng, built), lanes=4, seed=5, gap=0.3)


@pytest.mark.parametrize("lanes, weight_width", [(8, 8), (16, 4), (4, 4)])
def test_weights_in_spram(lanes: int, weight_width: int) -> None:
    """Four blocks side by side, and one."""
    rng = np.random.default_rng(lanes)
    built = random_chain(rng, 40, 20, 7, weight_width=weight_width)
    program = resembling(rng, built)
    check(built, program, lanes=lanes, seed=3, gap=0.0, spram=True)


def test_the_other_program_is_another_one() -> None:
    rng = np.random.default_rng(3)
    built = everything(rng, weight_width=8, state_width=16)
    other = resembling(rng, built)
    params = built.params(lanes=8)
    for kind, rows in memory_rows(params, built).items():
        assert rows != memory_rows(params, other)[kind], kind


def test_every_readable_row_comes_back() -> None:
    rng = np.random.default_rng(2)
    built = everything(rng, weight_width=8, state_width=16)
    program = resembling(rng, built)
    params = built.params(lanes=8)
    dut = Core(params, built, access=True)
    widths, rows = memory_widths(params, built), memory_rows(params, program)
    seen = {}

    async def prepare(ctx: Any) -> None:
        await write_loads(ctx, dut.memory, loads(params, program))
        for kind in (MemoryKind.WEIGHTS, MemoryKind.TARGETS):
            seen[kind] = await read_rows(
                ctx, dut.memory, kind, 3, len(rows[kind]) - 3,
                row_bytes=row_bytes(widths[kind]), stall=0.2,
            )  # fmt: skip
        # What is left of an answer and of a row is dropped; what cannot be read is zeros.
        await write_loads(ctx, dut.memory, [Load(MemoryKind.WEIGHTS, 1, 8, bytes(8) + b"\x55")])
        for address in (1, 2):
            seen[address] = await read_rows(
                ctx, dut.memory, MemoryKind.WEIGHTS, address, 1, row_bytes=8
            )
        await begin(ctx, dut.memory, MemoryKind.SHARED, 0)
        seen["shared"] = await read_rows(ctx, dut.memory, MemoryKind.SHARED, 0, 2, row_bytes=3)

    samples = random_spikes(rng, program, samples=1, steps=1)
    end, mask = end_and_mask(params)
    packets = gateware.input_packets(program, params, samples, seed=0).tolist()
    answer(dut, packets, end=end, mask=mask, ends=len(program.outputs), prepare=prepare)
    for kind in (MemoryKind.WEIGHTS, MemoryKind.TARGETS):
        assert seen[kind] == rows[kind][3:], kind
    kept = rows[MemoryKind.WEIGHTS][2] & ~0xFF
    assert seen[1] == [0] and seen[2] == [kept | 0x55]
    assert seen["shared"] == [0, 0]


def test_dense_weights_come_back_and_sums_are_right_afterwards() -> None:
    """They are read through the registers of the sums."""
    rng = np.random.default_rng(4)
    built = random_chain(rng, 10, 12, 3)
    program, lanes = resembling(rng, built), 4
    params = built.params(lanes=lanes)
    rows = memory_rows(params, program)[MemoryKind.WEIGHTS]
    dut, seen = Core(params, built, access=True), []

    async def prepare(ctx: Any) -> None:
        await write_loads(ctx, dut.memory, loads(params, program))
        seen.extend(
            await read_rows(
                ctx, dut.memory, MemoryKind.WEIGHTS, 0, len(rows), row_bytes=lanes, stall=0.3
            )
        )

    spikes = random_spikes(rng, program, samples=1, steps=4)
    end, mask = end_and_mask(params)
    packets = gateware.input_packets(program, params, spikes, seed=0).tolist()
    got = answer(
        dut, packets, end=end, mask=mask, ends=4, words=4 * sum(params.words), prepare=prepare
    )
    assert seen == rows and len(set(rows)) > 10
    assert_equal(program, spikes, gateware._trace(params, (1, 4), got), lanes=lanes)


def test_a_program_of_other_sizes_is_refused() -> None:
    rng = np.random.default_rng(0)
    one, other = random_chain(rng, 5, 4), random_chain(rng, 5, 3)
    with pytest.raises(ValueError, match=r"^the Program needs a core with CoreParams"):
        loads(one.params(lanes=4), other)
