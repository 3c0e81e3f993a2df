"""The golden model of a mesh: trees reach exactly their sinks, on the shortest way."""

from hypothesis import given
from hypothesis import strategies as st

from hubel.hdl.router_mesh import neighbour
from hubel.hdl.router_port import Port
from hubel.sim.router_mesh import Delivery, MeshModel, tree_masks


@st.composite
def trees(draw: st.DrawFn) -> tuple[int, int, int, set[int]]:
    """Rows, columns, a node and others that hear it."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    source = draw(st.integers(0, rows * columns - 1))
    others = [node for node in range(rows * columns) if node != source]
    return rows, columns, source, draw(st.sets(st.sampled_from(others), min_size=1))


def tables_of(nodes: int, masks: dict[int, int], key: int = 0) -> list[dict[int, int]]:
    return [{key: masks[node]} if node in masks else {} for node in range(nodes)]


@given(trees())
def test_a_tree_reaches_its_sinks_once(tree: tuple[int, int, int, set[int]]) -> None:
    rows, columns, source, sinks = tree
    model = MeshModel(rows, columns, tables_of(rows * columns, tree_masks(columns, source, sinks)))
    delivery = Delivery()
    packets = [(0, 7), (0, 8)]
    model.send((source, Port.LOCAL), packets, delivery)
    assert dict(delivery.arrived) == {
        ((source, Port.LOCAL), (sink, Port.LOCAL)): packets for sink in sinks
    }
    assert not sum(delivery.dropped.values())
    ways = [
        abs(source // columns - sink // columns) + abs(source % columns - sink % columns)
        for sink in sinks
    ]
    # Branches share what they have in common, and no link is passed twice by a packet.
    assert max(ways) <= delivery.hops / 2 <= sum(ways)
    assert set(delivery.loads.values()) == {2}


def test_a_node_sends_to_itself() -> None:
    """From its port to its port, over no link."""
    assert tree_masks(3, 3, [3]) == {3: Port.LOCAL.bit}
    model, delivery = MeshModel(2, 2, tables_of(4, tree_masks(2, 3, [2, 3]))), Delivery()
    model.send((3, Port.LOCAL), [(0, 7)], delivery)
    assert set(delivery.arrived) == {((3, Port.LOCAL), (n, Port.LOCAL)) for n in (2, 3)}
    assert delivery.hops == 1


def test_turns_and_ports_that_there_are_not() -> None:
    """From north to east is no turn; to the north of the first row there is nothing."""
    tables = [{0: Port.SOUTH.bit}, {}, {0: Port.EAST.bit | Port.LOCAL.bit}, {}]
    tables[0][1] = Port.NORTH.bit
    model, delivery = MeshModel(2, 2, tables), Delivery()
    model.send((0, Port.LOCAL), [(0, 1), (1, 2), (2, 3)], delivery)
    assert dict(delivery.arrived) == {((0, Port.LOCAL), (2, Port.LOCAL)): [(0, 1)]}
    assert delivery.dropped[0] == 2
    assert delivery.hops == 1
    model, delivery = MeshModel(2, 2, tables, edges=[(0, Port.NORTH)]), Delivery()
    model.send((0, Port.LOCAL), [(1, 2)], delivery)
    assert dict(delivery.arrived) == {((0, Port.LOCAL), (0, Port.NORTH)): [(1, 2)]}


def test_neighbours() -> None:
    """Of node 4 of 2 rows of 3, and at the edges."""
    assert [neighbour(2, 3, 4, port) for port in Port] == [1, 5, None, 3, None]
    assert [neighbour(2, 3, 2, port) for port in Port] == [None, None, 5, 1, None]
    for node in range(6):
        for port in list(Port)[:4]:
            other = neighbour(2, 3, node, port)
            assert other is None or neighbour(2, 3, other, port.opposite) == node
