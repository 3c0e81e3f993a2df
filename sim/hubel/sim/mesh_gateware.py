"""A mesh in a simulator, with golden's question."""

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.lib import wiring

from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.fabric_packet import PacketLayout, RouterParams
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.mesh import Mesh
from hubel.hdl.verilog import to_verilog

from . import gateware, golden, simulator
from .golden import Trace, by_input, checked_spikes
from .slow_link import slow_links
from .streams import Packing
from .toolchain import Name

__all__ = [
    "SHARED_COUNTERS",
    "MeshTrace",
    "expected",
    "hosted",
    "mesh_verilog",
    "run",
    "smallest_router",
    "trace",
]

#: Counters whose totals over the cores are those of one core, where parts are cut at multiples of
#: the lanes.
SHARED_COUNTERS = ("synaptic_operations", "updates", "spikes", "saturations")


@dataclass(frozen=True, kw_only=True, eq=False)
class MeshTrace:
    """What a run of a mesh produced.

    ``whole`` is as from one core; its counters are the sums over the cores. ``nodes`` has a Trace
    for each node with a core, of its own Program.
    """

    whole: Trace
    nodes: dict[int, Trace]


def hosted(fabric: FabricProgram) -> dict[str, list[tuple[int, int, int]]]:
    """For each population of the whole Program its parts, as (first channel, node, number of the
    population there).

    A part that has all channels has the name of the population, another one that name and
    ``[first:stop]``, its channels.

    Raises
    ------
    ValueError
        If the parts are not the whole.
    """
    parts: dict[str, list[tuple[int, int, int]]] = {p.name: [] for p in fabric.whole.populations}
    for n, node in enumerate(fabric.nodes):
        for p, population in enumerate(node.program.populations if node else ()):
            name, first = population.name, 0
            if name not in parts:
                found = re.fullmatch(r"(.*)\[(\d+):(\d+)\]", name)
                if found is None or found[1] not in parts:
                    raise ValueError(f"node {n}: {name!r} is no part of a population")
                name, first = found[1], int(found[2])
            parts[name].append((first, n, p))
    for population in fabric.whole.populations:
        parts[population.name].sort()
        at = 0
        for first, n, p in parts[population.name]:
            node = fabric.nodes[n]
            assert node is not None
            if first == at:
                at += node.program.populations[p].shape.channels
        if at != population.shape.channels:
            raise ValueError(f"population {population.name!r}: {at} of "
                             f"{population.shape.channels} channels are on the mesh")  # fmt: skip
    return parts


def _assembled(fabric: FabricProgram, nodes: Mapping[int, Trace], cycles: int | None) -> Trace:
    """The Trace of the whole from those of the nodes."""

    def joined(field: str) -> Any:
        arrays = []
        for parts in hosted(fabric).values():
            found = [getattr(nodes[n], field) for _, n, _ in parts]
            pieces = [
                None if f is None else f[p] for f, (_, _, p) in zip(found, parts, strict=True)
            ]
            if any(piece is None for piece in pieces):
                arrays.append(None)
            elif pieces[0].ndim == 3:
                # Neurons are in C order, channels first.
                arrays.append(np.concatenate(pieces, axis=2))
            else:
                arrays.append(sum(pieces))
        return None if all(array is None for array in arrays) else tuple(arrays)

    counters = [trace.counters.total() for trace in nodes.values()]
    return Trace(
        spikes=joined("spikes"),
        membrane=joined("membrane"),
        current=joined("current"),
        adaptation=joined("adaptation"),
        saturations=joined("saturations"),
        counters=Counters(
            **{name: np.array([sum(c[name] for c in counters)]) for name in Counters.names()}
        ),
        cycles=cycles,
    )


def expected(fabric: FabricProgram, spikes: npt.ArrayLike, *, lanes: int = 8) -> MeshTrace:
    """What golden says: ``whole`` of the whole Program, with the counters of one core; ``nodes``
    of each core's own Program, fed with what the whole sends it."""
    wanted = checked_spikes(fabric.whole, spikes)
    whole = golden.run(fabric.whole, wanted, lanes=lanes)
    fired = {
        source.name: array
        for source, array in zip(fabric.whole.inputs, by_input(fabric.whole, wanted), strict=True)
    }
    fired |= {p.name: s for p, s in zip(fabric.whole.populations, whole.spikes, strict=True)}
    nodes = {
        n: golden.run(
            node.program,
            np.concatenate([fired[source.name] for source in node.program.inputs], axis=2),
            lanes=lanes,
        )
        for n, node in enumerate(fabric.nodes)
        if node is not None
    }
    return MeshTrace(whole=whole, nodes=nodes)


def mesh_verilog(mesh: wiring.Component) -> str:
    """Verilog of a mesh, module ``hubel_mesh``."""
    return to_verilog(mesh, name="hubel_mesh")


