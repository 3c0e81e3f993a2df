"""From a Program to a Program on a mesh."""

from dataclasses import replace

import numpy.typing as npt

from hubel.hdl.fabric_program import FabricProgram, NodeProgram
from hubel.hdl.params import check_widths
from hubel.hdl.program import Program

from .activity import Rates, assumed_rates, measured_rates
from .check import check_fabric
from .demand import Demands
from .endpoints import endpoints
from .limits import CoreLimits
from .node_program import node_program, readers_of
from .place import Placing, place
from .routes import tables
from .split import Spreading, split
from .traffic import flows_of

#: Bits of a key, if the mapping needs no more.
KEY_BITS = 10


def map_program(
    program: Program,
    *,
    rows: int,
    columns: int,
    lanes: int = 8,
    limits: CoreLimits | None = None,
    parts: Spreading = "spread",
    placing: Placing = "best",
    seed: int = 0,
    spikes: npt.ArrayLike | None = None,
    rates: Rates | None = None,
    gateway_node: int = 0,
    key_bits: int = KEY_BITS,
) -> FabricProgram:
    """Map ``program`` to a mesh of ``rows`` x ``columns`` cores with ``lanes`` lanes.

    Parameters
    ----------
    program : Program
    rows, columns, lanes : int
    limits : CoreLimits, optional
        What a core has room for; by default :meth:`CoreLimits.for_nodes` of the mesh.
    parts : "spread" or "fewest"
        Whether all cores share the load, or as few cores as possible are used.
    placing : "best" or "random"
    seed : int
        Of the placement.
    spikes : array of bool, shape (samples, steps, inputs), optional
        Inputs whose activity says what load and traffic are; otherwise every neuron is taken to
        fire equally often (:data:`~hubel.sw.mapping.activity.ASSUMED`).
    rates : mapping of name to array, optional
        The activity itself, instead of ``spikes``: :data:`~hubel.sw.mapping.activity.Rates`.
    gateway_node : int
        Node whose router the host is at.
    key_bits : int

    Returns
    -------
    FabricProgram
        Checked: every packet reaches its readers, once (:mod:`~hubel.sw.mapping.check`).

    Raises
    ------
    ValueError
        If the Program does not fit: the message names the resource, the numbers and the mend.
    """
    check_widths(lanes, program.weight_width, program.state_width)
    if rows < 1 or columns < 1:
        raise ValueError(f"a mesh has one row and column or more, not {rows}x{columns}")
    nodes = rows * columns
    if not 0 <= gateway_node < nodes:
        raise ValueError(f"the gateway must be at one of the nodes 0..{nodes - 1}, not at "
                         f"{gateway_node}")  # fmt: skip
    rates = rates_of(program, spikes) if rates is None else rates
    demands = Demands(program, rates, lanes=lanes, limits=limits or CoreLimits.for_nodes(nodes))
    cores = split(demands, nodes, parts)
    readers = readers_of(demands, cores)
    programs = [node_program(demands, each, readers) for each in cores]
    ends = endpoints(demands, cores)
    used = 1 + max(key for end in ends for key in end.heard)
    used = max(used, 1 + max(sender.key for end in ends for sender in end.senders))
    if used > 1 << key_bits:
        raise ValueError(
            f"the mapping needs {used:,} keys, {key_bits} bits of a key have {1 << key_bits:,}: "
            f"use keys of {(used - 1).bit_length()} bits, or fewer cores"
        )
    # Cores in a row, for their traffic; a place for each follows from it.
    on_nodes = [NodeProgram(program=p, endpoint=e) for p, e in zip(programs, ends, strict=False)]
    unplaced = FabricProgram(
        whole=program, rows=1, columns=len(cores), nodes=tuple(on_nodes), gateway=ends[-1],
        gateway_node=0, key_bits=key_bits, tables=tuple({} for _ in cores),
    )  # fmt: skip
    flows = flows_of(unplaced, rates)
    at = place(
        flows, len(cores), rows=rows, columns=columns, gateway=gateway_node, placing=placing,
        seed=seed,
    )  # fmt: skip
    placed: list[NodeProgram | None] = [None] * nodes
    for node, each in zip(at, on_nodes, strict=True):
        placed[node] = each
    node_of = [*at, gateway_node]
    routes = [(f.key, node_of[f.start], tuple(node_of[end] for end in f.ends)) for f in flows]
    fabric = replace(
        unplaced, rows=rows, columns=columns, nodes=tuple(placed), gateway_node=gateway_node,
        tables=tables(routes, rows, columns),
    )  # fmt: skip
    check_fabric(fabric)
    return fabric


def rates_of(program: Program, spikes: npt.ArrayLike | None) -> Rates:
    """Rates measured on ``spikes``, or assumed without."""
    return assumed_rates(program) if spikes is None else measured_rates(program, spikes)
