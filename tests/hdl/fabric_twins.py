"""What an endpoint's port does, in Python: which packets become which."""

from collections.abc import Iterable, Sequence

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.fabric_packet import PacketLayout, RouterParams
from hubel.hdl.fabric_port import GRANT, PayloadLayout
from hubel.hdl.fabric_program import Endpoint, Grant
from hubel.hdl.params import CoreParams
from hubel.hdl.shape import Shape
from hubel.sim.streams import Packing

END, START = EventKind.END.value, EventKind.START.value


class Packets:
    """Packets of a mesh as ints."""

    def __init__(self, router: RouterParams):
        self._packet = Packing(PacketLayout(router.key_bits, router.payload_bits))
        self._payload = Packing(PayloadLayout(router.payload_bits))

    def pack(self, key: int, kind: int, code: int = 0) -> int:
        return self._packet.pack(key=key, payload=self._payload.pack(kind=kind, code=code))

    def unpack(self, packet: int) -> tuple[int, int, int]:
        """Key, kind, code."""
        outer = self._packet.unpack(packet)
        inner = self._payload.unpack(outer["payload"])
        return outer["key"], inner["kind"], inner["code"]


def whole_code(part: Shape, whole: Shape, first_channel: int, code: int) -> int:
    """The code in ``whole`` of the neuron with ``code`` in a part of it."""
    neuron = part.codes().tolist().index(code)
    place = part.height * part.width
    return int(whole.codes()[neuron + first_channel * place])


class PortTwin:
    """The packets of a :class:`~hubel.hdl.fabric_port.FabricPort`, in their order, without time."""

    def __init__(
        self,
        endpoint: Endpoint,
        params: CoreParams,
        router: RouterParams,
        *,
        sends: Sequence[int],
        reads: Sequence[int],
    ):
        self.endpoint, self.params, self.packets = endpoint, params, Packets(router)
        self._event = Packing(EventLayout(params))
        self._sends, self._reads = sends, reads

    def leaves(self, events: Iterable[int]) -> list[int]:
        """What is sent for ``events``, grants left out."""
        result = []
        for event in events:
            fields = self._event.unpack(event)
            sender = self.endpoint.senders[self._sends.index(fields["source"])]
            if not sender.readers:
                continue
            code = fields["code"]
            if fields["kind"] == EventKind.SPIKE.value:
                part = self.params.sources[fields["source"]]
                code = whole_code(part, sender.shape, sender.first_channel, code)
                result.append(self.packets.pack(sender.key, fields["kind"], code))
            else:
                result.append(self.packets.pack(sender.key, fields["kind"]))
        return result

    def events(self, arrived: Iterable[int]) -> list[int]:
        """What the core is told of packets that ``arrived``; codes of markers are 0."""
        result = []
        ends = [0] * len(self.endpoint.receivers)
        started = [False] * len(ends)
        for packet in arrived:
            key, kind, code = self.packets.unpack(packet)
            meaning = self.endpoint.heard.get(key)
            if meaning is None or isinstance(meaning, Grant):
                continue
            r = meaning.receiver
            source = self._reads[r]
            if kind == START:
                if started[r]:
                    continue
                started[r] = True
            if kind == END:
                ends[r] += 1
                if ends[r] < self.endpoint.receivers[r].parts:
                    continue
                ends[r], started[r] = 0, False
            code = code if kind == EventKind.SPIKE.value else 0
            result.append(self._event.pack(kind=kind, source=source, code=code))
        return result

    def grants(self, arrived: Iterable[int]) -> list[int]:
        """How many grants each sender got."""
        counts = [0] * len(self.endpoint.senders)
        for packet in arrived:
            key, _, _ = self.packets.unpack(packet)
            meaning = self.endpoint.heard.get(key)
            if isinstance(meaning, Grant):
                counts[meaning.sender] += 1
        return counts


def is_grant(packets: Packets, packet: int) -> bool:
    return packets.unpack(packet)[1] == GRANT
