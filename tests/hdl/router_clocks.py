"""A router in Amaranth's simulator, clock by clock: when packets come and go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from amaranth.hdl import Value
from amaranth.sim import Simulator

from hubel.hdl.router import Router
from hubel.hdl.router_port import Port
from hubel.sim.router_mesh import Packet
from hubel.sim.streams import Packing


@dataclass
class Transfers:
    """Clock and packet of each transfer, by port, and of each row of the table (key, mask)."""

    taken: dict[Port, list[tuple[int, Packet]]] = field(
        default_factory=lambda: {port: [] for port in Port}
    )
    given: dict[Port, list[tuple[int, Packet]]] = field(
        default_factory=lambda: {port: [] for port in Port}
    )
    rows: list[tuple[int, Packet]] = field(default_factory=list)
    unrouted: int = 0


def play(
    router: Router,
    packets: Mapping[Port, Sequence[Packet]],
    clocks: int,
    *,
    rows: Callable[[int], Packet | None] = lambda clock: None,
    offer: Callable[[], bool] = lambda: True,
    ready: Callable[[], bool] = lambda: True,
) -> Transfers:
    """``packets`` are sent as fast as ``offer()`` says, and taken as ``ready()`` does; ``rows`` has
    the row that is written in a clock."""
    found = Transfers()
    packing = Packing(router.i[0].payload.shape())
    row_packing = Packing(router.table.payload.shape())

    def unpacked(value: int) -> Packet:
        fields = packing.unpack(value)
        return fields["key"], fields["payload"]

    async def bench(ctx):
        waiting = {port: list(packets.get(port, ())) for port in Port}
        offered = dict.fromkeys(Port, False)
        inputs = [Value.cast(router.i[port].payload) for port in Port]
        sampled = [router.i[port].ready for port in Port]
        for port in Port:
            sampled += [router.o[port].valid, Value.cast(router.o[port].payload)]
        for clock in range(clocks):
            for port in Port:
                if waiting[port] and (offered[port] or offer()):
                    key, payload = waiting[port][0]
                    ctx.set(inputs[port], packing.pack(key=key, payload=payload))
                    offered[port] = True
                ctx.set(router.i[port].valid, offered[port])
            takes = [int(ready()) for port in Port]
            for port in Port:
                ctx.set(router.o[port].ready, takes[port])
            row = rows(clock)
            ctx.set(router.table.valid, row is not None)
            if row is not None:
                value = row_packing.pack(key=row[0], mask=row[1])
                ctx.set(Value.cast(router.table.payload), value)
                found.rows.append((clock, row))
            _, _, *values = await ctx.tick().sample(*sampled)
            for port in Port:
                if offered[port] and values[port]:
                    found.taken[port].append((clock, waiting[port].pop(0)))
                    offered[port] = False
                valid, payload = values[len(Port) + 2 * port :][:2]
                if valid and takes[port]:
                    found.given[port].append((clock, unpacked(payload)))
        found.unrouted = ctx.get(router.unrouted)

    simulator = Simulator(router)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found
