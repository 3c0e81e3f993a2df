"""Trees, tables, and the check that follows every key."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import host, layers, random_fabric, with_endpoint, with_table
from programs import random_program

from hubel.hdl.fabric_program import Endpoint, FabricProgram, Grant, Spikes
from hubel.sw.mapping import map_program
from hubel.sw.mapping.check import check_fabric
from hubel.sw.mapping.routes import (
    EAST,
    LOCAL,
    NORTH,
    OPPOSITE,
    SOUTH,
    WEST,
    links,
    neighbour,
    tree,
)

fixed = settings(derandomize=True, deadline=None, max_examples=60)
N, E, S, W, L = (1 << port for port in (NORTH, EAST, SOUTH, WEST, LOCAL))


def test_a_tree() -> None:
    """From the middle of 3x3 to three corners and itself: along the row first."""
    assert tree(4, [0, 2, 8, 4], 3) == {4: W | E | L, 3: N, 0: L, 5: N | S, 2: L, 8: L}
    assert tree(0, [0], 3) == {0: L}
    assert tree(0, [], 3) == {}


def test_neighbours() -> None:
    assert [neighbour(4, port, 3, 3) for port in (NORTH, EAST, SOUTH, WEST)] == [1, 5, 7, 3]
    assert [neighbour(0, port, 1, 1) for port in (NORTH, EAST, SOUTH, WEST)] == [None] * 4
    assert [neighbour(2, port, 2, 3) for port in (NORTH, EAST, SOUTH, WEST)] == [None, None, 5, 1]


@fixed
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    picks=st.lists(st.integers(0, 35), min_size=2, max_size=8),
)
def test_trees_reach_each_end_once(rows: int, columns: int, picks: list[int]) -> None:
    start, *ends = [pick % (rows * columns) for pick in picks]
    masks = tree(start, ends, columns)
    seen, waiting = [], [(start, LOCAL)]
    while waiting:
        node, entry = waiting.pop()
        seen.append(node)
        for port in range(4):
            if masks[node] >> port & 1:
                assert port != entry
                assert not (entry in (NORTH, SOUTH) and port in (EAST, WEST))
                after = neighbour(node, port, rows, columns)
                assert after is not None
                waiting.append((after, OPPOSITE[port]))
    assert len(seen) == len(set(seen)) == len(masks)
    assert {node for node in seen if masks[node] & L} == set(ends)
    assert len(links(masks)) == len(seen) - 1


@fixed
@given(seed=st.integers(0, 2**32 - 1))
def test_random_mappings_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fabric = random_fabric(rng, random_program(rng, lanes=4), 4)
    check_fabric(fabric)
    keys = {key for table in fabric.tables for key in table}
    heard = {key for node in fabric.nodes if node for key in node.endpoint.heard}
    assert keys == heard | set(fabric.gateway.heard)


@pytest.fixture(scope="module")
def fabric() -> FabricProgram:
    """2x2: two parts of ``p0`` and two of ``p1``, at known places."""
    return map_program(layers(20, 32, 10), rows=2, columns=2, seed=0)


def endpoint(fabric: FabricProgram, name: str) -> tuple[int, Endpoint]:
    number = host(fabric, name)
    node = fabric.nodes[number]
    assert node is not None
    return number, node.endpoint


def key_to(fabric: FabricProgram, start: int, end: int) -> int:
    """A key that is heard at ``end`` and not at ``start``, where it is sent."""
    one, other = fabric.nodes[start], fabric.nodes[end]
    assert one is not None and other is not None
    sent = [s.key for s in one.endpoint.senders]
    return next(k for k in sent if k in other.endpoint.heard and k not in one.endpoint.heard)


def refuses(fabric: FabricProgram, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_fabric(fabric)


def test_dead_end(fabric: FabricProgram) -> None:
    start, end = host(fabric, "p0[0:16]"), host(fabric, "p1[0:8]")
    key = key_to(fabric, start, end)
    refuses(with_table(fabric, end, key, None), f"^key {key} has a dead end at node {end}")
    refuses(with_table(fabric, start, key, None), f"^key {key} has a dead end at node {start}")
    masks = fabric.tables[end][key]
    refuses(with_table(fabric, end, key, masks & ~L or 32), f"^key {key} at node {end}: ")


def test_cycle_and_turns() -> None:
    """A packet of the host is led round 2x2."""
    fabric = map_program(layers(20, 32, 10), rows=2, columns=2, seed=0)
    key = fabric.gateway.senders[0].key
    assert fabric.gateway_node == 0

    def tables(*masks: int) -> FabricProgram:
        pairs = zip(fabric.tables, masks, strict=True)
        # Who hears it hears it still.
        return replace(fabric, tables=tuple({**t, key: m | t.get(key, 0) & L} for t, m in pairs))

    by_north = f"^key {key} comes to node 3 by its north port and"
    refuses(tables(E, S, N, W), f"{by_north} turns west: rows come first$")
    refuses(tables(E, S, N, N), f"{by_north} is sent back$")
    refuses(tables(E, E, 0, 0), "comes to node 1 by its west port and leaves the mesh east$")
    refuses(tables(E | S, S, E, 0), "comes to node 2 by its north port and turns east: rows")
    refuses(tables(32, S, N, 0), f"^key {key} at node 0: 48 is no set of ports$")


def test_more_than_its_readers(fabric: FabricProgram) -> None:
    key = fabric.gateway.senders[0].key
    silent = next(n for n in range(4) if not fabric.tables[n].get(key, 0) & L)
    if key in fabric.tables[silent]:
        mask = fabric.tables[silent][key] | L
        refuses(
            with_table(fabric, silent, key, mask),
            f"^key {key} at node {silent}: nobody there hears it$",
        )
    else:
        refuses(
            with_table(fabric, silent, key, L),
            f"^the table of node {silent} has key {key}, which never comes there$",
        )
    refuses(with_table(fabric, 0, 999, L), "^the table of node 0 has key 999, which nobody sends$")


def test_a_reader_that_is_not_reached(fabric: FabricProgram) -> None:
    start, end = host(fabric, "p0[0:16]"), host(fabric, "p1[0:8]")
    key = key_to(fabric, start, end)
    other = next(n for n in range(4) if n not in (start, end) and key in fabric.tables[n])
    assert fabric.tables[other][key] & L
    masks = [dict(table) for table in fabric.tables]
    del masks[other][key]
    for node, table in enumerate(masks):
        for port in range(4):
            if table.get(key, 0) >> port & 1 and neighbour(node, port, 2, 2) == other:
                table[key] -= 1 << port
    refuses(replace(fabric, tables=tuple(masks)), rf"^key {key} (does not reach|has a dead end)")


def test_endpoints_that_disagree(fabric: FabricProgram) -> None:
    number, end = endpoint(fabric, "p1[0:8]")
    sender, receiver = end.senders[0], end.receivers[0]

    def changed(**fields: object) -> FabricProgram:
        return with_endpoint(fabric, number, replace(end, **fields))  # pyright: ignore

    who = f"^node {number}"
    refuses(
        changed(receivers=(replace(receiver, parts=1),)),
        f"{who}: receiver 0 waits for 1 parts, 2 are sent to it$",
    )
    refuses(
        changed(senders=(replace(sender, readers=2),)),
        f"{who}: sender 0 waits for 2 grants, 1 are sent to it$",
    )
    refuses(changed(senders=()), f"{who} has 1 receivers and 0 senders, its Program 1 inputs")
    refuses(
        changed(senders=(replace(sender, key=fabric.gateway.senders[0].key),)),
        f"^key 0 is sent by node {number} and by the gateway$",
    )
    refuses(
        changed(senders=(replace(sender, first_channel=1),)),
        r"^the gateway: channel 0 of 'p1' is sent by none or by two$",
    )
    refuses(
        changed(senders=(replace(sender, channels=sender.channels + 1),)),
        r"^the gateway: channel 9 of 'p1' is sent by none or by two$",
    )
    final, end_of_it = endpoint(fabric, "p1[8:10]")
    shorter = replace(end_of_it, senders=(replace(end_of_it.senders[0], channels=1),))
    refuses(
        with_endpoint(fabric, final, shorter),
        r"^the gateway: 9 channels of 'p1' are sent, it has shape 10$",
    )
    refuses(changed(heard={**end.heard, 777: Grant(0)}), f"{who} hears key 777, which nobody sends")
    refuses(
        changed(heard={**end.heard, 0: Spikes(1)}),
        rf"{who} takes key 0 for Spikes\(receiver=1\), and has 1 of these$",
    )
    refuses(
        changed(heard={**end.heard, 0: Grant(0)}),
        rf"{who} takes key 0 for Grant\(sender=0\), the gateway does not$",
    )
    last = fabric.nodes[host(fabric, "p1[8:10]")]
    assert last is not None
    foreign = last.endpoint.receivers[0].grant_key
    refuses(
        changed(heard={**end.heard, foreign: Grant(0)}),
        rf"grants key {sender.key} of node {number} with key {foreign}, but does not read it$",
    )


def test_keys_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^the mapping needs 4 keys, 1 bits of a key have 2: use"):
        map_program(layers(20, 32), rows=1, columns=1, key_bits=1)
    fabric = map_program(layers(20, 32), rows=1, columns=1, key_bits=2)
    assert fabric.key_bits == 2
    assert sorted(fabric.tables[0]) == [0, 1, 2, 3]
    far = replace(fabric.gateway, senders=(replace(fabric.gateway.senders[0], key=4),))
    refuses(replace(fabric, gateway=far), "^key 4 does not fit 2 bits$")
