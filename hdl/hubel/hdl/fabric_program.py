"""A Program that is spread over the cores of a mesh: what each core runs, and who hears whom."""

from dataclasses import dataclass

from .program import Program
from .shape import Shape

__all__ = ["Endpoint", "FabricProgram", "Grant", "NodeProgram", "Receiver", "Sender", "Spikes"]


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A source whose packets an endpoint puts on the mesh: an input of the network, or those
    channels of a population that a core has.

    Parameters
    ----------
    key : int
        That its packets carry.
    shape : Shape
        Of the whole input or population. Codes on the mesh are those of this shape.
    channels : int
        How many of its channels are sent here.
    first_channel : int
        The first of them.
    readers : int
        Endpoints that read it. Each grants each step; when all have, the step may be sent. The
        first step is granted from the start.
    """
    key: int
    shape: Shape
    channels: int
    first_channel: int = 0
    readers: int


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A source that an endpoint reads: an input of its core, or an output of the network.

    Parameters
    ----------
    parts : int
        Senders that share the source. A step of it is complete with the END of the last of them.
    grant_key : int
        Key of the packet that tells all of them that the next step may be sent: the END of the
        step before has come from all, and there is a list for it.
    """
    parts: int
    grant_key: int


@dataclass(frozen=True)
class Spikes:
    """A key that brings packets of the receiver with this number."""
    receiver: int


@dataclass(frozen=True)
class Grant:
    """A key that grants a step to the sender with this number."""
    sender: int


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One that sends and receives packets of the mesh.

    Parameters
    ----------
    senders, receivers : tuple
        Numbered from 0.
    heard : dict of int to Spikes or Grant
        What each key means that arrives here.
    """
    senders: tuple[Sender, ...]
    receivers: tuple[Receiver, ...]
    heard: dict[int, Spikes | Grant]


@dataclass(frozen=True, kw_only=True, eq=False)
class NodeProgram:
    """What a core of the mesh runs.

    Parameters
    ----------
    program : Program
        Populations, or channels of some, of the whole Program. What it reads from elsewhere are
        its inputs, receiver ``i`` of the endpoint for input ``i``; what is read elsewhere are its
        outputs, in the order of its senders.
    endpoint : Endpoint
    """
    program: Program
    endpoint: Endpoint


@dataclass(frozen=True, kw_only=True, eq=False)
class FabricProgram:
    """A Program on a mesh of rows x columns of cores.

    Nodes are numbered row by row, from the north west. Each has a router, and a core or none.

    Parameters
    ----------
    whole : Program
        What the mesh computes.
    rows, columns : int
    nodes : tuple of NodeProgram or None
    gateway : Endpoint
        Of the host: its senders are the inputs of ``whole``, its receivers are the outputs, in
        their order.
    gateway_node : int
        Whose local port it shares.
    key_bits : int
    tables : tuple of dict of int to int
        For each router what a key is sent to: the sum of ``1 << port`` over its ports (north 0,
        east 1, south 2, west 3, local 4).

    Raises
    ------
    ValueError
        If there are not as many nodes and tables as the mesh has, or a key has too many bits.
    """
    whole: Program
    rows: int
    columns: int
    nodes: tuple[NodeProgram | None, ...]
    gateway: Endpoint
    gateway_node: int = 0
    key_bits: int = 10
    tables: tuple[dict[int, int], ...]

    def __post_init__(self) -> None:
        count = self.rows * self.columns
        if count < 1 or len(self.nodes) != count or len(self.tables) != count:
            raise ValueError(f"a mesh of {self.rows}x{self.columns} has {count} nodes and tables, "
                             f"not {len(self.nodes)} and {len(self.tables)}")
        if not 0 <= self.gateway_node < count:
            raise ValueError(f"the gateway is at node {self.gateway_node} of {count}")
        keys = {key for table in self.tables for key in table}
        if keys and not 0 <= min(keys) <= max(keys) < 1 << self.key_bits:
            raise ValueError(f"keys {min(keys)}..{max(keys)} do not fit {self.key_bits} bits")
