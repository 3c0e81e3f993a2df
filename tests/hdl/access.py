"""The port to a core's memories, driven by a test, and Programs of the same sizes."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.memory_image import Load
from hubel.hdl.program import Population, Program, Projection, Reset, Sparse

__all__ = ["read_rows", "resembling", "write_loads"]


def resembling(rng: np.random.Generator, program: Program) -> Program:
    """A Program of other numbers for the same core."""
    return replace(
        program,
        populations=tuple(_population(rng, p, program.state_width) for p in program.populations),
        projections=tuple(_projection(rng, p, program) for p in program.projections),
    )


def _projection(rng: np.random.Generator, projection: Projection, program: Program) -> Projection:
    most = 1 << (program.weight_width - 1)
    weights = rng.integers(-most, most, projection.weights.shape)
    if not isinstance(projection, Sparse):
        return replace(projection, weights=weights)
    # Other neurons have the same lists.
    first, shape = projection.first, program.shape_of(projection.source)
    order = rng.permutation(shape.neurons)
    lists = [projection.targets[first[n] : first[n + 1]] for n in order]
    return replace(
        projection,
        weights=weights,
        first=np.concatenate([[0], np.cumsum([len(x) for x in lists])]),
        targets=np.concatenate([*lists, np.zeros(0, np.int64)]).astype(np.int64),
    )


def _population(rng: np.random.Generator, p: Population, state_width: int) -> Population:
    most = 1 << min(state_width - 2, 10)

    def like(values: Any, least: int, high: int) -> Any:
        if values is None:
            return None
        if isinstance(values, np.ndarray):
            return rng.integers(least, high + 1, values.shape)
        return int(rng.integers(least, high + 1))

    reset = p.reset
    if reset is not Reset.SOFT_LATE:
        reset = Reset(rng.choice([Reset.HARD.value, Reset.SOFT.value]))
    return replace(
        p,
        reset=reset,
        threshold=like(p.threshold, 0, most // 8),
        decay=like(p.decay, 0, 4096),
        v_reset=like(p.v_reset, 0, most),
        bias=like(p.bias, -most // 8, most // 4),
        v_init=like(p.v_init, -most, most),
        v_min=like(p.v_min, -most, 0),
        refractory=like(p.refractory, 1, 5) if p.refractory else 0,
        u_decay=like(p.u_decay, 0, 4096),
        u_init=like(p.u_init, -most, most),
        a_decay=like(p.a_decay, 0, 4096),
        a_step=like(p.a_step, 0, most),
    )


async def begin(ctx: Any, port: Any, memory: MemoryKind, address: int) -> None:
    ctx.set(port.memory, memory)
    ctx.set(port.address, address)
    ctx.set(port.begin, 1)
    await ctx.tick()
    ctx.set(port.begin, 0)


async def write_loads(
    ctx: Any, port: Any, loads: Iterable[Load], *, gap: float = 0.0, seed: int = 0
) -> None:
    """Load it all; bytes come with gaps."""
    draw = Random(seed)
    for load in loads:
        await begin(ctx, port, load.memory, load.address)
        for byte in load.data:
            while draw.random() < gap:
                await ctx.tick()
            ctx.set(port.write.payload, byte)
            ctx.set(port.write.valid, 1)
            taken = 0
            while not taken:
                _, _, taken = await ctx.tick().sample(port.write.ready)
            ctx.set(port.write.valid, 0)
            ctx.set(port.write.payload, draw.getrandbits(8))
    # The last byte is on its way.
    await ctx.tick()


async def read_rows(
    ctx: Any,
    port: Any,
    memory: MemoryKind,
    address: int,
    rows: int,
    *,
    row_bytes: int,
    stall: float = 0.0,
    seed: int = 0,
) -> list[int]:
    """Rows from ``address`` on."""
    draw, result = Random(seed), bytearray()
    await begin(ctx, port, memory, address)
    while len(result) < rows * row_bytes:
        ready = draw.random() >= stall
        ctx.set(port.read.ready, ready)
        _, _, valid, byte = await ctx.tick().sample(port.read.valid, port.read.payload)
        if valid and ready:
            result.append(byte)
    ctx.set(port.read.ready, 0)
    return [
        int.from_bytes(result[i : i + row_bytes], "little")
        for i in range(0, len(result), row_bytes)
    ]
