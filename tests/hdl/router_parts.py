"""Harnesses for the router: what must hold, as a model beside it."""

from typing import Any

from amaranth.hdl import (
    Array,
    Assume,
    Cat,
    Const,
    Elaboratable,
    Module,
    Mux,
    Shape,
    Signal,
    Value,
)  # fmt: skip
from amaranth.lib.memory import Memory

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router import Router
from hubel.hdl.router_input import RouterInput
from hubel.hdl.router_output import RouterOutput
from hubel.hdl.router_port import TURNS, Port, sources

from .core_bench import opened
from .prover import asserted, constant, stays_until_taken

#: The least that has all cases: a bit of the key says whether a packet is watched, the other one
#: makes two rows of the table; three bits of payload tell packets from each other.
PARAMS = RouterParams(key_bits=2, payload_bits=3, depth=2)


class OpenMemory(Memory):
    """A memory of registers, whose rows a harness can see; it takes the place of Amaranth's."""

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        width = Shape.cast(self.shape).width
        # What is not given is zero, for a struct too.
        init = [value if isinstance(value, int) else 0 for value in self.init]
        self.rows = [Signal(width, name=f"row_{n}", init=value) for n, value in enumerate(init)]

    def elaborate(self, platform) -> Any:
        m = Module()
        rows = Array(self.rows)
        for port in self.write_ports:
            with m.If(port.en):
                m.d.sync += rows[port.addr].eq(Value.cast(port.data))
        for port in self.read_ports:
            if port.domain == "comb":
                m.d.comb += Value.cast(port.data).eq(rows[port.addr])
            else:
                with m.If(port.en):
                    m.d.sync += Value.cast(port.data).eq(rows[port.addr])
        return m


class OpenInput:
    """What is inside an input: the packets in the order in which they came, first those that are
    furthest, each with whether there is one and the outputs that it owes."""

    def __init__(self, m: Module, port: Port, part: RouterInput):
        self.port, self.part = port, part
        inside = opened(part).submodules
        self.table: list[Signal] = inside.table.rows
        [self.store], [mask] = inside.buffer.write_ports, inside.masks.write_ports
        [self.first] = inside.buffer.read_ports
        depth = part.params.depth
        width = len(part.reserved)
        self.reserved, self.stored = (Signal(width, name=f"{what}_{port}") for what in "rs")
        m.d.comb += [
            self.reserved.eq(part.reserved - part.emptied),
            self.stored.eq(part.filled - part.emptied),
        ]
        self.packets: list[tuple[Value, Value, Value]] = [
            (part.owed.any(), part.owed, Value.cast(part.packet))
        ]
        for n in range(depth):
            row = (part.emptied + n)[: width - 1]
            self.packets.append(
                (self.stored > n, Array(inside.masks.rows)[row], Array(inside.buffer.rows)[row])
            )
        self.packets.append((self.store.en, mask.data, Value.cast(self.store.data)))

    def asserted(self, m: Module) -> None:
        """That nothing overflows."""
        part, depth, port = self.part, self.part.params.depth, self.port
        coming = Signal(len(part.reserved), name=f"coming_{port}")
        m.d.comb += coming.eq(part.reserved - part.filled)
        asserted(m, f"{port}_no_more_rows_than_there_are", self.reserved <= depth)
        asserted(m, f"{port}_ready_only_with_a_row", ~part.i.ready | (self.reserved < depth))
        asserted(m, f"{port}_rows_are_reserved_first", coming == self.store.en)
        asserted(m, f"{port}_no_row_is_overwritten", ~self.store.en | (self.stored < depth))
        asserted(m, f"{port}_no_empty_row_is_read", ~self.first.en | (self.stored != 0))
        met = self.store.en & self.first.en & (self.store.addr == self.first.addr)
        asserted(m, f"{port}_none_is_read_while_written", ~met)
        asserted(m, f"{port}_no_row_is_read_while_it_changes", ~(part.i.ready & part.store))


