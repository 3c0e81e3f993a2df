# amaranth: UnusedElaboratable=no
"""The router: every packet goes where its mask says, once, in order, whatever the pace."""

from pathlib import Path
from random import Random

import pytest

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router_port import Port
from hubel.sim.simulator import Simulator

from .fabric_bench import Fabric, Phase, random_packets, random_tables, run, share_keys

SMALL = RouterParams(key_bits=5, payload_bits=11, depth=4)


def any_masks(params: RouterParams = SMALL, seed: int = 1) -> Fabric:
    return Fabric(1, 1, params, random_tables(Random(seed), 1, params), alone=True)


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.0, 0.6), (0.5, 0.2), (0.8, 0.0)])
def test_random_masks(simulator: Simulator, cache_dir: Path, gap: float, stall: float) -> None:
    draw = Random(f"{gap} {stall}")
    fabric = any_masks()
    keys = share_keys(draw, fabric)
    packets = random_packets(draw, fabric, 300, keys)
    run(fabric, [Phase(packets)], simulator, cache_dir, gap=gap, stall=stall, seed=3)


def test_one_slow_output(simulator: Simulator, cache_dir: Path) -> None:
    draw = Random(7)
    fabric = any_masks()
    packets = random_packets(draw, fabric, 200, share_keys(draw, fabric))
    for slow in (Port.NORTH, Port.LOCAL):
        run(fabric, [Phase(packets)], simulator, cache_dir, stalls={(0, slow): 0.9}, seed=slow)


def test_table_is_rewritten(simulator: Simulator, cache_dir: Path) -> None:
    """Rows are replaced between phases; others are written again, as they are, while packets
    pass, which no packet may notice."""
    draw = Random(11)
    fabric = any_masks()
    keys = share_keys(draw, fabric)
    phases, table = [], dict(fabric.tables[0])
    for _ in range(6):
        rows = [(0, draw.randrange(32), draw.randrange(32)) for _ in range(20)]
        for _, key, mask in rows:
            table[key] = mask
        again = [(0, key, table[key]) for key in draw.choices(range(32), k=60)]
        phases.append(Phase(random_packets(draw, fabric, 80, keys), rows, again))
    run(fabric, phases, simulator, cache_dir, gap=0.1, stall=0.1, seed=5)
