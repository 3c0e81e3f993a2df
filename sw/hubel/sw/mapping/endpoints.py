"""Keys: what each core and the gateway send and hear."""

from collections.abc import Sequence
from itertools import count

from hubel.hdl.fabric_program import Endpoint, Grant, Receiver, Sender, Spikes

from .demand import Demands
from .node_program import elsewhere, readers_of, sent_parts
from .parts import Part


def endpoints(demands: Demands, cores: Sequence[tuple[Part, ...]]) -> list[Endpoint]:
    """Of each core, and of the gateway, which comes last.

    A sender has a key; so has each source that an endpoint reads, for its grants. Keys are numbered
    from 0: senders of the gateway first, then those of the cores, then grants.
    """
    program = demands.program
    gateway = len(cores)
    readers = readers_of(demands, cores)
    for name in program.outputs:
        readers[name].append(gateway)
    keys = count()
    senders: list[list[Sender]] = [[] for _ in range(gateway + 1)]
    # Of each source: pairs (endpoint, number of the sender there).
    sent: dict[str, list[tuple[int, int]]] = {source.name: [] for source in program.sources}

    def add(end: int, name: str, first: int, channels: int) -> None:
        sent[name].append((end, len(senders[end])))
        senders[end].append(
            Sender(
                key=next(keys),
                shape=program.shape_of(name),
                channels=channels,
                first_channel=first,
                readers=len(readers[name]),
            )
        )

    for source in program.inputs:
        add(gateway, source.name, 0, source.shape.channels)
    for core, parts in enumerate(cores):
        for part in sent_parts(demands, parts, readers):
            name = program.populations[part.population].name
            add(core, name, part.first, part.channels)

    heard: list[dict[int, Spikes | Grant]] = [{} for _ in senders]
    receivers: list[list[Receiver]] = [[] for _ in senders]
    for end in range(gateway + 1):
        names = program.outputs if end == gateway else elsewhere(demands, cores[end])
        for number, name in enumerate(names):
            grant_key = next(keys)
            receivers[end].append(Receiver(parts=len(sent[name]), grant_key=grant_key))
            for sender_end, sender in sent[name]:
                heard[end][senders[sender_end][sender].key] = Spikes(number)
                heard[sender_end][grant_key] = Grant(sender)
    return [
        Endpoint(senders=tuple(senders[end]), receivers=tuple(receivers[end]), heard=heard[end])
        for end in range(gateway + 1)
    ]