class RouterHarness(Elaboratable):
    """A router that is sent anything, whose table is written with anything.

    One input and one output are watched, and of the packets that go from one to the other any
    one. Packets of the watched input have keys 0 and 1, others 2 and 3. The router keeps its
    promises if each packet that comes out was put in and did not come out before, all that were
    put in and did not come out are inside, and the watched one comes out when all before it have,
    as it was put in. To prove this for all time, it is said where the packets are.

    ``memory`` in :mod:`hubel.hdl.router_input` must be :class:`OpenMemory`.
    """

    def __init__(self, watched_input: Port, watched_output: Port, params: RouterParams = PARAMS):
        self.router = Router(params)
        self.input, self.output = watched_input, watched_output
        router = self.router
        self.choose = Signal()
        self.free: list[Value] = [self.choose]
        for port in Port:
            self.free += [router.i[port].valid, Value.cast(router.i[port].payload)]
            self.free += [router.o[port].ready]
        self.free += [router.table.valid, Value.cast(router.table.payload)]

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = self.router
        parts = opened(router).submodules
        inputs = [OpenInput(m, port, getattr(parts, f"{port.name.lower()}_input")) for port in Port]
        constant(m)
        for port, part in zip(Port, inputs, strict=True):
            output = getattr(parts, f"{port.name.lower()}_output")
            asserted(m, f"{port}_served_an_input", output.last < len(sources(port)))
            i = router.i[port]
            m.d.comb += Assume(stays_until_taken(m, f"sent_{port}", i))
            m.d.comb += Assume(i.payload.key[1] == (port is not self.input))
            asserted(
                m, f"{port}_gives_as_a_stream", stays_until_taken(m, f"o_{port}", router.o[port])
            )
            part.asserted(m)
            # Who a packet is from, its key says wherever it is.
            right = [~there | (packet[1] == (port is not self.input))
                     for there, _, packet in part.packets]  # fmt: skip
            asserted(m, f"{port}_has_its_own", Cat(right).all())

        watched_part, i = inputs[self.input], router.i[self.input]
        outputs = TURNS[self.input]
        number = outputs.index(self.output) if self.output in outputs else None
        masks = self._expected_masks(m, watched_part, number)
        came, goes, leaves = Signal(), Signal(), Signal()
        o = router.o[self.output]
        given = Value.cast(o.payload)
        m.d.comb += [
            came.eq(i.valid & i.ready),
            goes.eq(came & masks[i.payload.key[0]]),
            leaves.eq(o.valid & o.ready & ~o.payload.key[1]),
        ]
        # What is between them, in order, from the output to the input.
        between = [(o.valid & ~o.payload.key[1], given)]
        if number is not None:
            went = Signal()
            m.d.sync += went.eq(goes)
            last_there, last_owed, _ = watched_part.packets[-1]
            asserted(m, "mask_is_that_of_the_key", went == (last_there & last_owed[number]))
            between += [(there & owed[number], what) for there, owed, what in watched_part.packets]
        ranks = [sum((there for there, _ in between[:n]), Const(0, 1))
                 for n in range(len(between) + 1)]  # fmt: skip
        # Packets inside that owe the watched output, and those before the watched packet.
        inside, before = Signal(4), Signal(4)
        watching, over = Signal(), Signal()
        watched = Signal(len(given))
        waits = watching & ~over
        m.d.sync += inside.eq(inside + goes - leaves)
        with m.If(goes & self.choose & ~watching):
            m.d.sync += [
                watching.eq(1),
                watched.eq(Value.cast(i.payload)),
                before.eq(inside - leaves),
            ]
        with m.If(waits & leaves):
            m.d.sync += [before.eq(before - 1), over.eq(before == 0)]
        asserted(m, "none_comes_from_nowhere", ~leaves | (inside != 0))
        asserted(m, "none_is_lost", inside == ranks[-1])
        asserted(m, "watched_comes_in_its_turn", ~(waits & leaves & (before == 0))
                 | (given == watched))  # fmt: skip
        asserted(m, "watched_is_inside", ~waits | (before < inside))
        asserted(m, "watched_is_chosen_before_it_is_over", watching | ~over)
        for n, (there, what) in enumerate(between):
            here = waits & there & (before == ranks[n])
            asserted(m, f"watched_is_the_same_at_{n}", ~here | (what == watched))
        return m

    def _expected_masks(self, m: Module, part: OpenInput, number: int | None) -> Array:
        """For keys 0 and 1, whether they go to the watched output, as the table was told."""
        row = self.router.table.payload
        masks = [Signal(name=f"mask_{key}") for key in range(2)]
        for key, mask in enumerate(masks):
            if number is not None:
                with m.If(self.router.table.valid & (row.key == key)):
                    m.d.sync += mask.eq(row.mask[self.output])
                written = part.part.row
                now = Mux(part.part.store & (written.key == key), written.mask[self.output],
                          part.table[key][number])  # fmt: skip
                asserted(m, f"table_has_row_{key}", mask == now)
        return Array(masks)


class OutputHarness(Elaboratable):
    """An output of ``inputs`` inputs that want it at any time, until they have it."""

    def __init__(self, params: RouterParams = PARAMS, inputs: int = 5):
        self.inputs = inputs
        self.part = part = RouterOutput(params, inputs)
        self.one, self.other = Signal(range(inputs)), Signal(range(inputs))
        self.free = [
            self.one, self.other, part.wanted, Value.cast(part.packets), part.o.ready,
        ]  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.part = part = self.part
        constant(m, self.one, self.other)
        m.d.comb += [Assume(self.one < self.inputs), Assume(self.other < self.inputs)]
        asserted(m, "served_an_input", part.last < self.inputs)
        before, taken_before = Signal(self.inputs), Signal(self.inputs)
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
        turn, other_turn = (
            Mux(which > part.last, which - part.last - 1, which + self.inputs - part.last - 1)
            for which in (self.one, self.other)
        )
        asserted(m, "comes_first_then", (self.one == self.other) | ~overtaken | (turn < other_turn))
        return m
