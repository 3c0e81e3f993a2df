"""Placement: few hops, the same each time."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import host, layers

from hubel.sw.mapping import map_program
from hubel.sw.mapping.activity import assumed_rates
from hubel.sw.mapping.place import mean_random, place, random_placement
from hubel.sw.mapping.report import mapping_report
from hubel.sw.mapping.traffic import Flow, cost, endpoints_of, flows_of, link_packets
from hubel.sw.mapping.wiring import Wiring


def chain(cores: int) -> list[Flow]:
    """Each core to the next, the gateway to the first and from the last."""
    order = [cores, *range(cores), cores]
    return [
        Flow(key=key, start=a, ends=(b,), packets=1.0 + key % 3)
        for key, (a, b) in enumerate(pairwise(order))
    ]


def scattered(cores: int, seed: int) -> list[Flow]:
    rng = np.random.default_rng(seed)
    return [
        Flow(
            key=key,
            start=int(rng.integers(cores + 1)),
            ends=tuple(map(int, rng.permutation(cores + 1)[: rng.integers(1, 4)])),
            packets=float(rng.integers(1, 20)),
        )
        for key in range(2 * cores)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_best_of_all(seed: int) -> None:
    """On 2x3, every placement can be tried."""
    flows = scattered(5, seed)
    at = place(flows, 5, rows=2, columns=3, gateway=1, seed=seed)

    def value(at: list[int]) -> float:
        found = cost(flows, [*at, 1], 3)
        return found.hops + found.busiest

    least = min(value(list(other)) for other in permutations(range(6), 5))
    assert value(at) == pytest.approx(least)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(rows=st.integers(1, 5), columns=st.integers(1, 5), seed=st.integers(0, 1000))
def test_the_fast_cost_is_the_cost(rows: int, columns: int, seed: int) -> None:
    """Of the trees themselves, link by link."""
    rng = np.random.default_rng(seed)
    cores = int(rng.integers(1, rows * columns + 1))
    flows = [*scattered(cores, seed), Flow(key=99, start=0, ends=(), packets=5.0)]
    at = [*random_placement(cores, rows * columns, rng), int(rng.integers(rows * columns))]
    expected, wiring = cost(flows, at, columns), Wiring(flows, rows, columns)
    assert wiring.hops(np.array(at)) == pytest.approx(expected.hops)
    assert wiring.value(np.array(at)) == pytest.approx(expected.hops + expected.busiest)


def test_a_chain_has_no_detour() -> None:
    """On 3x3 no two that follow each other are further apart than neighbours."""
    flows = chain(7)
    at = place(flows, 7, rows=3, columns=3, gateway=0)
    hops = cost(flows, [*at, 0], 3).hops
    assert hops <= sum(flow.packets for flow in flows)
    assert hops < mean_random(flows, 7, rows=3, columns=3, gateway=0, seed=0).hops


def test_the_same_seed_gives_the_same() -> None:
    flows = scattered(8, 0)
    one, other = (place(flows, 8, rows=3, columns=3, gateway=0, seed=5) for _ in range(2))
    assert one == other and len(set(one)) == 8
    drawn = [place(flows, 8, rows=3, columns=3, gateway=0, placing="random", seed=s)
             for s in (0, 0, 1)]  # fmt: skip
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == random_placement(8, 9, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^a placement is 'best' or 'random', not 'good'$"):
        place(flows, 8, rows=3, columns=3, gateway=0, placing="good")  # pyright: ignore


def test_no_traffic_over_links() -> None:
    assert place(chain(1), 1, rows=1, columns=1, gateway=0) == [0]
    assert place([Flow(key=0, start=1, ends=(), packets=0.0)], 1, rows=2, columns=2, gateway=0)
    assert cost([], [0], 1).busiest == 0


def test_costs() -> None:
    """A multicast over a shared link counts there once."""
    flows = [
        Flow(key=0, start=0, ends=(1, 2), packets=3.0),
        Flow(key=1, start=2, ends=(0,), packets=2.0),
    ]
    found = cost(flows, [0, 1, 2], 3)
    assert (found.hops, found.busiest, found.link) == (10.0, 3.0, (0, 1))
    assert link_packets(flows, [0, 1, 2], 3) == {(0, 1): 3.0, (1, 1): 3.0, (2, 3): 2.0, (1, 3): 2.0}


def test_packets_of_a_mapping() -> None:
    """Spikes at their rate and an END a step; a grant a step; each core's share of the lanes."""
    program = layers(20, 32, 10)
    fabric = map_program(program, rows=2, columns=2)
    rates = {**assumed_rates(program), "p0": np.arange(32.0)}
    flows = {flow.key: flow for flow in flows_of(fabric, rates)}
    node = host(fabric, "p0[16:32]")
    end = endpoints_of(fabric)[node]
    flow = flows[end.senders[0].key]
    assert flow.packets == pytest.approx(1 + sum(range(16, 32)))
    assert set(flow.ends) == {host(fabric, "p1[0:8]"), host(fabric, "p1[8:10]")}
    assert flows[end.receivers[0].grant_key].packets == 1
    assert flows[end.receivers[0].grant_key].ends == (4,)
    assert flows[fabric.gateway.senders[0].key].packets == pytest.approx(1 + 20 * 0.05)


def test_report() -> None:
    program = layers(64, 128, 10)
    fabric = map_program(program, rows=2, columns=2)
    report = mapping_report(fabric, assumed_rates(program), lanes=8)
    assert sum(node.clocks for node in report.nodes) == pytest.approx(report.clocks_of_one)
    assert 3 < report.speed_up <= 4
    assert report.placed.hops == pytest.approx(sum(report.links.values()))
    assert report.placed.busiest == max(report.links.values())
    assert report.placed.hops <= report.random.hops
    assert report.to_json()["placed"]["link"] == report.link_name(report.placed.link)
    assert sum(node.usage.weight_words for node in report.nodes) == program.params().weight_words
