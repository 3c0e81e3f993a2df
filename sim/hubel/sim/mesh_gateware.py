"""A mesh in a simulator, with golden's question."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.lib import wiring

from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.fabric_packet import PacketLayout, RouterParams
from hubel.hdl.fabric_parts import origin
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.mesh import Mesh
from hubel.hdl.verilog import to_verilog

from . import compare, gateware, simulator
from .fabric import FabricTrace, first_of_nodes
from .golden import Trace, checked_spikes
from .slow_link import slow_links
from .streams import Packing
from .toolchain import Name

__all__ = [
    "MeshTrace",
    "first_divergence",
    "mesh_verilog",
    "run",
    "smallest_router",
    "trace",
]

# Clocks in which a packet that is under way arrives: through the routers of one chip, and over
# serial links, whose time-outs are shorter.
_QUIET, _QUIET_CHIPS = 512, 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class MeshTrace:
    """What a run of a mesh produced.

    ``whole`` has what the cores did, as from one core; its counters are the sums over them.
    ``nodes`` hold the run of each node's Program, None where there is no core.
    """

    whole: Trace
    nodes: tuple[Trace | None, ...]


def _assembled(fabric: FabricProgram, nodes: Sequence[Trace | None], cycles: int | None) -> Trace:
    """The Trace of the whole from those of the nodes."""
    # (First channel, node, number there) of the parts of each population.
    parts: dict[str, list[tuple[int, Trace, int]]] = {p.name: [] for p in fabric.whole.populations}
    for node, trace in zip(fabric.nodes, nodes, strict=True):
        for p, population in enumerate(node.program.populations if node else ()):
            assert trace is not None
            name, first = origin(fabric.whole, population.name)
            parts[name].append((first, trace, p))

    def joined(field: str) -> Any:
        arrays = []
        for population in fabric.whole.populations:
            pieces: list[Any] = []
            for _, trace, p in sorted(parts[population.name], key=lambda part: part[0]):
                of_all = getattr(trace, field)
                pieces.append(None if of_all is None else of_all[p])
            # Neurons are in C order, channels first.
            there = all(piece is not None for piece in pieces)
            arrays.append(np.concatenate(pieces, axis=2) if there else None)
        return None if all(array is None for array in arrays) else tuple(arrays)

    totals = [trace.counters.total() for trace in nodes if trace is not None]
    return Trace(
        spikes=joined("spikes"),
        membrane=joined("membrane"),
        current=joined("current"),
        adaptation=joined("adaptation"),
        counters=Counters(
            **{name: np.array([sum(t[name] for t in totals)]) for name in Counters.names()}
        ),
        cycles=cycles,
    )


def first_divergence(fabric: FabricProgram, expected: FabricTrace, got: MeshTrace) -> str | None:
    """The first difference between what golden says (:func:`hubel.sim.fabric.run`) and what a mesh
    did, as one line, or None: of every spike, state and counter of all cores; then of the whole;
    then of the totals of spikes and saturations."""
    found = first_of_nodes(fabric, expected.nodes, got.nodes)
    if found is not None:
        return found
    # The counters of one core are no sums over several.
    whole = replace(got.whole, counters=expected.whole.counters)
    found = compare.first_divergence(fabric.whole, expected.whole, whole)
    if found is not None:
        return found
    alone, together = expected.whole.counters.total(), got.whole.counters.total()
    for name in ("spikes", "saturations"):
        if alone[name] != together[name]:
            return f"{name} of all nodes: {alone[name]} expected, got {together[name]}"
    return None


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
    :func:`hubel.sim.golden.run`, and all that each core does is that of its own Program:
    :func:`first_divergence` says so.

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
        Simulate this in place of a :class:`~hubel.hdl.mesh.Mesh` of all columns: a
        :class:`~hubel.sim.mesh_pair.MeshPair`, say.

    Raises
    ------
    ValueError
        If ``spikes`` do not suit the Program.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    wanted = checked_spikes(fabric.whole, spikes)
    params = fabric.whole.params(lanes=lanes)
    router = router or smallest_router(fabric)
    if mesh is None:
        layout = PacketLayout(router.key_bits, router.payload_bits)
        link = None if delay is None else slow_links(layout, most=delay, seed=seed)
        mesh = Mesh(fabric, router, lanes=lanes, link=link)
        quiet = _QUIET + 16 * (delay or 0)
    else:
        quiet = _QUIET_CHIPS
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
                "idle": ["table__valid", "table__payload"] * ("table" in mesh.signature.members),
                "unrouted": [f"unrouted_{n}" for n in range(len(fabric.nodes))],
                "quiet": quiet,
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
    nodes: list[Trace | None] = []
    for n, node in enumerate(fabric.nodes):
        if node is None:
            nodes.append(None)
            continue
        core, counters = node.program.params(lanes=lanes), answer["counters"][str(n)]
        fired, states = gateware._unpack_updates(core, shape, answer["updates"][str(n)])
        nodes.append(
            Trace(
                spikes=fired,
                membrane=states["v"],
                current=states.get("u"),
                adaptation=states.get("a"),
                counters=Counters(**{name: np.array([value]) for name, value in counters.items()}),
            )
        )
    whole = _assembled(fabric, nodes, answer["cycles"])
    params = fabric.whole.params(lanes=lanes)
    outputs = gateware._unpack_spikes(params, shape, answer["spikes"])
    for p, sent in zip(params.outputs, outputs, strict=True):
        assert np.array_equal(sent, whole.spikes[p]), (
            f"the packets that left the mesh are not the spikes of population {p}"
        )
    return MeshTrace(whole=whole, nodes=tuple(nodes))


def smallest_router(fabric: FabricProgram) -> RouterParams:
    """The smallest packets that hold the keys and codes of ``fabric``."""
    widest = max(source.shape.code_width for source in fabric.whole.sources)
    return RouterParams(key_bits=fabric.key_bits, payload_bits=2 + max(1, widest))
