"""What a mapping comes to: what each core has and does, and what goes over the links."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from hubel.hdl.fabric_parts import origin
from hubel.hdl.fabric_program import FabricProgram

from .activity import Rates
from .limits import Usage, usage_of
from .load import step_clocks
from .place import mean_random
from .routes import PORT_NAMES, neighbour
from .traffic import Cost, cost, flows_of, link_packets


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """A node that has a core.

    ``clocks``: of its lanes, expected in a step. ``sent``, ``received``: packets a step through its
    local port, the gateway's not included.
    """

    node: int
    row: int
    column: int
    populations: tuple[str, ...]
    usage: Usage
    clocks: float
    sent: float
    received: float


@dataclass(frozen=True, kw_only=True)
class MappingReport:
    """A mapping in numbers: packets are those of a step.

    ``clocks_of_one`` is the load of one core with the whole Program; ``random`` the mean of random
    placements of the same cores; ``links`` the packets over each link (node, port).
    """

    rows: int
    columns: int
    gateway_node: int
    keys: int
    nodes: tuple[NodeReport, ...]
    clocks_of_one: float
    placed: Cost
    random: Cost
    links: dict[tuple[int, int], float]

    @property
    def clocks(self) -> float:
        """The load of the core that has most."""
        return max(node.clocks for node in self.nodes)

    @property
    def speed_up(self) -> float:
        """How many times less the largest load is than that of one core."""
        return self.clocks_of_one / self.clocks

    def link_name(self, link: tuple[int, int] | None) -> str:
        """Such as ``3 to 4``."""
        if link is None:
            return "none"
        return f"{link[0]} to {neighbour(*link, self.rows, self.columns)}"

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        whole = asdict(self)
        whole["placed"]["link"] = self.placed.link and self.link_name(self.placed.link)
        del whole["random"]["link"]
        whole["links"] = [
            {"node": node, "port": PORT_NAMES[port], "packets": packets}
            for (node, port), packets in sorted(self.links.items())
        ]
        return whole | {"clocks": self.clocks, "speed_up": self.speed_up}


def mapping_report(
    fabric: FabricProgram, rates: Rates, *, lanes: int, seed: int = 0
) -> MappingReport:
    """What ``fabric`` comes to where the sources of the whole Program fire at ``rates``; ``seed``
    is that of the random placements."""
    flows = flows_of(fabric, rates)
    nodes = len(fabric.nodes)
    node_of = [*range(nodes), fabric.gateway_node]
    found = []
    used = [n for n, node in enumerate(fabric.nodes) if node is not None]
    for number in used:
        node = fabric.nodes[number]
        assert node is not None
        row, column = divmod(number, fabric.columns)
        own = dict(_own_rates(fabric, number, rates))
        found.append(
            NodeReport(
                node=number,
                row=row,
                column=column,
                populations=tuple(p.name for p in node.program.populations),
                usage=usage_of(node.program, lanes),
                clocks=float(step_clocks(node.program, own, lanes).sum()),
                sent=sum(flow.packets for flow in flows if flow.start == number),
                received=sum(flow.packets for flow in flows if number in flow.ends),
            )
        )
    # Random placements put the same cores anywhere.
    cores = {node: core for core, node in enumerate(used)} | {nodes: len(used)}
    loose = [
        type(flow)(
            key=flow.key,
            start=cores[flow.start],
            ends=tuple(cores[end] for end in flow.ends),
            packets=flow.packets,
        )
        for flow in flows
    ]
    return MappingReport(
        rows=fabric.rows,
        columns=fabric.columns,
        gateway_node=fabric.gateway_node,
        keys=len(flows),
        nodes=tuple(found),
        clocks_of_one=float(step_clocks(fabric.whole, rates, lanes).sum()),
        placed=cost(flows, node_of, fabric.columns),
        random=mean_random(
            loose,
            len(used),
            rows=fabric.rows,
            columns=fabric.columns,
            gateway=fabric.gateway_node,
            seed=seed,
        ),
        links=link_packets(flows, node_of, fabric.columns),
    )


def _own_rates(fabric: FabricProgram, number: int, rates: Rates) -> Iterator[tuple[str, Any]]:
    """Rates of the sources of a node's Program."""
    node = fabric.nodes[number]
    assert node is not None
    for source in node.program.inputs:
        yield source.name, rates[source.name]
    for population in node.program.populations:
        name, channel = origin(fabric.whole, population.name)
        first = channel * population.shape.height * population.shape.width
        yield population.name, rates[name][first : first + population.neurons]
