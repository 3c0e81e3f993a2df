"""The port of an endpoint, at random: with any packets, parts, readers and back-pressure it does
what its twin says, and neither side ever goes ahead of its credits."""

from collections import Counter, deque
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.fabric_port import GRANT, FabricPort
from hubel.hdl.fabric_program import Endpoint, Grant, Receiver, Sender, Spikes
from hubel.hdl.shape import Shape
from hubel.sim.streams import Packing

from ..programs import random_shape
from .fabric_twins import END, START, PortTwin
from .sizes import sizes

STEPS = 8


def random_port(rng: np.random.Generator) -> tuple[FabricPort, PortTwin]:
    """A port with one to three senders and receivers, keys and parts at random."""
    senders, receivers = (int(rng.integers(1, 4)) for _ in range(2))
    router = RouterParams(key_bits=int(rng.integers(5, 9)), payload_bits=int(rng.integers(14, 23)))
    keys = deque(rng.permutation(router.keys).tolist())
    inputs = tuple(random_shape(rng, lanes=4) for _ in range(receivers))
    parts = tuple(random_shape(rng, lanes=4) for _ in range(senders))
    more = [(int(rng.integers(0, 5)), int(rng.integers(0, 5))) for _ in parts]
    params = sizes(inputs, parts, [(r, 0, 0) for r in range(receivers)])
    endpoint = Endpoint(
        senders=tuple(
            Sender(
                key=keys.popleft(),
                shape=Shape(before + part.channels + after, part.height, part.width),
                channels=part.channels,
                first_channel=before,
                readers=int(rng.choice([0, 1, 1, 2, 3])),
            )
            for part, (before, after) in zip(parts, more, strict=True)
        ),
        receivers=tuple(
            Receiver(parts=int(rng.choice([1, 2, 3])), grant_key=keys.popleft())
            for _ in range(receivers)
        ),
        heard={},
    )
    for s, sender in enumerate(endpoint.senders):
        for _ in range(sender.readers):
            endpoint.heard[keys.popleft()] = Grant(s)
    for r, receiver in enumerate(endpoint.receivers):
        for _ in range(receiver.parts):
            endpoint.heard[keys.popleft()] = Spikes(r)
    ends = {
        "sends": tuple(params.source_of(p) for p in range(senders)),
        "reads": tuple(range(receivers)),
    }
    return FabricPort(endpoint, params, router, **ends), PortTwin(endpoint, params, router, **ends)


class Part:
    """One that sends to the port or, as a population of its core, through it: step by step, when
    it may."""

    def __init__(self, draw: Random, shape: Shape, first: int, channels: int):
        place = shape.height * shape.width
        codes = shape.codes()[first * place : (first + channels) * place]
        self._draw, self._codes = draw, codes.tolist()
        self.steps = 0
        self.packets: deque[tuple[int, int]] = deque()

    def start(self) -> None:
        """The packets of one more step, kinds and codes."""
        if self.steps % 3 == 0:
            self.packets.append((START, 0))
        count = self._draw.choice([0, 1, 2, 5])
        codes = self._draw.sample(self._codes, min(count, len(self._codes)))
        self.packets.extend((EventKind.SPIKE.value, code) for code in codes)
        self.packets.append((END, 0))
        self.steps += 1


class Stream:
    """Offers what ``next_packet`` gives, with gaps; keeps an offer until it is taken."""

    def __init__(self, draw: Random, gap: float, next_packet: Any):
        self._draw, self._gap, self._next = draw, gap, next_packet
        self.offer: int | None = None
        self.sent: list[int] = []

    def turn(self) -> int | None:
        if self.offer is None and self._draw.random() >= self._gap:
            self.offer = self._next()
        return self.offer

    def taken(self) -> None:
        assert self.offer is not None
        self.sent.append(self.offer)
        self.offer = None


