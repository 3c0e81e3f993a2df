"""Between an endpoint of the mesh and its router: keys, credits, the parts of a source."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .events import EventKind, EventLayout
from .fabric_packet import PacketLayout, RouterParams
from .fabric_program import Endpoint, Spikes
from .params import CoreParams

__all__ = ["GRANT", "FabricPort", "HeardLayout", "PayloadLayout"]

#: Kind of a packet that grants a step; the others are those of :class:`EventKind`.
GRANT = 3


class PayloadLayout(data.StructLayout):
    """What a packet of the mesh says: ``kind``, an :class:`EventKind` or :data:`GRANT`, and the
    ``code`` of a neuron of the whole source.

    Parameters
    ----------
    payload_bits : int
        3 or more.
    """

    def __init__(self, payload_bits: int):
        super().__init__({"kind": 2, "code": payload_bits - 2})


class HeardLayout(data.StructLayout):
    """What a key means at an endpoint: nothing if it is not ``known``, a grant for sender
    ``number``, or a packet of receiver ``number``.

    Parameters
    ----------
    endpoint : :class:`Endpoint`
    """

    def __init__(self, endpoint: Endpoint):
        count = max(2, len(endpoint.senders), len(endpoint.receivers))
        super().__init__({"known": 1, "grant": 1, "number": range(count)})


class FabricPort(wiring.Component):
    """Packets of an endpoint onto the mesh, and those of the mesh to it.

    ::

        spikes --> key, code of the whole --+--> register --> leaves
                                   grants --+
        events <-- register <-- ENDs, STARTs <-- lookup <-- arrives
                      credits <---------------------+

    Takes and gives one packet a cycle. One that arrives is at ``events`` three cycles later. Of
    the ENDs of a step of a source that is sent in parts the last one is handed on, and of the
    STARTs the first one.

    Credits: a receiver grants the next step when ``events`` took the END of the one before, and
    ``may_fill``. A sender has ``room`` when all that read it have granted, which is so at first;
    ``starts`` takes that away. So a packet of a step is sent only where all its readers have room
    for the whole step: what arrives is taken whatever else happens, and the mesh always drains.

    Parameters
    ----------
    endpoint : :class:`Endpoint`
    params : :class:`CoreParams`
        Sizes that the packets of ``spikes`` and ``events`` are made for.
    router : :class:`RouterParams`
    sends, reads : tuple of int
        Numbers of the sources whose packets come by ``spikes``, one for each sender, and of those
        that leave by ``events``, one for each receiver.

    Members
    -------
    spikes : :py:`In(stream.Signature(EventLayout(params)))`
        Packets of the senders. Those of a sender that nobody reads are dropped.
    events : :py:`Out(stream.Signature(EventLayout(params)))`
        Packets of the receivers.
    room, starts : :py:`Out(senders)`, :py:`In(senders)`
        A bit for each sender: its next step may start; it starts in this cycle.
    may_fill : :py:`In(receivers)`
        A bit for each receiver: there is room for its next step.
    arrives : :py:`In(stream.Signature(PacketLayout(key_bits, payload_bits)))`
        From the router. What has an unknown key is dropped.
    leaves : :py:`Out(stream.Signature(PacketLayout(key_bits, payload_bits)))`
        To the router.

    Raises
    ------
    ValueError
        If a key or code does not fit the packets, or a sender is no part of what it sends.
    """

    spikes: stream.Interface
    events: stream.Interface
    arrives: stream.Interface
    leaves: stream.Interface

    def __init__(self, endpoint: Endpoint, params: CoreParams, router: RouterParams, *,
                 sends: tuple[int, ...], reads: tuple[int, ...]):
        self.endpoint = endpoint
        self.params = params
        self.router = router
        self._sends = sends
        self._reads = reads
        self._check()
        packets = stream.Signature(PacketLayout(router.key_bits, router.payload_bits))
        events = stream.Signature(EventLayout(params))
        super().__init__({
            "spikes":   In(events),
            "events":   Out(events),
            "room":     Out(len(sends)),
            "starts":   In(len(sends)),
            "may_fill": In(len(reads)),
            "arrives":  In(packets),
            "leaves":   Out(packets),
        })

    def _check(self) -> None:
        endpoint, router = self.endpoint, self.router
        if (len(self._sends), len(self._reads)) != (len(endpoint.senders), len(endpoint.receivers)):
            raise ValueError(f"{len(endpoint.senders)} senders and {len(endpoint.receivers)} "
                             f"receivers do not go with {len(self._sends)} and {len(self._reads)} "
                             f"sources")
        for sender, source in zip(endpoint.senders, self._sends, strict=True):
            part, whole = self.params.sources[source], sender.shape
            if (part.sizes != (sender.channels, *whole.sizes[1:])
                    or sender.first_channel + sender.channels > whole.channels):
                raise ValueError(f"{part} is not channels {sender.first_channel}.."
                                 f"{sender.first_channel + sender.channels - 1} of {whole}")
            if whole.code_width > router.payload_bits - 2:
                raise ValueError(f"codes of {whole} have {whole.code_width} bits, a payload of "
                                 f"{router.payload_bits} bits has {router.payload_bits - 2}")
        keys = [*endpoint.heard, *(s.key for s in endpoint.senders),
                *(r.grant_key for r in endpoint.receivers)]
        for key in keys:
            if not 0 <= key < router.keys:
                raise ValueError(f"key {key} does not fit {router.key_bits} bits")

    def elaborate(self, platform):
        m = Module()
        layout = HeardLayout(self.endpoint)
        moves, there = Signal(), Signal()
        entry, payload = Signal(layout), Signal(PayloadLayout(self.router.payload_bits))
        self._elaborate_lookup(m, moves, there, entry, payload)
        self._elaborate_credits(m, there & moves & entry.known & entry.grant, entry.number)
        self._elaborate_events(m, moves, there, entry, payload)
        self._elaborate_leaves(m, self._grants(m))
        return m

    def _elaborate_lookup(self, m, moves, there, entry, payload):
        """From ``arrives`` through the memory to a register: that and its clock-to-output are a
        cycle each. All move at once, or nothing does."""
        layout, arrives = entry.shape(), self.arrives
        rows = [0] * self.router.keys
        for key, meaning in self.endpoint.heard.items():
            spikes = isinstance(meaning, Spikes)
            number = meaning.receiver if spikes else meaning.sender
            row = layout.const({"known": 1, "grant": not spikes, "number": number})
            rows[key] = row.as_value().value
        m.submodules.heard = heard = memory.Memory(
            shape=layout.size, depth=self.router.keys, init=rows)
        look = heard.read_port()
        looked_up, waiting = Signal(), Signal.like(payload)
        m.d.comb += [
            look.addr.eq(arrives.payload.key),
            look.en.eq(moves),
            arrives.ready.eq(moves),
        ]
        with m.If(moves):
            m.d.sync += [
                looked_up.eq(arrives.valid),
                waiting.eq(arrives.payload.payload),
                there.eq(looked_up),
                payload.eq(waiting),
                entry.eq(look.data),
            ]

    def _elaborate_credits(self, m, granted, number):
        """Grants that came for the next step of each sender."""
        for s, sender in enumerate(self.endpoint.senders):
            readers = sender.readers
            if not readers:
                m.d.comb += self.room[s].eq(1)
                continue
            grants = Signal(range(readers + 1), init=readers, name=f"grants_{s}")
            m.d.comb += self.room[s].eq(grants == readers)
            m.d.sync += grants.eq(Mux(self.starts[s], 0, grants) + (granted & (number == s)))

    def _elaborate_events(self, m, moves, there, entry, payload):
        """What the core is told of what arrived."""
        events, last, first = self.events, Signal(), Signal()
        passes, free = Signal(), Signal()
        source = Signal.like(events.payload.source)
        ends, starts = Signal(), Signal()
        m.d.comb += [
            ends.eq(payload.kind == EventKind.END.value),
            starts.eq(payload.kind == EventKind.START.value),
            passes.eq(there & entry.known & ~entry.grant & (last | ~ends) & (first | ~starts)),
            free.eq(~events.valid | events.ready),
            moves.eq(~passes | free),
        ]
        for r, receiver in enumerate(self.endpoint.receivers):
            with m.If(entry.number == r):
                m.d.comb += source.eq(self._reads[r])
                if receiver.parts == 1:
                    m.d.comb += [last.eq(1), first.eq(1)]
                    continue
                # ENDs to come before the last one of the step; a START was handed on.
                left = Signal(range(receiver.parts), init=receiver.parts - 1, name=f"left_{r}")
                started = Signal(name=f"started_{r}")
                m.d.comb += [last.eq(left == 0), first.eq(~started)]
                with m.If(there & moves & entry.known & ~entry.grant):
                    with m.If(ends):
                        m.d.sync += left.eq(Mux(last, receiver.parts - 1, left - 1))
                    m.d.sync += started.eq((started | starts) & ~(ends & last))
        with m.If(free):
            m.d.sync += [
                events.valid.eq(passes),
                events.payload.eq(Cat(payload.kind, source,
                                      payload.code[:len(events.payload.code)])),
            ]

    def _grants(self, m):
        """A bit for each receiver that grants now; :meth:`_elaborate_leaves` clears ``owed``."""
        events, grants = self.events, []
        ended = Signal()
        m.d.comb += ended.eq(events.valid & events.ready & (events.payload.kind == EventKind.END))
        for r, source in enumerate(self._reads):
            owed = Signal(name=f"owed_{r}")
            grants.append((owed, self.may_fill[r]))
            with m.If(ended & (events.payload.source == source)):
                m.d.sync += owed.eq(1)
        return grants

    def _elaborate_leaves(self, m, grants):
        """A grant comes before what is sent: there are few, and others wait for it."""
        leaves, sent, free = self.leaves, self.spikes, Signal()
        key, code = Signal.like(leaves.payload.key), Signal(self.router.payload_bits - 2)
        kind, valid = Signal(2), Signal()
        m.d.comb += [
            free.eq(~leaves.valid | leaves.ready),
            sent.ready.eq(free),
            kind.eq(sent.payload.kind),
        ]
        for sender, source in zip(self.endpoint.senders, self._sends, strict=True):
            channel_width, x_width, y_width = self.params.sources[source].field_widths
            channel = Signal(max(1, sender.shape.field_widths[0]), name=f"channel_{source}")
            place = sent.payload.code[channel_width:channel_width + x_width + y_width]
            with m.If(sent.payload.source == source):
                m.d.comb += [
                    key.eq(sender.key),
                    channel.eq(sent.payload.code[:channel_width] + sender.first_channel),
                    code.eq(Cat(channel[:sender.shape.field_widths[0]], place)),
                    valid.eq(sent.valid & bool(sender.readers)),
                ]
        for r, (owed, may_fill) in reversed(list(enumerate(grants))):
            with m.If(owed & may_fill):
                m.d.comb += [
                    key.eq(self.endpoint.receivers[r].grant_key),
                    kind.eq(GRANT),
                    code.eq(0),
                    valid.eq(1),
                    sent.ready.eq(0),
                ]
        with m.If(free):
            m.d.sync += [leaves.valid.eq(valid), leaves.payload.eq(Cat(key, kind, code))]
        # One grant at a time: the first.
        before = C(0, 1)
        for owed, may_fill in grants:
            with m.If(free & owed & may_fill & ~before):
                m.d.sync += owed.eq(0)
            before |= owed & may_fill
