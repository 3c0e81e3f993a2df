"""The ports of a router, and the turns that there are between them."""

from enum import IntEnum

__all__ = ["TURNS", "Port", "sources", "targets"]


class Port(IntEnum):
    """A port, and its bit in a mask."""
    NORTH = 0
    EAST = 1
    SOUTH = 2
    WEST = 3
    #: To and from what sits at the router.
    LOCAL = 4

    @property
    def opposite(self) -> "Port":
        """The port of the neighbour that this one is joined to; LOCAL has none."""
        if self is Port.LOCAL:
            raise ValueError("LOCAL is not joined to a neighbour")
        return Port((self + 2) % 4)

    @property
    def bit(self) -> int:
        """A mask of this port alone."""
        return 1 << self


#: Where a packet may go from each port it can come in by: first along a row (X), then along a
#: column (Y), never back. So no packet can ever wait for itself. From LOCAL to LOCAL goes what a
#: node sends to itself: a part of a population that it reads as a whole.
TURNS: dict[Port, tuple[Port, ...]] = {
    Port.NORTH: (Port.SOUTH, Port.LOCAL),
    Port.EAST:  (Port.NORTH, Port.SOUTH, Port.WEST, Port.LOCAL),
    Port.SOUTH: (Port.NORTH, Port.LOCAL),
    Port.WEST:  (Port.NORTH, Port.EAST, Port.SOUTH, Port.LOCAL),
    Port.LOCAL: (Port.NORTH, Port.EAST, Port.SOUTH, Port.WEST, Port.LOCAL),
}


def targets(port: Port, ports: frozenset[Port] = frozenset(Port)) -> tuple[Port, ...]:
    """Outputs that a packet may take from input ``port``, of those in ``ports``."""
    return tuple(p for p in TURNS[port] if p in ports) if port in ports else ()


def sources(port: Port, ports: frozenset[Port] = frozenset(Port)) -> tuple[Port, ...]:
    """Inputs from which a packet may come to output ``port``, of those in ``ports``."""
    return tuple(p for p in Port if port in targets(p, ports))
