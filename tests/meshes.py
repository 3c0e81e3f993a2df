"""Programs for meshes: of plain layers, and random ones on random meshes."""

from dataclasses import replace
from typing import Any

import numpy as np

from hubel.hdl.fabric_program import Endpoint, FabricProgram, NodeProgram
from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source
from hubel.sw.mapping import map_program


def layers(*sizes: int, seed: int = 0, **fields: Any) -> Program:
    """Plain populations ``p0``, ``p1``, ..., each dense to the next; ``i0`` is the input."""
    rng = np.random.default_rng(seed)
    names = ["i0", *(f"p{i}" for i in range(len(sizes) - 1))]
    return Program(
        inputs=(Source("i0", Shape(sizes[0])),),
        populations=tuple(
            Population(name=name, shape=Shape(size), threshold=60, v_reset=60)
            for name, size in zip(names[1:], sizes[1:], strict=True)
        ),
        projections=tuple(
            Dense(name=f"{a} to {b}", source=a, target=b,
                  weights=rng.integers(-60, 90, (from_size, to_size)))
            for a, b, from_size, to_size in zip(names, names[1:], sizes, sizes[1:], strict=False)
        ),
        outputs=(names[-1],),
        **fields,
    )  # fmt: skip


def grouped(channels: int = 16, groups: int = 8, side: int = 4) -> Program:
    """A convolution with groups between planes."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-60, 90, (channels, channels // groups, 3, 3))
    return Program(
        inputs=(Source("i0", Shape(channels, side, side)),),
        populations=(
            Population(name="p0", shape=Shape(channels, side, side), threshold=60, v_reset=60),
        ),
        projections=(Conv2d(name="c", source="i0", target="p0", weights=weights, groups=groups,
                            padding=(1, 1)),),
        outputs=("p0",),
    )  # fmt: skip


def random_fabric(rng: np.random.Generator, program: Program, lanes: int) -> FabricProgram:
    """``program`` on a mesh of up to 3 x 3, placed at random."""
    rows, columns = (int(n) for n in rng.integers(1, 4, 2))
    return map_program(
        program,
        rows=rows,
        columns=columns,
        lanes=lanes,
        parts="spread" if rng.random() < 0.7 else "fewest",
        placing="random",
        seed=int(rng.integers(100)),
        gateway_node=int(rng.integers(rows * columns)),
    )


def with_table(fabric: FabricProgram, node: int, key: int, mask: int | None) -> FabricProgram:
    """``fabric`` with another row, or none, in the table of ``node``."""
    tables = [dict(table) for table in fabric.tables]
    if mask is None:
        del tables[node][key]
    else:
        tables[node][key] = mask
    return replace(fabric, tables=tuple(tables))


def with_endpoint(fabric: FabricProgram, number: int, endpoint: Endpoint) -> FabricProgram:
    """``fabric`` with another endpoint of node ``number``."""
    nodes = list(fabric.nodes)
    node = nodes[number]
    assert node is not None
    nodes[number] = NodeProgram(program=node.program, endpoint=endpoint)
    return replace(fabric, nodes=tuple(nodes))


def with_program(fabric: FabricProgram, number: int, program: Program) -> FabricProgram:
    """``fabric`` with another Program of node ``number``."""
    nodes = list(fabric.nodes)
    node = nodes[number]
    assert node is not None
    nodes[number] = NodeProgram(program=program, endpoint=node.endpoint)
    return replace(fabric, nodes=tuple(nodes))


def host(fabric: FabricProgram, name: str) -> int:
    """Node that has the population, or the part, ``name``."""
    return next(
        number
        for number, node in enumerate(fabric.nodes)
        if node and name in [p.name for p in node.program.populations]
    )
