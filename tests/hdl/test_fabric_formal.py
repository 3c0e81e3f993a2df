# amaranth: UnusedElaboratable=no
"""Bounded proofs of the port of an endpoint: its neighbours are free to do anything that they may,
in any order and at any pace."""

from pathlib import Path

import pytest
from amaranth.hdl import Assume, Cat, Elaboratable, Module, Signal, Value
from amaranth.lib import wiring

from hubel.hdl.events import EventKind
from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.fabric_port import GRANT, FabricPort
from hubel.hdl.fabric_program import Endpoint, Grant, Receiver, Sender, Spikes
from hubel.hdl.shape import Shape

from .fabric_twins import END
from .prover import asserted, constant, prove, stays_until_taken
from .sizes import sizes

pytestmark = pytest.mark.long


def small_port(*, readers: int, parts: int) -> FabricPort:
    """One sender with ``readers``, one receiver of ``parts``."""
    keys = iter(range(16))
    params = sizes((Shape(2),), (Shape(2),), [(0, 0, 0)])
    endpoint = Endpoint(
        senders=(Sender(key=next(keys), shape=Shape(2), channels=2, readers=readers),),
        receivers=(Receiver(parts=parts, grant_key=next(keys)),),
        heard={next(keys): Grant(0) for _ in range(readers)}
        | {next(keys): Spikes(0) for _ in range(parts)},
    )
    router = RouterParams(key_bits=max(2, next(keys).bit_length()), payload_bits=3)
    return FabricPort(endpoint, params, router, sends=(1,), reads=(0,))


