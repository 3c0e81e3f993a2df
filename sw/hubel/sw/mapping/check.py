"""Whether the tables of a mesh bring every packet where it belongs."""

from collections import deque

from hubel.hdl.fabric_program import Endpoint, FabricProgram, Grant, Spikes

from .routes import EAST, LOCAL, NORTH, OPPOSITE, PORT_NAMES, SOUTH, WEST, neighbour
from .traffic import endpoints_of, source_names


def check_fabric(fabric: FabricProgram) -> None:
    """Follow every key from its sender, and raise ValueError, naming what is wrong, unless it
    reaches each endpoint that hears it exactly once and no other, without a dead end, a cycle or a
    turn from a column into a row; unless senders, receivers and what is heard agree; or if a table
    has a key that nobody sends."""
    starts: dict[int, int] = {}
    for end, endpoint in endpoints_of(fabric).items():
        for key in sent_keys(endpoint):
            if key in starts:
                raise ValueError(f"key {key} is sent by {_who(fabric, starts[key])} and by "
                                 f"{_who(fabric, end)}")  # fmt: skip
            if not 0 <= key < 1 << fabric.key_bits:
                raise ValueError(f"key {key} does not fit {fabric.key_bits} bits")
            starts[key] = end
    _check_endpoints(fabric, starts)
    for key, end in starts.items():
        _follow(fabric, key, _node(fabric, end))
    for node, table in enumerate(fabric.tables):
        for key in table:
            if key not in starts:
                raise ValueError(f"the table of node {node} has key {key}, which nobody sends")


def sent_keys(endpoint: Endpoint) -> list[int]:
    """Keys that ``endpoint`` sends: of its senders, then of its grants."""
    return [*(s.key for s in endpoint.senders), *(r.grant_key for r in endpoint.receivers)]


def _node(fabric: FabricProgram, end: int) -> int:
    return fabric.gateway_node if end == len(fabric.nodes) else end


def _who(fabric: FabricProgram, end: int) -> str:
    return "the gateway" if end == len(fabric.nodes) else f"node {end}"


def _check_endpoints(fabric: FabricProgram, starts: dict[int, int]) -> None:
    """Every sender has the readers that it waits for, every receiver the parts."""
    ends = endpoints_of(fabric)
    for end, endpoint in ends.items():
        _check_sizes(fabric, end, endpoint)
    names = source_names(fabric)
    for end, endpoint in ends.items():
        who = _who(fabric, end)
        parts, grants = [0] * len(endpoint.receivers), [0] * len(endpoint.senders)
        for key, meaning in endpoint.heard.items():
            if key not in starts:
                raise ValueError(f"{who} hears key {key}, which nobody sends")
            other = ends[starts[key]]
            is_grant = key not in {sender.key for sender in other.senders}
            if is_grant != isinstance(meaning, Grant):
                raise ValueError(
                    f"{who} takes key {key} for {meaning}, {_who(fabric, starts[key])} does not"
                )
            if isinstance(meaning, Spikes):
                parts[meaning.receiver] += 1
                continue
            # Whoever grants reads what is granted.
            grants[meaning.sender] += 1
            sent = endpoint.senders[meaning.sender].key
            granted = next(i for i, r in enumerate(other.receivers) if r.grant_key == key)
            if other.heard.get(sent) != Spikes(granted):
                raise ValueError(
                    f"{_who(fabric, starts[key])} grants key {sent} of {who} with key {key}, but "
                    f"does not read it"
                )
        for number, receiver in enumerate(endpoint.receivers):
            if receiver.parts != parts[number] or not parts[number]:
                raise ValueError(
                    f"{who}: receiver {number} waits for {receiver.parts} parts, "
                    f"{parts[number]} are sent to it"
                )
            _check_channels(fabric, names, end, number, ends, starts)
        for number, sender in enumerate(endpoint.senders):
            if sender.readers != grants[number]:
                raise ValueError(
                    f"{who}: sender {number} waits for {sender.readers} grants, "
                    f"{grants[number]} are sent to it"
                )


