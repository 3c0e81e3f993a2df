"""Harnesses for the router: what must hold, as a model beside it."""

from amaranth.hdl import Array, Assume, Cat, Const, Elaboratable, Module, Mux, Signal, Value

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router import Router
from hubel.hdl.router_input import RouterInput
from hubel.hdl.router_output import RouterOutput
from hubel.hdl.router_port import TURNS, Port

from .core_bench import opened
from .prover import asserted, constant, stays_until_taken

#: The least that has all cases: a bit of the key says whether a packet is watched, the other one
#: makes two rows of the table; three bits of payload tell packets from each other.
PARAMS = RouterParams(key_bits=2, payload_bits=3, depth=2)


class RouterHarness(Elaboratable):
    """A router that is sent anything, whose table is written with anything.

    Any pair of an input and an output is watched, and of the packets that go from one to the other
    any one. Packets of the watched input have keys 0 and 1, others 2 and 3. The router keeps its
    promises if each packet that comes out was put in and did not come out before, and the watched
    one comes out when all before it have, as it was put in.

    Parameters
    ----------
    drains : int or None
        All outputs are always ready and no row is written once the watched packet is in. It must
        be out after so many clocks.
    """

    def __init__(self, params: RouterParams = PARAMS, *, drains: int | None = None):
        self.router = Router(params)
        self.drains = drains
        router = self.router
        self.input, self.output = Signal(range(5)), Signal(range(5))
        self.choose = Signal()
        self.free: list[Value] = [self.input, self.output, self.choose]
        for port in Port:
            self.free += [router.i[port].valid, Value.cast(router.i[port].payload)]
            self.free += [router.o[port].ready]
        self.free += [router.table.valid, Value.cast(router.table.payload)]

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = self.router
        constant(m, self.input, self.output)
        m.d.comb += [Assume(self.input < 5), Assume(self.output < 5)]
        for port in Port:
            i, o = router.i[port], router.o[port]
            m.d.comb += Assume(stays_until_taken(m, f"sent_{port}", i))
            m.d.comb += Assume(i.payload.key[1] == (self.input != port))
            asserted(m, f"given_{port}", stays_until_taken(m, f"given_{port}", o))

        # The table as it is told to be.
        masks = Array(Signal(5, name=f"mask_{key}") for key in range(2))
        row = router.table.payload
        with m.If(router.table.valid & ~row.key[1]):
            m.d.sync += masks[row.key[0]].eq(row.mask)
        turns = Array(
            Const(sum(output.bit for output in TURNS[port]), 5) for port in Port
        )[self.input]  # fmt: skip

        came, goes, leaves = Signal(), Signal(), Signal()
        sent = Array(Value.cast(i.payload) for i in router.i)[self.input]
        given = Array(Value.cast(o.payload) for o in router.o)[self.output]
        m.d.comb += [
            came.eq(Array(i.valid & i.ready for i in router.i)[self.input]),
            goes.eq(came & (masks[sent[0]] & turns).bit_select(self.output, 1)),
            leaves.eq(
                Array(o.valid & o.ready for o in router.o)[self.output] & ~given[1]
            ),
        ]  # fmt: skip
        # Packets inside that owe the watched output, and those before the watched packet.
        inside, before = Signal(4), Signal(4)
        watching, over = Signal(), Signal()
        watched = Signal(len(sent))
        m.d.sync += inside.eq(inside + goes - leaves)
        with m.If(goes & self.choose & ~watching):
            m.d.sync += [watching.eq(1), watched.eq(sent), before.eq(inside - leaves)]
        last = Signal()
        m.d.comb += last.eq(watching & ~over & leaves & (before == 0))
        with m.If(watching & leaves & ~over):
            m.d.sync += [before.eq(before - 1), over.eq(before == 0)]
        asserted(m, "none_comes_from_nowhere", ~leaves | (inside != 0))
        asserted(m, "watched_comes_in_its_turn", ~last | (given == watched))
        # 2 in the buffer, the first, one in the output's register.
        asserted(m, "not_more_than_fit", inside <= self.router.params.depth + 2)
        if self.drains is not None:
            waited = Signal(range(self.drains + 2))
            m.d.sync += waited.eq(Mux(watching & ~over, waited + 1, 0))
            for o in router.o:
                m.d.comb += Assume(~watching | o.ready)
            m.d.comb += Assume(~watching | ~router.table.valid)
            asserted(m, "watched_comes_out", waited <= self.drains)
        return m


