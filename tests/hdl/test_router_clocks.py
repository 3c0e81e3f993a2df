# amaranth: UnusedElaboratable=no
"""The router clock by clock: its latency, its pace, whose turn it is, and when a table changes."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from amaranth.lib.memory import Memory
from amaranth.sim import Simulator

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router import HOP_CLOCKS, Router
from hubel.hdl.router_output import RouterOutput
from hubel.hdl.router_port import TURNS, Port, sources
from hubel.sim.router_mesh import Packet

from .core_bench import PoisonedMemory
from .router_clocks import play

PARAMS = RouterParams(key_bits=4, payload_bits=12, depth=4)


def numbered(key: int, count: int) -> list[Packet]:
    return [(key, n) for n in range(count)]


@pytest.mark.parametrize("port", Port)
def test_latency(port: Port) -> None:
    """From transfer to transfer, to each port that there is a turn to, at once."""
    mask = sum(output.bit for output in TURNS[port])
    found = play(Router(PARAMS, {3: mask}), {port: [(3, 5)]}, 20)
    [(start, _)] = found.taken[port]
    arrived = {output: times for output, times in found.given.items() if times}
    assert set(arrived) == set(TURNS[port])
    for times in arrived.values():
        assert times == [(start + HOP_CLOCKS, (3, 5))]


@pytest.mark.parametrize("port", Port)
def test_a_packet_does_not_wait_to_be_asked_for(port: Port) -> None:
    """``valid`` comes before ``ready``, which comes two clocks after the packet was there."""
    router = Router(PARAMS, {3: sum(output.bit for output in TURNS[port])})
    clocks = iter(range(1000))
    late = HOP_CLOCKS + 4
    found = play(
        router, {port: [(3, 5)]}, 20, ready=lambda: next(clocks) // len(Port) >= late
    )  # fmt: skip
    for output in TURNS[port]:
        assert found.given[output] == [(late, (3, 5))]


#: Each input to an output of its own: all ten ports are busy.
PERMUTATION = {
    Port.WEST: Port.EAST,
    Port.EAST: Port.WEST,
    Port.NORTH: Port.SOUTH,
    Port.SOUTH: Port.LOCAL,
    Port.LOCAL: Port.NORTH,
}


@pytest.mark.parametrize("depth", [4, 16])
def test_one_packet_a_clock_a_port(depth: int) -> None:
    params = RouterParams(key_bits=4, payload_bits=12, depth=depth)
    table = {int(port): output.bit for port, output in PERMUTATION.items()}
    found = play(Router(params, table), {p: numbered(int(p), 300) for p in Port}, 310)
    for port, output in PERMUTATION.items():
        clocks = [clock for clock, _ in found.given[output]]
        assert [packet for _, packet in found.given[output]] == numbered(int(port), 300)
        assert clocks == list(range(clocks[0], clocks[0] + 300))


@pytest.mark.parametrize("port", Port)
def test_multicast_takes_a_clock(port: Port) -> None:
    """One input to all its outputs: each gives a packet a clock."""
    found = play(
        Router(PARAMS, {1: sum(output.bit for output in TURNS[port])}),
        {port: numbered(1, 200)},
        210,
    )
    for output in TURNS[port]:
        clocks = [clock for clock, _ in found.given[output]]
        assert clocks == list(range(clocks[0], clocks[0] + 200))


@pytest.mark.parametrize("output", Port)
def test_outputs_take_turns(output: Port) -> None:
    """All inputs want one output, without a pause: each has every n-th packet."""
    users = sources(output)
    counts = {Port.EAST: 2, Port.WEST: 2, Port.NORTH: 4, Port.SOUTH: 4, Port.LOCAL: 5}
    assert len(users) == counts[output]
    table = {int(user): output.bit for user in users}
    found = play(Router(PARAMS, table), {user: numbered(int(user), 200) for user in users}, 150)
    clocks = [clock for clock, _ in found.given[output]]
    keys = [key for _, (key, _) in found.given[output]]
    assert clocks == list(range(clocks[0], 150)), "the output rests"
    for n in range(len(keys) - len(users)):
        assert sorted(keys[n : n + len(users)]) == sorted(table), n


@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
def test_nobody_is_overtaken_twice(inputs: int) -> None:
    """Inputs that want the output at random wait for each of the others once at most."""
    draw = Random(inputs)
    part = RouterOutput(PARAMS, inputs)
    waited = 0

    async def bench(ctx):
        nonlocal waited
        wanted = [0] * inputs
        overtaken = [[0] * inputs for _ in range(inputs)]
        for _ in range(3000):
            wanted = [w or int(draw.random() < 0.2) for w in wanted]
            ctx.set(part.wanted, sum(w << n for n, w in enumerate(wanted)))
            ctx.set(part.o.ready, int(draw.random() < 0.7))
            _, _, taken = await ctx.tick().sample(part.taken)
            served = [n for n in range(inputs) if taken >> n & 1]
            assert len(served) <= 1 and all(wanted[n] for n in served)
            for n in served:
                wanted[n] = 0
                overtaken[n] = [0] * inputs
                for other in range(inputs):
                    overtaken[other][n] += wanted[other]
                    waited += wanted[other]
            assert all(count <= 1 for counts in overtaken for count in counts)

    simulator = Simulator(part)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert inputs == 1 or waited > 100


class Poisoned(PoisonedMemory):
    """Except where the answer is not clocked, which a write does not disturb."""

    def elaborate(self, platform) -> Any:
        if any(port.domain == "comb" for port in self.read_ports):
            return Memory.elaborate(self, platform)
        return super().elaborate(platform)


@pytest.mark.parametrize("pace", [0.05, 0.5, 1.0])
def test_rows_replace_masks_from_the_next_clock_on(
    pace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets and rows of the same few keys, at random: each packet goes where the table said when
    it was taken, to all or to none of the ports of a row. What a memory reads in the clock in which
    it is written is wrong, as it may be on a chip."""
    monkeypatch.setattr("hubel.hdl.router_input.memory", SimpleNamespace(Memory=Poisoned))
    draw = Random(f"{pace}")
    keys = {port: (2 * port, 2 * port + 1) for port in Port}
    packets = {
        port: [(draw.choice(keys[port]), n) for n in range(1500)] for port in Port
    }  # fmt: skip
    table = {key: draw.randrange(32) for key in range(10)}

    def rows(clock: int) -> Packet | None:
        # While rows come without a pause nothing is taken.
        if clock >= 2000 or clock % 40 >= 30 or draw.random() >= pace:
            return None
        return draw.randrange(10), draw.randrange(32)

    found = play(
        Router(PARAMS, table),
        packets,
        3000,
        rows=rows,
        offer=lambda: draw.random() < 0.7,
        ready=lambda: draw.random() < 0.8,
    )
    written = dict(found.rows)
    assert len(written) > 50
    for clock in written:
        for port in Port:
            assert all(when != clock + 1 for when, _ in found.taken[port]), "taken while written"
    expected: dict[Port, dict[Port, list[Packet]]] = {p: {q: [] for q in Port} for p in Port}
    masks, unrouted, changed = dict(table), 0, 0
    for clock in range(3000):
        for port in Port:
            for when, packet in found.taken[port]:
                if when == clock:
                    outputs = [out for out in TURNS[port] if masks[packet[0]] & out.bit]
                    unrouted += not outputs
                    changed += masks[packet[0]] != table[packet[0]]
                    for output in outputs:
                        expected[port][output].append(packet)
        if clock in written:
            key, mask = written[clock]
            masks[key] = mask
    assert changed > 100
    for output in Port:
        for port in Port:
            got = [packet for _, packet in found.given[output] if packet[0] in keys[port]]
            all_of_it = expected[port][output]
            # What was taken last is still inside.
            assert got == all_of_it[: len(got)], (port, output)
            assert len(all_of_it) - len(got) <= 2 * PARAMS.depth, (port, output)
    assert 0 <= unrouted - found.unrouted <= 5 * PARAMS.depth


