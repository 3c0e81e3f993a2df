"""Random packets that fill a mesh of routers: everything arrives, once, in order, and nothing gets
stuck, whatever the trees and the pace. Each node is a source and a sink."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubel.sim.mesh_traffic import Phase, TrafficBench
from hubel.sim.simulator import Build, find_simulator

pytestmark = pytest.mark.long

#: Small buffers, so that packets stand in each other's way.
BENCH = TrafficBench(rows=3, columns=3, keys=4, depth=4)
NODES = range(BENCH.nodes)
KEYS = range(BENCH.nodes * BENCH.keys)


@pytest.fixture(scope="module")
def built(cache_dir: Path) -> Build:
    return BENCH.build(find_simulator("verilator"), cache_dir)


def others(node: int) -> list[int]:
    return [other for other in NODES if other != node]


@st.composite
def traffic(draw: st.DrawFn) -> tuple[list[list[int]], list[Phase]]:
    """Sinks of each key, and phases with a pace for each node, as fast as it can as a rule."""
    sinks = [
        sorted(draw(st.sets(st.sampled_from(others(key // BENCH.keys)), min_size=1)))
        for key in KEYS
    ]
    pace = st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.1, 0.01])
    stall = st.sampled_from([0.0, 0.0, 0.0, 0.3, 0.9, 0.99])
    phases = draw(
        st.lists(
            st.builds(
                Phase,
                rates=st.tuples(*[pace for _ in NODES]),
                stalls=st.tuples(*[stall for _ in NODES]),
                clocks=st.just(2000),
            ),
            min_size=1,
            max_size=5,
        )
    )
    return sinks, phases


@given(traffic())
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_trees_of_any_kind(built: Build, what: tuple[list[list[int]], list[Phase]]) -> None:
    sinks, phases = what
    results = BENCH.run(built, sinks, phases)
    assert sum(result.taken for result in results) > 100


def test_a_million_packets(built: Build) -> None:
    """All sources as fast as they can, over random trees, while the sinks pause at random: 500
    phases, in each of which a few sinks are slow and one is almost closed."""
    draw = Random(1)
    sinks = [draw.sample(others(key // BENCH.keys), draw.randint(1, 8)) for key in KEYS]
    phases = []
    for _ in range(500):
        stalls = [draw.choice([0.0, 0.0, 0.2, 0.5]) for _ in NODES]
        stalls[draw.choice(NODES)] = 0.95
        phases.append(Phase(rates=[1.0] * len(NODES), stalls=stalls, clocks=2000))
    results = BENCH.run(built, sinks, phases)
    taken = sum(result.taken for result in results)
    print(f"{taken:,} packets arrived in {500 * 2000:,} clocks")
    assert taken > 1_000_000


def test_trees_for_each_key(built: Build) -> None:
    with pytest.raises(ValueError, match="36 keys have no 2 trees"):
        BENCH.run(built, [[1], [2]], [])