class Harness(Elaboratable):
    """A port, and all that its neighbours owe it:

    - the core starts a step where it has room, then sends packets of it, the END last; it has room
      for its input until it took an END, and then again at any time;
    - a reader grants once after each END that left, a part sends packets once granted up to an END.
    """

    def __init__(self, port: FabricPort):
        self.port = port
        self.free = [
            port.starts,
            port.may_fill,
            port.spikes.valid,
            Value.cast(port.spikes.payload),
            port.events.ready,
            port.arrives.valid,
            Value.cast(port.arrives.payload),
            port.leaves.ready,
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.port = port = self.port
        endpoint = port.endpoint
        [sender], [receiver] = endpoint.senders, endpoint.receivers
        constant(m)
        spikes, events, arrives, leaves = port.spikes, port.events, port.arrives, port.leaves
        arrived, left = Signal(), Signal()
        kind, left_kind = arrives.payload.payload[:2], leaves.payload.payload[:2]
        m.d.comb += [
            arrived.eq(arrives.valid & arrives.ready),
            left.eq(leaves.valid & leaves.ready),
            Assume(stays_until_taken(m, "spikes", spikes)),
            Assume(stays_until_taken(m, "arrives", arrives)),
        ]
        asserted(m, "events_stay", stays_until_taken(m, "events", events))
        asserted(m, "leaves_stay", stays_until_taken(m, "leaves", leaves))

        # The sender: a step is started, its END is taken, leaves, and all readers grant.
        running, sent_end, left_end = Signal(), Signal(), Signal()
        m.d.comb += [
            sent_end.eq(spikes.valid & spikes.ready & (spikes.payload.kind == EventKind.END)),
            left_end.eq(left & (leaves.payload.key == sender.key) & (left_kind == END)),
            Assume(~port.starts | port.room),
            Assume(~spikes.valid | running),
            Assume(~spikes.valid | (spikes.payload.source == 1)),
            Assume(Value.cast(spikes.payload.kind) != GRANT),
        ]
        m.d.sync += running.eq((running | port.starts) & ~sent_end)
        grants = []
        for key in (k for k, meaning in endpoint.heard.items() if isinstance(meaning, Grant)):
            mine, may = Signal(name=f"grant_{key}"), Signal(name=f"may_grant_{key}")
            has = Signal(init=1, name=f"has_{key}")
            m.d.comb += [
                mine.eq(arrives.valid & (arrives.payload.key == key)),
                Assume(~mine | ((kind == GRANT) & may)),
            ]
            asserted(m, f"end_{key}_after_the_grant_of_the_one_before", ~left_end | ~may)
            m.d.sync += [
                may.eq((may | left_end) & ~(mine & arrived)),
                has.eq((has & ~port.starts) | (mine & arrived)),
            ]
            grants.append(has)
        asserted(m, "room_only_where_all_granted", ~port.room | Cat(grants).all())
        asserted(m, "no_room_while_a_step_runs", ~port.room | ~running)

        # The receiver: it was granted, all parts send an END, the last of which is handed on.
        room = Signal(init=1)
        took_end, granted = Signal(), Signal()
        parts, begins = [], Signal(init=1)
        m.d.comb += [
            took_end.eq(events.valid & events.ready & (events.payload.kind == EventKind.END)),
            granted.eq(left & (leaves.payload.key == receiver.grant_key) & (left_kind == GRANT)),
            # Room stays until the END.
            Assume(port.may_fill | ~room),
        ]
        m.d.sync += room.eq((room | port.may_fill) & ~took_end)
        for key in (k for k, meaning in endpoint.heard.items() if isinstance(meaning, Spikes)):
            mine, may = Signal(name=f"part_{key}"), Signal(init=1, name=f"may_send_{key}")
            m.d.comb += [
                mine.eq(arrives.valid & (arrives.payload.key == key)),
                Assume(~mine | ((kind != GRANT) & may)),
            ]
            asserted(m, f"grant_{key}_once_a_step", ~granted | ~may)
            m.d.sync += may.eq((may | granted) & ~(mine & arrived & (kind == END)))
            parts.append(may)
        asserted(m, "nothing_comes_without_room", ~events.valid | port.may_fill)
        asserted(m, "the_end_after_all_parts", ~took_end | ~Cat(parts).any())
        starts = events.valid & (events.payload.kind == EventKind.START)
        if receiver.parts > 1:
            asserted(m, "one_start_a_step", ~starts | begins)
        m.d.sync += begins.eq((begins & ~(starts & events.ready)) | took_end)
        asserted(m, "no_grant_reaches_the_core", ~events.valid
                 | (Value.cast(events.payload.kind) != GRANT))  # fmt: skip
        return m


@pytest.mark.parametrize("readers, parts, depth", [(1, 1, 30), (2, 2, 22), (3, 1, 22), (1, 3, 22)])
def test_credits(tmp_path: Path, readers: int, parts: int, depth: int) -> None:
    """No credit is lost or doubled, nothing arrives where there is no room, and all streams keep
    their rules: for any packets in the first ``depth`` clocks."""
    harness = Harness(small_port(readers=readers, parts=parts))
    assert prove(harness, harness.free, tmp_path, depth=depth) == ""


class HeedlessPort(FabricPort):
    """Grants at once, or takes no credit for a step."""

    def __init__(self, port: FabricPort, broken: str):
        super().__init__(port.endpoint, port.params, port.router, sends=(1,), reads=(0,))
        self._broken = broken

    def elaborate(self, platform):
        m = Module()
        m.submodules.port = port = small_port(readers=1, parts=1)
        for name, member in self.signature.members.items():
            mine, its = getattr(self, name), getattr(port, name)
            if member.is_signature:
                wiring.connect(m, wiring.flipped(mine), its)
            elif name == "room":
                m.d.comb += mine.eq(its)
            else:
                m.d.comb += its.eq({"may_fill": 1, "starts": 0}[name] if name == self._broken
                                   else mine)  # fmt: skip
        return m


@pytest.mark.parametrize(
    "broken, message",
    [("may_fill", "nothing_comes_without_room"), ("starts", "no_room_while_a_step_runs")],
)
def test_the_harness_sees(tmp_path: Path, broken: str, message: str) -> None:
    harness = Harness(HeedlessPort(small_port(readers=1, parts=1), broken))
    assert message in prove(harness, harness.free, tmp_path, depth=20)