class InputHarness(Elaboratable):
    """An input that is sent anything and whose packets are taken at any time."""

    def __init__(self, params: RouterParams = PARAMS):
        self.part = part = RouterInput(params, TURNS[Port.LOCAL], [0] * params.keys)
        self.inside = opened(part).submodules
        self.free = [
            part.i.valid,
            Value.cast(part.i.payload),
            part.pause,
            part.store,
            Value.cast(part.row),
            part.taken,
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.part = part = self.part
        constant(m)
        depth = part.params.depth
        m.d.comb += [
            Assume(stays_until_taken(m, "sent", part.i)),
            Assume((part.taken & ~part.owed) == 0),
        ]
        [store], [first] = self.inside.buffer.write_ports, self.inside.buffer.read_ports
        width = len(part.reserved)
        reserved, stored = Signal(width), Signal(width)
        m.d.comb += [
            reserved.eq(part.reserved - part.emptied),
            stored.eq(part.filled - part.emptied),
        ]
        asserted(m, "no_more_rows_than_there_are", reserved <= depth)
        asserted(m, "ready_only_with_a_row", ~part.i.ready | (reserved < depth))
        coming = Signal(width)
        m.d.comb += coming.eq(part.reserved - part.filled)
        asserted(m, "rows_are_reserved_first", coming == store.en)
        asserted(m, "no_row_is_overwritten", ~store.en | (stored < depth))
        asserted(m, "no_empty_row_is_read", ~first.en | (stored != 0))
        asserted(
            m, "none_is_read_while_written", ~(store.en & first.en & (store.addr == first.addr))
        )
        asserted(m, "first_stays_while_owed", ~first.en | ((part.owed & ~part.taken) == 0))
        return m


class OutputHarness(Elaboratable):
    """An output of four inputs that want it at any time, until they have it."""

    def __init__(self, params: RouterParams = PARAMS):
        self.part = part = RouterOutput(params, 4)
        self.one, self.other = Signal(2), Signal(2)
        self.free = [
            self.one, self.other, part.wanted, Value.cast(part.packets), part.o.ready,
        ]  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.part = part = self.part
        constant(m, self.one, self.other)
        before, taken_before = Signal(4), Signal(4)
        m.d.sync += [before.eq(part.wanted), taken_before.eq(part.taken)]
        m.d.comb += Assume((before & ~taken_before & ~part.wanted) == 0)
        asserted(m, "packets_stay", stays_until_taken(m, "o", part.o))
        asserted(m, "only_who_wants", (part.taken & ~part.wanted) == 0)
        asserted(m, "one_at_a_time", sum(Cat(part.taken)) <= 1)
        free = ~part.o.valid | part.o.ready
        asserted(m, "none_in_vain", part.taken.any() == (free & part.wanted.any()))
        # Any two inputs: while one waits, the other is served once at most.
        overtaken = Signal()
        one, other = (part.taken.bit_select(which, 1) for which in (self.one, self.other))
        waits = part.wanted.bit_select(self.one, 1) & ~one
        m.d.sync += overtaken.eq(waits & (overtaken | other))
        asserted(m, "overtaken_once", (self.one == self.other) | ~overtaken | ~other)
        # The first in turn is the one after the last that was served.
        turn, other_turn = Signal(2), Signal(2)
        m.d.comb += [
            turn.eq(self.one - part.last - 1),
            other_turn.eq(self.other - part.last - 1),
        ]
        asserted(m, "comes_first_then", (self.one == self.other) | ~overtaken | (turn < other_turn))
        return m