def test_the_counter_stays_at_its_end() -> None:
    """Five inputs drop a packet each clock."""
    router = Router(RouterParams(key_bits=1, payload_bits=1, depth=4))

    async def bench(ctx):
        for port in Port:
            ctx.set(router.i[port].valid, 1)
        await ctx.tick().repeat(1000)
        # The first comes into the buffer's head after three clocks and is counted two later.
        assert 5 * (1000 - 6) <= ctx.get(router.unrouted) <= 5 * 1000
        await ctx.tick().repeat(13_000)
        assert ctx.get(router.unrouted) == (1 << 16) - 1

    simulator = Simulator(router)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    "values, text",
    [
        ({"key_bits": 0}, "key_bits must be in 1..14, not 0"),
        ({"key_bits": 15}, "key_bits must be in 1..14, not 15"),
        ({"payload_bits": 0}, "payload_bits must be in 1..64, not 0"),
        ({"payload_bits": 65}, "payload_bits must be in 1..64, not 65"),
        ({"depth": 3}, "depth must be one of (2, 4, 8, 16, 32), not 3"),
    ],
)
def test_sizes_that_there_are_not(values: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        RouterParams(**values)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    "table, text",
    [
        ({16: 1}, "key must be in 0..15, not 16"),
        ({-1: 1}, "key must be in 0..15, not -1"),
        ({2: 32}, "mask of key 2 must be in 0..31, not 32"),
        ({2: -1}, "mask of key 2 must be in 0..31, not -1"),
    ],
)
def test_rows_that_there_are_not(table: dict[int, int], text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Router(PARAMS, table)
    assert str(refusal.value) == text


def test_ports_that_are_not_there() -> None:
    """Their bits are ignored; a packet that is left without a port is counted."""
    router = Router(PARAMS, {0: 31, 1: Port.SOUTH.bit}, ports=[Port.LOCAL, Port.EAST, Port.NORTH])
    found = play(router, {Port.LOCAL: [(0, 1), (1, 2), (0, 3)], Port.SOUTH: [(0, 9)]}, 30)
    assert [len(found.given[port]) for port in Port] == [2, 2, 0, 0, 2]
    assert found.unrouted == 1
    assert not found.taken[Port.SOUTH]


def test_turns_have_no_way_back() -> None:
    """From a column no way leads back into a row, and none to the neighbour that it came from: the
    order of channels by (axis, distance along it) that the argument in docs/fabric.md needs."""
    for port, outputs in TURNS.items():
        assert port is Port.LOCAL or port not in outputs
        if port in (Port.NORTH, Port.SOUTH):
            assert set(outputs) == {port.opposite, Port.LOCAL}
    with pytest.raises(ValueError, match="LOCAL is not joined to a neighbour"):
        _ = Port.LOCAL.opposite
