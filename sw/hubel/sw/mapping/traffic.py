"""What goes over the mesh: packets a step of each key, and over each link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubel.hdl.fabric_program import Endpoint, FabricProgram, Grant, Spikes
from hubel.hdl.program import Shape

from .activity import Rates
from .routes import links, tree


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The packets of a key.

    ``start`` and ``ends`` number the endpoints that send and that read it. ``packets`` is how many
    there are in a step: spikes and the END of a source, or one grant. The START of a sample is left
    out.
    """

    key: int
    start: int
    ends: tuple[int, ...]
    packets: float


def sender_rate(rates: Rates, name: str, shape: Shape, first: int, channels: int) -> float:
    """Spikes a step of ``channels`` channels of the source ``name``."""
    places = shape.height * shape.width
    return float(rates[name][first * places : (first + channels) * places].sum())


def flows_of(fabric: FabricProgram, rates: Rates) -> list[Flow]:
    """The flows of ``fabric``; endpoints are numbered as nodes, the gateway comes after them."""
    ends = endpoints_of(fabric)
    names = source_names(fabric)
    readers: dict[int, list[int]] = {}
    starts: dict[int, int] = {}
    packets: dict[int, float] = {}
    for number, endpoint in ends.items():
        for key in endpoint.heard:
            readers.setdefault(key, []).append(number)
        for sender in endpoint.senders:
            starts[sender.key] = number
            packets[sender.key] = 0.0
            # What nobody reads is not sent.
            if sender.key in names:
                packets[sender.key] = 1.0 + sender_rate(
                    rates, names[sender.key], sender.shape, sender.first_channel, sender.channels
                )
        for receiver in endpoint.receivers:
            starts[receiver.grant_key] = number
            packets[receiver.grant_key] = 1.0
    return [
        Flow(key=key, start=start, ends=tuple(readers.get(key, ())), packets=packets[key])
        for key, start in starts.items()
    ]


def endpoints_of(fabric: FabricProgram) -> dict[int, Endpoint]:
    """Endpoints by number: those of the nodes that have a core, then the gateway."""
    found = {n: node.endpoint for n, node in enumerate(fabric.nodes) if node is not None}
    return found | {len(fabric.nodes): fabric.gateway}


def source_names(fabric: FabricProgram) -> dict[int, str]:
    """Name of the input or population whose spikes each key brings, as its readers call it."""
    found = {}
    for node in fabric.nodes:
        if node is not None:
            for key, meaning in node.endpoint.heard.items():
                if isinstance(meaning, Spikes):
                    found[key] = node.program.inputs[meaning.receiver].name
    for key, meaning in fabric.gateway.heard.items():
        if not isinstance(meaning, Grant):
            found[key] = fabric.whole.outputs[meaning.receiver]
    return found


def link_packets(
    flows: Sequence[Flow], node_of: Mapping[int, int] | Sequence[int], columns: int
) -> dict[tuple[int, int], float]:
    """Packets a step over each link (node, port) that any flow takes."""
    found: dict[tuple[int, int], float] = {}
    for flow in flows:
        ends = [node_of[end] for end in flow.ends]
        for link in links(tree(node_of[flow.start], ends, columns)):
            found[link] = found.get(link, 0.0) + flow.packets
    return found


@dataclass(frozen=True, kw_only=True)
class Cost:
    """``hops``: packets a step times the links that each takes; ``busiest``: packets a step over
    the link that has most, and which that is."""

    hops: float
    busiest: float
    link: tuple[int, int] | None = None


def cost(flows: Sequence[Flow], node_of: Mapping[int, int] | Sequence[int], columns: int) -> Cost:
    """Of ``flows``, with endpoints at the nodes ``node_of``."""
    loads = link_packets(flows, node_of, columns)
    if not loads:
        return Cost(hops=0.0, busiest=0.0)
    link = max(loads, key=lambda at: (loads[at], -at[0], -at[1]))
    return Cost(hops=sum(loads.values()), busiest=loads[link], link=link)
