# amaranth: UnusedElaboratable=no
"""Meshes of routers against golden."""

from pathlib import Path
from random import Random

import pytest

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router_mesh import RouterMesh
from hubel.hdl.router_port import Port
from hubel.sim.simulator import Simulator, ToolMissing, find_simulator

from .fabric_bench import Fabric, Phase, random_packets, random_tables, run, share_keys

PARAMS = RouterParams(key_bits=5, payload_bits=11, depth=4)

#: Any masks, with impossible turns and ways to nowhere in them, and four ways into and out of it.
FABRIC = Fabric(
    2,
    2,
    PARAMS,
    random_tables(Random(1), 4, PARAMS),
    edges=((0, Port.WEST), (2, Port.SOUTH), (3, Port.EAST), (1, Port.NORTH)),
)


@pytest.fixture(
    scope="module", params=[pytest.param("verilator", marks=pytest.mark.long), "icarus"]
)
def simulator(request: pytest.FixtureRequest) -> Simulator:
    """Four routers take Verilator half a minute."""
    try:
        return find_simulator(request.param)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.0, 0.7), (0.6, 0.3)])
def test_random_masks(simulator: Simulator, cache_dir: Path, gap: float, stall: float) -> None:
    draw = Random(f"{gap} {stall}")
    packets = random_packets(draw, FABRIC, 150, share_keys(draw, FABRIC))
    run(FABRIC, [Phase(packets)], simulator, cache_dir, gap=gap, stall=stall, seed=3)


def test_tables_are_rewritten(simulator: Simulator, cache_dir: Path) -> None:
    draw = Random(11)
    keys = share_keys(draw, FABRIC)
    tables = [dict(table) for table in FABRIC.tables]
    phases = []
    for _ in range(5):
        rows = [(draw.randrange(4), draw.randrange(32), draw.randrange(32)) for _ in range(60)]
        for node, key, mask in rows:
            tables[node][key] = mask
        again = [(n, k, tables[n][k]) for n in range(4) for k in draw.choices(range(32), k=10)]
        phases.append(Phase(random_packets(draw, FABRIC, 50, keys), rows, again))
    run(FABRIC, phases, simulator, cache_dir, stall=0.2, seed=5)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"rows": 0}, "a mesh has 1 row and column at least, not 0x3"),
        ({"tables": [{}]}, "a mesh of 2x3 has 6 tables, not 1"),
        ({"edges": [(6, Port.EAST)]}, "edge at node 6 of 6"),
        ({"edges": [(0, Port.EAST)]}, "EAST of node 0 is not at the edge of the mesh"),
        ({"edges": [(0, Port.LOCAL)]}, "LOCAL of node 0 is not at the edge of the mesh"),
        ({"edges": [(0, Port.WEST), (0, Port.WEST)]}, "an edge is named twice"),
        (
            {"tables": [*[{}] * 5, {32: 1}]},
            "table of node 5: key must be in 0..31, not 32",
        ),
        (
            {"tables": [{3: 32}, *[{}] * 5]},
            "table of node 0: mask of key 3 must be in 0..31, not 32",
        ),
    ],
)
def test_refusals(arguments: dict, text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        RouterMesh(**{"rows": 2, "columns": 3, "params": PARAMS} | arguments)
    assert str(refusal.value) == text