def _check_sizes(fabric: FabricProgram, end: int, endpoint: Endpoint) -> None:
    """There is a receiver for each input and a sender for each output, and no other is meant."""
    if end == len(fabric.nodes):
        inputs, outputs = len(fabric.whole.outputs), len(fabric.whole.inputs)
    else:
        node = fabric.nodes[end]
        assert node is not None
        inputs, outputs = len(node.program.inputs), len(node.program.outputs)
    who = _who(fabric, end)
    if (len(endpoint.receivers), len(endpoint.senders)) != (inputs, outputs):
        raise ValueError(
            f"{who} has {len(endpoint.receivers)} receivers and {len(endpoint.senders)} senders, "
            f"its Program {inputs} inputs and {outputs} outputs"
        )
    for key, meaning in endpoint.heard.items():
        number, most = (
            (meaning.sender, outputs) if isinstance(meaning, Grant) else (meaning.receiver, inputs)
        )
        if not 0 <= number < most:
            raise ValueError(f"{who} takes key {key} for {meaning}, and has {most} of these")


def _check_channels(
    fabric: FabricProgram,
    names: dict[int, str],
    end: int,
    number: int,
    ends: dict[int, Endpoint],
    starts: dict[int, int],
) -> None:
    """The parts of a source are all its channels, each once."""
    keys = [k for k, meaning in ends[end].heard.items() if meaning == Spikes(number)]
    senders = [s for k in keys for s in ends[starts[k]].senders if s.key == k]
    at = 0
    for sender in sorted(senders, key=lambda s: s.first_channel):
        if sender.first_channel != at:
            raise ValueError(f"{_who(fabric, end)}: channel {at} of {names[keys[0]]!r} is sent by "
                             f"none or by two")  # fmt: skip
        at += sender.channels
    shape = fabric.whole.shape_of(names[keys[0]])
    if at != shape.channels or any(s.shape != shape for s in senders):
        raise ValueError(f"{_who(fabric, end)}: {at} channels of {names[keys[0]]!r} are sent, it "
                         f"has shape {shape}")  # fmt: skip


def _follow(fabric: FabricProgram, key: int, start: int) -> None:
    """Follow ``key`` from the local port of node ``start``.

    A packet that never turns from a column into a row, nor back, comes to no node twice: so there
    is no cycle, and nobody hears it twice.
    """
    ends = endpoints_of(fabric)
    hearers = {_node(fabric, end) for end in ends if key in ends[end].heard}
    reached: set[int] = set()
    waiting = deque([(start, LOCAL)])
    while waiting:
        node, entry = waiting.popleft()
        reached.add(node)
        mask = fabric.tables[node].get(key, 0)
        if not mask and (entry != LOCAL or hearers):
            raise ValueError(f"key {key} has a dead end at node {node}: its table has no port")
        if not 0 <= mask < 1 << len(PORT_NAMES):
            raise ValueError(f"key {key} at node {node}: {mask} is no set of ports")
        for port in range(LOCAL):
            if not mask >> port & 1:
                continue
            here = f"key {key} comes to node {node} by its {PORT_NAMES[entry]} port"
            if port == entry:
                raise ValueError(f"{here} and is sent back")
            if entry in (NORTH, SOUTH) and port in (EAST, WEST):
                raise ValueError(f"{here} and turns {PORT_NAMES[port]}: rows come first")
            after = neighbour(node, port, fabric.rows, fabric.columns)
            if after is None:
                raise ValueError(f"{here} and leaves the mesh {PORT_NAMES[port]}")
            waiting.append((after, OPPOSITE[port]))
        hears = node in hearers
        if hears != bool(mask >> LOCAL & 1):
            what = "nobody there hears it" if not hears else "it does not reach who hears it there"
            raise ValueError(f"key {key} at node {node}: {what}")
    for node in hearers:
        if node not in reached:
            raise ValueError(f"key {key} does not reach node {node}, which hears it")
    for node, table in enumerate(fabric.tables):
        if key in table and node not in reached:
            raise ValueError(f"the table of node {node} has key {key}, which never comes there")