def play(port: FabricPort, twin: PortTwin, seed: int) -> Counter[str]:
    """Run every sender for ``STEPS`` steps; AssertionError if the port differs from the twin."""
    draw = Random(seed)
    endpoint, params, packets = port.endpoint, port.params, twin.packets
    event = Packing(EventLayout(params))
    gap, stall, slow = (draw.choice([0.0, 0.3, 0.8]) for _ in range(3))
    mine = [
        Part(draw, params.populations[s], 0, sender.channels)
        for s, sender in enumerate(endpoint.senders)
    ]
    # Where a key of a part comes from: (receiver, part).
    theirs: dict[int, Part] = {}
    granted, owed_grants = {}, []
    for key, meaning in endpoint.heard.items():
        if isinstance(meaning, Spikes):
            shape = params.inputs[meaning.receiver]
            theirs[key] = Part(draw, shape, 0, shape.channels)
            granted[key] = 1
    full = [0] * len(endpoint.receivers)
    unknown = [k for k in range(port.router.keys) if k not in endpoint.heard]
    junk = 20

    def next_spike() -> int | None:
        ready = [s for s, part in enumerate(mine) if part.packets]
        if not ready:
            return None
        s = draw.choice(ready)
        kind, code = mine[s].packets.popleft()
        return event.pack(kind=kind, source=params.source_of(s), code=code)

    def next_arrival() -> int | None:
        nonlocal junk
        choices: list[Any] = [key for key, part in theirs.items() if part.packets]
        choices += [key for key, part in theirs.items()
                    if not part.packets and part.steps < min(granted[key], STEPS)]  # fmt: skip
        choices += [(i,) for i in range(len(owed_grants))]
        if junk and draw.random() < 0.2:
            junk -= 1
            return packets.pack(draw.choice(unknown), draw.randrange(4), 0)
        if not choices:
            return None
        chosen = draw.choice(choices)
        if isinstance(chosen, tuple):
            return packets.pack(owed_grants.pop(chosen[0]), GRANT)
        if not theirs[chosen].packets:
            theirs[chosen].start()
        return packets.pack(chosen, *theirs[chosen].packets.popleft())

    spikes, arrivals = Stream(draw, gap, next_spike), Stream(draw, gap, next_arrival)
    got_events: list[int] = []
    left: list[int] = []
    grants = [0] * len(endpoint.receivers)
    steps_done = [0] * len(endpoint.receivers)
    seen: Counter[str] = Counter()
    by_grant_key = {r.grant_key: i for i, r in enumerate(endpoint.receivers)}
    by_key = {s.key: i for i, s in enumerate(endpoint.senders)}
    outputs = [
        port.spikes.ready, port.arrives.ready, port.events.valid, Value.cast(port.events.payload),
        port.leaves.valid, Value.cast(port.leaves.payload), port.room,
    ]  # fmt: skip

    async def bench(ctx) -> None:
        idle, waiting, room = 0, {}, 0
        while idle < 200:
            # A population starts where it has room, in a clock of its own.
            starts = 0
            for s, part in enumerate(mine):
                if (
                    room >> s & 1
                    and part.steps < STEPS
                    and not part.packets
                    and draw.random() < 0.4
                ):
                    credit = STEPS if not endpoint.senders[s].readers else 1 + (
                        twin.grants(arrivals.sent)[s] // endpoint.senders[s].readers)  # fmt: skip
                    assert part.steps < credit, f"sender {s} has room before all granted"
                    part.start()
                    starts |= 1 << s
                    break
            may_fill = 0
            for r in range(len(full)):
                full[r] = max(0, full[r] - 1)
                may_fill |= (full[r] == 0) << r
            ctx.set(port.starts, starts)
            ctx.set(port.may_fill, may_fill)
            for stream, offer in ((port.spikes, spikes.turn()), (port.arrives, arrivals.turn())):
                width = len(Value.cast(stream.payload))
                ctx.set(stream.valid, offer is not None)
                ctx.set(Value.cast(stream.payload),
                        draw.getrandbits(width) if offer is None else offer)  # fmt: skip
            takes = draw.random() >= stall, draw.random() >= stall
            ctx.set(port.events.ready, takes[0])
            ctx.set(port.leaves.ready, takes[1])
            values = (await ctx.tick().sample(*outputs))[2:]
            took, arrived, event_valid, event_payload, leaves_valid, leaves_payload, room = values
            room &= ~starts
            for name, valid, payload, ready in (
                ("events", event_valid, event_payload, takes[0]),
                ("leaves", leaves_valid, leaves_payload, takes[1]),
            ):
                assert name not in waiting or (valid and payload == waiting[name]), name
                waiting.pop(name, None)
                if valid and not ready:
                    waiting[name] = payload
                    seen[f"{name} waited"] += 1
            idle += 1
            if spikes.offer is not None:
                seen["spikes waited"] += not took
                if took:
                    spikes.taken()
                    idle = 0
            if arrivals.offer is not None:
                seen["arrivals waited"] += not arrived
                if arrived:
                    arrivals.taken()
                    idle = 0
            if event_valid and takes[0]:
                got_events.append(event_payload)
                idle = 0
                fields = event.unpack(event_payload)
                if fields["kind"] == END:
                    r = fields["source"]
                    steps_done[r] += 1
                    full[r] = 1 + draw.choice([0, 3, 40 if slow else 0])
            if leaves_valid and takes[1]:
                left.append(leaves_payload)
                idle = 0
                key, kind, _ = packets.unpack(leaves_payload)
                if kind == GRANT:
                    r = by_grant_key[key]
                    grants[r] += 1
                    assert grants[r] <= steps_done[r], f"receiver {r} granted too early"
                    for part_key, meaning in endpoint.heard.items():
                        if meaning == Spikes(r):
                            granted[part_key] += 1
                elif kind == END:
                    s = by_key[key]
                    owed_grants.extend(
                        k for k, meaning in endpoint.heard.items() if meaning == Grant(s)
                    )

    simulator = Simulator(port)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()

    assert [p.steps for p in mine] == [STEPS] * len(mine)
    assert [p.steps for p in theirs.values()] == [STEPS] * len(theirs)
    assert grants == steps_done == [STEPS] * len(grants)

    def bare(payload: int) -> int:
        """Codes of markers say nothing."""
        fields = event.unpack(payload)
        return event.pack(**fields | {"code": fields["code"] if fields["kind"] == 0 else 0})

    assert [bare(e) for e in got_events] == twin.events(arrivals.sent)
    sent = [packets.unpack(p) for p in left]
    assert [(k, kind, c if kind == 0 else 0) for k, kind, c in sent if kind != GRANT] == [
        packets.unpack(p) for p in twin.leaves(spikes.sent)
    ]
    seen["events"] += len(got_events)
    seen["left"] += len(left)
    return seen


@pytest.mark.parametrize(
    "seed", [*range(16), *(pytest.param(16 + i, marks=pytest.mark.long) for i in range(200))]
)
def test_random_packets(seed: int) -> None:
    port, twin = random_port(np.random.default_rng(seed))
    seen = play(port, twin, seed)
    assert min(seen["events"], seen["left"]) >= STEPS