def run(
    fabric: FabricProgram,
    spikes: npt.ArrayLike,
    *,
    router: RouterParams | None = None,
    backend: Name = "verilator",
    lanes: int = 8,
    gap: float = 0.0,
    stall: float = 0.0,
    delay: int | None = None,
    seed: int = 0,
    mesh: wiring.Component | None = None,
    cache_dir: str | PathLike | None = None,
    timeout_s: float = 3600.0,
    on_stage: Callable[[str], None] = lambda _: None,
) -> MeshTrace:
    """Run ``fabric`` on a mesh in a simulator; the spikes and states of ``whole`` are those of
    :func:`hubel.sim.golden.run`, and all that of each node is that of its own Program.

    Parameters
    ----------
    fabric : FabricProgram
    spikes, lanes, backend, gap, stall, seed, cache_dir, timeout_s, on_stage
        As in :func:`hubel.sim.gateware.run`; ``gap`` and ``stall`` are the host's.
    router : RouterParams, optional
        If it is not given, the smallest whose packets hold ``fabric``.
    delay : int, optional
        A packet waits up to so many clocks in each link, a power of two less one. None: links are
        wires.
    mesh : Component, optional
        Simulate this in place of a :class:`~hubel.hdl.mesh.Mesh` of all columns: two chips, say,
        with the same ports.

    Raises
    ------
    ValueError
        If ``spikes`` do not suit the Program, or ``fabric`` does not hold together.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    wanted = checked_spikes(fabric.whole, spikes)
    hosted(fabric)
    params = fabric.whole.params(lanes=lanes)
    router = router or smallest_router(fabric)
    if mesh is None:
        layout = PacketLayout(router.key_bits, router.payload_bits)
        link = None if delay is None else slow_links(layout, most=delay, seed=seed)
        mesh = Mesh(fabric, router, lanes=lanes, link=link)
    tool = simulator.find_simulator(backend)
    on_stage(f"building for {backend}")
    build = simulator.build(mesh_verilog(mesh), "hubel_mesh", tool, cache_dir=cache_dir)
    cores = {
        n: node.program.params(lanes=lanes)
        for n, node in enumerate(fabric.nodes)
        if node is not None
    }
    samples, steps = wanted.shape[:2]
    packing = Packing(EventLayout(params))
    on_stage(f"simulating with {backend}")
    with tempfile.TemporaryDirectory() as folder:
        packets = Path(folder, "packets.npy")
        np.save(packets, gateware.input_packets(fabric.whole, params, wanted, seed=seed))
        answer = simulator.run(
            build,
            "hubel.sim.bench_mesh",
            parameters={
                "packets": str(packets),
                "mask": packing.pack(kind=3),
                "end": packing.pack(kind=EventKind.END.value),
                "ends": samples * steps * len(fabric.whole.outputs),
                "nodes": {n: samples * steps * sum(core.words) for n, core in cores.items()},
                "idle": ["table__valid", "table__payload"],
                "unrouted": [f"unrouted_{n}" for n in range(len(fabric.nodes))],
                "gap": gap,
                "stall": stall,
                "seed": seed,
            },
            seed=seed,
            timeout_s=timeout_s,
        )
    return trace(fabric, (samples, steps), answer, lanes=lanes)


def trace(
    fabric: FabricProgram, shape: tuple[int, int], answer: Mapping[str, Any], *, lanes: int
) -> MeshTrace:
    """What a bench saw in so many samples and steps; AssertionError where it makes no sense."""
    assert answer["unrouted"] == 0, f"routers dropped {answer['unrouted']} packets"
    nodes = {}
    for n, node in enumerate(fabric.nodes):
        if node is None:
            continue
        core, counters = node.program.params(lanes=lanes), answer["counters"][str(n)]
        fired, states = gateware._unpack_updates(core, shape, answer["updates"][str(n)])
        nodes[n] = Trace(
            spikes=fired,
            membrane=states["v"],
            current=states.get("u"),
            adaptation=states.get("a"),
            counters=Counters(**{name: np.array([value]) for name, value in counters.items()}),
        )
    whole = _assembled(fabric, nodes, answer["cycles"])
    params = fabric.whole.params(lanes=lanes)
    outputs = gateware._unpack_spikes(params, shape, answer["spikes"])
    for p, sent in zip(params.outputs, outputs, strict=True):
        assert np.array_equal(sent, whole.spikes[p]), (
            f"the packets that left the mesh are not the spikes of population {p}"
        )
    return MeshTrace(whole=whole, nodes=nodes)


def smallest_router(fabric: FabricProgram) -> RouterParams:
    """The smallest packets that hold the keys and codes of ``fabric``."""
    widest = max(source.shape.code_width for source in fabric.whole.sources)
    return RouterParams(key_bits=fabric.key_bits, payload_bits=2 + max(1, widest))
